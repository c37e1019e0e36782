/* What the tests of bulkhead:host share: components that import it, and what they are granted. */
#ifndef BH_TEST_HOSTFUNCTIONS_H
#define BH_TEST_HOSTFUNCTIONS_H

#include "one_host.h"

static inline bh_permissions *t_granted(const char *const *capabilities)
{
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	for (; *capabilities; capabilities++)
		OK(bh_permissions_allow_capability(permissions, *capabilities, &t_err));
	return permissions;
}

#define T_ALL T_ARGS("filesystem::read", "network::http_fetch", "time::sleep")

/* A component of a guest in a host, with functions of its own; the permissions are given up. */
static inline bh_component *t_with_functions(bh_host *in, const char *guest, bh_permissions *permissions,
                                             const bh_hostfunctions_options *functions, uint64_t execution_ms)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	if (execution_ms)
		options.limits.execution_ms = execution_ms;
	options.permissions = permissions;
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_bulkhead_host(options.imports, functions, &t_err));
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, in, t_guest(guest), &options, &t_err));
	bh_imports_free(options.imports);
	bh_permissions_free(permissions);
	return component;
}

/* A call's result as WAVE text, which stays until the next. */
static inline const char *t_said(bh_component *component, const char *name, const char *args)
{
	static char *said;
	bh_string_free(said);
	said = NULL;
	OK(t_call(&said, component, name, args, NULL, NULL, &t_err));
	return said;
}

/* Waits until there are no more threads than so many. */
static inline bool t_threads_go(size_t most, double ms)
{
	double end = t_now_ms() + ms * t_slack();
	while (t_threads() > most && t_now_ms() < end)
		t_sleep_ms(5);
	return t_threads() <= most;
}

#endif
