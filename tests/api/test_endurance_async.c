// test: timeout=1500 labels=slow,nosanitize,alone
/* 1,000,000 calls on the executor, of which a third trap and a third time out: the process stays as large as it was. */
#include "async_tools.h"

#ifndef CALLS
#define CALLS 1000000
#endif

enum { AT_ONCE = 900, SETTLE = 10 };

typedef struct {
	bh_component *component;
	bh_export *export_;
	bh_value args[2];
	size_t count;
	bh_status status;
} kind;

typedef struct {
	kind kinds[3];
	_Atomic unsigned started, told, wrong;
} endurance;

static void next_call(endurance *e);

typedef struct {
	endurance *all;
	const kind *kind;
} one;

static one ones[3];

static void ended(void *data, bh_call *call)
{
	const one *o = data;
	bh_value result = BH_VALUE_INIT;
	if (bh_call_take(call, &result, NULL, NULL) != o->kind->status)
		atomic_fetch_add(&o->all->wrong, 1);
	bh_value_deinit(&result);
	next_call(o->all);
	atomic_fetch_add(&o->all->told, 1);
}

static void next_call(endurance *e)
{
	unsigned number = atomic_fetch_add(&e->started, 1);
	if (number >= CALLS)
		return;
	const kind *k = &e->kinds[number % 3];
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = ended;
	options.done_data = &ones[number % 3];
	EXPECT(bh_call_start(NULL, k->export_, NULL, k->args, k->count, &options, NULL) == BH_OK);
}

static void prepare(kind *k, bh_host *host, const char *guest, const char *name, uint64_t execution_ms,
                    bh_status status)
{
	bh_limits limits = t_limits();
	limits.execution_ms = execution_ms;
	limits.queue_ms = 600000;
	k->component = t_load(host, guest, &limits);
	k->export_ = t_find(k->component, name);
	k->status = status;
}

/* As many as there are at once are in slots at once: what the heap and the pool ever need is there then, and stays. */
static void fill(bh_host *host)
{
	tally t = {0};
	bh_call_options options = telling(&t);
	bh_component *counter = t_load(host, "counter.wasm", NULL);
	bh_export *sleeps = t_find(counter, "sleep-ms");
	const bh_value ms = bh_of_u32(500);
	for (int i = 0; i < AT_ONCE; i++)
		OK(bh_call_start(NULL, sleeps, NULL, &ms, 1, &options, &t_err));
	wait_told(&t, AT_ONCE);
	assert_int_equal(t.good, AT_ONCE);
	bh_export_free(sleeps);
	bh_component_unref(counter);
}

static void a_million(void **state)
{
	(void)state;
	bh_host *host = host_with(2, 1000);
	fill(host);
	endurance e = {0};
	prepare(&e.kinds[0], host, "wat/adder.wat", "add", 60000, BH_OK);
	prepare(&e.kinds[1], host, "wat/unreachable.wat", "run", 60000, BH_E_TRAP);
	prepare(&e.kinds[2], host, "counter.wasm", "sleep-ms", 1, BH_E_TIMEOUT);
	e.kinds[0].args[0] = e.kinds[0].args[1] = bh_of_s32(1);
	e.kinds[0].count = 2;
	e.kinds[2].args[0] = bh_of_u32(60000);
	e.kinds[2].count = 1;
	for (int i = 0; i < 3; i++)
		ones[i] = (one){&e, &e.kinds[i]};
	double start = t_now_ms();
	for (int i = 0; i < AT_ONCE; i++)
		next_call(&e);
	size_t settled = 0, descriptors = 0;
	while (atomic_load(&e.told) < CALLS) {
		t_sleep_ms(5);
		if (!settled && atomic_load(&e.told) >= CALLS / SETTLE) {
			settled = t_rss();
			descriptors = t_descriptors();
		}
	}
	size_t rss = t_rss();
	printf("%d calls in %.1f s: %zu KiB after a tenth, %zu KiB at the end; %zu descriptors, then %zu\n", CALLS,
	       (t_now_ms() - start) / 1000, settled / 1024, rss / 1024, descriptors, t_descriptors());
	assert_int_equal(atomic_load(&e.wrong), 0);
	assert_in_range(rss, 0, settled + settled / 200);
	assert_in_range(t_descriptors(), 0, descriptors);
	OK(bh_host_drain(host, BH_UNLIMITED, &t_err));
	for (int i = 0; i < 3; i++) {
		bh_export_free(e.kinds[i].export_);
		bh_component_unref(e.kinds[i].component);
	}
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_million)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
