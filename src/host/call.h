/* What the synchronous and the asynchronous calls share. */
#ifndef BH_HOST_CALL_H
#define BH_HOST_CALL_H

#include "host/instance.h"

/* Whether the export can be called so: on that live instance, or on a fresh one where there is none. */
bh_status bh_call_check(const bh_export *export_, const bh_instance *instance, bh_error **err);

#endif
