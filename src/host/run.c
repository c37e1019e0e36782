#include "host/run.h"

#include "base/clock.h"
#include "host/instance.h"
#include "host/intercept.h"
#include "host/place.h"
#include "host/tail.h"

/* How often a token without a slot, and a slow reader of output, are looked at. */
enum { LOOK_MS = 5 };

/* What a state's function says. */
typedef enum { NEXT, WAIT, FAILED } going;

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void bh_run_init(bh_run *run, bh_component *component, const bh_call_options *options)
{
	uint64_t now = bh_now(), queue = component->limits.queue_ms;
	run->component = component;
	run->started = now;
	run->busy_at = queue == BH_UNLIMITED ? BH_NEVER : bh_after_ms(now, queue);
	run->limit_at = run->deadline_at = run->look_at = BH_NEVER;
	run->cancel_slot = -1;
	if (!options)
		return;
	if (options->deadline_ms)
		run->deadline_at = bh_after_ms(now, options->deadline_ms);
	run->cancel = options->cancel;
	run->measure_cpu = options->cpu_time;
	atomic_init(&run->kill, options->kill);
}

/* Stops. */

/* Its owner gave the instance up, or killed it: who waits for a turn learns that when asking for it. */
static bool must_leave(const bh_run *run)
{
	const bh_instance *instance = run->instance;
	bool killed = run->holds_turn && atomic_load_explicit(&instance->killed, memory_order_acquire);
	return (killed || atomic_load_explicit(&instance->doomed, memory_order_acquire)) && !run->dropping;
}

/* Whether the caller waits no longer. */
static bool caller_left(const bh_run *run, uint64_t now, bh_ran *how)
{
	if (run->instance && must_leave(run))
		*how = BH_RAN_DOOMED;
	else if (atomic_load_explicit(&run->cancelled, memory_order_acquire) || bh_cancel_fired(run->cancel))
		*how = BH_RAN_CANCELLED;
	else if (now >= run->deadline_at)
		*how = BH_RAN_DEADLINE;
	else
		return false;
	return true;
}

/* The execution limit goes first: it is the stronger statement. */
static bool stopped(const bh_run *run, uint64_t now, bh_ran *how)
{
	if (now < run->limit_at)
		return caller_left(run, now, how);
	*how = BH_RAN_TIMEOUT;
	return true;
}

static bool waits_no_more(const bh_run *run, uint64_t now, bh_ran *how)
{
	if (caller_left(run, now, how))
		return true;
	*how = BH_RAN_BUSY;
	return now >= run->busy_at;
}

/* Wait to be woken, but look up at the clocks, and at a token that cannot wake us. */
static going wait_until(bh_run *run, uint64_t moment)
{
	run->look_at = earlier(moment, run->deadline_at);
	if (run->cancel && run->cancel_slot < 0)
		run->look_at = earlier(run->look_at, bh_after_ms(bh_now(), LOOK_MS));
	return WAIT;
}

static going wait_turn(bh_run *run)
{
	run->waited = true;
	return wait_until(run, run->busy_at);
}

static going fail(bh_run *run, bh_status status)
{
	run->status = status;
	return FAILED;
}

/* Before anything runs: what it needs. */

/* A host function of that very instance waits for it, on the thread that it needs to go on. */
static bh_status waits_for_itself(bh_run *run)
{
	bh_error *e = bh_error_begin(&run->why, BH_E_BUSY, "the instance waits for the host function that calls it");
	bh_error_hint_set(e,
	                  "A guest is not entered twice. Call another instance, or start a call and do not wait for it.");
	return BH_E_BUSY;
}

static going begin_run(bh_run *run)
{
	bh_ran how;
	if (run->own_stack && run->instance && bh_store_calling(run->instance))
		return fail(run, waits_for_itself(run));
	if (caller_left(run, 0, &how))
		return fail(run, bh_run_explain(run, how));
	run->state = run->instance ? BH_RUN_TURN : run->supplier ? BH_RUN_SUPPLY : BH_RUN_CALLS;
	return NEXT;
}

static going enter_supply(bh_run *run)
{
	bh_status status = BH_OK;
	if (!run->supplier->enter(run, &status))
		return status ? fail(run, status) : wait_turn(run);
	run->state = BH_RUN_TURN;
	return run->own_stack && bh_store_calling(run->instance) ? fail(run, waits_for_itself(run)) : NEXT;
}

static going enter_calls(bh_run *run)
{
	if (run->function && !bh_gate_enter(&run->component->calls, &run->turn, 1))
		return wait_turn(run);
	run->holds_call = run->function;
	if (run->holds_call)
		bh_stats_started(run->component->stats);
	run->state = run->instance ? BH_RUN_BEGIN : BH_RUN_INSTANCES;
	return NEXT;
}

static void begin_store(const bh_run *run)
{
	bh_store_begin(run->store, run->number);
	if (run->want_usage)
		bh_store_time_host(run->store);
}

static going enter_turn(bh_run *run)
{
	bh_status status = BH_OK;
	if (!bh_instance_enter(run->instance, run, &status))
		return status ? fail(run, status) : wait_turn(run);
	run->holds_turn = true;
	run->store = run->instance->store;
	begin_store(run);
	run->state = BH_RUN_CALLS;
	return NEXT;
}

static going enter_instances(bh_run *run)
{
	if (!bh_gate_enter(&run->component->instances, &run->turn, 1))
		return wait_turn(run);
	run->holds_instance = true;
	bh_stats_instances(run->component->stats, 1);
	run->state = BH_RUN_MEMORY;
	return NEXT;
}

static going enter_memory(bh_run *run)
{
	if (!bh_gate_enter(&run->component->host->memory, &run->turn, run->component->reserve))
		return wait_turn(run);
	run->holds_memory = true;
	run->state = BH_RUN_SLOT;
	return NEXT;
}

/* Its turn has come, in this very step: the execution limit counts from now on. A look at the clock takes 35 ns. */
static void begin_clock(bh_run *run)
{
	uint64_t limit = run->component->limits.execution_ms;
	run->begun = run->waited ? run->stepped : run->started;
	run->limit_at = limit == BH_UNLIMITED ? BH_NEVER : bh_after_ms(run->begun, limit);
}

static going make_store(bh_run *run)
{
	bh_component *component = run->component;
	bh_gate *slots = &component->host->slots;
	if (!bh_gate_may_try(slots, &run->turn)) {
		bh_gate_join(slots, &run->turn);
		return wait_turn(run);
	}
	bh_status status = bh_place_store(&run->store, run, &run->why);
	if (status)
		return fail(run, status);
	begin_clock(run);
	begin_store(run);
	bh_store_start_instance(run->store);
	run->state = BH_RUN_INSTANTIATE;
	return NEXT;
}

/* The pool is full. Whoever failed once more after joining the line waits to be called. */
static going no_slot(bh_run *run)
{
	bool joined = run->turn.waits;
	bh_store_free(BH_TAKE(run->store));
	bh_error_free(BH_TAKE(run->why));
	run->begun = 0;
	run->stepped = bh_now(); /* start functions may have run before there was no more room */
	run->limit_at = BH_NEVER;
	run->state = BH_RUN_SLOT;
	bh_gate_join(&run->component->host->slots, &run->turn);
	return joined ? wait_turn(run) : NEXT;
}

/* Running. */

typedef struct {
	const bh_run *run;
	bh_ran how;
} running;

/* At every tick. The ticker is kept going: it parks where nobody asks for it. */
static bool must_stop(void *data)
{
	running *r = data;
	const bh_run *run = r->run;
	bh_ticker *ticker = run->component->host->ticker;
	bh_ticker_touch(ticker);
	bh_ticker_by(ticker, earlier(run->limit_at, run->deadline_at));
	return stopped(run, bh_now(), &r->how);
}

/* On this thread's own stack, without a fiber. */
static bool go_here(bh_run *run, bh_ran *how)
{
	running r = {run, BH_RAN_ENDED};
	if (caller_left(run, 0, how))
		return true;
	bh_store_run(run->store, must_stop, &r);
	*how = r.how;
	return true;
}

static bool go_polled(bh_run *run, const bh_waker *waker, bh_ran *how)
{
	/* Whoever had to wait for a worker may be late: it is not given another turn, then. */
	if (run->polled && stopped(run, bh_now(), how))
		return true;
	run->polled = true;
	if (bh_store_poll(run->store, waker) == BH_POLL_ENDED)
		return true;
	bh_ticker_by(run->component->host->ticker, earlier(run->limit_at, run->deadline_at));
	return stopped(run, bh_now(), how);
}

/* False: it waits for something. */
static bool go(bh_run *run, const bh_waker *waker, bh_ran *how)
{
	*how = BH_RAN_NO_TICKER;
	if (!bh_ticker_touch(run->component->host->ticker))
		return true;
	*how = BH_RAN_ENDED;
	uint64_t before = run->measure_cpu ? bh_cpu_now() : 0;
	bool here = bh_store_runs_no_guest(run->store) ||
	            (run->own_stack && run->pass == BH_ARGS_LENT && bh_store_can_run(run->store));
	bool ended = here ? go_here(run, how) : go_polled(run, waker, how);
	if (run->measure_cpu)
		run->usage.cpu_ns += bh_cpu_now() - before;
	return ended;
}

static going instantiate(bh_run *run, const bh_waker *waker)
{
	bh_ran how;
	if (!go(run, waker, &how))
		return wait_until(run, run->limit_at);
	if (how != BH_RAN_ENDED) {
		bh_store_abort(run->store);
		return fail(run, bh_run_explain(run, how));
	}
	bh_status status = bh_store_finish(run->store, NULL, &run->why);
	if (status == BH_E_BUSY)
		return no_slot(run);
	bh_gate_quit(&run->component->host->slots, &run->turn);
	if (status)
		return fail(run, status);
	if (run->want_usage)
		run->usage.instantiate_ns = bh_now() - run->begun;
	run->state = run->function ? BH_RUN_BEGIN : BH_RUN_OVER;
	return NEXT;
}

static going begin_call(bh_run *run)
{
	run->state = BH_RUN_GO;
	if (run->instance)
		begin_clock(run);
	if (run->dropping) {
		if (!bh_resource_live(run->dropping))
			return fail(
				run, bh_fail(&run->why, BH_E_INVALID, "the resource was dropped or passed on before, or is borrowed"));
		bh_store_start_drop(run->store, run->dropping);
		return NEXT;
	}
	if (run->message) {
		bh_status started = bh_store_start_message(run->store, run->function, run->message, run->verdict, &run->why);
		return started ? fail(run, started) : NEXT;
	}
	bh_status status = bh_store_start_call(run->store, run->function, run->args, run->arg_count, run->pass, &run->why);
	run->given = !status && run->pass == BH_ARGS_GIVEN;
	return status ? fail(run, status) : NEXT;
}

/* The wait is over, the call need not be: it is seen through to its end, unless the caller asked to kill. */
static going give_up(bh_run *run, bh_ran how)
{
	bool waits = how == BH_RAN_DEADLINE || how == BH_RAN_CANCELLED;
	bh_status status = bh_run_explain(run, how);
	bh_store_usage(run->store, &run->usage); /* once it is another thread's it cannot be looked at */
	if (run->instance && waits && !atomic_load(&run->kill) && bh_tail_take(run->instance, run->limit_at)) {
		run->holds_turn = run->uses_instance = false;
		run->store = NULL;
		return fail(run, status);
	}
	bh_store_abort(run->store);
	return fail(run, status);
}

static going go_on(bh_run *run, const bh_waker *waker)
{
	bh_ran how;
	if (!go(run, waker, &how))
		return wait_until(run, run->limit_at);
	if (how != BH_RAN_ENDED)
		return give_up(run, how);
	run->status = bh_store_finish(run->store, &run->result, &run->why);
	/* Whoever keeps the instance finds what it wrote there later. */
	run->state = run->instance && !run->status ? BH_RUN_OVER : BH_RUN_FLUSH;
	return NEXT;
}

static going flush(bh_run *run)
{
	bh_ran how;
	uint64_t now;
	if (bh_store_flush(run->store) || stopped(run, now = bh_now(), &how)) {
		run->state = BH_RUN_OVER;
		return NEXT;
	}
	return wait_until(run, earlier(run->limit_at, bh_after_ms(now, LOOK_MS)));
}

/* The end. */

static void quit_line(bh_run *run)
{
	bh_host *host = run->component->host;
	bh_gate *gates[] = {
		[BH_RUN_CALLS] = &run->component->calls, [BH_RUN_INSTANCES] = &run->component->instances,
		[BH_RUN_MEMORY] = &host->memory,         [BH_RUN_SLOT] = &host->slots,
		[BH_RUN_INSTANTIATE] = &host->slots,
	};
	if (run->turn.waits && run->state < BH_COUNT(gates) && gates[run->state])
		bh_gate_quit(gates[run->state], &run->turn);
	if (run->turn.waits && run->supplier && !run->supplied)
		run->supplier->quit(run);
}

static void measure(bh_run *run)
{
	uint64_t now = bh_now();
	run->usage.wall_ns = now - run->started;
	run->usage.queue_ns = (run->begun ? run->begun : now) - run->started;
	/* Interceptors and suppliers have their time yet. */
	run->ended = run->crossing || run->supplied ? 0 : now;
}

/* Calls are counted, not drops and instances by themselves. One that was not let in began just now. */
static void count(const bh_run *run)
{
	bh_stats_call used = {
		.wall_ns = run->usage.wall_ns,
		.queue_ns = run->usage.queue_ns,
		.fuel = run->usage.fuel,
		.peak_memory = run->usage.peak_memory,
	};
	if (!run->holds_call)
		bh_stats_started(run->component->stats);
	bh_stats_ended(run->component->stats, run->stats, run->status, run->why ? bh_error_trap(run->why) : BH_TRAP_NONE,
	               &used);
}

/* Give back what is held. An instance that was made, and is wanted, stays. */
static void end(bh_run *run)
{
	bool wanted = run->want_usage || run->function;
	quit_line(run);
	if (wanted && run->store)
		bh_store_usage(run->store, &run->usage);
	if (run->holds_turn)
		bh_instance_leave(run->instance, run->why ? bh_error_message(run->why) : NULL);
	else if (run->uses_instance)
		bh_instance_quit(run->instance, run);
	bool kept = run->owner && !run->status;
	/* A live instance keeps its store and its place. */
	if (run->instance) {
		run->store = NULL;
	} else if (!kept) {
		bh_store_free(BH_TAKE(run->store));
		bh_place_leave(run->component, run->holds_instance, run->holds_memory);
	}
	if (run->holds_call)
		bh_gate_leave(&run->component->calls, 1);
	if (wanted)
		measure(run);
	if (run->supplied)
		run->supplier->leave(run);
	if (run->crossing)
		bh_intercept_out(run);
	if (run->function)
		count(run);
	/* Which may be the last that keeps what was called. */
	if (run->supplied)
		run->supplier->let_go(run);
	run->state = BH_RUN_OVER;
}

/* Whether it did not get as far as being called, and another instance is to be asked for. */
static bool asks_again(bh_run *run)
{
	if (run->status != BH_E_POISONED || run->state != BH_RUN_TURN || !run->supplied)
		return false;
	if (run->uses_instance)
		bh_instance_quit(run->instance, run);
	run->uses_instance = false;
	if (!run->supplier->again(run))
		return false;
	bh_error_free(BH_TAKE(run->why));
	run->status = BH_OK;
	run->instance = NULL;
	run->asked_again = true;
	run->state = BH_RUN_SUPPLY;
	return true;
}

static going step(bh_run *run, const bh_waker *waker)
{
	switch (run->state) {
	case BH_RUN_FIRST:
		return begin_run(run);
	case BH_RUN_SUPPLY:
		return enter_supply(run);
	case BH_RUN_CALLS:
		return enter_calls(run);
	case BH_RUN_TURN:
		return enter_turn(run);
	case BH_RUN_INSTANCES:
		return enter_instances(run);
	case BH_RUN_MEMORY:
		return enter_memory(run);
	case BH_RUN_SLOT:
		return make_store(run);
	case BH_RUN_INSTANTIATE:
		return instantiate(run, waker);
	case BH_RUN_BEGIN:
		return begin_call(run);
	case BH_RUN_GO:
		return go_on(run, waker);
	default:
		return flush(run);
	}
}

bool bh_run_step(bh_run *run, const bh_waker *waker)
{
	bh_ran how;
	run->look_at = BH_NEVER;
	/* Once, as others read it from the line; it is the same at every step. */
	if (!run->turn.waker)
		run->turn.waker = waker;
	if (run->component->chain && run->state == BH_RUN_FIRST && !bh_intercept_in(run)) {
		end(run);
		return true;
	}
	if (run->waited && run->state < BH_RUN_INSTANTIATE && waits_no_more(run, run->stepped = bh_now(), &how)) {
		run->status = bh_run_explain(run, how);
		end(run);
		return true;
	}
	while (run->state != BH_RUN_OVER) {
		going how_it_goes = step(run, waker);
		if (how_it_goes == WAIT)
			return false;
		if (how_it_goes == FAILED && !asks_again(run))
			break;
	}
	end(run);
	return true;
}
