/* One host, without pools, that all tests of a program share: cmocka_run_group_tests(tests, host_begin, host_end). */
#ifndef BH_TEST_ONE_HOST_H
#define BH_TEST_ONE_HOST_H

#include "api.h"

static bh_host *host;

static inline int host_begin(void **state)
{
	(void)state;
	host = t_host();
	return 0;
}

static inline int host_end(void **state)
{
	(void)state;
	t_begin();
	bh_host_free(host);
	return 0;
}

#endif
