/* The engine without us: the same component called straight through its C API, as a peer for our figures. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct raw raw;

/* A pooled engine with our settings; `metered` compiles fuel in. The component is text; `name` an export of it. */
raw *raw_new(const char *text, size_t length, const char *name, bool metered);
void raw_free(raw *r);

/* Instantiate and call add(40, 2), asynchronously, with the yields we arm; drop everything. */
void raw_fresh(raw *r);

/* Call add(40, 2) on the one live instance, asynchronously. */
void raw_warm(raw *r);

#endif
