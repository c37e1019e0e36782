/*
 * The ticker: one thread a host that makes running guests look up every millisecond, and when the limit of one of them
 * ends.
 *
 * It parks when nothing has run for a while, so an idle host wakes nobody, but for once when that has lasted, to tidy up.
 * Calls touch it when they start and each time they are polled, which costs a load while it runs and a system call when it
 * is parked.
 */
#ifndef BH_HOST_TICKER_H
#define BH_HOST_TICKER_H

#include "bulkhead/error.h"

typedef struct bh_ticker bh_ticker;

typedef struct {
	void (*tick)(void *data);
	void (*rest)(void *data); /* nothing has run for `rest_ms`: once, until something runs again */
	uint64_t rest_ms;         /* BH_UNLIMITED: never */
	void *data;
} bh_ticker_spec;

bh_status bh_ticker_new(bh_ticker **out, const bh_ticker_spec *spec, bh_error **err);

/* Stops the thread and waits for it. */
void bh_ticker_free(bh_ticker *ticker);

/* Something runs now. Starts the thread on first use; false if that fails. */
bool bh_ticker_touch(bh_ticker *ticker);

/* Who passes by at a time when a tick is overdue makes it: the ticker's own thread may wait for a processor for milliseconds. */
void bh_ticker_help(bh_ticker *ticker, uint64_t now);

/* A guest that runs on is to look up at that moment, if no tick comes before: its limit ends there. A load where one does. */
void bh_ticker_by(bh_ticker *ticker, uint64_t at);

#endif
