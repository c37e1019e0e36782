// test: timeout=60 labels=nosanitize cost=6 waits
/* What an idle host gives back, and when: after its delay, where nothing is live, once. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"

enum { GUESTS = 250, IDLE_MS = 200 };

/*
 * `use` writes all over the memory and deep into the stack, after it has counted the words that are not as declared.
 */
static const char guest[] =
	"(component (core module $m (memory 16) (data (i32.const 4096) \"imageimg\")"
	" (func $deep (param i32 i64 i64) (result i64) (if (result i64) (local.get 0)"
	"  (then (i64.add (local.get 1) (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 2) (local.get 1))))"
	"  (else (local.get 2))))"
	" (func (export \"use\") (result i32) (local $at i32) (local $count i32)"
	"  (loop $words"
	"   (local.set $count (i32.add (local.get $count) (i64.ne (i64.load (local.get $at))"
	"    (select (i64.const 0x676d696567616d69) (i64.const 0) (i32.eq (local.get $at) (i32.const 4096))))))"
	"   (local.set $at (i32.add (local.get $at) (i32.const 8)))"
	"   (br_if $words (i32.lt_u (local.get $at) (i32.const 0x100000))))"
	"  (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 0x100000))"
	"  (drop (call $deep (i32.const 4000) (i64.const -1) (i64.const 3)))"
	"  (local.get $count)))"
	" (core instance $i (instantiate $m))"
	" (func (export \"use\") (result u32) (canon lift (core func $i \"use\"))))";

static bh_instance *instances[GUESTS];

static uint64_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	EXPECT(file && fscanf(file, "%lu %lu", &size, &pages) == 2);
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bh_host *host_with(uint64_t idle_ms)
{
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_POOLED;
	options.pool_slots = GUESTS;
	options.idle_ms = idle_ms;
	OK(bh_host_new(&host, &options, &t_err));
	return host;
}

/* Many at once, each finding nothing of those before. */
static void rush(bh_component *component, bh_export *use)
{
	for (int i = 0; i < GUESTS; i++) {
		bh_value count = BH_VALUE_INIT;
		instances[i] = t_instance(component);
		OK(bh_instance_call(instances[i], use, NULL, 0, &count, NULL, NULL, &t_err));
		assert_int_equal(count.as.u32, 0);
	}
}

static void leave(void)
{
	for (int i = 0; i < GUESTS; i++) {
		bh_instance_free(instances[i]);
		instances[i] = NULL;
	}
}

/* Whether it comes down to so much within seconds. */
static bool comes_down_to(uint64_t bytes)
{
	for (double until = t_now_ms() + 5000 * t_slack(); t_now_ms() < until; t_sleep_ms(50))
		if (resident() < bytes)
			return true;
	fprintf(stderr, "still resident: %llu MiB of %llu\n", (unsigned long long)resident() >> 20,
	        (unsigned long long)bytes >> 20);
	return false;
}

static void after_a_rush(void **state)
{
	(void)state;
	bh_host *host = host_with(IDLE_MS);
	bh_component *component = t_load_text(host, guest, NULL);
	bh_export *use = t_find(component, "use");
	assert_int_equal(t_number(component, "use", ""), 0);
	uint64_t before = resident();
	for (int i = 0; i < 2; i++) {
		rush(component, use);
		leave();
		assert_true(resident() > before + BH_MIB(150));
		assert_true(comes_down_to(before + BH_MIB(12)));
	}
	t_sleep_ms(200); /* it is going back to sleep */
	uint64_t quiet = t_sleeps();
	t_sleep_ms(3 * IDLE_MS);
	assert_int_equal(t_sleeps(), quiet);
	assert_int_equal(t_number(component, "use", ""), 0);
	bh_export_free(use);
	bh_component_unref(component);
	bh_host_free(host);
}

/* One that lives holds the pool, however idle; when it goes, no call having been made for long, its time begins. */
static void not_before_the_last_has_gone(void **state)
{
	(void)state;
	bh_host *host = host_with(IDLE_MS);
	bh_component *component = t_load_text(host, guest, NULL);
	bh_export *use = t_find(component, "use");
	bh_instance *last = t_instance(component);
	bh_value count = BH_VALUE_INIT;
	uint64_t before = resident();
	OK(bh_instance_call(last, use, NULL, 0, &count, NULL, NULL, &t_err));
	for (int i = 1; i < GUESTS; i++) {
		instances[i] = t_instance(component);
		OK(bh_instance_call(instances[i], use, NULL, 0, NULL, NULL, NULL, &t_err));
	}
	leave();
	t_sleep_ms(3 * IDLE_MS);
	assert_true(resident() > before + BH_MIB(100));
	OK(bh_instance_call(last, use, NULL, 0, &count, NULL, NULL, &t_err));
	assert_int_equal(count.as.u32, 0x100000 / 8); /* its own memory is as it left it */
	t_sleep_ms(3 * IDLE_MS);
	bh_instance_free(last);
	assert_true(comes_down_to(before + BH_MIB(12)));
	bh_export_free(use);
	bh_component_unref(component);
	bh_host_free(host);
}

static void never_where_it_is_not_wanted(void **state)
{
	(void)state;
	bh_host *host = host_with(BH_UNLIMITED);
	bh_component *component = t_load_text(host, guest, NULL);
	bh_export *use = t_find(component, "use");
	rush(component, use);
	leave();
	uint64_t kept = resident();
	t_sleep_ms(3 * IDLE_MS);
	assert_true(resident() > kept - BH_MIB(20));
	bh_export_free(use);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	if (t_slack() > 5)
		return 77; /* sanitizers keep what is freed */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_rush),
		cmocka_unit_test(not_before_the_last_has_gone),
		cmocka_unit_test(never_where_it_is_not_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
