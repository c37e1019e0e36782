/* How long a guest waited for host functions is seen in its usage, however they are called and whatever ends the wait. */
#include <pthread.h>

#include "imports.h"

enum { MS = 1000000 };

static bh_status take_time(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)count, (void)err;
	t_sleep_ms(*(const unsigned *)data);
	*result = bh_of_u32(args[0].as.u32 + 1);
	return BH_OK;
}

typedef struct {
	bh_completion *completion;
	unsigned ms;
	bool never;
	pthread_t thread;
} work;

static void *answer_late(void *data)
{
	const work *w = data;
	bh_value one = bh_of_u32(1);
	t_sleep_ms(w->ms);
	bh_completion_finish(w->completion, &one);
	return NULL;
}

static void start_late(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)args, (void)count;
	work *w = data;
	w->completion = completion;
	if (!w->never)
		EXPECT(!pthread_create(&w->thread, NULL, answer_late, w));
}

/* Time in host functions of a call that must end so; milliseconds. */
static double in_host(bh_status status, bh_component *component, const char *name, const char *args,
                      const bh_call_options *options)
{
	bh_usage usage = BH_USAGE_INIT;
	FAILS(status, t_call(NULL, component, name, args, options, &usage, &t_err));
	assert_true(usage.host_ns <= usage.wall_ns);
	return (double)usage.host_ns / MS;
}

static void of_each_kind(void **state)
{
	(void)state;
	unsigned ms = 20;
	bh_component *component = t_caller("number", take_time, &ms);
	double took = in_host(BH_OK, component, "number", "1", NULL);
	assert_true(took >= 19 && took < 20 + 500 * t_slack());
	assert_true(in_host(BH_OK, component, "many", "4", NULL) >= 79); /* all of them */
	assert_true(in_host(BH_OK, component, "text", "\"\"", NULL) < 10 * t_slack());
	bh_component_unref(component);

	bh_imports *imports = t_all_but("number");
	bh_host_function leaf = BH_HOST_FUNCTION_INIT;
	leaf.interface = HOST;
	leaf.name = "number";
	leaf.call = take_time;
	leaf.data = &ms;
	leaf.leaf = true;
	OK(bh_imports_define_function(imports, &leaf, &t_err));
	component = t_link(t_caller_text, imports);
	assert_true(in_host(BH_OK, component, "number", "1", NULL) >= 19);
	bh_component_unref(component);

	work w = {.ms = 30};
	component = t_caller_async("number", start_late, &w);
	assert_true(in_host(BH_OK, component, "number", "1", NULL) >= 29);
	pthread_join(w.thread, NULL);
	bh_component_unref(component);
}

/* A wait that is ended counts up to there; the guest's own computing does not, nor the call before. */
static void of_calls_that_were_ended(void **state)
{
	(void)state;
	work w = {.never = true};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 40;
	bh_component *component = t_caller_async("number", start_late, &w);
	double took = in_host(BH_E_DEADLINE, component, "number", "1", &options);
	assert_true(took >= 30);
	bh_completion_drop(w.completion);
	options.kill = true;
	bh_instance *instance = t_instance(component);
	bh_export *spin = t_find(component, "spin"), *nothing = t_find(component, "nothing");
	bh_usage usage = BH_USAGE_INIT;
	OK(t_call_live(NULL, instance, nothing, "", NULL, &usage, &t_err));
	FAILS(BH_E_DEADLINE, t_call_live(NULL, instance, spin, "", &options, &usage, &t_err));
	assert_true(usage.wall_ns >= 39 * MS && usage.host_ns < 20 * MS);
	bh_export_free(spin);
	bh_export_free(nothing);
	bh_instance_free(instance);
	bh_component_unref(component);
}

/* Calls that workers run, too. */
static void of_started_calls(void **state)
{
	(void)state;
	unsigned ms = 20;
	bh_component *component = t_caller("number", take_time, &ms);
	bh_export *number = t_find(component, "number");
	bh_call *call = NULL;
	bh_value one = bh_of_u32(1);
	bh_usage usage = BH_USAGE_INIT;
	OK(bh_call_start(&call, number, NULL, &one, 1, NULL, &t_err));
	OK(bh_call_wait(call, NULL, &usage, &t_err));
	assert_true(usage.host_ns >= 19 * MS && usage.host_ns <= usage.wall_ns);
	bh_call_free(call);
	bh_export_free(number);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_each_kind),
		cmocka_unit_test(of_calls_that_were_ended),
		cmocka_unit_test(of_started_calls),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
