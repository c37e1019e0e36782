/* Calls: on a fresh instance, and on a live one. */
#include <string.h>

#include "base/clock.h"
#include "host/export.h"
#include "host/finisher.h"
#include "host/run.h"
#include "host/sampler.h"

static void report(bh_usage *usage, const bh_run *run, bh_store *store)
{
	if (!usage)
		return;
	bh_usage filled = BH_USAGE_INIT;
	if (store)
		bh_store_usage(store, &filled);
	filled.wall_ns = bh_now() - run->started;
	filled.cpu_ns = run->cpu_ns;
	size_t size = usage->struct_size && usage->struct_size < sizeof filled ? usage->struct_size : sizeof filled;
	filled.struct_size = usage->struct_size;
	memcpy(usage, &filled, size);
}

/* Poll what was started to its end, whatever that is. */
static bh_status run_to_end(bh_run *run, bh_store *store, const bh_limits *limits, bh_value *result, bh_error **err)
{
	bh_ran how = bh_run_until(run, store);
	if (how == BH_RAN_ENDED)
		return bh_store_finish(store, result, err);
	bh_store_abort(store);
	return bh_run_stopped(run, how, limits, err);
}

static bh_status try_store(bh_store **out, const bh_store_spec *spec, bh_run *run, bh_error **err)
{
	bh_store *store = NULL;
	bh_status status = bh_store_new(&store, spec, err);
	if (status)
		return status;
	bh_store_begin(store);
	bh_store_start_instance(store);
	status = run_to_end(run, store, spec->limits, NULL, err);
	if (status == BH_E_BUSY) {
		bh_store_free(store);
		return status;
	}
	*out = store; /* after a failure too: its meter says what was used */
	return status;
}

/* Options of older callers are shorter. */
static const bh_sampler *sampler_of(const bh_instance_options *options)
{
	size_t end = offsetof(bh_instance_options, sampler) + sizeof options->sampler;
	return options && (!options->struct_size || options->struct_size >= end) ? options->sampler : NULL;
}

bh_status bh_fresh_store(bh_store **out, bh_component *component, const bh_instance_options *options,
                         bh_instance *owner, bh_run *run, bh_error **err)
{
	if (!bh_code_linked(component->code))
		return bh_fail(err, BH_E_LINK, "%s was loaded to be looked at only", component->name);
	const bh_sampler *sampler = sampler_of(options);
	if (sampler && (sampler->component->code != component->code || !sampler->profiler))
		return bh_fail(err, BH_E_INVALID, "the sampler is another component's, or was written");
	bh_store_spec spec = {
		.profiler = sampler ? sampler->profiler : NULL,
		.code = component->code,
		.limits = &component->limits,
		.permissions = component->permissions,
		.options = options,
		.io = component->io,
		.owner = owner,
	};
	uint64_t busy_at =
		component->limits.queue_ms == BH_UNLIMITED ? BH_NEVER : bh_after_ms(run->started, component->limits.queue_ms);
	for (;;) {
		BH_AUTO(bh_error_free) bh_error *why = NULL;
		bh_status status = try_store(out, &spec, run, &why);
		uint64_t until = busy_at < run->deadline_at ? busy_at : run->deadline_at;
		if (status == BH_E_BUSY && bh_host_slot_wait(component->host, until)) {
			bh_run_restart(run, component);
			continue;
		}
		bh_ran how;
		if (status == BH_E_BUSY && bh_run_waits_no_more(run, bh_now(), &how))
			return bh_run_stopped(run, how, &component->limits, err);
		if (status && err)
			*err = BH_TAKE(why);
		return status;
	}
}

static void drop_store(bh_component *component, bh_store *store)
{
	if (!store)
		return;
	bh_store_free(store);
	bh_host_slot_freed(component->host);
}

static bh_status call_fresh(bh_component *component, const bh_function *function, const bh_value *args, size_t count,
                            bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_run run;
	bh_store *store = NULL;
	bh_run_start(&run, component, options);
	if (bh_function_returns_resources(function)) {
		report(usage, &run, NULL);
		bh_error *e = bh_error_begin(err, BH_E_UNSUPPORTED, "%s returns a resource handle", bh_function_name(function));
		bh_error_hint_set(e, "A handle lives in an instance: make one with bh_instance_new() and call that.");
		return BH_E_UNSUPPORTED;
	}
	bh_status status = bh_fresh_store(&store, component, options ? options->instance : NULL, NULL, &run, err);
	if (!status)
		status = bh_store_start_call(store, function, args, count, false, err);
	if (!status)
		status = run_to_end(&run, store, &component->limits, result, err);
	if (store)
		bh_run_flush(&run, store);
	report(usage, &run, store);
	drop_store(component, store);
	return status;
}

bh_status bh_export_call(bh_export *export_, const bh_value *args, size_t arg_count, bh_value *result,
                         const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	if (!export_)
		return bh_fail(err, BH_E_INVALID, "bh_export_call: no export");
	return call_fresh(export_->component, export_->function, args, arg_count, result, options, usage, err);
}

bh_status bh_component_call(bh_component *component, const char *name, const bh_value *args, size_t arg_count,
                            bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_export *found = NULL;
	bh_status status = bh_export_find(&found, component, name, err);
	if (status) {
		bh_run none = {.started = bh_now()};
		report(usage, &none, NULL);
		return status;
	}
	status = bh_export_call(found, args, arg_count, result, options, usage, err);
	bh_export_free(found);
	return status;
}

/* The wait is over, the call need not be: hand it to the finisher, unless the caller asked to kill. */
static bh_status give_up(bh_instance *instance, bh_run *run, bh_ran how, const bh_call_options *options,
                         bh_usage *usage, bh_error **err)
{
	bh_component *component = instance->component;
	bh_status status = bh_run_stopped(run, how, &component->limits, err);
	report(usage, run, instance->store);
	bool waits = how == BH_RAN_DEADLINE || how == BH_RAN_CANCELLED;
	if (waits && !(options && options->kill) && bh_finisher_take(component->host, instance, run->limit_at))
		return status;
	bh_store_abort(instance->store);
	bh_instance_leave(instance, err && *err ? bh_error_message(*err) : bh_status_text(status));
	return status;
}

/* What was started on a live instance, whose turn is ours. */
static bh_status run_live(bh_instance *instance, bh_run *run, bh_value *result, const bh_call_options *options,
                          bh_usage *usage, bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_ran how = bh_run_until(run, instance->store);
	if (how != BH_RAN_ENDED)
		return give_up(instance, run, how, options, usage, err);
	bh_status status = bh_store_finish(instance->store, result, &why);
	if (status)
		bh_run_flush(run, instance->store);
	report(usage, run, instance->store);
	bh_instance_leave(instance, why ? bh_error_message(why) : NULL);
	if (status && err)
		*err = BH_TAKE(why);
	return status;
}

/* `doomed` NULL: the call goes on where the instance is given up, as a handle may outlive it. */
static bh_status enter(bh_instance *instance, bh_run *run, const bh_call_options *options, const _Atomic bool *doomed,
                       bh_error **err)
{
	bh_run_start(run, instance->component, options);
	run->doomed = doomed;
	uint64_t queue = instance->component->limits.queue_ms;
	uint64_t busy_at = queue == BH_UNLIMITED ? BH_NEVER : bh_after_ms(run->started, queue);
	bh_status status = bh_instance_enter(instance, run, busy_at, err);
	if (!status)
		bh_store_begin(instance->store);
	return status;
}

bh_status bh_instance_call(bh_instance *instance, bh_export *export_, const bh_value *args, size_t arg_count,
                           bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	if (!instance || !export_)
		return bh_fail(err, BH_E_INVALID, "bh_instance_call: no instance or no export");
	if (export_->component != instance->component) {
		bh_error *e = bh_error_begin(err, BH_E_WRONG_HOST, "%s is an export of another component than the instance",
		                             bh_function_name(export_->function));
		bh_error_hint_set(e, "Look the export up in the component the instance was made from.");
		return BH_E_WRONG_HOST;
	}
	bh_run run;
	bh_status status = enter(instance, &run, options, &instance->doomed, err);
	if (status) {
		report(usage, &run, NULL);
		return status;
	}
	/* A caller that may leave before the call ends must not leave arguments behind that are his. */
	run.abandons = options && (options->deadline_ms || options->cancel) && !options->kill;
	status = bh_store_start_call(instance->store, export_->function, args, arg_count, run.abandons, err);
	if (status) {
		report(usage, &run, instance->store);
		bh_instance_leave(instance, NULL);
		return status;
	}
	return run_live(instance, &run, result, options, usage, err);
}

bh_status bh_resource_drop(bh_resource *resource, bh_error **err)
{
	if (!resource)
		return bh_fail(err, BH_E_INVALID, "bh_resource_drop: no resource");
	bh_instance *instance = bh_resource_instance(resource);
	bh_run run;
	bh_status status = enter(instance, &run, NULL, NULL, err);
	if (status)
		return status;
	if (!bh_resource_live(resource)) {
		bh_instance_leave(instance, NULL);
		return bh_fail(err, BH_E_INVALID, "the resource was dropped or passed on before, or is borrowed");
	}
	bh_store_start_drop(instance->store, resource);
	return run_live(instance, &run, NULL, NULL, NULL, err);
}

bh_status bh_component_run(bh_component *component, int *exit_status, const bh_call_options *options, bh_usage *usage,
                           bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	const bh_function *run = NULL;
	bh_status status = bh_component_runner(component, &run, err);
	if (status)
		return status;
	bh_value result = BH_VALUE_INIT;
	status = call_fresh(component, run, NULL, 0, &result, options, usage, &why);
	if (status == BH_E_EXIT) {
		*exit_status = bh_error_exit_status(why);
		return BH_OK;
	}
	if (status) {
		if (err)
			*err = BH_TAKE(why);
		return status;
	}
	*exit_status = result.as.result.is_err ? 1 : 0;
	bh_value_deinit(&result);
	return BH_OK;
}
