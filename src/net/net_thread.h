/* The net's thread, for this room. */
#ifndef BH_NET_NET_THREAD_H
#define BH_NET_NET_THREAD_H

#include "net/fetch.h"

const bh_fetch_terms *bh_net_terms(const bh_net *net);

#endif
