/* Responses as values. */
#ifndef BH_FUNCTIONS_WORDS_H
#define BH_FUNCTIONS_WORDS_H

#include "bulkhead/value.h"
#include "net/net.h"

/* More in one request are a mistake or an attack. */
enum { BH_REQUEST_HEADERS_MAX = 1000 };

/* A case of the interface's error. */
const char *bh_outcome_case(bh_fetch_outcome outcome);

/* The record; to be deinitialised. False without memory. */
bool bh_response_value(bh_value *out, const bh_net_response *response);

#endif
