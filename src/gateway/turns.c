/*
 * Modules in their turn. One thread at a time is busy with an exchange: the one that began, or the one that tells of the
 * end of a call. Once a call was started the exchange is that one's.
 */
#include "gateway/turns.h"

#include <string.h>

#define REASON "x-bulkhead-reason"

static bool bit(const uint8_t *bits, size_t index)
{
	return bits[index / 8] >> index % 8 & 1;
}

static void set_bit(uint8_t *bits, size_t index)
{
	bits[index / 8] |= (uint8_t)(1U << index % 8);
}

static bool rules_hold(const bh_exchange *exchange, const bh_module *module)
{
	bool holds = !module->rule_count;
	for (size_t i = 0; i < module->rule_count && !holds; i++)
		holds = bh_rule_holds(&module->rules[i], &exchange->request, exchange->plain);
	return holds;
}

/* The same for all parts of an exchange. */
static bool is_sampled(const bh_exchange *exchange, const bh_module *module)
{
	if (module->sample == UINT64_MAX)
		return true;
	uint64_t x = exchange->random ^ module->salt;
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (x ^ (x >> 31)) < module->sample;
}

/* Who looks at requests too is shown the responses to those that it saw; whether rules hold matters to nobody else. */
static bool minds_later(const bh_module *module)
{
	return module->attach & BH_ATTACH_ERROR || !(module->attach & BH_ATTACH_REQUEST);
}

/* What holds of the request when the modules are through with it holds from then on, whatever the server does with it. */
static void look_ahead(bh_exchange *exchange)
{
	if (exchange->later_known)
		return;
	exchange->later_known = true;
	for (size_t i = 0; i < exchange->modules->count; i++)
		if (minds_later(exchange->modules->items[i]) && rules_hold(exchange, exchange->modules->items[i]))
			set_bit(exchange->later, i);
}

static bool is_asked(const bh_exchange *exchange, bh_point point, size_t index)
{
	const bh_module *module = exchange->modules->items[index];
	if (!(module->attach & 1U << point) || !is_sampled(exchange, module))
		return false;
	switch (point) {
	case BH_POINT_REQUEST:
		return rules_hold(exchange, module);
	case BH_POINT_RESPONSE:
		return bit(module->attach & BH_ATTACH_REQUEST ? exchange->passed : exchange->later, index);
	default:
		return index != exchange->failed_index && bit(exchange->later, index);
	}
}

bool bh_exchange_wants(const bh_exchange *exchange, bh_attach attach)
{
	for (size_t i = 0; exchange && i < exchange->modules->count; i++)
		for (int point = 0; point < BH_POINTS; point++)
			if ((attach & 1U << point) && is_asked(exchange, (bh_point)point, i))
				return true;
	return false;
}

/* The next one; false: all are through. */
static bool next_module(bh_exchange *exchange)
{
	size_t count = exchange->modules->count;
	while (!exchange->settled && exchange->asked < count) {
		size_t turn = exchange->asked++;
		exchange->at = exchange->point == BH_POINT_RESPONSE ? count - 1 - turn : turn;
		if (is_asked(exchange, exchange->point, exchange->at))
			return true;
	}
	return false;
}

static bh_module *module_of(const bh_exchange *exchange)
{
	return exchange->modules->items[exchange->at];
}

static void count_one(_Atomic uint64_t *cell)
{
	atomic_fetch_add_explicit(cell, 1, memory_order_relaxed);
}

/* Failures. */

/* The same for all failures: what is wrong here is nobody's business. It needs no memory. */
static void refuse(bh_exchange *exchange)
{
	static const bh_header headers[] = {
		{{REASON, sizeof REASON - 1}, {"middleware", 10}},
	};
	exchange->response = (bh_http_response){
		.struct_size = sizeof exchange->response,
		.status = 503,
		.headers = headers,
		.header_count = 1,
	};
	exchange->replies = true;
}

static void note_failure(bh_exchange *exchange, bh_status status, const bh_module *module, bh_error *why)
{
	bh_error_free(exchange->why);
	exchange->why = why;
	exchange->failure = (bh_exchange_failure){
		.status = status,
		.module = module ? module->name : NULL,
		.attach = (bh_attach)(1U << exchange->point),
		.message = why ? bh_error_message(why) : bh_status_text(status),
	};
}

static void close_exchange(bh_exchange *exchange, bh_status status, const bh_module *module, bh_error *why)
{
	note_failure(exchange, status, module, why);
	refuse(exchange);
	exchange->settled = !module; /* cancelled, or no memory: nobody is asked about that */
	if (exchange->settled)
		return;
	look_ahead(exchange);
	exchange->failed_index = exchange->at;
	exchange->error_message = bh_exchange_text(exchange, bh_string_lend(exchange->failure.message));
	if (!exchange->error_message.data)
		exchange->error_message = bh_string_lend("");
	exchange->point = BH_POINT_ERROR;
	exchange->asked = 0;
}

static void failed(bh_exchange *exchange, bh_status status, bh_error *why)
{
	const bh_module *module = module_of(exchange);
	bh_point_counts *counts = &module->counts->points[exchange->point];
	pthread_mutex_lock(&exchange->lock);
	bool cancelled = exchange->cancelled;
	pthread_mutex_unlock(&exchange->lock);
	if (cancelled) {
		close_exchange(exchange, BH_E_CANCELLED, NULL, why);
	} else if (module->shadow || module->open || exchange->point == BH_POINT_ERROR) {
		count_one(&counts->opened);
		bh_error_free(why);
	} else {
		count_one(&counts->closed);
		close_exchange(exchange, status, module, why);
	}
}

/* What came of a call. */

static void count_call(const bh_exchange *exchange, bh_status status, const bh_error *why, const bh_usage *usage)
{
	bh_counts *counts = module_of(exchange)->counts;
	bh_stats_call used = {usage->wall_ns, usage->queue_ns, usage->fuel, usage->peak_memory};
	bh_stats_started(counts->stats);
	bh_stats_ended(counts->stats, counts->points[exchange->point].calls, status,
	               why ? bh_error_trap(why) : BH_TRAP_NONE, &used);
}

static void count_action(const bh_exchange *exchange)
{
	bh_point_counts *counts = &module_of(exchange)->counts->points[exchange->point];
	switch (exchange->verdict.action) {
	case BH_VERDICT_CONTINUE:
		count_one(&counts->continued);
		break;
	case BH_VERDICT_REJECT:
		count_one(&counts->rejected);
		break;
	case BH_VERDICT_MODIFY:
		count_one(&counts->modified);
		break;
	default:
		count_one(&counts->replied);
	}
}

static void conclude(bh_exchange *exchange, bh_status status, const bh_usage *usage, bh_error *why)
{
	const bh_module *module = module_of(exchange);
	bh_point point = exchange->point;
	size_t at = exchange->at;
	if (!status)
		status = bh_exchange_check(exchange, &why);
	bh_verdict_action action = (bh_verdict_action)exchange->verdict.action;
	bool applied = !status && !module->shadow;
	if (applied)
		status = bh_exchange_apply(exchange, &why);
	count_call(exchange, status, why, usage);
	if (point == BH_POINT_REQUEST)
		set_bit(exchange->seen, at);
	exchange->verdict.action = action;
	if (status) {
		failed(exchange, status, why);
	} else {
		count_action(exchange);
		if (point == BH_POINT_REQUEST)
			set_bit(exchange->passed, at);
	}
	bh_free(BH_TAKE(exchange->verdict.block));
}

/* Calls. */

static void forget_kept(bh_exchange *exchange, bh_status status)
{
	bh_exchange_tell(exchange);
	/* An instance whose call failed may hold anything, even where the engine would go on with it. */
	if (status)
		bh_kept_free(&exchange->kept);
	else
		bh_module_give(module_of(exchange), exchange->kept);
	exchange->kept = (bh_kept){0};
}

/* Where what it writes goes to. NULL: nobody wants it, or there is no memory, for which it is asked all the same. */
static const bh_instance_options *hear(bh_exchange *exchange)
{
	exchange->heard = NULL;
	if (!exchange->chain->options.log)
		return NULL;
	if (exchange->keep && !exchange->kept.instance)
		exchange->kept.output = bh_output_new();
	else if (!exchange->keep)
		bh_output_init(&exchange->output);
	exchange->heard = exchange->keep ? exchange->kept.output : &exchange->output;
	return exchange->heard ? &exchange->heard->options : NULL;
}

static bh_message_call prepare(bh_exchange *exchange)
{
	bh_module *module = module_of(exchange);
	exchange->verdict = (bh_verdict){0};
	exchange->seen_by_others = bh_message_is_seen(module->exports_[exchange->point]);
	exchange->keep = false;
	if (!exchange->seen_by_others)
		exchange->kept = bh_module_take(module, &exchange->keep);
	return (bh_message_call){
		.export_ = module->exports_[exchange->point],
		.instance = exchange->kept.instance,
		.keep = exchange->keep,
		.options = hear(exchange),
		.cancel = &exchange->token,
		.message = &exchange->message,
		.verdict = &exchange->verdict,
	};
}

/* With values, on a fresh instance. */
static bh_status call_seen(bh_exchange *exchange, bh_usage *usage, bh_error **err)
{
	bh_value message, result = BH_VALUE_INIT;
	bh_export *export_ = module_of(exchange)->exports_[exchange->point];
	if (bh_exchange_values(exchange, &message))
		return bh_fail_memory(err);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = &exchange->token;
	options.kill = true;
	options.instance = exchange->heard ? &exchange->heard->options : NULL;
	bh_status status = bh_export_call(export_, &message, 1, &result, &options, usage, err);
	return status ? status : bh_exchange_judge(exchange, &result, err);
}

static bh_status start_seen(bh_exchange *exchange, bh_call_done *done, bh_error **err)
{
	bh_value message;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = done;
	options.done_data = exchange;
	options.instance = exchange->heard ? &exchange->heard->options : NULL;
	if (bh_exchange_values(exchange, &message))
		return bh_fail_memory(err);
	return bh_call_start(&exchange->call, module_of(exchange)->exports_[exchange->point], NULL, &message, 1, &options,
	                     err);
}

static bh_status take_seen(bh_exchange *exchange, bh_call *call, bh_usage *usage, bh_error **err)
{
	bh_value result = BH_VALUE_INIT;
	bh_status status = bh_call_take(call, &result, usage, err);
	return status ? status : bh_exchange_judge(exchange, &result, err);
}

static void call_here(bh_exchange *exchange)
{
	bh_error *why = NULL;
	bh_usage usage = BH_USAGE_INIT;
	bh_instance *made = NULL;
	const bh_message_call wanted = prepare(exchange);
	bh_status status =
		exchange->seen_by_others ? call_seen(exchange, &usage, &why) : bh_message_wait(&wanted, &made, &usage, &why);
	if (made)
		exchange->kept.instance = made;
	forget_kept(exchange, status);
	conclude(exchange, status, &usage, why);
}

static void go_on(bh_exchange *exchange);

/* A module is through with it. */
static void called(void *data, bh_call *call)
{
	bh_exchange *exchange = data;
	bh_error *why = NULL;
	bh_usage usage = BH_USAGE_INIT;
	bh_status status;
	pthread_mutex_lock(&exchange->lock);
	bh_call *handle = BH_TAKE(exchange->call);
	pthread_mutex_unlock(&exchange->lock);
	if (exchange->seen_by_others)
		status = take_seen(exchange, call, &usage, &why);
	else if (exchange->keep && !exchange->kept.instance)
		status = bh_call_take_instance(call, &exchange->kept.instance, &usage, &why);
	else
		status = bh_call_take(call, NULL, &usage, &why);
	bh_call_free(handle);
	forget_kept(exchange, status);
	conclude(exchange, status, &usage, why);
	go_on(exchange);
}

/* True: it is under way, and the exchange is not ours any more. */
static bool start_call(bh_exchange *exchange)
{
	bh_error *why = NULL;
	bh_usage usage = BH_USAGE_INIT;
	const bh_message_call wanted = prepare(exchange);
	/* Held until the handle is where whoever cancels, and whoever tells of the end, find it. */
	pthread_mutex_lock(&exchange->lock);
	bh_status status = exchange->seen_by_others ? start_seen(exchange, called, &why)
	                                            : bh_message_start(&exchange->call, &wanted, called, exchange, &why);
	if (!status && exchange->cancelled)
		bh_call_cancel(exchange->call, BH_CANCEL_KILL);
	pthread_mutex_unlock(&exchange->lock);
	if (!status)
		return true;
	forget_kept(exchange, status);
	conclude(exchange, status, &usage, why);
	return false;
}

static bool was_cancelled(bh_exchange *exchange)
{
	pthread_mutex_lock(&exchange->lock);
	bool cancelled = exchange->cancelled;
	pthread_mutex_unlock(&exchange->lock);
	return cancelled;
}

static void finish(bh_exchange *exchange)
{
	if (exchange->part == BH_PART_REQUEST && !exchange->replies)
		look_ahead(exchange);
	if (exchange->replies)
		exchange->part = BH_PART_OVER;
	exchange->under_way = false;
	if (exchange->done)
		exchange->done(exchange->done_data, exchange);
}

/* The message goes on without it. Whoever saw a request is to see the response. */
static void show_shadow(bh_exchange *exchange)
{
	if (!bh_shadow_start(exchange)) {
		count_one(&module_of(exchange)->counts->points[exchange->point].skipped);
	} else if (exchange->point == BH_POINT_REQUEST) {
		set_bit(exchange->seen, exchange->at);
		set_bit(exchange->passed, exchange->at);
	}
}

static void go_on(bh_exchange *exchange)
{
	while (next_module(exchange)) {
		if (was_cancelled(exchange)) {
			close_exchange(exchange, BH_E_CANCELLED, NULL, NULL);
		} else if (bh_exchange_show(exchange, module_of(exchange))) {
			close_exchange(exchange, BH_E_NO_MEMORY, NULL, NULL);
		} else if (module_of(exchange)->shadow) {
			show_shadow(exchange);
		} else if (exchange->waiting) {
			call_here(exchange);
		} else if (start_call(exchange)) {
			return;
		}
	}
	finish(exchange);
}

void bh_turns_begin(bh_exchange *exchange, bh_point point)
{
	exchange->point = point;
	exchange->asked = 0;
	exchange->failed_index = SIZE_MAX;
	if (point != BH_POINT_REQUEST)
		look_ahead(exchange);
	go_on(exchange);
}

void bh_turns_apart(bh_exchange *exchange)
{
	exchange->asked = exchange->modules->count;
	exchange->under_way = true;
	if (!start_call(exchange))
		finish(exchange);
}
