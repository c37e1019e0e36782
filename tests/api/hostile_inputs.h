/* Inputs that are cut off or changed at random: what they start from, and how. */
#ifndef BH_TEST_HOSTILE_INPUTS_H
#define BH_TEST_HOSTILE_INPUTS_H

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed.h"

/* Text; strings and bytes; resources; records and variants; a core module that is wrapped. */
static const char *const hostile_seeds[] = {"wat/echo-text.wat", "echo.wasm", "counter.wasm", "calc.wasm",
                                            "exitcode.core.wasm"};
enum { HOSTILE_SEEDS = sizeof hostile_seeds / sizeof *hostile_seeds };

static inline unsigned char *hostile_seed(const char *name, size_t *length)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", BH_TEST_GUESTS_DIR, name);
	unsigned char *bytes = feed_read(path, length);
	if (!bytes)
		print_error("%s: cannot be read\n", path);
	assert_non_null(bytes);
	return bytes;
}

static inline bh_host *hostile_host(bh_profile profile)
{
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	bh_host *host = NULL;
	options.profile = profile;
	options.pool_slots = 8;
	assert_int_equal(bh_host_new(&host, &options, NULL), BH_OK);
	return host;
}

/* Resident memory in MiB. */
static inline long hostile_rss(void)
{
	long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

#endif
