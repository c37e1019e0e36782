// test: timeout=60
/*
 * Calls that take the turn of a live instance without a lock, among all that may come meanwhile: others that wait, traps,
 * time limits, and an owner who kills or frees it.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "async_tools.h"
#include "one_host.h"

typedef struct {
	bh_instance *instance;
	bh_export *count, *spin, *trap;
	_Atomic bool stop;
	_Atomic unsigned counted, poisoned, trapped, other;
	bool with_usage; /* not the quick way */
} scene;

static bh_component *component;

static void set_up(scene *s, uint64_t execution_ms)
{
	bh_limits limits = t_limits();
	limits.fuel = BH_UNLIMITED;
	limits.execution_ms = execution_ms;
	component = t_load(host, "wat/tally.wat", &limits);
	*s = (scene){.instance = t_instance(component)};
	s->count = t_find(component, "count");
	s->spin = t_find(component, "spin");
	s->trap = t_find(component, "trap");
}

static void tear_down(scene *s)
{
	bh_instance_free(s->instance);
	bh_export_free(s->count);
	bh_export_free(s->spin);
	bh_export_free(s->trap);
	bh_component_unref(component);
}

static void once(scene *s, bh_export *export_, bool with_usage)
{
	bh_usage usage = BH_USAGE_INIT;
	bh_error *err = NULL;
	bh_status status = bh_instance_call(s->instance, export_, NULL, 0, NULL, NULL, with_usage ? &usage : NULL, &err);
	bh_error_free(err);
	atomic_fetch_add(status == BH_OK           ? &s->counted
	                 : status == BH_E_POISONED ? &s->poisoned
	                 : status == BH_E_TRAP     ? &s->trapped
	                                           : &s->other,
	                 1);
}

static void *quickly(void *data)
{
	scene *s = data;
	while (!atomic_load(&s->stop))
		once(s, s->count, false);
	return NULL;
}

static void *slowly(void *data)
{
	scene *s = data;
	while (!atomic_load(&s->stop))
		once(s, s->count, true);
	return NULL;
}

enum { THREADS = 4 };

static void begin(scene *s, pthread_t *threads)
{
	for (int i = 0; i < THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, i % 2 ? quickly : slowly, s));
}

static void end(scene *s, pthread_t *threads)
{
	atomic_store(&s->stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* None is lost, none runs beside another: the guest has counted each of them once. */
static void in_turn(void **state)
{
	(void)state;
	scene s;
	pthread_t threads[THREADS];
	set_up(&s, 30000);
	tally t = {0};
	bh_call_options options = telling(&t);
	begin(&s, threads);
	for (unsigned i = 0; i < 500; i++) {
		OK(bh_call_start(NULL, s.count, s.instance, NULL, 0, &options, &t_err));
		if (i % 50 == 0)
			t_sleep_ms(2);
	}
	wait_told(&t, 500);
	t_sleep_ms(200);
	end(&s, threads);
	assert_int_equal(t.good, 500);
	assert_int_equal(s.poisoned + s.trapped + s.other, 0);
	assert_true(s.counted > 100);
	assert_int_equal(t_number_live(s.instance, component, "count", ""), s.counted + 500 + 1);
	tear_down(&s);
}

/* One call traps; those that wait, and those that come, are told; nothing else happens to them. */
static void a_trap_meanwhile(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		scene s;
		pthread_t threads[THREADS];
		set_up(&s, 30000);
		begin(&s, threads);
		t_sleep_ms(2);
		once(&s, s.trap, round % 2);
		t_sleep_ms(2);
		end(&s, threads);
		assert_int_equal(s.trapped, 1);
		assert_int_equal(s.other, 0);
		assert_false(bh_instance_usable(s.instance));
		FAILS(BH_E_POISONED, bh_instance_call(s.instance, s.count, NULL, 0, NULL, NULL, NULL, &t_err));
		tear_down(&s);
	}
}

static void its_time_limit(void **state)
{
	(void)state;
	scene s;
	set_up(&s, 50);
	double before = t_now_ms();
	FAILS(BH_E_TIMEOUT, bh_instance_call(s.instance, s.spin, NULL, 0, NULL, NULL, NULL, &t_err));
	double took = t_now_ms() - before;
	assert_true(took >= 50 && took < 60 + 500 * t_slack());
	t_names_limit(BH_LIMIT_EXECUTION_TIME, 50);
	FAILS(BH_E_POISONED, bh_instance_call(s.instance, s.count, NULL, 0, NULL, NULL, NULL, &t_err));
	tear_down(&s);
}

typedef struct {
	scene *scene;
	bh_status status;
	_Atomic bool begun;
} spinner;

static void *spin(void *data)
{
	spinner *s = data;
	atomic_store(&s->begun, true);
	s->status = bh_instance_call(s->scene->instance, s->scene->spin, NULL, 0, NULL, NULL, NULL, NULL);
	return NULL;
}

/* Its owner gives it up, or kills it, while a quick call runs. */
static void its_owner_leaves(void **state)
{
	(void)state;
	for (int kill = 0; kill < 2; kill++) {
		scene s;
		pthread_t thread;
		set_up(&s, 30000);
		spinner spinning = {.scene = &s};
		EXPECT(!pthread_create(&thread, NULL, spin, &spinning));
		while (!atomic_load(&spinning.begun))
			t_sleep_ms(1);
		t_sleep_ms(20);
		if (kill)
			bh_instance_kill(s.instance);
		else
			bh_instance_free(s.instance);
		if (!kill)
			s.instance = NULL;
		pthread_join(thread, NULL);
		assert_int_equal(spinning.status, BH_E_CANCELLED);
		tear_down(&s);
	}
}

static uint64_t calls_so_far(bool whole)
{
	bh_stats_snapshot *snapshot = NULL;
	OK(bh_stats_snapshot_new(&snapshot, host, &t_err));
	const bh_stats_entry *all = bh_stats_host(snapshot);
	uint64_t calls = all->calls;
	if (whole) {
		assert_int_equal(all->time.count, calls);
		assert_true(all->time.sum_ns > 0);
		assert_int_equal(all->in_flight, 0);
	}
	bh_stats_snapshot_free(snapshot);
	return calls;
}

/* Not each is measured by itself: the sums are whole all the same. */
static void are_counted(void **state)
{
	(void)state;
	scene s;
	uint64_t before = calls_so_far(false);
	set_up(&s, 30000);
	for (int i = 0; i < 1000; i++)
		once(&s, s.count, false);
	assert_int_equal(calls_so_far(true) - before, 1000);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_turn),          cmocka_unit_test(a_trap_meanwhile), cmocka_unit_test(its_time_limit),
		cmocka_unit_test(its_owner_leaves), cmocka_unit_test(are_counted),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
