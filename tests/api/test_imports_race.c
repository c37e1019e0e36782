// test: timeout=120
/* Answers and the ends of calls at the same moment, over and over: limits, deadlines, tokens, owners, hosts. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "imports.h"

/* How often; each takes a millisecond or two. */
enum { ROUNDS = 400, ANSWERERS = 2 };

/* What the answering threads take from; the host function puts it there. */
static _Atomic(bh_completion *) box[ANSWERERS];
static _Atomic unsigned posted;
static _Atomic bool stop;
static _Atomic int told, gone;

/* What on_cancel is given: freed as soon as the completion is. */
typedef struct {
	int told;
} job;

static void cancelled(void *data)
{
	((job *)data)->told++;
	atomic_fetch_add(&told, 1);
}

static void post(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	bh_completion *none = NULL;
	unsigned place = atomic_fetch_add(&posted, 1) % ANSWERERS;
	if (!atomic_compare_exchange_strong(&box[place], &none, completion))
		bh_completion_fail(completion, BH_E_BUSY, "the other one is still at it");
}

static void wait_a_little(unsigned *seed)
{
	double until = t_now_ms() + (double)(rand_r(seed) % 3000) / 1000;
	while (t_now_ms() < until)
		sched_yield();
}

static void *answer(void *data)
{
	unsigned which = (unsigned)(uintptr_t)data, seed = which + 1;
	while (!atomic_load(&stop)) {
		bh_completion *completion = atomic_exchange(&box[which], NULL);
		if (!completion) {
			sched_yield();
			continue;
		}
		job *mine = calloc(1, sizeof *mine);
		EXPECT(mine);
		bh_completion_on_cancel(completion, cancelled, mine);
		wait_a_little(&seed);
		atomic_fetch_add(&gone, bh_completion_cancelled(completion));
		bh_value number = bh_of_u32(1);
		if (rand_r(&seed) % 4)
			bh_completion_finish(completion, &number);
		else
			bh_completion_drop(completion);
		EXPECT(mine->told <= 1);
		free(mine);
	}
	return NULL;
}

static pthread_t answerers[ANSWERERS];

static int begin(void **state)
{
	host_begin(state);
	for (uintptr_t i = 0; i < ANSWERERS; i++)
		EXPECT(pthread_create(&answerers[i], NULL, answer, (void *)i) == 0);
	return 0;
}

static int end(void **state)
{
	atomic_store(&stop, true);
	for (int i = 0; i < ANSWERERS; i++)
		pthread_join(answerers[i], NULL);
	for (int i = 0; i < ANSWERERS; i++)
		bh_completion_drop(atomic_exchange(&box[i], NULL));
	return host_end(state);
}

static bh_component *load(uint64_t execution_ms)
{
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", post, NULL);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = execution_ms;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	return component;
}

/* Whatever comes first. */
static void some_end(bh_status status)
{
	EXPECT(status == BH_OK || status == BH_E_TIMEOUT || status == BH_E_DEADLINE || status == BH_E_CANCELLED ||
	       status == BH_E_HOST_FUNCTION || status == BH_E_POISONED);
}

static void limits(void **state)
{
	(void)state;
	bh_component *component = load(1);
	for (int i = 0; i < ROUNDS; i++)
		some_end(t_call(NULL, component, "number", "1", NULL, NULL, NULL));
	bh_component_unref(component);
	assert_true(told > 0);
}

static void deadlines(void **state)
{
	(void)state;
	bh_component *component = load(10000);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 1;
	for (int i = 0; i < ROUNDS; i++)
		some_end(t_call(NULL, component, "number", "1", &options, NULL, NULL));
	/* On live instances, which go on without their callers. */
	bh_export *number = t_find(component, "number");
	for (int i = 0; i < ROUNDS / 4; i++) {
		bh_instance *instance = t_instance(component);
		for (int j = 0; j < 4; j++)
			some_end(t_call_live(NULL, instance, number, "1", &options, NULL, NULL));
		bh_instance_free(instance);
	}
	bh_export_free(number);
	bh_component_unref(component);
}

static void *fire_soon(void *cancel)
{
	unsigned seed = (unsigned)(uintptr_t)cancel;
	wait_a_little(&seed);
	bh_cancel_fire(cancel);
	return NULL;
}

static void tokens(void **state)
{
	(void)state;
	bh_component *component = load(10000);
	for (int i = 0; i < ROUNDS / 4; i++) {
		bh_cancel *cancel = NULL;
		OK(bh_cancel_new(&cancel, &t_err));
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.cancel = cancel;
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, fire_soon, cancel), 0);
		some_end(t_call(NULL, component, "number", "1", &options, NULL, NULL));
		pthread_join(thread, NULL);
		bh_cancel_free(cancel);
	}
	bh_component_unref(component);
}

/* Calls of the executor, cancelled in the middle; each time with a host that goes at the end. */
static void hosts(void **state)
{
	(void)state;
	enum { CALLS = 8 };
	unsigned seed = 7;
	for (int i = 0; i < ROUNDS / 20; i++) {
		bh_host *other = t_host();
		bh_imports *imports = t_all_but("number");
		t_define_async(imports, "number", post, NULL);
		bh_component_options options = t_linked(imports);
		options.limits.execution_ms = 1 + i % 3;
		bh_component *component = NULL;
		OK(bh_component_load_bytes(&component, other, t_caller_text, strlen(t_caller_text), &options, &t_err));
		bh_imports_free(imports);
		bh_export *number = t_find(component, "number");
		bh_call *calls[CALLS];
		bh_value arg = bh_of_u32(1);
		for (int j = 0; j < CALLS; j++)
			OK(bh_call_start(&calls[j], number, NULL, &arg, 1, NULL, &t_err));
		wait_a_little(&seed);
		for (int j = 0; j < CALLS; j++) {
			if (j % 2)
				bh_call_cancel(calls[j], BH_CANCEL_KILL);
			else
				some_end(bh_call_wait(calls[j], NULL, NULL, NULL));
			bh_call_free(calls[j]);
		}
		bh_export_free(number);
		bh_component_unref(component);
		bh_host_free(other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(tokens),
		cmocka_unit_test(hosts),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
