/* Synchronous calls: on a fresh instance, and on a live one. */
#include "host/call.h"

#include "base/clock.h"
#include "host/export.h"
#include "host/quick.h"

static bh_status returns_handle(const bh_function *function, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_UNSUPPORTED, "%s returns a resource handle", bh_function_name(function));
	bh_error_hint_set(e, "A handle lives in an instance: make one with bh_instance_new() and call that.");
	return BH_E_UNSUPPORTED;
}

bh_status bh_call_check(const bh_export *export_, const bh_instance *instance, bh_error **err)
{
	if (!export_)
		return bh_fail(err, BH_E_INVALID, "no export to call");
	if (!instance)
		return bh_function_returns_resources(export_->function) ? returns_handle(export_->function, err) : BH_OK;
	if (export_->component == instance->component)
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_WRONG_HOST, "%s is an export of another component than the instance",
	                             bh_function_name(export_->function));
	bh_error_hint_set(e, "Look the export up in the component the instance was made from.");
	return BH_E_WRONG_HOST;
}

/* A failure before there was a call. */
static bh_status refuse(bh_status status, bh_usage *usage)
{
	bh_usage none = BH_USAGE_INIT;
	if (usage)
		bh_usage_copy(usage, &none);
	return status;
}

static bh_status call_fresh(bh_component *component, bh_export *export_, const bh_value *args, size_t count,
                            bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_run run = {0};
	bh_run_init(&run, component, options);
	run.function = export_->function;
	run.stats = bh_export_stats(component, export_);
	run.args = args;
	run.arg_count = count;
	run.options = options ? options->instance : NULL;
	return bh_run_wait(&run, result, usage, err);
}

bh_status bh_export_call(bh_export *export_, const bh_value *args, size_t arg_count, bh_value *result,
                         const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_status status = bh_call_check(export_, NULL, err);
	if (status)
		return refuse(status, usage);
	return call_fresh(export_->component, export_, args, arg_count, result, options, usage, err);
}

bh_status bh_component_call(bh_component *component, const char *name, const bh_value *args, size_t arg_count,
                            bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_export *found = NULL;
	bh_status status = bh_export_find(&found, component, name, err);
	if (status && component) {
		bh_stats_started(component->stats);
		bh_stats_ended(component->stats, NULL, status, BH_TRAP_NONE, &(bh_stats_call){0});
	}
	if (status)
		return refuse(status, usage);
	status = bh_export_call(found, args, arg_count, result, options, usage, err);
	bh_export_free(found);
	return status;
}

/* Apart, so that the quick way does not make room on the stack for this. */
__attribute__((noinline)) static bh_status call_live(bh_instance *instance, bh_export *export_, const bh_value *args,
                                                     size_t arg_count, bh_value *result, const bh_call_options *options,
                                                     bh_usage *usage, bh_error **err)
{
	bh_run run = {0};
	bh_run_init(&run, instance->component, options);
	run.instance = instance;
	run.function = export_->function;
	run.stats = bh_export_stats(instance->component, export_);
	run.args = args;
	run.arg_count = arg_count;
	/* A caller that may leave before the call ends must not leave arguments behind that are his. */
	if (options && (options->deadline_ms || options->cancel) && !options->kill)
		run.pass = BH_ARGS_COPIED;
	return bh_run_wait(&run, result, usage, err);
}

bh_status bh_instance_call(bh_instance *instance, bh_export *export_, const bh_value *args, size_t arg_count,
                           bh_value *result, const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	if (!instance)
		return bh_fail(err, BH_E_INVALID, "bh_instance_call: no instance");
	bh_status status = bh_call_check(export_, instance, err);
	if (status)
		return refuse(status, usage);
	if (!options && !usage && bh_quick_call(instance, export_, args, arg_count, result, &status, err))
		return status;
	return call_live(instance, export_, args, arg_count, result, options, usage, err);
}

bh_status bh_resource_drop(bh_resource *resource, bh_error **err)
{
	if (!resource)
		return bh_fail(err, BH_E_INVALID, "bh_resource_drop: no resource");
	bh_run run = {0};
	bh_instance *instance = bh_resource_instance(resource);
	if (!instance)
		return bh_fail(err, BH_E_INVALID, "the resource is the program's own: it ends with its last handle");
	bh_run_init(&run, instance->component, NULL);
	run.instance = instance;
	run.dropping = resource;
	return bh_run_wait(&run, NULL, NULL, err);
}

bh_status bh_component_run(bh_component *component, int *exit_status, const bh_call_options *options, bh_usage *usage,
                           bh_error **err)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_export *run = NULL;
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
