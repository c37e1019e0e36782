/* Calls that their callers do not wait for: run by the executor. */
#include <string.h>

#include "base/event.h"
#include "host/async.h"
#include "host/call.h"
#include "host/export.h"
#include "host/message.h"

static void free_args(bh_call *call)
{
	for (size_t i = 0; call->args && i < call->run.arg_count; i++)
		bh_value_deinit(&call->args[i]);
	if (call->args != call->few)
		bh_free(call->args);
	call->args = NULL;
}

static void free_call(bh_task *task)
{
	bh_call *call = (bh_call *)task;
	bh_value_deinit(&call->run.result);
	bh_error_free(call->run.why);
	bh_instance_free(call->made);
	bh_free(call);
}

static bh_step step(bh_task *task)
{
	bh_call *call = (bh_call *)task;
	if (bh_run_step(&call->run, &task->waker)) {
		task->ended = call->run.ended;
		return BH_STEP_OVER;
	}
	task->look_at = call->run.look_at;
	return BH_STEP_WAIT;
}

/* What the run needed goes first, so that whoever is told may give up all that he holds. */
static void let_go(bh_call *call)
{
	if (call->run.given)
		call->args = NULL;
	free_args(call);
	bh_export_free(BH_TAKE(call->export_));
	bh_instance_release(BH_TAKE(call->instance));
	if (call->supplied)
		call->run.supplier->release(call->run.service);
	call->supplied = false;
}

static void over(bh_task *task)
{
	bh_call *call = (bh_call *)task;
	bh_host *host = call->component->host; /* there until the component is let go of */
	let_go(call);
	if (call->made && !call->run.status)
		bh_instance_open(call->made, BH_TAKE(call->run.store));
	bh_roll_leave(&host->roll, &call->listed);
	atomic_store(&call->over, true);
	if (call->done && call->dispatched)
		bh_dispatch_add(&host->dispatch, call);
	else if (call->done)
		call->done(call->done_data, call);
	bh_roll_gone(&host->roll);
	bh_component_unref(BH_TAKE(call->component));
	/* Last, so that the thread that waits may take everything down behind it. */
	bh_event_set(&call->ended);
}

static const bh_task_kind kind = {step, over, free_call};

/* Few that only a fresh instance sees are kept here: it goes first. A live one may be at them for longer than the caller waits. */
static bool take_place(bh_call *call, size_t count)
{
	bool here = count <= BH_COUNT(call->few) && !call->instance && !call->run.supplier;
	call->run.pass = here ? BH_ARGS_LENT : BH_ARGS_GIVEN;
	call->run.args = call->args = here ? call->few : bh_calloc(count, sizeof *call->args);
	return call->args;
}

static bh_status take_args(bh_call *call, const bh_value *args, size_t count, bool given, bh_error **err)
{
	if (count && !take_place(call, count))
		return bh_fail_memory(err);
	if (given && count)
		memcpy(call->args, args, count * sizeof *args);
	for (size_t i = 0; !given && i < count; i++) {
		bh_status status = bh_value_copy(&call->args[i], &args[i], err);
		if (status)
			return status;
		call->run.arg_count = i + 1;
	}
	call->run.arg_count = count;
	return BH_OK;
}

/* Options of older callers are shorter: those become whole in `space`. */
static const bh_call_options *known_options(const bh_call_options *given, bh_call_options *space)
{
	if (given && (!given->struct_size || given->struct_size >= sizeof *given))
		return given;
	*space = (bh_call_options)BH_CALL_OPTIONS_INIT;
	if (given)
		memcpy(space, given, given->struct_size);
	return space;
}

static void kill_listed(bh_roll_entry *entry)
{
	bh_call_cancel((bh_call *)((char *)entry - offsetof(bh_call, listed)), BH_CANCEL_KILL);
}

/* What calls and instances have in common. */
static bh_call *new_call(bh_component *component, const bh_call_options *options, const char *name)
{
	size_t length = *name ? strlen(name) : 0;
	bh_call *call = bh_calloc(1, sizeof *call + length + 1);
	if (!call)
		return NULL;
	bh_task_init(&call->task, component->host->executor, &component->group, &kind);
	call->listed.kill = kill_listed;
	call->component = bh_component_ref(component);
	bh_run_init(&call->run, component, options);
	call->done = options->done;
	call->done_data = options->done_data;
	call->dispatched = options->dispatch;
	call->run.want_usage = true;
	call->run.waited = true; /* for a worker */
	call->run.name = memcpy(call->name, name, length);
	return call;
}

/* It did not start. */
static void unmake(bh_call *call)
{
	let_go(call);
	bh_component_unref(BH_TAKE(call->component));
	bh_call_free(call);
}

static bh_call *new_call_of(bh_export *export_, const bh_call_options *options, const char *name)
{
	bh_call *call = new_call(export_->component, options, name);
	if (!call)
		return NULL;
	call->run.function = export_->function;
	call->run.stats = bh_export_stats(export_->component, export_);
	call->export_ = bh_export_ref(export_);
	return call;
}

static void set_instance(bh_call *call, bh_instance *instance)
{
	call->run.instance = call->instance = instance;
	if (instance)
		bh_instance_retain(instance);
}

/* A place in a line: of a live instance, or of the service, where none of its instances is up. */
static bh_status reserve(bh_call *call, bh_error **err)
{
	bh_run *run = &call->run;
	bh_status status = BH_OK;
	run->turn.waker = &call->task.waker;
	if (run->supplier && !run->supplier->enter(run, &status)) {
		if (status && err)
			*err = BH_TAKE(run->why);
		return status;
	}
	return call->instance ? bh_instance_reserve(call->instance, run, &call->task.waker, err) : BH_OK;
}

/* It did not start. */
static void give_back(bh_run *run, bh_status status)
{
	run->status = status;
	if (run->uses_instance)
		bh_instance_quit(run->instance, run);
	else if (run->turn.waits)
		run->supplier->quit(run);
	if (!run->supplied)
		return;
	run->supplier->leave(run);
	run->supplier->let_go(run);
}

static bh_status launch(bh_call *call, bh_error **err)
{
	bh_host *host = call->component->host;
	bh_status status = bh_roll_enter(&host->roll, &call->listed, err);
	if (status)
		return status;
	status = reserve(call, err);
	if (!status)
		status = bh_executor_start(host->executor, &call->task, err);
	if (status) {
		give_back(&call->run, status);
		bh_roll_abandon(&host->roll, &call->listed);
	}
	return status;
}

/* Under way: the handle is the caller's, if wanted. */
static bh_status launched(bh_call *call, bh_call **out)
{
	if (out)
		*out = call;
	else
		bh_call_free(call);
	return BH_OK;
}

/* NULL: there was no memory for it. */
static bh_status start(bh_call **out, bh_call *call, const bh_value *args, size_t count, bool given, bh_error **err)
{
	if (!call)
		return bh_fail_memory(err);
	bh_status status = take_args(call, args, count, given, err);
	if (!status)
		status = launch(call, err);
	if (!status)
		return launched(call, out);
	if (given)
		call->run.arg_count = 0; /* what was given stays the caller's */
	call->supplied = false;      /* and so does the service */
	unmake(call);
	return status;
}

bh_status bh_call_start(bh_call **out, bh_export *export_, bh_instance *instance, const bh_value *args,
                        size_t arg_count, const bh_call_options *given, bh_error **err)
{
	bh_call_options space;
	const bh_call_options *options = known_options(given, &space);
	bh_status status = bh_call_check(export_, instance, err);
	if (status)
		return status;
	if (options->instance && instance)
		return bh_fail(err, BH_E_INVALID, "bh_call_start: options for a fresh instance, and a live one");
	bh_call *call = new_call_of(export_, options, "");
	if (call) {
		call->run.options = options->instance;
		set_instance(call, instance);
	}
	return start(out, call, args, arg_count, options->give_args, err);
}

bh_status bh_call_start_kept(bh_call **out, bh_export *export_, bh_keeper *keeper, const bh_call_options *given,
                             bh_error **err)
{
	bh_call_options space;
	const bh_call_options *options = known_options(given, &space);
	bh_status status = bh_call_check(export_, NULL, err);
	if (status)
		return status;
	bh_call *call = new_call_of(export_, options, "");
	if (call) {
		call->run.options = options->instance;
		call->run.keeper = keeper;
	}
	return start(out, call, NULL, 0, false, err);
}

bh_status bh_call_start_supplied(bh_call **out, const bh_supplier *supplier, void *service, bh_export *export_,
                                 const char *name, const bh_value *args, size_t arg_count, const bh_call_options *given,
                                 bh_error **err)
{
	bh_call_options space;
	const bh_call_options *options = known_options(given, &space);
	bh_call *call = new_call_of(export_, options, name);
	if (call) {
		call->run.supplier = supplier;
		call->run.service = service;
		call->supplied = true;
	}
	return start(out, call, args, arg_count, options->give_args, err);
}

bh_status bh_message_start(bh_call **out, const bh_message_call *wanted, bh_call_done *done, void *data, bh_error **err)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.kill = true;
	options.done = done;
	options.done_data = data;
	bh_call *call = new_call(wanted->export_->component, &options, "");
	if (!call)
		return bh_fail_memory(err);
	bh_message_prepare(&call->run, wanted);
	call->export_ = bh_export_ref(wanted->export_);
	set_instance(call, wanted->instance);
	bh_status status = BH_OK;
	if (wanted->keep && !call->instance) {
		call->made = call->run.owner = bh_instance_make(wanted->export_->component, NULL);
		status = call->made ? BH_OK : bh_fail_memory(err);
	}
	if (!status)
		status = launch(call, err);
	if (!status)
		return launched(call, out);
	unmake(call);
	return status;
}

/* Here, where that takes no time: no guest code runs, and there is room. Otherwise on a worker, from where it is. */
static bh_status launch_instance(bh_call *call, bh_error **err)
{
	bh_host *host = call->component->host;
	bh_status status = bh_roll_enter(&host->roll, &call->listed, err);
	if (status)
		return status;
	if (bh_code_made_at_once(call->component->code) && bh_run_step(&call->run, &call->task.waker)) {
		over(&call->task);
		return BH_OK;
	}
	status = bh_executor_start(host->executor, &call->task, err);
	if (status) {
		/* It may be in a line by now. */
		atomic_store(&call->run.cancelled, true);
		(void)!bh_run_step(&call->run, &call->task.waker);
		bh_roll_abandon(&host->roll, &call->listed);
	}
	return status;
}

bh_status bh_instance_start(bh_call **out, bh_component *component, const bh_instance_options *options,
                            const bh_call_options *given, bh_error **err)
{
	return bh_instance_start_kept(out, component, options, NULL, given, err);
}

bh_status bh_instance_start_kept(bh_call **out, bh_component *component, const bh_instance_options *options,
                                 bh_keeper *keeper, const bh_call_options *given, bh_error **err)
{
	if (!component)
		return bh_fail(err, BH_E_INVALID, "bh_instance_start: no component");
	bh_call_options space;
	bh_call *call = new_call(component, known_options(given, &space), "");
	if (!call)
		return bh_fail_memory(err);
	call->made = call->run.owner = bh_instance_make(component, options);
	call->run.options = options;
	call->run.keeper = keeper;
	bh_status status = call->made ? launch_instance(call, err) : bh_fail_memory(err);
	if (!status)
		return launched(call, out);
	unmake(call);
	return status;
}

bh_status bh_call_take_instance(bh_call *call, bh_instance **out, bh_usage *usage, bh_error **err)
{
	if (!bh_call_ended(call))
		return bh_fail(err, BH_E_BUSY, "the instance is not made yet");
	if (!call->made)
		return bh_fail(err, BH_E_INVALID, "bh_call_take_instance: a call, not an instance, or it was taken before");
	bh_status status = bh_call_take(call, NULL, usage, err);
	if (!status)
		*out = BH_TAKE(call->made);
	return status;
}

bh_status bh_call_start_many(bh_call **out, const bh_call_request *requests, size_t count, size_t *started,
                             bh_error **err)
{
	for (*started = 0; *started < count; ++*started) {
		const bh_call_request *r = &requests[*started];
		bh_status status =
			bh_call_start(out ? &out[*started] : NULL, r->export_, r->instance, r->args, r->arg_count, r->options, err);
		if (status)
			return status;
	}
	return BH_OK;
}

bool bh_call_ended(const bh_call *call)
{
	return atomic_load(&call->over);
}

bh_status bh_call_take(bh_call *call, bh_value *result, bh_usage *usage, bh_error **err)
{
	if (!bh_call_ended(call))
		return bh_fail(err, BH_E_BUSY, "the call is not over yet");
	if (usage)
		bh_usage_copy(usage, &call->run.usage);
	if (atomic_exchange(&call->taken, true))
		return bh_fail(err, BH_E_INVALID, "the result of this call was taken before");
	if (result && !call->run.status) {
		*result = call->run.result;
		call->run.result = (bh_value)BH_VALUE_INIT;
	}
	if (err && call->run.status)
		*err = BH_TAKE(call->run.why);
	return call->run.status;
}

bh_status bh_call_wait(bh_call *call, bh_value *result, bh_usage *usage, bh_error **err)
{
	if (!bh_call_ended(call) && (bh_executor_is_worker() || bh_store_calls_host())) {
		bh_error *e = bh_error_begin(err, BH_E_INVALID, "bh_call_wait: called from a callback of the library");
		bh_error_hint_set(e, "The call may need this very thread to go on. Give it a callback of its own instead.");
		return BH_E_INVALID;
	}
	bh_event_wait(&call->ended, BH_NEVER);
	return bh_call_take(call, result, usage, err);
}

void bh_call_cancel(bh_call *call, bh_cancel_mode mode)
{
	if (!call)
		return;
	if (mode == BH_CANCEL_KILL)
		atomic_store(&call->run.kill, true);
	atomic_store(&call->run.cancelled, true);
	bh_task_wake(&call->task);
}

void bh_call_free(bh_call *call)
{
	if (call)
		bh_task_release(&call->task);
}
