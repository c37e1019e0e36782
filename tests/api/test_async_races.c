// test: timeout=300
/* Completion, cancellation, waiting and freeing at the same moment, from several threads. */
#include <pthread.h>
#include <stdlib.h>

#include "async_tools.h"

#ifndef ROUNDS
#define ROUNDS 5000
#endif

static bh_host *host;
static bh_component *adder;
static bh_export *add;

static int begin(void **state)
{
	(void)state;
	host = host_with(2, 50);
	adder = t_load(host, "wat/adder.wat", NULL);
	add = t_find(adder, "add");
	return 0;
}

static int end(void **state)
{
	(void)state;
	bh_export_free(add);
	bh_component_unref(adder);
	bh_host_free(host);
	return 0;
}

static void pause_a_little(unsigned *seed)
{
	for (volatile int i = rand_r(seed) % 3000; i > 0; i--)
		;
}

static void *cancel(void *data)
{
	bh_call *call = data;
	static _Atomic unsigned seeds;
	unsigned seed = atomic_fetch_add(&seeds, 1);
	pause_a_little(&seed);
	bh_call_cancel(call, rand_r(&seed) % 2 ? BH_CANCEL_KILL : BH_CANCEL_ABANDON);
	bh_call_free(call);
	return NULL;
}

typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	bh_call *next;
	bool stop;
} hand_over;

static void *canceller(void *data)
{
	hand_over *h = data;
	pthread_mutex_lock(&h->lock);
	for (;;) {
		while (!h->next && !h->stop)
			pthread_cond_wait(&h->more, &h->lock);
		if (!h->next)
			break;
		bh_call *call = h->next;
		h->next = NULL;
		pthread_cond_broadcast(&h->more);
		pthread_mutex_unlock(&h->lock);
		cancel(call);
		pthread_mutex_lock(&h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* Each call is told of once, with one of two ends. */
static void cancelled_as_it_completes(void **state)
{
	(void)state;
	hand_over h = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};
	pthread_t thread;
	tally t = {0};
	bh_call_options options = telling(&t);
	bh_value args[2] = {bh_of_s32(1), bh_of_s32(2)};
	assert_int_equal(pthread_create(&thread, NULL, canceller, &h), 0);
	for (int i = 0; i < ROUNDS; i++) {
		bh_call *call = NULL;
		OK(bh_call_start(&call, add, NULL, args, 2, &options, &t_err));
		pthread_mutex_lock(&h.lock);
		while (h.next)
			pthread_cond_wait(&h.more, &h.lock);
		h.next = call;
		pthread_cond_broadcast(&h.more);
		pthread_mutex_unlock(&h.lock);
	}
	pthread_mutex_lock(&h.lock);
	h.stop = true;
	pthread_cond_broadcast(&h.more);
	pthread_mutex_unlock(&h.lock);
	pthread_join(thread, NULL);
	wait_told(&t, ROUNDS);
	assert_int_equal(t.good + t.by_status[BH_E_CANCELLED], ROUNDS);
	print_message("%u done, %u cancelled\n", t.good, t.by_status[BH_E_CANCELLED]);
}

static void *caller(void *data)
{
	(void)data;
	bh_value args[2] = {bh_of_s32(40), bh_of_s32(2)}, result = BH_VALUE_INIT;
	for (int i = 0; i < ROUNDS / 5; i++) {
		bh_call *call = NULL;
		EXPECT(bh_call_start(&call, add, NULL, args, 2, NULL, NULL) == BH_OK);
		EXPECT(bh_call_wait(call, &result, NULL, NULL) == BH_OK);
		EXPECT(result.as.s32 == 42);
		bh_call_free(call);
		EXPECT(bh_export_call(add, args, 2, &result, NULL, NULL, NULL) == BH_OK);
	}
	return NULL;
}

/* Threads that start and wait, and threads that call, all at once. */
static void from_many_threads(void **state)
{
	(void)state;
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancelled_as_it_completes),
		cmocka_unit_test(from_many_threads),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
