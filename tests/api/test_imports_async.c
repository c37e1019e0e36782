// test: timeout=60
/* Host functions that are answered later: from other threads, too late, never; and what ends the wait meanwhile. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "imports.h"

/* A host function's work, as a test has it in hand: the completion waits here until the test does something. */
typedef struct {
	_Atomic(bh_completion *) completion;
	const bh_value *args;
	_Atomic int cancels; /* how often on_cancel was called */
	bool watch;          /* set it */
	bh_completion *drop_on_cancel;
} work;

static void cancelled(void *data)
{
	work *w = data;
	atomic_fetch_add(&w->cancels, 1);
	if (w->drop_on_cancel) {
		bh_completion_drop(w->drop_on_cancel);
		w->drop_on_cancel = NULL;
	}
}

static void keep(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	work *w = data;
	EXPECT(count == 1);
	w->args = args;
	if (w->watch)
		bh_completion_on_cancel(completion, cancelled, w);
	atomic_store(&w->completion, completion);
}

static bh_completion *take(work *w)
{
	bh_completion *completion;
	while (!(completion = atomic_exchange(&w->completion, NULL)))
		t_sleep_ms(1);
	return completion;
}

/* Finishes with its argument and one, after a while. */
static void *finish_soon(void *data)
{
	work *w = data;
	bh_completion *completion = take(w);
	t_sleep_ms(50);
	bh_value result = bh_of_u32(w->args[0].as.u32 + 1);
	bh_completion_finish(completion, &result);
	return NULL;
}

static pthread_t start(void *(*body)(void *data), void *data)
{
	pthread_t thread;
	EXPECT(pthread_create(&thread, NULL, body, data) == 0);
	return thread;
}

static bh_component *load(work *w, uint64_t execution_ms)
{
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", keep, w);
	bh_component_options options = t_linked(imports);
	if (execution_ms)
		options.limits.execution_ms = execution_ms;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	return component;
}

static void another_thread_answers(void **state)
{
	(void)state;
	work w = {.watch = true};
	bh_component *component = load(&w, 0);
	pthread_t thread = start(finish_soon, &w);
	double before = t_now_ms();
	assert_int_equal(t_number(component, "number", "41"), 42);
	assert_true(t_now_ms() - before >= 50);
	pthread_join(thread, NULL);

	bh_instance *instance = t_instance(component);
	for (int i = 0; i < 3; i++) {
		thread = start(finish_soon, &w);
		assert_int_equal(t_number_live(instance, component, "number", "1"), 2);
		pthread_join(thread, NULL);
	}
	assert_int_equal(w.cancels, 0);
	bh_instance_free(instance);
	bh_component_unref(component);
}

static void the_executor_waits_without_a_thread(void **state)
{
	(void)state;
	enum { CALLS = 50 };
	work w[CALLS] = {{.watch = false}};
	bh_component *components[CALLS];
	bh_call *calls[CALLS];
	for (uint32_t i = 0; i < CALLS; i++) {
		components[i] = load(&w[i], 0);
		bh_export *number = t_find(components[i], "number");
		bh_value arg = bh_of_u32(i);
		OK(bh_call_start(&calls[i], number, NULL, &arg, 1, NULL, &t_err));
		bh_export_free(number);
	}
	for (int i = CALLS; i--;) {
		bh_completion *completion = take(&w[i]);
		assert_false(bh_call_ended(calls[i]));
		bh_value result = bh_of_u32(1000 + w[i].args[0].as.u32);
		bh_completion_finish(completion, &result);
	}
	for (uint32_t i = 0; i < CALLS; i++) {
		bh_value result = BH_VALUE_INIT;
		OK(bh_call_wait(calls[i], &result, NULL, &t_err));
		assert_int_equal(result.as.u32, 1000 + i);
		bh_call_free(calls[i]);
		bh_component_unref(components[i]);
	}
}

/* In the function itself, before it returns. */

static void finish_now(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	uint32_t *calls = data;
	++*calls;
	bh_value result = bh_of_u32(args[0].as.u32 + 1);
	bh_completion_finish(completion, &result);
}

static void fail_now(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	bh_completion_fail(completion, BH_E_IO, "no answer from %s", "the sensor");
}

static void drop_now(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	bh_completion_drop(completion);
}

static void finish_wrongly(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)args, (void)count;
	bh_value text = BH_STRING("text"), owned = BH_VALUE_INIT;
	bool *own = data;
	if (*own)
		OK(bh_value_copy(&owned, &text, &t_err));
	bh_completion_finish(completion, *own ? &owned : NULL);
	assert_int_equal(owned.kind, BH_KIND_NONE);
}

static void answers_at_once(void **state)
{
	(void)state;
	uint32_t calls = 0;
	bh_component *component = t_caller_async("number", finish_now, &calls);
	assert_int_equal(t_number(component, "many", "10000"), 10000);
	assert_int_equal(calls, 10000);
	bh_component_unref(component);

	component = t_caller_async("number", fail_now, NULL);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_string_equal(bh_error_message(t_err),
	                    "the host function acme:test/host@1.0.0#number failed: no answer from the sensor");
	assert_string_equal(bh_error_cause(t_err, 0), "BH_E_IO: no answer from the sensor");
	bh_component_unref(component);

	component = t_caller_async("number", drop_now, NULL);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_true(t_says("given up without an answer"));
	bh_component_unref(component);

	bool own = false;
	component = t_caller_async("number", finish_wrongly, &own);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_true(t_says("its result: expected u32, got none"));
	own = true;
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_true(t_says("its result: expected u32, got string"));
	bh_component_unref(component);
}

/* Nobody answers. */

/* What a host does that is late: nothing of the call is left, but for what is its own. */
static void finish_late(work *w)
{
	bh_completion *completion = take(w);
	assert_true(bh_completion_cancelled(completion));
	assert_int_equal(w->args[0].kind, BH_KIND_U32); /* the arguments are still there */
	bh_value text = BH_STRING("too late"), result = BH_VALUE_INIT;
	OK(bh_value_copy(&result, &text, &t_err));
	bh_completion_finish(completion, &result);
}

static void the_execution_limit_ends_the_wait(void **state)
{
	(void)state;
	work w = {.watch = true};
	bh_component *component = load(&w, 50);
	double before = t_now_ms();
	CALL_FAILS(BH_E_TIMEOUT, component, "number", "1");
	assert_true(t_now_ms() - before >= 50 && t_now_ms() - before < 50 + 1000 * t_slack());
	assert_int_equal(w.cancels, 1);
	finish_late(&w);
	/* On a live instance, which is over with. */
	bh_instance *instance = t_instance(component);
	bh_export *number = t_find(component, "number");
	FAILS(BH_E_TIMEOUT, t_call_live(NULL, instance, number, "1", NULL, NULL, &t_err));
	assert_int_equal(w.cancels, 2);
	assert_false(bh_instance_usable(instance));
	bh_instance_free(instance);
	bh_export_free(number);
	bh_component_unref(component);
	bh_completion *completion = take(&w);
	bh_completion_fail(completion, BH_E_IO, "far too late");
	assert_int_equal(w.cancels, 2);
}

static void a_deadline_ends_the_wait(void **state)
{
	(void)state;
	work w = {.watch = true};
	bh_component *component = load(&w, 0);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 30;
	FAILS(BH_E_DEADLINE, t_call(NULL, component, "number", "1", &options, NULL, &t_err));
	assert_int_equal(w.cancels, 1);
	finish_late(&w);

	/* A live instance goes on without its caller, and is there for the next. */
	bh_instance *instance = t_instance(component);
	bh_export *number = t_find(component, "number");
	FAILS(BH_E_DEADLINE, t_call_live(NULL, instance, number, "1", &options, NULL, &t_err));
	assert_int_equal(w.cancels, 1);
	bh_completion *completion = take(&w);
	assert_false(bh_completion_cancelled(completion));
	assert_int_equal(w.args[0].as.u32, 1);
	bh_value result = bh_of_u32(2);
	bh_completion_finish(completion, &result);
	bh_export *nothing = t_find(component, "nothing");
	OK(t_call_live(NULL, instance, nothing, "", NULL, NULL, &t_err));
	bh_export_free(nothing);
	assert_true(bh_instance_usable(instance));

	/* Unless he takes it with him. */
	options.kill = true;
	FAILS(BH_E_DEADLINE, t_call_live(NULL, instance, number, "1", &options, NULL, &t_err));
	assert_int_equal(w.cancels, 2);
	assert_false(bh_instance_usable(instance));
	finish_late(&w);
	bh_instance_free(instance);
	bh_export_free(number);
	bh_component_unref(component);
}

typedef struct {
	work *w;
	bh_cancel *cancel;
	bh_instance *instance;
} ending;

static void *end_when_pending(void *data)
{
	ending *e = data;
	while (!atomic_load(&e->w->completion))
		t_sleep_ms(1);
	t_sleep_ms(10);
	if (e->cancel)
		bh_cancel_fire(e->cancel);
	else
		bh_instance_free(e->instance);
	return NULL;
}

static void tokens_and_owners_end_the_wait(void **state)
{
	(void)state;
	work w = {.watch = true};
	bh_component *component = load(&w, 0);
	ending e = {.w = &w};
	OK(bh_cancel_new(&e.cancel, &t_err));
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = e.cancel;
	pthread_t thread = start(end_when_pending, &e);
	FAILS(BH_E_CANCELLED, t_call(NULL, component, "number", "1", &options, NULL, &t_err));
	pthread_join(thread, NULL);
	assert_int_equal(w.cancels, 1);
	finish_late(&w);
	bh_cancel_free(e.cancel);

	e = (ending){.w = &w, .instance = t_instance(component)};
	bh_export *number = t_find(component, "number");
	thread = start(end_when_pending, &e);
	FAILS(BH_E_CANCELLED, t_call_live(NULL, e.instance, number, "1", NULL, NULL, &t_err));
	pthread_join(thread, NULL);
	assert_int_equal(w.cancels, 2);
	finish_late(&w);
	bh_export_free(number);
	bh_component_unref(component);
}

/* Component, host and set are gone before the answer comes. */
static void answers_outlive_everything(void **state)
{
	(void)state;
	work w = {.watch = false};
	bh_host *other = t_host();
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", keep, &w);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 20;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, other, t_caller_text, strlen(t_caller_text), &options, &t_err));
	bh_imports_free(imports);
	CALL_FAILS(BH_E_TIMEOUT, component, "number", "7");
	bh_component_unref(component);
	bh_host_free(other);
	bh_completion *completion = take(&w);
	/* The program is told at once that it is late. */
	bh_completion_on_cancel(completion, cancelled, &w);
	assert_int_equal(w.cancels, 1);
	assert_int_equal(w.args[0].as.u32, 7);
	bh_completion_on_cancel(completion, NULL, NULL);
	bh_completion_drop(completion);
	bh_completion_drop(NULL);
}

/* A program may give the completion up where it is told. */

static void keep_to_drop(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)args, (void)count;
	work *w = data;
	w->drop_on_cancel = completion;
	bh_completion_on_cancel(completion, cancelled, w);
}

static void dropping_where_told(void **state)
{
	(void)state;
	work w = {.watch = false};
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", keep_to_drop, &w);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 20;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	for (int i = 1; i <= 3; i++) {
		CALL_FAILS(BH_E_TIMEOUT, component, "number", "7");
		assert_int_equal(w.cancels, i);
		assert_null(w.drop_on_cancel);
	}
	bh_component_unref(component);
}

/* Long arguments are not copied for the wait, nor freed before their time. */
static void keep_bytes(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	keep(data, completion, args, count);
}

static void arguments_stay_until_the_answer(void **state)
{
	(void)state;
	work w = {.watch = false};
	bh_imports *imports = t_all_but("bytes");
	t_define_async(imports, "bytes", keep_bytes, &w);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 200;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	CALL_FAILS(BH_E_TIMEOUT, component, "huge", "1000000");
	bh_component_unref(component);
	bh_completion *completion = take(&w);
	size_t sum = 0;
	for (size_t i = 0; i < w.args[0].as.bytes.length; i++)
		sum += w.args[0].as.bytes.data[i];
	assert_int_equal(w.args[0].as.bytes.length, 1000000);
	assert_int_equal(sum, 0);
	bh_completion_drop(completion);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_thread_answers),
		cmocka_unit_test(the_executor_waits_without_a_thread),
		cmocka_unit_test(answers_at_once),
		cmocka_unit_test(the_execution_limit_ends_the_wait),
		cmocka_unit_test(a_deadline_ends_the_wait),
		cmocka_unit_test(tokens_and_owners_end_the_wait),
		cmocka_unit_test(answers_outlive_everything),
		cmocka_unit_test(dropping_where_told),
		cmocka_unit_test(arguments_stay_until_the_answer),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
