// test: timeout=120 cost=7
/* One host, many threads: loading, calling and live instances, all at once, on shared and on own things. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api.h"

enum { THREADS = 8 };

typedef struct {
	bh_host *host;
	bh_component *counter, *echo;
	bh_instance *shared;
	bh_export *increment, *greet;
	bh_cancel *cancel;
	unsigned rounds;
	_Atomic uint32_t increments;
} world;

static bh_component *load(bh_host *host, const char *guest)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	bh_component *component = NULL;
	EXPECT(bh_component_load_file(&component, host, t_guest(guest), &options, NULL) == BH_OK);
	return component;
}

static void fresh_calls(world *w, unsigned i)
{
	bh_value arg = BH_STRING("ada"), result = BH_VALUE_INIT;
	EXPECT(bh_export_call(w->greet, &arg, 1, &result, NULL, NULL, NULL) == BH_OK);
	EXPECT(!strcmp(bh_value_string(&result), "hello ada"));
	bh_value_deinit(&result);
	bh_value number = bh_of_s32((int32_t)i);
	EXPECT(bh_component_call(w->echo, "echo-s32", &number, 1, &result, NULL, NULL, NULL) == BH_OK);
	EXPECT(result.as.s32 == (int32_t)i);
}

static void an_instance_of_our_own(world *w)
{
	bh_instance *instance = NULL;
	EXPECT(bh_instance_new(&instance, w->counter, NULL, NULL) == BH_OK);
	for (uint32_t n = 1; n <= 5; n++) {
		bh_value result = BH_VALUE_INIT;
		EXPECT(bh_instance_call(instance, w->increment, NULL, 0, &result, NULL, NULL, NULL) == BH_OK);
		EXPECT(result.as.u32 == n);
	}
	bh_instance_free(instance);
}

static void a_component_of_our_own(world *w)
{
	static const char *const guests[] = {"wat/adder.wat", "wat/echo-text.wat", "wat/unreachable.wat"};
	static _Atomic unsigned next;
	const char *guest = guests[atomic_fetch_add(&next, 1) % 3];
	bh_component *component = load(w->host, guest);
	const bh_item *item = bh_component_export_at(component, 0);
	EXPECT(item && item->name && item->signature);
	bh_export *export_ = NULL;
	EXPECT(bh_export_find(&export_, component, item->name, NULL) == BH_OK);
	if (strstr(guest, "unreachable")) {
		bh_error *err = NULL;
		EXPECT(bh_export_call(export_, NULL, 0, NULL, NULL, NULL, &err) == BH_E_TRAP);
		EXPECT(bh_error_frame_count(err) > 0);
		bh_error_free(err);
	}
	bh_component_unref(component);
	bh_export_free(export_);
}

static void the_shared_instance(world *w)
{
	bh_value result = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	EXPECT(bh_instance_call(w->shared, w->increment, NULL, 0, &result, NULL, &usage, NULL) == BH_OK);
	EXPECT(result.as.u32 > 0);
	atomic_fetch_add(&w->increments, 1);
	EXPECT(bh_instance_usable(w->shared));
}

static void a_call_that_is_given_up(world *w, unsigned i)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 1;
	options.kill = i % 2;
	bh_instance *instance = NULL;
	bh_export *sleep_ms = NULL;
	EXPECT(bh_instance_new(&instance, w->counter, NULL, NULL) == BH_OK);
	EXPECT(bh_export_find(&sleep_ms, w->counter, "sleep-ms", NULL) == BH_OK);
	bh_value arg = bh_of_u32(20);
	EXPECT(bh_instance_call(instance, sleep_ms, &arg, 1, NULL, &options, NULL, NULL) == BH_E_DEADLINE);
	bh_status status = bh_instance_call(instance, w->increment, NULL, 0, NULL, NULL, NULL, NULL);
	EXPECT(status == (i % 2 ? BH_E_POISONED : BH_OK));
	bh_export_free(sleep_ms);
	bh_instance_free(instance);
}

static void *everything(void *data)
{
	world *w = data;
	for (unsigned i = 0; i < w->rounds; i++) {
		fresh_calls(w, i);
		an_instance_of_our_own(w);
		the_shared_instance(w);
		if (i % 4 == 0)
			a_component_of_our_own(w);
		if (i % 8 == 0)
			a_call_that_is_given_up(w, i / 8);
	}
	return NULL;
}

static void mixed(bh_host *host)
{
	world w = {.host = host, .rounds = t_slack() > 5 ? 20 : 100};
	w.counter = load(host, "counter.wasm");
	w.echo = load(host, "echo.wasm");
	w.shared = t_instance(w.counter);
	w.increment = t_find(w.counter, "increment");
	w.greet = t_find(w.echo, "greet");
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, everything, &w), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(t_number_live(w.shared, w.counter, "get", ""), atomic_load(&w.increments));
	assert_int_equal(atomic_load(&w.increments), THREADS * w.rounds);
	bh_export_free(w.greet);
	bh_export_free(w.increment);
	bh_instance_free(w.shared);
	bh_component_unref(w.echo);
	bh_component_unref(w.counter);
	bh_host_free(host);
}

static void on_demand(void **state)
{
	(void)state;
	mixed(t_host());
}

static void pooled(void **state)
{
	(void)state;
	mixed(t_host_pooled(6));
}

/* The first things of their kind, made by all threads at once: engines, linkers, threads, the run function. */
typedef struct {
	bh_host *host;
	bh_component *hello;
	pthread_barrier_t *together;
	unsigned number;
} first;

static void *the_first(void *data)
{
	first *f = data;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.fuel = f->number % 2 ? 1000000000 : BH_UNLIMITED;
	options.limits.stack = BH_MIB(1) << (f->number / 2 % 2);
	bh_component *component = NULL;
	pthread_barrier_wait(f->together);
	EXPECT(bh_component_load_file(&component, f->host, t_guest("hello.wasm"), &options, NULL) == BH_OK);
	int exit_status = -1;
	EXPECT(bh_component_run(component, &exit_status, NULL, NULL, NULL) == BH_OK && exit_status == 0);
	EXPECT(bh_component_run(f->hello, &exit_status, NULL, NULL, NULL) == BH_OK && exit_status == 0);
	for (size_t i = 0; i < bh_component_import_count(f->hello); i++)
		EXPECT(bh_component_import_at(f->hello, i)->interface);
	bh_component_unref(component);
	return NULL;
}

static void all_first_together(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		bh_host *host = t_host(), *empty = t_host();
		bh_component *hello = load(host, "hello.wasm");
		pthread_barrier_t together;
		pthread_t threads[THREADS];
		first firsts[THREADS];
		pthread_barrier_init(&together, NULL, THREADS);
		for (unsigned i = 0; i < THREADS; i++) {
			firsts[i] = (first){empty, hello, &together, i};
			assert_int_equal(pthread_create(&threads[i], NULL, the_first, &firsts[i]), 0);
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&together);
		bh_component_unref(hello);
		bh_host_free(host);
		bh_host_free(empty);
	}
}

/* The host is given up while components live, by whichever thread comes last. */
static void *last_one(void *data)
{
	first *f = data;
	pthread_barrier_wait(f->together);
	int exit_status = -1;
	EXPECT(bh_component_run(f->hello, &exit_status, NULL, NULL, NULL) == BH_OK);
	bh_component_unref(f->hello);
	return NULL;
}

static void the_last_reference(void **state)
{
	(void)state;
	size_t threads_before = t_threads(), files_before = 0;
	for (int round = 0; round < 10; round++) {
		bh_host *host = t_host();
		bh_component *hello = load(host, "hello.wasm");
		pthread_barrier_t together;
		pthread_t threads[THREADS];
		first firsts[THREADS];
		pthread_barrier_init(&together, NULL, THREADS);
		for (unsigned i = 0; i < THREADS; i++) {
			firsts[i] = (first){host, bh_component_ref(hello), &together, i};
			assert_int_equal(pthread_create(&threads[i], NULL, last_one, &firsts[i]), 0);
		}
		bh_host_free(host);
		bh_component_unref(hello);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&together);
		if (!round)
			files_before = t_descriptors();
	}
	/* The host's threads are gone with it, and its descriptors, as soon as they notice. */
	for (int i = 0; i < 100 && (t_threads() > threads_before || t_descriptors() > files_before); i++)
		t_sleep_ms(20);
	assert_true(t_threads() <= threads_before);
	assert_true(t_descriptors() <= files_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_demand),
		cmocka_unit_test(pooled),
		cmocka_unit_test(all_first_together),
		cmocka_unit_test(the_last_reference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
