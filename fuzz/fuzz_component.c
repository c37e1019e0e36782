// test: timeout=120
/* Any bytes as a component, or as a module to wrap: loaded, listed, called, under limits of milliseconds. */
#include <stdlib.h>

#include "feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bh_host *host;

static void free_host(void)
{
	bh_host_free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!host) {
		bh_host_options options = BH_HOST_OPTIONS_INIT;
		options.pool_slots = 4;
		if (bh_host_new(&host, &options, NULL))
			abort();
		atexit(free_host);
	}
	feed(host, data, size, true);
	return 0;
}
