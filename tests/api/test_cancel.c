// test: timeout=60
/* Cancel tokens: from another thread, from a signal handler, before the call, for many calls at once. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "api.h"

static bh_host *host;
static bh_component *counter;
static bh_component *reader;

typedef struct {
	pthread_t thread;
	bh_cancel *cancel;
	bh_component *component;
	const char *name, *args;
	const bh_instance_options *instance;
	bh_status status;
	double ended;
	_Atomic bool started;
} caller;

static void *run(void *data)
{
	caller *c = data;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = c->cancel;
	options.instance = c->instance;
	int exit_status;
	atomic_store(&c->started, true);
	c->status = c->name ? t_call(NULL, c->component, c->name, c->args, &options, NULL, NULL)
	                    : bh_component_run(c->component, &exit_status, &options, NULL, NULL);
	c->ended = t_now_ms();
	return NULL;
}

static void go(caller *c)
{
	atomic_init(&c->started, false);
	assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
	while (!atomic_load(&c->started))
		t_sleep_ms(1);
}

/* Computing, sleeping, and waiting for input that never comes. */
static void from_another_thread(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	bh_instance_options waits = BH_INSTANCE_OPTIONS_INIT;
	waits.in = (bh_stdio){.mode = BH_STDIO_FD, .fd = ends[0]};
	caller callers[] = {
		{.component = counter, .name = "spin", .args = ""},
		{.component = counter, .name = "sleep-ms", .args = "60000"},
		{.component = reader, .instance = &waits},
	};
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	for (int i = 0; i < 3; i++) {
		double best = 1e9;
		for (int again = 0; again < 3 && best > 50; again++) {
			callers[i].cancel = cancel;
			go(&callers[i]);
			t_sleep_ms(50);
			double fired = t_now_ms();
			bh_cancel_fire(cancel);
			pthread_join(callers[i].thread, NULL);
			assert_int_equal(callers[i].status, BH_E_CANCELLED);
			double took = callers[i].ended - fired;
			best = took < best ? took : best;
			bh_cancel_reset(cancel); /* and used again */
		}
		print_message("cancelled after at most %.2f ms\n", best);
		assert_true(best < 50 * (t_slack() > 5 ? 10 : 1));
	}
	bh_cancel_free(cancel);
	close(ends[0]);
	close(ends[1]);
}

static void before_the_call(void **state)
{
	(void)state;
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	bh_cancel_fire(cancel);
	bh_cancel_fire(cancel);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = cancel;
	bh_usage usage = BH_USAGE_INIT;
	FAILS(BH_E_CANCELLED, t_call(NULL, counter, "increment", "", &options, &usage, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_CANCELLED);
	assert_int_equal(bh_status_category(BH_E_CANCELLED), BH_CATEGORY_WAIT);
	bh_instance *instance = t_instance(counter);
	bh_export *increment = t_find(counter, "increment");
	bh_value result = BH_VALUE_INIT;
	for (int i = 0; i < 10; i++)
		FAILS(BH_E_CANCELLED, bh_instance_call(instance, increment, NULL, 0, &result, &options, &usage, &t_err));
	assert_true(bh_instance_usable(instance));
	bh_cancel_reset(cancel);
	OK(bh_instance_call(instance, increment, NULL, 0, &result, &options, &usage, &t_err));
	assert_int_equal(result.as.u32, 1); /* the ten before never ran */
	bh_cancel_fire(cancel);             /* after the call: nothing */
	bh_export_free(increment);
	bh_instance_free(instance);
	bh_cancel_free(cancel);
	bh_cancel_free(NULL);
}

/* On a live instance: without kill the call goes on alone, with it the instance is lost. */
typedef struct {
	bh_cancel *cancel;
	unsigned after_ms;
} firing;

static void *fire(void *data)
{
	const firing *f = data;
	t_sleep_ms(f->after_ms);
	bh_cancel_fire(f->cancel);
	return NULL;
}

static void on_a_live_instance(void **state)
{
	(void)state;
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	firing f = {cancel, 30};
	bh_export *sleep_ms = t_find(counter, "sleep-ms");
	for (int kill = 0; kill < 2; kill++) {
		pthread_t thread;
		bh_instance *instance = t_instance(counter);
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.cancel = cancel;
		options.kill = kill;
		assert_int_equal(pthread_create(&thread, NULL, fire, &f), 0);
		FAILS(BH_E_CANCELLED, t_call_live(NULL, instance, sleep_ms, "200", &options, NULL, &t_err));
		pthread_join(thread, NULL);
		bh_cancel_reset(cancel);
		assert_int_equal(bh_instance_usable(instance), !kill);
		bh_export *increment = t_find(counter, "increment");
		bh_status status = t_call_live(NULL, instance, increment, "", &options, NULL, NULL);
		assert_int_equal(status, kill ? BH_E_POISONED : BH_OK);
		bh_export_free(increment);
		bh_instance_free(instance);
	}
	bh_export_free(sleep_ms);
	bh_cancel_free(cancel);
}

/* More calls than a token has slots for: all of them end. */
static void many_calls_one_token(void **state)
{
	(void)state;
	enum { CALLERS = 80 };
	static caller callers[CALLERS];
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	for (int i = 0; i < CALLERS; i++) {
		callers[i].cancel = cancel;
		callers[i].component = counter;
		callers[i].name = i % 16 ? "sleep-ms" : "spin";
		callers[i].args = i % 16 ? "60000" : "";
		go(&callers[i]);
	}
	t_sleep_ms(200);
	double fired = t_now_ms();
	bh_cancel_fire(cancel);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].status, BH_E_CANCELLED);
	}
	assert_true(t_now_ms() - fired < 400 * t_slack());
	bh_cancel_free(cancel);
}

/* Fired without pause while calls come and go: none is missed, none hangs. */
static _Atomic bool stop;

static void *fire_all_the_time(void *data)
{
	while (!atomic_load(&stop)) {
		bh_cancel_fire(data);
		usleep(100);
	}
	return NULL;
}

static void *call_all_the_time(void *data)
{
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = data;
	for (int i = 0; i < 100; i++) {
		bh_status status = t_call(NULL, counter, i % 2 ? "spin" : "get", "", &options, NULL, NULL);
		EXPECT(status == BH_E_CANCELLED || (status == BH_OK && !(i % 2)));
	}
	return NULL;
}

static void storm(void **state)
{
	(void)state;
	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	pthread_t firing_thread, threads[4];
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&firing_thread, NULL, fire_all_the_time, cancel), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_all_the_time, cancel), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, true);
	pthread_join(firing_thread, NULL);
	bh_cancel_free(cancel);
}

/* From a signal handler, on the calling thread itself: SIGALRM arrives in guest code and in waits. */
static bh_cancel *from_signal;
static volatile sig_atomic_t signals;

static void on_alarm(int number)
{
	(void)number;
	signals = signals + 1;
	bh_cancel_fire(from_signal);
}

static void from_a_signal_handler(void **state)
{
	(void)state;
	struct sigaction action = {.sa_handler = on_alarm}, before;
	OK(bh_cancel_new(&from_signal, &t_err));
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = from_signal;
	static const char *const names[] = {"spin", "sleep-ms"};
	for (int i = 0; i < 20; i++) {
		struct itimerval once = {.it_value = {.tv_usec = 5000}};
		bh_cancel_reset(from_signal);
		assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
		double start = t_now_ms();
		FAILS(BH_E_CANCELLED, t_call(NULL, counter, names[i % 2], i % 2 ? "60000" : "", &options, NULL, &t_err));
		assert_true(t_now_ms() - start < 200 * t_slack());
	}
	assert_int_equal(signals, 20);
	/* Signals all the time, for calls that have nothing to do with them, and sleeps that must not be cut short. */
	struct itimerval often = {.it_value = {.tv_usec = 500}, .it_interval = {.tv_usec = 500}}, never = {0};
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; i < 10; i++) {
		double start = t_now_ms();
		OK(t_call(NULL, counter, "sleep-ms", "20", NULL, NULL, &t_err));
		assert_true(t_now_ms() - start >= 19);
	}
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	bh_cancel_free(from_signal);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	counter = t_load(host, "counter.wasm", NULL);
	reader = t_load(host, "readstdin.wasm", NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component_unref(counter);
	bh_component_unref(reader);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_another_thread),
		cmocka_unit_test(before_the_call),
		cmocka_unit_test(on_a_live_instance),
		cmocka_unit_test(many_calls_one_token),
		cmocka_unit_test(storm),
		cmocka_unit_test(from_a_signal_handler),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
