/* Modules in their turn; for this room. */
#ifndef BH_GATEWAY_TURNS_H
#define BH_GATEWAY_TURNS_H

#include "gateway/internal.h"

/* Begin to ask about what the exchange has at a point, and go on until all are through, or a call is under way. */
void bh_turns_begin(bh_exchange *exchange, bh_point point);

/* Ask the module at exchange->at alone, about exchange->message, on a worker. */
void bh_turns_apart(bh_exchange *exchange);

#endif
