// test: timeout=60
/*
 * No address space, or no maps, left for one more instance: that is told as what it is, harms nobody who is there, and is
 * over as soon as somebody goes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "async_tools.h"

/* With a memory, which is what reserves. */
static const char guest[] =
	"(component (core module $m (memory 1) (func (export \"run\") (result i32) (i32.const 5)))\n"
	"(core instance $i (instantiate $m))\n"
	"(func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))";

static void assert_told(void)
{
	assert_true(t_says("no address space, maps or memory"));
	assert_true(t_says("vm.max_map_count"));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_NONE);
	assert_true(bh_error_cause_count(t_err) > 0);
}

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Fresh and live, called and started, all at once: nobody gets another error than that there is no room. */
static void without_address_space(void **state)
{
	(void)state;
	enum { MOST = 32, FIT = 4, CALLS = 100 };
	static bh_call *calls[CALLS];
	bh_instance *instances[MOST] = {0};
	bh_host *host = host_with(2, 0);
	bh_component *component = t_load_text(host, guest, NULL);
	bh_export *next = t_find(component, bh_component_export_at(component, 0)->name);
	OK(bh_export_call(next, NULL, 0, NULL, NULL, NULL, &t_err)); /* workers and ticker are there */
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	small = before;
	small.rlim_cur = address_space() + FIT * BH_GIB(5);
	assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
	int made = 0;
	bh_status status = BH_OK;
	while (!status && made < MOST) {
		t_begin();
		status = bh_instance_new(&instances[made], component, NULL, &t_err);
		made += !status;
	}
	assert_int_equal(status, BH_E_NO_MEMORY);
	assert_true(made >= 1 && made < MOST);
	assert_told();
	FAILS(BH_E_NO_MEMORY, bh_export_call(next, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_told();
	for (int i = 0; i < made; i++)
		OK(bh_instance_call(instances[i], next, NULL, 0, NULL, NULL, NULL, &t_err));
	bh_instance_free(instances[--made]);
	for (int i = 0; i < CALLS; i++)
		OK(bh_call_start(&calls[i], next, NULL, NULL, 0, NULL, &t_err));
	int good = 0;
	for (int i = 0; i < CALLS; i++) {
		t_begin();
		status = bh_call_wait(calls[i], NULL, NULL, &t_err);
		assert_true(!status || status == BH_E_NO_MEMORY);
		good += !status;
		bh_call_free(calls[i]);
	}
	assert_true(good > 0);
	OK(bh_export_call(next, NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	while (made)
		bh_instance_free(instances[--made]);
	bh_export_free(next);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
}

/* Without room for a stack a call on a live instance fails before it begins, and the instance stays as it is. */
static void without_room_for_a_stack(void **state)
{
	(void)state;
	enum { ROUNDS = 3 };
	bh_host *host = host_with(1, 0);
	bh_limits limits = t_limits();
	limits.stack = BH_MIB(64);
	bh_component *component = t_load_text(host, guest, &limits);
	bh_export *run = t_find(component, "run");
	bh_instance *instance = t_instance(component);
	bh_call *call = NULL;
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	OK(bh_call_start(&call, run, NULL, NULL, 0, NULL, &t_err)); /* the worker is there */
	OK(bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	for (int i = 0; i < ROUNDS; i++) {
		small = before;
		small.rlim_cur = address_space() + BH_MIB(16);
		assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
		OK(bh_call_start(&call, run, instance, NULL, 0, NULL, &t_err));
		FAILS(BH_E_NO_MEMORY, bh_call_wait(call, NULL, NULL, &t_err));
		bh_call_free(call);
		assert_told();
		assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
		assert_true(bh_instance_usable(instance));
	}
	OK(bh_call_start(&call, run, instance, NULL, 0, NULL, &t_err));
	OK(bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	bh_instance_free(instance);
	bh_export_free(run);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
}

/* Maps are used up one by one, by pages that the next page may not be joined with. */

typedef struct {
	char *pages;
	size_t page, split, count;
} burnt;

static bool burn_one(burnt *b)
{
	if (b->split == b->count || mprotect(b->pages + b->split * 2 * b->page, b->page, PROT_READ))
		return false;
	b->split++;
	return true;
}

static void give_one_back(burnt *b)
{
	b->split--;
	assert_int_equal(mprotect(b->pages + b->split * 2 * b->page, b->page, PROT_NONE), 0);
}

static void without_maps(void **state)
{
	(void)state;
	enum { COUNT = 100000, ROOM = 40 };
	bh_host *host = host_with(2, 0);
	bh_component *component = t_load_text(host, guest, NULL);
	bh_export *next = t_find(component, bh_component_export_at(component, 0)->name);
	OK(bh_export_call(next, NULL, 0, NULL, NULL, NULL, &t_err));
	burnt b = {.page = (size_t)sysconf(_SC_PAGESIZE), .count = COUNT};
	b.pages = mmap(NULL, b.page * 2 * COUNT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(b.pages != MAP_FAILED);
	while (burn_one(&b))
		;
	bool used_up = b.split < b.count;
	unsigned none = 0, good = 0;
	for (int room = 0; used_up && room < ROOM; room++) {
		bh_instance *instance = NULL;
		t_begin();
		bh_status status = bh_instance_new(&instance, component, NULL, &t_err);
		bh_instance_free(instance);
		good += !status;
		none += status == BH_E_NO_MEMORY;
		if (status)
			assert_told();
		assert_true(!status || status == BH_E_NO_MEMORY);
		give_one_back(&b);
	}
	munmap(b.pages, b.page * 2 * COUNT);
	OK(bh_export_call(next, NULL, 0, NULL, NULL, NULL, &t_err));
	bh_export_free(next);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
	if (!used_up)
		skip(); /* vm.max_map_count is out of reach here */
	assert_true(none > 0 && good > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(without_address_space),
	                                   cmocka_unit_test(without_room_for_a_stack), cmocka_unit_test(without_maps)};
	if (t_slack() > 5)
		return 77; /* sanitizers need the address space themselves */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
