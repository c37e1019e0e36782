// test: timeout=60 waits
/* Synchronous calls where a worker waits for them: from callbacks, and from host functions. None of them is a deadlock. */
#include <stdatomic.h>

#include "async_tools.h"
#include "imports.h"

/* One worker, and an instance whose call under way only that worker can bring to its end. Its line has no bound in time. */
typedef struct {
	bh_host *host;
	bh_component *component;
	bh_instance *instance;
	bh_export *get, *sleep_ms;
	bh_call *sleeping;
	/* What came of calling it from the worker: */
	_Atomic bool called;
	bh_status status;
	double took;
	bh_error *why;
} scene;

static void begin(scene *s, unsigned ms)
{
	bh_limits limits = t_limits();
	limits.queue_ms = BH_UNLIMITED;
	*s = (scene){.host = host_with(1, 0)};
	s->component = t_load(s->host, "counter.wasm", &limits);
	s->instance = t_instance(s->component);
	s->get = t_find(s->component, "get");
	s->sleep_ms = t_find(s->component, "sleep-ms");
	bh_value arg = bh_of_u32(ms);
	OK(bh_call_start(&s->sleeping, s->sleep_ms, s->instance, &arg, 1, NULL, &t_err));
	t_sleep_ms(30); /* it has its turn */
}

static void call_it(scene *s)
{
	double start = t_now_ms();
	s->status = bh_instance_call(s->instance, s->get, NULL, 0, NULL, NULL, NULL, &s->why);
	s->took = t_now_ms() - start;
	atomic_store(&s->called, true);
}

static void assert_busy(scene *s, double most_ms)
{
	for (double end = t_now_ms() + 20000; !atomic_load(&s->called) && t_now_ms() < end;)
		t_sleep_ms(1);
	assert_true(atomic_load(&s->called));
	assert_int_equal(s->status, BH_E_BUSY);
	assert_true(s->took < most_ms * t_slack());
	assert_non_null(strstr(bh_error_hint(s->why), "bh_call_start"));
	bh_error_free(s->why);
	s->why = NULL;
	atomic_store(&s->called, false);
}

/* And nothing happened to whom it would have waited for. */
static void end(scene *s)
{
	OK(bh_call_wait(s->sleeping, NULL, NULL, &t_err));
	OK(bh_instance_call(s->instance, s->get, NULL, 0, NULL, NULL, NULL, &t_err));
	bh_call_free(s->sleeping);
	bh_export_free(s->get);
	bh_export_free(s->sleep_ms);
	bh_instance_free(s->instance);
	bh_component_unref(s->component);
	t_begin();
	bh_host_free(s->host);
}

static _Atomic int refused;

static void call_when_told(void *data, bh_call *call)
{
	(void)call;
	scene *s = data;
	bh_status waits = bh_call_wait(s->sleeping, NULL, NULL, NULL), drains = bh_host_drain(s->host, 0, NULL);
	refused = waits == BH_E_INVALID && drains == BH_E_INVALID;
	call_it(s);
}

static void in_a_callback(void **state)
{
	(void)state;
	scene s;
	begin(&s, 500);
	bh_component *adder = t_load(s.host, "wat/adder.wat", NULL);
	bh_export *add = t_find(adder, "add");
	const bh_value numbers[2] = {bh_of_s32(1), bh_of_s32(2)};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = call_when_told;
	options.done_data = &s;
	OK(bh_call_start(NULL, add, NULL, numbers, 2, &options, &t_err));
	assert_busy(&s, 200); /* at once */
	assert_true(refused);
	bh_export_free(add);
	bh_component_unref(adder);
	end(&s);
}

/* Where nothing has to be waited for a callback may call: that is as long as the guest takes. */
static void what_needs_no_wait(void **state)
{
	(void)state;
	scene s;
	begin(&s, 1);
	OK(bh_call_wait(s.sleeping, NULL, NULL, &t_err));
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.done = call_when_told;
	options.done_data = &s;
	OK(bh_call_start(NULL, s.get, NULL, NULL, 0, &options, &t_err));
	for (double last = t_now_ms() + 20000; !atomic_load(&s.called) && t_now_ms() < last;)
		t_sleep_ms(1);
	assert_int_equal(s.status, BH_OK);
	bh_call_free(s.sleeping);
	s.sleeping = NULL;
	bh_value arg = bh_of_u32(1);
	OK(bh_call_start(&s.sleeping, s.sleep_ms, s.instance, &arg, 1, NULL, &t_err));
	end(&s);
}

static bh_status call_from_guest(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)count, (void)err;
	call_it(data);
	*result = bh_of_u32(args[0].as.u32);
	return BH_OK;
}

/* A host function may wait for an instance that others use; but not for ever for what its own worker is to do. */
static void in_a_host_function(void **state)
{
	(void)state;
	scene s;
	begin(&s, 1800);
	bh_imports *imports = t_all_but("number");
	t_define(imports, "number", call_from_guest, &s);
	bh_component_options options = t_linked(imports);
	bh_component *caller = NULL;
	OK(bh_component_load_bytes(&caller, s.host, t_caller_text, strlen(t_caller_text), &options, &t_err));
	bh_imports_free(imports);
	bh_export *number = t_find(caller, "number");
	bh_value one = bh_of_u32(1);
	bh_call *call = NULL;
	OK(bh_call_start(&call, number, NULL, &one, 1, NULL, &t_err));
	assert_busy(&s, 1500);
	OK(bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	bh_export_free(number);
	bh_component_unref(caller);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_callback),
		cmocka_unit_test(what_needs_no_wait),
		cmocka_unit_test(in_a_host_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
