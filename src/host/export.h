/* Exports, for this room. */
#ifndef BH_HOST_EXPORT_H
#define BH_HOST_EXPORT_H

#include "host/host.h"

/* wasi:cli/run of a component, prepared on first use; BH_E_NO_EXPORT. It lives as long as the component. */
bh_status bh_component_runner(bh_component *component, bh_export **out, bh_error **err);

/* Where calls of an export are counted, looked up on the first one. NULL: no memory. */
bh_stats_export *bh_export_stats(bh_component *component, bh_export *export_);

#endif
