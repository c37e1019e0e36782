/* Exports, for this room. */
#ifndef BH_HOST_EXPORT_H
#define BH_HOST_EXPORT_H

#include "host/host.h"

/* wasi:cli/run of a component, prepared on first use; BH_E_NO_EXPORT. It lives as long as the component. */
bh_status bh_component_runner(bh_component *component, const bh_function **out, bh_error **err);

#endif
