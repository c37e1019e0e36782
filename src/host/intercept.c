#include "host/intercept.h"

#include "engine/import.h"

static bh_crossing_of describe(const bh_run *run)
{
	return (bh_crossing_of){
		.number = run->number,
		.interface = bh_function_interface(run->function),
		.function = bh_function_bare_name(run->function),
		.text = bh_function_name(run->function),
		.args = run->args,
		.arg_count = run->arg_count,
		.result_type = bh_function_result(run->function),
	};
}

/* An answer goes to the caller as the guest's own would. */
static bh_status settle(bh_run *run)
{
	bh_error *why = NULL;
	bh_status status = bh_answer_settle(&run->result, bh_function_result(run->function), &why);
	if (!status)
		return BH_OK;
	bh_value_deinit(&run->result);
	return bh_program_failed(&run->why, "interceptor of", bh_function_name(run->function), status, why);
}

bool bh_intercept_in(bh_run *run)
{
	const bh_intercept_chain *chain = run->component->chain;
	if (!run->function)
		return true;
	/* A leaf must not call guests. Interceptors would be run on the stack of the one that it was called by. */
	run->status = bh_host_calls_allow(&run->why);
	if (run->status)
		return false;
	run->number =
		bh_intercept_chain_number(chain); /* by which calls of imports name it, whoever sees the export itself */
	if (!bh_intercept_chain_sees_exports(chain))
		return true;
	run->want_usage = true;
	/* The arguments must be there on the way out too; those of a live instance its store may keep for longer. */
	if (run->pass == BH_ARGS_GIVEN)
		run->pass = run->instance || run->supplier ? BH_ARGS_COPIED : BH_ARGS_LENT;
	const bh_crossing_of of = describe(run);
	bool answered;
	run->status = bh_crossing_enter(&run->crossing, chain, &of, &run->result, &answered, &run->why);
	if (answered)
		run->status = settle(run);
	if (answered || run->status)
		run->begun = run->started; /* it waited for nothing */
	return !answered && !run->status;
}

void bh_intercept_out(bh_run *run)
{
	run->usage.struct_size = sizeof run->usage;
	run->status = bh_crossing_leave(BH_TAKE(run->crossing), run->status, &run->result, &run->usage, &run->why);
	if (run->status)
		bh_value_deinit(&run->result);
}
