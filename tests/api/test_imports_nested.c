// test: timeout=60
/* Host functions that call guests, which call host functions: what works, and what would be waiting for oneself. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "imports.h"

/* A host function that calls what a test says: a live instance, or a fresh one. */
typedef struct {
	bh_component *component;
	bh_instance *instance;
	bh_export *callee;
	bh_resource *drop;
	bh_status ended; /* how that call ended */
	uint32_t calls;
} relay;

static bh_status call_on(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	relay *r = data;
	r->calls++;
	r->ended = r->instance ? bh_instance_call(r->instance, r->callee, args, count, result, NULL, NULL, err)
	                       : bh_export_call(r->callee, args, count, result, NULL, NULL, err);
	return r->ended;
}

static void other_instances_can_be_called(void **state)
{
	(void)state;
	bh_component *inner = t_link(t_caller_text, t_all_but(NULL));
	relay r = {.component = inner, .callee = t_find(inner, "number")};
	bh_component *outer = t_caller("number", call_on, &r);
	assert_int_equal(t_number(outer, "number", "1"), 2);
	assert_int_equal(t_number(outer, "many", "1000"), 1000);
	r.instance = t_instance(inner);
	assert_int_equal(t_number(outer, "many", "1000"), 1000);
	bh_instance *live = t_instance(outer);
	assert_int_equal(t_number_live(live, outer, "many", "1000"), 1000);
	assert_int_equal(r.calls, 3001);
	bh_instance_free(live);
	bh_instance_free(r.instance);
	bh_export_free(r.callee);
	bh_component_unref(outer);
	bh_component_unref(inner);
}

/* The failure of one call is the cause of the other's. */
static void failures_come_through(void **state)
{
	(void)state;
	bh_component *inner = t_load(host, "wat/unreachable.wat", NULL);
	relay r = {.component = inner, .callee = t_find(inner, "run")};
	bh_component *outer = t_caller("nothing", call_on, &r);
	CALL_FAILS(BH_E_HOST_FUNCTION, outer, "nothing", "");
	assert_true(t_says("BH_E_TRAP: trapped: "));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_NONE);
	bh_export_free(r.callee);
	bh_component_unref(outer);
	bh_component_unref(inner);
}

static bh_component *load_with(bh_host_fn *call, void *data, uint64_t queue_ms)
{
	bh_imports *imports = t_all_but("number");
	t_define(imports, "number", call, data);
	bh_component_options options = t_linked(imports);
	options.limits.queue_ms = queue_ms;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	return component;
}

/* Waiting for its turn would be waiting for itself. */
static void an_instance_cannot_call_itself(void **state)
{
	(void)state;
	relay r = {0};
	bh_component *component = load_with(call_on, &r, BH_UNLIMITED);
	r.instance = t_instance(component);
	r.callee = t_find(component, "number");
	bh_value arg = bh_of_u32(1);
	FAILS(BH_E_HOST_FUNCTION, bh_instance_call(r.instance, r.callee, &arg, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(r.ended, BH_E_BUSY);
	assert_true(t_says("BH_E_BUSY: "));
	bh_instance_free(r.instance);
	bh_export_free(r.callee);
	bh_component_unref(component);
}

/* Nor by way of another. */
static void nor_by_way_of_another(void **state)
{
	(void)state;
	relay there = {0}, back = {0};
	bh_component *a = load_with(call_on, &there, BH_UNLIMITED), *b = load_with(call_on, &back, BH_UNLIMITED);
	there.instance = t_instance(b);
	there.callee = t_find(b, "number");
	back.instance = t_instance(a);
	back.callee = t_find(a, "number");
	bh_value arg = bh_of_u32(1);
	FAILS(BH_E_HOST_FUNCTION, bh_instance_call(back.instance, back.callee, &arg, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(back.ended, BH_E_BUSY);
	assert_int_equal(there.ended, BH_E_HOST_FUNCTION);
	assert_false(bh_instance_usable(there.instance));
	relay *both[] = {&there, &back};
	for (int i = 0; i < 2; i++) {
		bh_instance_free(both[i]->instance);
		bh_export_free(both[i]->callee);
	}
	bh_component_unref(a);
	bh_component_unref(b);
}

/* Deeper and deeper, each time in a fresh instance. */

static bh_status one_less(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	relay *r = data;
	bh_value less = bh_of_u32(args[0].as.u32 - 1);
	if (args[0].as.u32)
		return bh_export_call(r->callee, &less, count, result, NULL, NULL, err);
	*result = bh_of_u32(777);
	return BH_OK;
}

static void nesting_has_a_bound(void **state)
{
	(void)state;
	relay r = {0};
	bh_component *component = load_with(one_less, &r, 1000);
	r.callee = t_find(component, "number");
	assert_int_equal(t_number(component, "number", "0"), 777);
	assert_int_equal(t_number(component, "number", "49"), 777);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "50");
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1000000");
	assert_true(t_says("more than 50 deep"));
	assert_int_equal(t_number(component, "number", "10"), 777);
	bh_export_free(r.callee);
	bh_component_unref(component);
}

static void *nest_on_a_small_stack(void *data)
{
	relay *r = data;
	bh_value arg = bh_of_u32(49), result = BH_VALUE_INIT;
	OK(bh_export_call(r->callee, &arg, 1, &result, NULL, NULL, &t_err));
	EXPECT(result.as.u32 == 777);
	return NULL;
}

static void nesting_needs_little_stack(void **state)
{
	(void)state;
	relay r = {0};
	bh_component *component = load_with(one_less, &r, 1000);
	r.callee = t_find(component, "number");
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 512 << 10);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, &attributes, nest_on_a_small_stack, &r), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	bh_export_free(r.callee);
	bh_component_unref(component);
}

/* A host function that gives up the instance it is called by. */

static bh_status give_up(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)args, (void)count, (void)err;
	relay *r = data;
	bh_instance_free(r->instance);
	*result = bh_of_u32(1);
	return BH_OK;
}

static void giving_up_the_caller(void **state)
{
	(void)state;
	relay r = {0};
	bh_component *component = load_with(give_up, &r, 1000);
	r.instance = t_instance(component);
	r.callee = t_find(component, "number");
	bh_value arg = bh_of_u32(1);
	/* It may get to its end, or be ended for having no owner: either way nothing is touched that is gone. */
	bh_status status = bh_instance_call(r.instance, r.callee, &arg, 1, NULL, NULL, NULL, NULL);
	assert_true(status == BH_OK || status == BH_E_CANCELLED);
	bh_export_free(r.callee);
	bh_component_unref(component);
}

/* Leaves run on a guest's stack: from there no guest can be run. */
static void leaves_call_no_guests(void **state)
{
	(void)state;
	bh_component *inner = t_link(t_caller_text, t_all_but(NULL));
	relay r = {.component = inner, .callee = t_find(inner, "number")};
	bh_imports *imports = t_all_but("number");
	bh_host_function leaf = BH_HOST_FUNCTION_INIT;
	leaf.interface = HOST;
	leaf.name = "number";
	leaf.call = call_on;
	leaf.data = &r;
	leaf.leaf = true;
	OK(bh_imports_define_function(imports, &leaf, &t_err));
	bh_component *outer = t_link(t_caller_text, imports);
	CALL_FAILS(BH_E_HOST_FUNCTION, outer, "number", "1");
	assert_true(t_says("a leaf function must not call guests"));
	r.instance = t_instance(inner);
	CALL_FAILS(BH_E_HOST_FUNCTION, outer, "number", "1");
	assert_true(t_says("a leaf function must not call guests"));
	assert_true(bh_instance_usable(r.instance));
	assert_int_equal(t_number_live(r.instance, inner, "number", "1"), 2);
	bh_instance_free(r.instance);
	bh_export_free(r.callee);
	bh_component_unref(outer);
	bh_component_unref(inner);
}

/* Slow functions are not interrupted, but the guest that calls them is. */

static bh_status slowly(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)count, (void)err;
	++*(uint32_t *)data;
	t_sleep_ms(args[0].as.u32 ? 5 : 150); /* the first time long enough for the ticker to park */
	*result = bh_of_u32(args[0].as.u32 + 1);
	return BH_OK;
}

static void the_execution_limit_holds_between_calls(void **state)
{
	(void)state;
	uint32_t calls = 0;
	bh_imports *imports = t_all_but("number");
	t_define(imports, "number", slowly, &calls);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 200;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	double before = t_now_ms();
	CALL_FAILS(BH_E_TIMEOUT, component, "many", "1000");
	assert_true(t_now_ms() - before < 200 + 1000 * t_slack());
	assert_true(calls > 1 && calls < 100);
	bh_component_unref(component);
}

/* A guest that computes for ever after a long host call is still seen to. */
static bh_status sleep_long(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)result, (void)err;
	t_sleep_ms(150);
	return BH_OK;
}

static void spinning_after_a_host_call(void **state)
{
	(void)state;
	bh_imports *imports = t_all_but("nothing");
	t_define(imports, "nothing", sleep_long, NULL);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 300;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	double before = t_now_ms();
	CALL_FAILS(BH_E_TIMEOUT, component, "spin", "");
	assert_true(t_now_ms() - before < 300 + 1000 * t_slack());
	bh_component_unref(component);
}

/* Many threads, many instances, one set. */

enum { THREADS = 8 };

static bh_status count_call(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)count, (void)err;
	atomic_fetch_add((_Atomic uint32_t *)data, 1);
	*result = bh_of_u32(args[0].as.u32 + 1);
	return BH_OK;
}

static void *call_many(void *component)
{
	for (int i = 0; i < 20; i++)
		EXPECT(t_number(component, "many", "500") == 500);
	return NULL;
}

static void functions_are_called_at_once(void **state)
{
	(void)state;
	static _Atomic uint32_t calls;
	bh_component *component = t_caller("number", count_call, &calls);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_many, component), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(calls, THREADS * 20 * 500);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_instances_can_be_called),
		cmocka_unit_test(failures_come_through),
		cmocka_unit_test(an_instance_cannot_call_itself),
		cmocka_unit_test(nor_by_way_of_another),
		cmocka_unit_test(nesting_has_a_bound),
		cmocka_unit_test(nesting_needs_little_stack),
		cmocka_unit_test(giving_up_the_caller),
		cmocka_unit_test(leaves_call_no_guests),
		cmocka_unit_test(the_execution_limit_holds_between_calls),
		cmocka_unit_test(spinning_after_a_host_call),
		cmocka_unit_test(functions_are_called_at_once),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
