// test: waits
/* Interceptors and services: calls through a tree are seen like any others, also where there is no instance to serve them. */
#include <stdatomic.h>

#include "supervisor_tools.h"

typedef struct {
	_Atomic unsigned in, out, ended[3]; /* ended: well, by the guest's fault, otherwise */
	atomic_bool answers;
	_Atomic uint64_t last;
} watch;

static bh_status on_the_way_in(void *data, const bh_intercepted *call, bh_value *result, bool *answered, bh_error **err)
{
	(void)err;
	watch *w = data;
	atomic_fetch_add(&w->in, 1);
	EXPECT(call->component && call->number > 0);
	*call->note = w;
	if (atomic_load(&w->answers)) {
		*answered = true;
		*result = bh_of_u32(7);
	}
	return BH_OK;
}

static bh_status on_the_way_out(void *data, const bh_intercepted *call, bh_error **err)
{
	(void)err;
	watch *w = data;
	EXPECT(*call->note == w && call->usage);
	EXPECT(call->number != atomic_exchange(&w->last, call->number));
	bool guest = call->status == BH_E_TRAP || call->status == BH_E_TIMEOUT;
	atomic_fetch_add(&w->ended[!call->status ? 0 : guest ? 1 : 2], 1);
	atomic_fetch_add(&w->out, 1);
	return BH_OK;
}

static bh_component *load(watch *w)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_component *component = NULL;
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.before_export = on_the_way_in;
	one.after_export = on_the_way_out;
	one.data = w;
	options.limits = t_limits();
	options.limits.execution_ms = 20;
	options.limits.queue_ms = 20000;
	options.limits.fuel = BH_UNLIMITED;
	OK(bh_interceptors_new(&options.interceptors, &t_err));
	OK(bh_interceptors_add(options.interceptors, &one, &t_err));
	OK(bh_component_load_file(&component, host, t_guest("counter.wasm"), &options, &t_err));
	bh_interceptors_free(options.interceptors);
	return component;
}

static bh_call *start(bh_child *child, const char *name)
{
	bh_call *call = NULL;
	OK(bh_child_call_start(&call, child, name, NULL, 0, NULL, &t_err));
	return call;
}

static void seen(const watch *w, unsigned calls, unsigned well, unsigned by_guest, unsigned otherwise)
{
	assert_int_equal(w->in, calls);
	assert_int_equal(w->out, calls);
	assert_int_equal(w->ended[0], well);
	assert_int_equal(w->ended[1], by_guest);
	assert_int_equal(w->ended[2], otherwise);
}

static void calls_of_a_service(void **state)
{
	(void)state;
	watch w = {0};
	bh_component *component = load(&w);
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.component = component;
	options.most_restarts = 100;
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_LINEAR, .first_ms = 500, .jitter_percent = BH_JITTER_NONE};
	scene s = scene_begin(&options);
	scene_wait(&s, BH_CHILD_RUNNING);
	FAILS(BH_E_TIMEOUT, bh_child_call(s.child, "spin", NULL, 0, NULL, NULL, NULL, &t_err));
	seen(&w, 1, 0, 1, 0);

	/* One that waits for an instance was seen in; ended while it waits it is seen out. */
	bh_call *waits = start(s.child, "increment"), *given_up = start(s.child, "increment");
	double until = t_now_ms() + 10000 * t_slack();
	while (w.in < 3 && t_now_ms() < until)
		t_sleep_ms(1);
	assert_int_equal(w.in, 3);
	assert_int_equal(w.out, 1);
	bh_call_cancel(given_up, BH_CANCEL_ABANDON);
	FAILS(BH_E_CANCELLED, bh_call_wait(given_up, NULL, NULL, &t_err));
	assert_int_equal(w.out, 2);
	assert_int_equal(w.ended[2], 1);
	bh_call_free(given_up);
	/* An answer needs no instance. */
	atomic_store(&w.answers, true);
	assert_int_equal(scene_number(&s, "increment"), 7);
	atomic_store(&w.answers, false);
	assert_int_equal(w.ended[0], 1);

	bh_value result = BH_VALUE_INIT;
	OK(bh_call_wait(waits, &result, NULL, &t_err));
	assert_int_equal(result.as.u32, 1); /* neither of the others has been there */
	bh_call_free(waits);
	seen(&w, 4, 2, 1, 1);

	/* One that ends the instance, and those that another instance serves then, each once. */
	enum { MORE = 50 };
	bh_call *calls[MORE], *spins = start(s.child, "spin");
	for (int i = 0; i < MORE; i++)
		calls[i] = start(s.child, "increment");
	FAILS(BH_E_TIMEOUT, bh_call_wait(spins, NULL, NULL, &t_err));
	bh_call_free(spins);
	unsigned good = 0;
	for (int i = 0; i < MORE; i++) {
		good += bh_call_wait(calls[i], NULL, NULL, NULL) == BH_OK;
		bh_call_free(calls[i]);
	}
	assert_true(good > 0);
	seen(&w, 5 + MORE, 2 + good, 2, 1 + MORE - good);
	scene_end(&s);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(calls_of_a_service)};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
