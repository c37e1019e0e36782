/* Resource handles: who owns what, when the guest's destructor runs, and what a stale handle does. */
#include "api.h"

static bh_host *host;
static bh_component *counter;

#define BAGS "bulkhead:guests/bags#"

typedef struct {
	bh_instance *instance;
	bh_export *make, *add, *count, *items, *merge, *total, *pass, *live;
} bags;

static bags open_bags(void)
{
	return (bags){
		.instance = t_instance(counter),
		.make = t_find(counter, BAGS "[constructor]bag"),
		.add = t_find(counter, BAGS "[method]bag.add"),
		.count = t_find(counter, BAGS "[method]bag.count"),
		.items = t_find(counter, BAGS "[method]bag.items"),
		.merge = t_find(counter, BAGS "[static]bag.merge"),
		.total = t_find(counter, BAGS "total"),
		.pass = t_find(counter, BAGS "pass"),
		.live = t_find(counter, BAGS "live"),
	};
}

static void close_bags(bags *b)
{
	bh_export *all[] = {b->make, b->add, b->count, b->items, b->merge, b->total, b->pass, b->live};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		bh_export_free(all[i]);
	bh_instance_free(b->instance);
}

static bh_value new_bag(bags *b)
{
	bh_value bag = BH_VALUE_INIT;
	OK(bh_instance_call(b->instance, b->make, NULL, 0, &bag, NULL, NULL, &t_err));
	assert_int_equal(bag.kind, BH_KIND_OWN);
	assert_non_null(bag.as.resource);
	return bag;
}

static void add(bags *b, const bh_value *bag, const char *item)
{
	bh_value args[] = {bh_of_resource(bag->as.resource), BH_STRING(item)};
	OK(bh_instance_call(b->instance, b->add, args, 2, NULL, NULL, NULL, &t_err));
}

static uint32_t ask(bags *b, bh_export *what, const bh_value *args, size_t count)
{
	bh_value result = BH_VALUE_INIT;
	OK(bh_instance_call(b->instance, what, args, count, &result, NULL, NULL, &t_err));
	return result.as.u32;
}

static uint32_t live(bags *b)
{
	return ask(b, b->live, NULL, 0);
}

static void borrowed_handles_stay(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = new_bag(&b), other = new_bag(&b), items = BH_VALUE_INIT;
	add(&b, &bag, "one");
	add(&b, &bag, "two");
	add(&b, &other, "three");
	assert_int_equal(ask(&b, b.count, &bag, 1), 2);
	bh_value list[] = {bag, other, bag}, all = bh_of_list(list, 3);
	assert_int_equal(ask(&b, b.total, &all, 1), 5);
	all.as.list.count = 0;
	assert_int_equal(ask(&b, b.total, &all, 1), 0);
	OK(bh_instance_call(b.instance, b.items, &bag, 1, &items, NULL, NULL, &t_err));
	assert_string_equal(bh_value_string(&items.as.list.items[1]), "two");
	bh_value_deinit(&items);
	/* The kind BORROW is as good where a borrow is wanted. */
	bh_value as_borrow = bag;
	as_borrow.kind = BH_KIND_BORROW;
	assert_int_equal(ask(&b, b.count, &as_borrow, 1), 2);
	FAILS(BH_E_TYPE, bh_instance_call(b.instance, b.pass, &as_borrow, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(live(&b), 2);
	bh_value_deinit(&bag);
	bh_value_deinit(&other);
	close_bags(&b);
}

static void drop_runs_the_destructor_once(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = new_bag(&b), copy = BH_VALUE_INIT;
	OK(bh_value_copy(&copy, &bag, &t_err));
	assert_true(bh_value_equal(&bag, &copy));
	assert_int_equal(live(&b), 1);
	OK(bh_resource_drop(bag.as.resource, &t_err));
	assert_int_equal(live(&b), 0);
	FAILS(BH_E_INVALID, bh_resource_drop(copy.as.resource, &t_err));
	FAILS(BH_E_INVALID, bh_resource_drop(bag.as.resource, &t_err));
	FAILS(BH_E_INVALID, bh_resource_drop(NULL, &t_err));
	FAILS(BH_E_INVALID, bh_instance_call(b.instance, b.count, &bag, 1, NULL, NULL, NULL, &t_err));
	assert_true(t_says("dropped or passed on"));
	assert_true(bh_instance_usable(b.instance));
	assert_int_equal(live(&b), 0);
	bh_value_deinit(&bag);
	bh_value_deinit(&copy);
	bh_resource_unref(NULL);
	/* Letting go without dropping runs no destructor. */
	bag = new_bag(&b);
	bh_value_deinit(&bag);
	assert_int_equal(live(&b), 1);
	close_bags(&b);
}

static void passing_on_as_own_takes_it_away(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value one = new_bag(&b), two = new_bag(&b), merged = BH_VALUE_INIT, passed = BH_VALUE_INIT;
	add(&b, &one, "a");
	add(&b, &two, "b");
	bh_value both[] = {one, two};
	OK(bh_instance_call(b.instance, b.merge, both, 2, &merged, NULL, NULL, &t_err));
	assert_int_equal(ask(&b, b.count, &merged, 1), 2);
	assert_int_equal(live(&b), 1);
	FAILS(BH_E_INVALID, bh_instance_call(b.instance, b.count, &one, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_resource_drop(two.as.resource, &t_err));
	OK(bh_instance_call(b.instance, b.pass, &merged, 1, &passed, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_instance_call(b.instance, b.pass, &merged, 1, NULL, NULL, NULL, &t_err));
	assert_false(bh_value_equal(&merged, &passed));
	assert_int_equal(ask(&b, b.count, &passed, 1), 2);
	OK(bh_resource_drop(passed.as.resource, &t_err));
	assert_int_equal(live(&b), 0);
	bh_value_deinit(&one);
	bh_value_deinit(&two);
	bh_value_deinit(&merged);
	bh_value_deinit(&passed);
	close_bags(&b);
}

/* The same handle given away twice in one call is the caller's mistake, and does not cost him the instance. */
static void given_away_twice(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = new_bag(&b), both[] = {bag, bag}, merged = BH_VALUE_INIT;
	FAILS(BH_E_INVALID, bh_instance_call(b.instance, b.merge, both, 2, &merged, NULL, NULL, &t_err));
	assert_true(t_says("twice"));
	assert_true(bh_instance_usable(b.instance));
	assert_int_equal(ask(&b, b.count, &bag, 1), 0);
	OK(bh_resource_drop(bag.as.resource, &t_err));
	bh_value_deinit(&bag);
	close_bags(&b);
}

/* A call that is refused takes no handle away. */
static void a_refused_call_takes_nothing(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = new_bag(&b), bad[] = {bag, bh_of_u8(1)};
	FAILS(BH_E_TYPE, bh_instance_call(b.instance, b.merge, bad, 2, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_instance_call(b.instance, b.merge, bad, 1, NULL, NULL, NULL, &t_err));
	bh_value none = bh_of_resource(NULL);
	FAILS(BH_E_INVALID, bh_instance_call(b.instance, b.count, &none, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(ask(&b, b.count, &bag, 1), 0);
	OK(bh_resource_drop(bag.as.resource, &t_err));
	bh_value_deinit(&bag);
	close_bags(&b);
}

static void of_another_instance(void **state)
{
	(void)state;
	bags b = open_bags(), c = open_bags();
	bh_value bag = new_bag(&b), own = new_bag(&c), list[] = {own, bag}, nested = bh_of_list(list, 2);
	FAILS(BH_E_INVALID, bh_instance_call(c.instance, c.count, &bag, 1, NULL, NULL, NULL, &t_err));
	assert_true(t_says("another instance"));
	FAILS(BH_E_INVALID, bh_instance_call(c.instance, c.total, &nested, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_export_call(c.count, &bag, 1, NULL, NULL, NULL, &t_err));
	assert_true(bh_instance_usable(c.instance));
	assert_int_equal(ask(&b, b.count, &bag, 1), 0);
	bh_value_deinit(&bag);
	bh_value_deinit(&own);
	close_bags(&b);
	close_bags(&c);
}

static void one_shot_calls_return_no_handles(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = BH_VALUE_INIT;
	FAILS(BH_E_UNSUPPORTED, bh_export_call(b.make, NULL, 0, &bag, NULL, NULL, &t_err));
	assert_true(t_says("bh_instance_new"));
	FAILS(BH_E_UNSUPPORTED, bh_component_call(counter, BAGS "[constructor]bag", NULL, 0, NULL, NULL, NULL, &t_err));
	char *text = NULL;
	bag = new_bag(&b);
	FAILS(BH_E_UNSUPPORTED, bh_value_to_wave(&text, &bag, &t_err));
	FAILS(BH_E_TYPE, bh_export_parse_args(&bag, b.count, "(1)", &t_err));
	bh_value_deinit(&bag);
	close_bags(&b);
}

/* A handle keeps its instance, component and host alive, and still works. */
static void handles_keep_the_instance(void **state)
{
	(void)state;
	bh_host *own_host = t_host();
	bh_component *component = t_load(own_host, "counter.wasm", NULL);
	bh_instance *instance = t_instance(component);
	bh_export *make = t_find(component, BAGS "[constructor]bag");
	bh_value bag = BH_VALUE_INIT, other = BH_VALUE_INIT;
	OK(bh_instance_call(instance, make, NULL, 0, &bag, NULL, NULL, &t_err));
	OK(bh_instance_call(instance, make, NULL, 0, &other, NULL, NULL, &t_err));
	bh_resource *again = bh_resource_ref(bag.as.resource);
	bh_export_free(make);
	bh_instance_free(instance);
	bh_component_unref(component);
	bh_host_free(own_host);
	OK(bh_resource_drop(again, &t_err));
	bh_value_deinit(&bag);
	FAILS(BH_E_INVALID, bh_resource_drop(again, &t_err));
	bh_resource_unref(again);
	bh_value_deinit(&other);
}

/* The instance is poisoned: its handles are dead, and letting them go is harmless. */
static void after_poison(void **state)
{
	(void)state;
	bags b = open_bags();
	bh_value bag = new_bag(&b);
	bh_export *crash_at = t_find(counter, "crash-at"), *increment = t_find(counter, "increment");
	bh_value one = bh_of_u32(1);
	OK(bh_instance_call(b.instance, crash_at, &one, 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TRAP, bh_instance_call(b.instance, increment, NULL, 0, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_POISONED, bh_resource_drop(bag.as.resource, &t_err));
	FAILS(BH_E_POISONED, bh_instance_call(b.instance, b.count, &bag, 1, NULL, NULL, NULL, &t_err));
	bh_export_free(crash_at);
	bh_export_free(increment);
	bh_value_deinit(&bag);
	close_bags(&b);
}

/* Destructors of the guest's that misbehave, run by the host. */
static void bad_destructors(void **state)
{
	(void)state;
	static const struct {
		const char *guest;
		bh_status status;
	} rows[] = {{"wat/destructor-trap.wat", BH_E_TRAP}, {"wat/destructor-spin.wat", BH_E_TIMEOUT}};
	bh_limits limits = t_limits();
	limits.execution_ms = 50;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_component *component = t_load(host, rows[i].guest, &limits);
		bh_instance *instance = t_instance(component);
		bh_export *make = t_find(component, "make");
		bh_value thing = BH_VALUE_INIT, other = BH_VALUE_INIT;
		OK(bh_instance_call(instance, make, NULL, 0, &thing, NULL, NULL, &t_err));
		OK(bh_instance_call(instance, make, NULL, 0, &other, NULL, NULL, &t_err));
		FAILS(rows[i].status, bh_resource_drop(thing.as.resource, &t_err));
		assert_false(bh_instance_usable(instance));
		FAILS(BH_E_POISONED, bh_resource_drop(other.as.resource, &t_err));
		bh_value_deinit(&thing);
		bh_value_deinit(&other);
		bh_export_free(make);
		bh_instance_free(instance);
		bh_component_unref(component);
	}
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	counter = t_load(host, "counter.wasm", NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	t_begin();
	bh_component_unref(counter);
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borrowed_handles_stay),
		cmocka_unit_test(drop_runs_the_destructor_once),
		cmocka_unit_test(passing_on_as_own_takes_it_away),
		cmocka_unit_test(given_away_twice),
		cmocka_unit_test(a_refused_call_takes_nothing),
		cmocka_unit_test(of_another_instance),
		cmocka_unit_test(one_shot_calls_return_no_handles),
		cmocka_unit_test(handles_keep_the_instance),
		cmocka_unit_test(after_poison),
		cmocka_unit_test(bad_destructors),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
