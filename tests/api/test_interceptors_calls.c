// test: timeout=60
/* Interceptors of calls that wait, are left by their callers, or are cancelled: each way in has one way out. */
#include <pthread.h>
#include <stdlib.h>

#include "interceptors.h"

/* Host functions that answer later. */

/* Completions of those that were started, in that order. */
typedef struct {
	_Atomic(bh_completion *) completions[4];
	_Atomic unsigned started, taken;
} later;

static void hold(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	later *l = data;
	EXPECT(count == 1 && args[0].as.u32 > 0);
	atomic_store(&l->completions[atomic_fetch_add(&l->started, 1) % 4], completion);
}

static bh_completion *take(later *l)
{
	bh_completion *completion;
	while (!(completion = atomic_exchange(&l->completions[l->taken % 4], NULL)))
		t_sleep_ms(1);
	l->taken++;
	return completion;
}

static void finish(later *l)
{
	bh_value result = bh_of_u32(77);
	bh_completion_finish(take(l), &result);
}

static void *answer_soon(void *data)
{
	t_sleep_ms(20);
	finish(data);
	return NULL;
}

static bh_component *load_later(later *l, probe *p, uint64_t execution_ms)
{
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", hold, l);
	return load_in(host, imports, set_of(p, BOTH), execution_ms);
}

static void an_answer_from_elsewhere_is_seen_out(void **state)
{
	(void)state;
	later l = {.started = 0};
	probe p = {.name = "A"};
	bh_component *component = load_later(&l, &p, 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, answer_soon, &l), 0);
	trace[0] = '\0';
	assert_int_equal(t_number(component, "number", "5"), 77);
	pthread_join(thread, NULL);
	assert_string_equal(trace, " A>number A>number <A <A");
	assert_int_equal(p.arg, 5);
	balanced(&p, 1, 1);
	bh_component_unref(component);
	/* An answer of an interceptor's: the function is not started. */
	probe q = {.answers = true, .answer = bh_of_u32(3)};
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", hold, &l);
	component = load_in(host, imports, set_of(&q, IMPORTS), 0);
	assert_int_equal(t_number(component, "number", "5"), 3);
	assert_int_equal(l.started, 1);
	bh_component_unref(component);
}

static void a_wait_that_is_ended_is_seen_out_once(void **state)
{
	(void)state;
	later l = {.started = 0};
	probe imports = {.name = NULL}, exports = {.name = NULL};
	bh_interceptors *set = set_of(&imports, IMPORTS);
	add(set, &exports, EXPORTS);
	bh_imports *defined = t_all_but("number");
	t_define_async(defined, "number", hold, &l);
	bh_component *component = load_in(host, defined, set, 200);
	CALL_FAILS(BH_E_TIMEOUT, component, "number", "5");
	assert_int_equal(imports.status, BH_E_CANCELLED);
	assert_int_equal(imports.arg, 5);
	assert_int_equal(exports.status, BH_E_TIMEOUT);
	bh_completion_drop(take(&l));

	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	FAILS(BH_E_DEADLINE, t_call(NULL, component, "number", "5", &options, NULL, &t_err));
	assert_int_equal(imports.status, BH_E_CANCELLED);
	assert_int_equal(exports.status, BH_E_DEADLINE);
	bh_completion_drop(take(&l));
	balanced(&imports, 2, 0);
	balanced(&exports, 0, 2);
	bh_component_unref(component);
}

/* What a caller has left may keep the component for a moment longer, and the interceptors with it. */
static void wait_freed(const probe *p)
{
	double end = t_now_ms() + 10000 * t_slack();
	while (!p->freed && t_now_ms() < end)
		t_sleep_ms(1);
	assert_int_equal(p->freed, 1);
}

/* The caller leaves, the guest goes on: the import is seen out when it is answered. */
static void a_call_without_its_caller(void **state)
{
	(void)state;
	later l = {.started = 0};
	probe imports = {.name = NULL}, exports = {.name = NULL};
	bh_interceptors *set = set_of(&imports, IMPORTS);
	add(set, &exports, EXPORTS);
	bh_imports *defined = t_all_but("number");
	t_define_async(defined, "number", hold, &l);
	bh_component *component = load_in(host, defined, set, 0);
	bh_instance *instance = t_instance(component);
	bh_export *number = t_find(component, "number"), *nothing = t_find(component, "nothing");
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 20;
	FAILS(BH_E_DEADLINE, t_call_live(NULL, instance, number, "5", &options, NULL, &t_err));
	assert_int_equal(exports.out_exports, 1);
	assert_int_equal(imports.in_imports, 1);
	assert_int_equal(imports.out_imports, 0);
	uint64_t first = exports.number;
	finish(&l);
	OK(t_call_live(NULL, instance, nothing, "", NULL, NULL, &t_err)); /* behind the other one */
	assert_true(exports.number > first);
	balanced(&imports, 2, 0);
	balanced(&exports, 0, 2);
	assert_int_equal(imports.within, exports.number);
	bh_export_free(number);
	bh_export_free(nothing);
	bh_instance_free(instance);
	bh_component_unref(component);
	wait_freed(&exports); /* behind the other one */
	assert_int_equal(imports.freed, 1);
}

/* Calls on the executor. */

static void started_calls(void **state)
{
	(void)state;
	probe p = {.name = NULL};
	bh_component *component = load_seen(&p, BOTH);
	bh_export *text = t_find(component, "text"), *number = t_find(component, "number");
	bh_instance *instance = t_instance(component);
	for (int round = 0; round < 8; round++) {
		bool live = round & 1, give = round & 2, wrong = round & 4;
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.give_args = give;
		bh_value words = BH_STRING("given away"), result = BH_VALUE_INIT, arg = BH_VALUE_INIT;
		OK(bh_value_copy(&arg, &words, &t_err));
		bh_call *call = NULL;
		OK(bh_call_start(&call, wrong ? number : text, live ? instance : NULL, &arg, 1, &options, &t_err));
		if (!give)
			bh_value_deinit(&arg);
		if (wrong)
			FAILS(BH_E_TYPE, bh_call_wait(call, &result, NULL, &t_err));
		else
			OK(bh_call_wait(call, &result, NULL, &t_err));
		assert_true(wrong || !strcmp(bh_value_string(&result), "given away"));
		bh_value_deinit(&result);
		bh_call_free(call);
	}
	balanced(&p, 4, 8);
	bh_instance_free(instance);
	bh_export_free(text);
	bh_export_free(number);
	bh_component_unref(component);
	assert_int_equal(p.freed, 1);
}

/* They count, and look whether each way out is of a way in. */

static bh_status count_in_import(void *data, const bh_intercepted *call, bh_value *result, bool *answered,
                                 bh_error **err)
{
	(void)result, (void)answered, (void)err;
	probe *p = data;
	*call->note = p;
	atomic_fetch_add(&p->in_imports, 1);
	return BH_OK;
}

static bh_status count_out_import(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)err;
	probe *p = data;
	EXPECT(*call->note == p && call->arg_count == 1 && call->args[0].kind == BH_KIND_U32);
	EXPECT(!call->status || call->status == BH_E_CANCELLED);
	atomic_fetch_add(&p->out_imports, 1);
	return BH_OK;
}

static bh_status count_in_export(void *data, const bh_intercepted *call, bh_value *result, bool *answered,
                                 bh_error **err)
{
	(void)result, (void)answered, (void)err;
	probe *p = data;
	*call->note = p;
	atomic_fetch_add(&p->in_exports, 1);
	return BH_OK;
}

static bh_status count_out_export(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)err;
	probe *p = data;
	EXPECT(*call->note == p && call->arg_count == 1 && call->args[0].as.u32 == 2);
	atomic_fetch_add(&p->out_exports, 1);
	return BH_OK;
}

/* Several of them in one set; for calls on several threads at once, which a probe is not for. */
static bh_interceptors *counting(probe *const *probes, int count)
{
	bh_interceptors *set = set_of(NULL, 0);
	for (int i = 0; i < count; i++) {
		bh_interceptor one = BH_INTERCEPTOR_INIT;
		one.before_import = count_in_import;
		one.after_import = count_out_import;
		one.before_export = count_in_export;
		one.after_export = count_out_export;
		one.data = probes[i];
		one.free_data = count_free;
		OK(bh_interceptors_add(set, &one, &t_err));
	}
	return set;
}

/* All that the caller has goes while the call is under way; the interceptors go with the last of it. */
static void everything_goes_meanwhile(void **state)
{
	(void)state;
	later l = {.started = 0};
	probe p = {.name = NULL};
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", hold, &l);
	bh_component *component = load_in(host, imports, counting((probe *[]){&p}, 1), 0);
	bh_export *number = t_find(component, "number");
	bh_instance *instance = t_instance(component);
	bh_call *calls[2];
	bh_value arg = bh_of_u32(2);
	for (int i = 0; i < 2; i++)
		OK(bh_call_start(&calls[i], number, i ? instance : NULL, &arg, 1, NULL, &t_err));
	while (l.started < 2)
		t_sleep_ms(1);
	bh_instance_free(instance);
	bh_export_free(number);
	bh_component_unref(component);
	for (int i = 0; i < 2; i++)
		bh_call_cancel(calls[i], BH_CANCEL_KILL);
	for (int i = 0; i < 2; i++) {
		FAILS(BH_E_CANCELLED, bh_call_wait(calls[i], NULL, NULL, &t_err));
		bh_call_free(calls[i]);
	}
	wait_freed(&p);
	balanced(&p, 2, 2);
	for (int i = 0; i < 2; i++)
		finish(&l); /* far too late */
}

/* Leaves. */

typedef struct {
	bh_component *other;
	unsigned called;
} caller;

/* Which a leaf may not do. */
static bh_status call_another(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)call, (void)answered, (void)result;
	caller *c = data;
	c->called++;
	return bh_component_call(c->other, "nothing", NULL, 0, NULL, NULL, NULL, err);
}

static bh_component *load_leaf(bh_interceptors *set)
{
	bh_imports *imports = t_all_but("number");
	bh_host_function leaf = BH_HOST_FUNCTION_INIT;
	leaf.interface = HOST;
	leaf.name = "number";
	leaf.call = t_add_one;
	leaf.leaf = true;
	OK(bh_imports_define_function(imports, &leaf, &t_err));
	return load_in(host, imports, set, 0);
}

static void leaves_are_called_as_others(void **state)
{
	(void)state;
	caller c = {.other = t_caller(NULL, NULL, NULL)};
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.before_import = call_another;
	one.data = &c;
	bh_interceptors *set = set_of(NULL, 0);
	OK(bh_interceptors_add(set, &one, &t_err));
	bh_component *component = load_leaf(set);
	assert_int_equal(t_number(component, "many", "100"), 100);
	assert_int_equal(c.called, 100);
	bh_component_unref(component);
	bh_component_unref(c.other);

	/* Where exports alone are seen they stay leaves. */
	probe p = {.name = NULL};
	component = load_leaf(set_of(&p, EXPORTS));
	assert_int_equal(t_number(component, "many", "100"), 100);
	balanced(&p, 0, 1);
	bh_component_unref(component);
}

/* A leaf that calls a component, which it may not: no interceptor is run on the guest's stack. */

static bh_status call_from_leaf(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count;
	*result = bh_of_u32(1);
	return bh_component_call(data, "nothing", NULL, 0, NULL, NULL, NULL, err);
}

static void leaves_call_nobody(void **state)
{
	(void)state;
	probe p = {.answers = true};
	bh_component *seen = load_seen(&p, EXPORTS);
	bh_imports *imports = t_all_but("number");
	bh_host_function leaf = BH_HOST_FUNCTION_INIT;
	leaf.interface = HOST;
	leaf.name = "number";
	leaf.call = call_from_leaf;
	leaf.data = seen;
	leaf.leaf = true;
	OK(bh_imports_define_function(imports, &leaf, &t_err));
	bh_component *component = t_link(t_caller_text, imports);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_true(t_says("BH_E_INVALID: a leaf function must not call guests"));
	balanced(&p, 0, 0);
	bh_component_unref(component);
	bh_component_unref(seen);
}

/* Calls from within. */

typedef struct {
	bh_instance *instance;
	bh_export *export_;
	bh_status status;
	unsigned calls;
} nested;

static bh_status call_itself(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)call, (void)result, (void)answered, (void)err;
	nested *n = data;
	n->status = bh_instance_call(n->instance, n->export_, NULL, 0, NULL, NULL, NULL, NULL);
	return BH_OK;
}

static bh_status go_down(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)result, (void)answered;
	nested *n = data;
	n->calls++;
	return bh_component_call(call->component, "nothing", NULL, 0, NULL, NULL, NULL, err);
}

static void calls_from_within(void **state)
{
	(void)state;
	nested n = {.calls = 0};
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.before_import = call_itself;
	one.data = &n;
	bh_interceptors *set = set_of(NULL, 0);
	OK(bh_interceptors_add(set, &one, &t_err));
	bh_component *component = load_in(host, t_all_but(NULL), set, 0);
	n.instance = t_instance(component);
	n.export_ = t_find(component, "nothing");
	assert_int_equal(t_number_live(n.instance, component, "number", "1"), 2);
	assert_int_equal(n.status, BH_E_BUSY);
	bh_instance_free(n.instance);
	bh_export_free(n.export_);
	bh_component_unref(component);

	/* One that calls what it sees, and so sees itself, has an end. */
	one.before_import = NULL;
	one.before_export = go_down;
	set = set_of(NULL, 0);
	OK(bh_interceptors_add(set, &one, &t_err));
	component = load_in(host, t_all_but(NULL), set, 0);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "nothing", "");
	assert_int_equal(n.calls, 50);
	assert_true(t_says("nested more than 50 deep"));
	bh_component_unref(component);
}

/* What is seen out may call the instance that the call was on: its turn is over. */

static bh_status call_again(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)call;
	nested *n = data;
	if (n->calls++)
		return BH_OK;
	return bh_instance_call(n->instance, n->export_, NULL, 0, NULL, NULL, NULL, err);
}

static void calls_on_the_way_out(void **state)
{
	(void)state;
	nested n = {.calls = 0};
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.after_export = call_again;
	one.data = &n;
	bh_component_options options = t_linked(t_all_but(NULL));
	options.interceptors = set_of(NULL, 0);
	options.max_calls = 1;
	OK(bh_interceptors_add(options.interceptors, &one, &t_err));
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_interceptors_free(options.interceptors);
	bh_imports_free(options.imports);
	n.instance = t_instance(component);
	n.export_ = t_find(component, "nothing");
	OK(t_call_live(NULL, n.instance, n.export_, "", NULL, NULL, &t_err));
	assert_int_equal(n.calls, 2);
	bh_instance_free(n.instance);
	bh_export_free(n.export_);
	bh_component_unref(component);
}

/*
 * Calls of all kinds, cancelled at any moment from another thread, while their host function is answered from a third.
 * What went in comes out, once.
 */

enum { ROUNDS = 300, AT_ONCE = 4 };

typedef struct {
	pthread_mutex_t lock;
	bh_completion *waiting[64];
	unsigned count;
	_Atomic bool stop;
} answers;

static void leave_with(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)args, (void)count;
	answers *a = data;
	pthread_mutex_lock(&a->lock);
	EXPECT(a->count < 64);
	a->waiting[a->count++] = completion;
	pthread_mutex_unlock(&a->lock);
}

static void *answer_all(void *data)
{
	answers *a = data;
	for (bool more = true; more;) {
		bool stopping = a->stop;
		pthread_mutex_lock(&a->lock);
		bh_completion *completion = a->count ? a->waiting[--a->count] : NULL;
		pthread_mutex_unlock(&a->lock);
		bh_value result = bh_of_u32(77);
		if (completion)
			bh_completion_finish(completion, &result);
		more = completion || !stopping;
	}
	return NULL;
}

static void pause_a_little(unsigned *seed)
{
	for (volatile int i = rand_r(seed) % 20000; i > 0; i--)
		;
}

static void *cancel_one(void *data)
{
	bh_call *call = data;
	unsigned seed = (unsigned)(uintptr_t)call;
	pause_a_little(&seed);
	bh_call_cancel(call, rand_r(&seed) % 2 ? BH_CANCEL_KILL : BH_CANCEL_ABANDON);
	bh_call_free(call);
	return NULL;
}

typedef struct {
	bh_component *component;
	bh_export *export_;
	bh_instance *instance;
	_Atomic unsigned ended[2]; /* well; cancelled or so */
} storm;

static void count_end(void *data, bh_call *call)
{
	storm *s = data;
	bh_status status = bh_call_take(call, NULL, NULL, NULL);
	EXPECT(!status || status == BH_E_CANCELLED || status == BH_E_POISONED);
	atomic_fetch_add(&s->ended[status != BH_OK], 1);
}

static void one_round(storm *s, unsigned *seed)
{
	pthread_t threads[AT_ONCE];
	unsigned before = s->ended[0] + s->ended[1];
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = count_end;
	options.done_data = s;
	if (!s->instance || !bh_instance_usable(s->instance)) {
		bh_instance_free(s->instance);
		s->instance = t_instance(s->component);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		bh_call *call = NULL;
		bh_value arg = bh_of_u32(2);
		OK(bh_call_start(&call, s->export_, i & 1 ? s->instance : NULL, &arg, 1, &options, &t_err));
		assert_int_equal(pthread_create(&threads[i], NULL, cancel_one, call), 0);
	}
	pause_a_little(seed);
	if (rand_r(seed) % 4 == 0) {
		bh_instance_free(s->instance); /* under their feet */
		s->instance = NULL;
	}
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	while (s->ended[0] + s->ended[1] < before + AT_ONCE)
		t_sleep_ms(1);
}

static void a_storm_of_cancellations(void **state)
{
	(void)state;
	probe outer = {.name = NULL}, inner = {.name = NULL};
	answers a = {.lock = PTHREAD_MUTEX_INITIALIZER};
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", leave_with, &a);
	storm s = {.component = load_in(host, imports, counting((probe *[]){&outer, &inner}, 2), 0)};
	s.export_ = t_find(s.component, "many");
	pthread_t answering;
	assert_int_equal(pthread_create(&answering, NULL, answer_all, &a), 0);
	unsigned seed = 1;
	for (int i = 0; i < ROUNDS; i++)
		one_round(&s, &seed);
	bh_instance_free(s.instance);
	bh_export_free(s.export_);
	bh_component_unref(s.component);
	/* Tails may go on for a moment; then the component goes, and the interceptors with it. */
	wait_freed(&inner); /* behind the other one */
	a.stop = true;
	pthread_join(answering, NULL);
	assert_int_equal(outer.freed, 1);
	print_message("%u calls, %u of them cancelled, %u of the host function\n", outer.in_exports, s.ended[1],
	              outer.in_imports);
	assert_int_equal(outer.in_exports, ROUNDS * AT_ONCE);
	assert_int_equal(outer.out_exports, outer.in_exports);
	assert_int_equal(outer.out_imports, outer.in_imports);
	assert_int_equal(inner.in_imports, outer.in_imports);
	assert_int_equal(inner.out_imports, outer.in_imports);
	assert_int_equal(inner.out_exports, outer.in_exports);
	assert_true(s.ended[1] > 0 && outer.in_imports > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_from_elsewhere_is_seen_out),
		cmocka_unit_test(a_wait_that_is_ended_is_seen_out_once),
		cmocka_unit_test(a_call_without_its_caller),
		cmocka_unit_test(started_calls),
		cmocka_unit_test(everything_goes_meanwhile),
		cmocka_unit_test(leaves_are_called_as_others),
		cmocka_unit_test(leaves_call_nobody),
		cmocka_unit_test(calls_from_within),
		cmocka_unit_test(calls_on_the_way_out),
		cmocka_unit_test(a_storm_of_cancellations),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
