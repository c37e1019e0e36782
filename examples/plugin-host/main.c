/*
 * A host that keeps a plugin alive between calls, and survives it.
 *
 *   plugin-host COUNTER CALLS CRASH-AT
 *
 * COUNTER is guests/c/counter.c: each call of `increment` returns the next number, and the CRASH-ATth traps
 * (0: none does). What a service does with a plugin that misbehaves is in here: a trapped instance is thrown away
 * and a new one takes its place; a call that takes too long for its caller is waited for no longer, and goes on;
 * one that takes too long by the plugin's own limit is stopped.
 */
#include <bulkhead.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
	bh_host *host;
	bh_component *component;
	bh_instance *instance; /* NULL: to be made at the next call */
	bh_export *increment, *crash_at, *sleep, *spin;
} plugin;

/* The library hands errors over; what is done with them is up to the program. */
static void log_error(const char *doing, bh_error *err)
{
	printf("%s: %s: %s\n", doing, bh_status_kind(bh_error_status(err)), bh_error_message(err));
	bh_error_free(err);
}

static void log_remark(void *data, bh_log_level level, const char *message)
{
	(void)data;
	if (level <= BH_LOG_WARNING)
		fprintf(stderr, "bulkhead: %s\n", message);
}

static bh_status plugin_load(plugin *p, const char *path, bh_error **err)
{
	bh_host_options host = BH_HOST_OPTIONS_INIT;
	host.pool_slots = 16;
	host.log = log_remark;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(16);
	options.limits.fuel = BH_UNLIMITED; /* not metered: the clock alone bounds a call */
	options.limits.execution_ms = 500;

	bh_status status = bh_host_new(&p->host, &host, err);
	if (!status)
		status = bh_component_load_file(&p->component, p->host, path, &options, err);
	/* Names are looked up and types read once, not at every call. */
	if (!status)
		status = bh_export_find(&p->increment, p->component, "increment", err);
	if (!status)
		status = bh_export_find(&p->crash_at, p->component, "crash-at", err);
	if (!status)
		status = bh_export_find(&p->sleep, p->component, "sleep-ms", err);
	if (!status)
		status = bh_export_find(&p->spin, p->component, "spin", err);
	return status;
}

static void plugin_unload(plugin *p)
{
	bh_instance_free(p->instance);
	bh_export_free(p->spin);
	bh_export_free(p->sleep);
	bh_export_free(p->crash_at);
	bh_export_free(p->increment);
	bh_component_unref(p->component);
	bh_host_free(p->host);
}

/* A call on the live instance. One that was lost is replaced: its state is gone, the plugin is back. */
static bh_status plugin_call(plugin *p, bh_export *callee, const bh_value *args, size_t count, bh_value *result,
                             uint64_t deadline_ms, bh_usage *usage, bh_error **err)
{
	if (p->instance && !bh_instance_usable(p->instance)) {
		bh_instance_free(p->instance);
		p->instance = NULL;
	}
	if (!p->instance) {
		bh_status status = bh_instance_new(&p->instance, p->component, NULL, err);
		if (status)
			return status;
	}
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = deadline_ms;
	return bh_instance_call(p->instance, callee, args, count, result, &options, usage, err);
}

static bh_status count_up(plugin *p, int calls, uint32_t crash_at)
{
	bh_error *err = NULL;
	bh_value when = bh_of_u32(crash_at);
	bh_status status = plugin_call(p, p->crash_at, &when, 1, NULL, 0, NULL, &err);
	if (status) {
		log_error("crash-at", err);
		return status;
	}
	for (int i = 0; i < calls; i++) {
		bh_value number = BH_VALUE_INIT;
		bh_usage usage = BH_USAGE_INIT;
		if (plugin_call(p, p->increment, NULL, 0, &number, 0, &usage, &err))
			log_error("increment", err);
		else
			printf("increment: %" PRIu32 " (%" PRIu64 " KiB of memory)\n", number.as.u32, usage.memory >> 10);
		bh_value_deinit(&number);
	}
	return BH_OK;
}

/* Two clocks: the caller's patience, and the plugin's own limit. */
static void two_clocks(plugin *p)
{
	bh_error *err = NULL;
	bh_value ms = bh_of_u32(100), number = BH_VALUE_INIT;
	if (plugin_call(p, p->sleep, &ms, 1, NULL, 20, NULL, &err))
		log_error("sleep-ms(100), caller waits 20 ms", err);
	/* The sleep goes on without its caller. The next call waits its turn, and finds the instance as it was. */
	if (plugin_call(p, p->increment, NULL, 0, &number, 0, NULL, &err))
		log_error("increment", err);
	else
		printf("increment: %" PRIu32 " (the instance is still there)\n", number.as.u32);
	if (plugin_call(p, p->spin, NULL, 0, NULL, 0, NULL, &err))
		log_error("spin", err);
	printf("the instance can%s be called again\n", bh_instance_usable(p->instance) ? "" : "not");
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: plugin-host COUNTER CALLS CRASH-AT\n");
		return 2;
	}
	plugin p = {0};
	bh_error *err = NULL;
	int code = 1;
	if (plugin_load(&p, argv[1], &err)) {
		log_error(argv[1], err);
	} else if (count_up(&p, atoi(argv[2]), (uint32_t)strtoul(argv[3], NULL, 10)) == BH_OK) {
		two_clocks(&p);
		code = 0;
	}
	plugin_unload(&p);
	return code;
}
