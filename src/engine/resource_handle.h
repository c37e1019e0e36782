/* Resource handles, as the host room uses them. */
#ifndef BH_ENGINE_RESOURCE_HANDLE_H
#define BH_ENGINE_RESOURCE_HANDLE_H

#include "bulkhead/value.h"

bh_instance *bh_resource_instance(const bh_resource *resource);

/* Whether it can still be dropped: owned, and neither dropped nor passed on. */
bool bh_resource_live(const bh_resource *resource);

/* What the host room gives: references to instances, which handles keep alive. */
void bh_instance_retain(bh_instance *instance);
void bh_instance_release(bh_instance *instance);

#endif
