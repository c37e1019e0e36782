/*
 * The library's own host functions: what the files of this room share.
 *
 * Each function has a part of its own with its state, threads and bounds. A set of definitions holds one reference of a
 * part, and each thing that the part is doing another: so a part goes when its set has gone and its work is done, on
 * whichever thread that is, and nobody waits for it.
 */
#ifndef BH_FUNCTIONS_FUNCTIONS_H
#define BH_FUNCTIONS_FUNCTIONS_H

#include "base/error.h"
#include "bulkhead/component.h"
#include "bulkhead/hostfunctions.h"
#include "bulkhead/imports.h"

typedef struct bh_sleeper bh_sleeper;
typedef struct bh_reader bh_reader;
typedef struct bh_fetcher bh_fetcher;

/* Sleeping (sleep.c): a thread with a heap. */
bh_sleeper *bh_sleeper_new(const bh_hostfunctions_options *options);
void bh_sleeper_close(void *sleeper);
bh_host_async_fn bh_sleeper_start;

/* Reading (read.c): a few threads that take what waits. */
bh_reader *bh_reader_new(const bh_hostfunctions_options *options);
void bh_reader_close(void *reader);
bh_host_async_fn bh_reader_start;

/* Fetching (fetch.c): libbulkhead-net, loaded by the first fetch. */
bh_fetcher *bh_fetcher_new(const bh_hostfunctions_options *options);
void bh_fetcher_close(void *fetcher);
bh_host_async_fn bh_fetcher_start;

/* Answer with err(case(text)), and give the completion up. The text is made printable ASCII. */
void bh_answer_err(bh_completion *completion, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
