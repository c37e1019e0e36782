/* Options that were checked; for this room. */
#ifndef BH_GATEWAY_SETTINGS_H
#define BH_GATEWAY_SETTINGS_H

#include "base/error.h"
#include "bulkhead/chain.h"

/* Put defaults in, and check: BH_E_CONFIG. */
bh_status bh_chain_options_check(bh_chain_options *options, bh_error **err);

#endif
