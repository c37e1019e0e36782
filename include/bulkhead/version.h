/** Versions of the library and of the engine inside it. */
#ifndef BULKHEAD_VERSION_H
#define BULKHEAD_VERSION_H

#include "base.h"

BH_BEGIN

/** The version these headers belong to. */
#define BH_VERSION_MAJOR 0
#define BH_VERSION_MINOR 1
#define BH_VERSION_PATCH 0
#define BH_VERSION "0.1.0"

/** The library's version, such as "0.1.0". Any thread. */
BH_API const char *bh_version(void);

/** The engine's full version, such as "48.0.8". Any thread. */
BH_API const char *bh_engine_version(void);

BH_END

#endif
