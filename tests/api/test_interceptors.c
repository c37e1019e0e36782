/* Interceptors: what they see, in which order, what they answer and refuse. */
#include <stdlib.h>

#include "interceptors.h"

/* Order. */

static void the_host_is_outside(void **state)
{
	(void)state;
	probe a = {.name = "A"}, b = {.name = "B"}, c = {.name = "C"}, d = {.name = "D"};
	bh_interceptors *outer = set_of(&a, BOTH), *inner = set_of(&c, BOTH);
	add(outer, &b, BOTH);
	add(inner, &d, IMPORTS);
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.interceptors = outer;
	bh_host *seen = NULL;
	OK(bh_host_new(&seen, &options, &t_err));
	bh_interceptors_free(outer);
	bh_component *component = load_in(seen, t_all_but(NULL), inner, 0);
	trace[0] = '\0';
	assert_int_equal(t_number(component, "number", "41"), 42);
	assert_string_equal(trace, " A>number B>number C>number A>number B>number C>number D>number <D <C <B <A <C <B <A");
	assert_int_equal(a.freed + b.freed + c.freed + d.freed, 0);

	/* One without interceptors of its own is seen by the host's. */
	bh_component *other = load_in(seen, t_all_but(NULL), NULL, 0);
	trace[0] = '\0';
	OK(t_call(NULL, other, "nothing", "", NULL, NULL, &t_err));
	assert_string_equal(trace, " A>nothing B>nothing A>nothing B>nothing <B <A <B <A");
	bh_component_unref(other);
	bh_component_unref(component);
	assert_int_equal(c.freed, 1);
	assert_int_equal(d.freed, 1);
	assert_int_equal(a.freed, 0);
	bh_host_free(seen);
	assert_int_equal(a.freed, 1);
	assert_int_equal(b.freed, 1);
	balanced(&a, 2, 2);
	balanced(&d, 1, 0);
}

/* What they see. */

typedef struct {
	bh_value args[2], results[2]; /* of the import, of the export */
	char *interface[2];
	const uint8_t *digest;
	bool is_caller;
} kept;

static bh_status keep(void *data, const bh_intercepted *call, bh_error **err)
{
	kept *k = data;
	int at = call->usage ? 1 : 0;
	char type[40];
	EXPECT(call->arg_count == 1 && call->result_type && bh_type_format(type, sizeof type, call->result_type) == 6);
	EXPECT(!strcmp(type, "string") && !strcmp(call->function, "text"));
	k->interface[at] = call->interface ? strdup(call->interface) : NULL;
	k->digest = bh_component_digest(call->component);
	k->is_caller = !strcmp(bh_component_name(call->component), "caller");
	bh_status status = bh_value_copy(&k->args[at], &call->args[0], err);
	return status ? status : bh_value_copy(&k->results[at], call->result, err);
}

static void copies_may_be_kept(void **state)
{
	(void)state;
	kept k = {.is_caller = false};
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	one.after_import = one.after_export = keep;
	one.data = &k;
	bh_interceptors *set = set_of(NULL, 0);
	OK(bh_interceptors_add(set, &one, &t_err));
	bh_component *component = load_in(host, t_all_but(NULL), set, 0);
	char *text = NULL;
	OK(t_call(&text, component, "text", "\"gr\xc3\xbc\xc3\x9f dich\"", NULL, NULL, &t_err));
	bh_string_free(text);
	assert_true(k.is_caller);
	assert_ptr_equal(k.digest, bh_component_digest(component));
	bh_component_unref(component);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(bh_value_string(&k.args[i]), "gr\xc3\xbc\xc3\x9f dich");
		assert_string_equal(bh_value_string(&k.results[i]), "gr\xc3\xbc\xc3\x9f dich");
		bh_value_deinit(&k.args[i]);
		bh_value_deinit(&k.results[i]);
	}
	assert_string_equal(k.interface[0], HOST);
	assert_null(k.interface[1]);
	free(k.interface[0]);
}

static void digests(void **state)
{
	(void)state;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	bh_component *first = t_link_text("(component)", &options), *second = NULL;
	bh_component *other = t_link_text("(component )", &options);
	static const uint8_t wanted[4] = {0xfa, 0x69, 0xab, 0xd0}; /* sha256sum says */
	assert_memory_equal(bh_component_digest(first), wanted, sizeof wanted);
	OK(bh_component_wrap(&second, host, first, NULL, &t_err));
	assert_memory_equal(bh_component_digest(first), bh_component_digest(second), 32);
	assert_memory_not_equal(bh_component_digest(first), bh_component_digest(other), 32);
	bh_component_unref(other);
	bh_component_unref(first);
	bh_component_unref(second);
}

static void numbers_tie_imports_to_exports(void **state)
{
	(void)state;
	probe imports = {.name = NULL}, exports = {.name = NULL};
	bh_interceptors *set = set_of(&imports, IMPORTS);
	add(set, &exports, EXPORTS);
	bh_component *component = load_in(host, t_all_but(NULL), set, 0);
	uint64_t last = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t_number(component, "many", "5"), 5);
		assert_int_equal(imports.within, exports.number);
		assert_true(exports.number > last && imports.number > exports.number);
		last = exports.number;
	}
	bh_instance *instance = t_instance(component);
	assert_int_equal(t_number_live(instance, component, "number", "1"), 2);
	assert_int_equal(imports.within, exports.number);
	assert_true(exports.number > last);
	assert_int_equal(exports.arg, 1);
	assert_int_equal(exports.result, 2);
	assert_true(exports.usage.wall_ns > 0 && exports.usage.peak_memory > 0);
	bh_instance_free(instance);
	bh_component_unref(component);
	balanced(&imports, 16, 0);
	balanced(&exports, 0, 4);

	/* Those who see imports alone are told the number too. */
	component = load_seen(&imports, IMPORTS);
	assert_int_equal(t_number(component, "number", "1"), 2);
	assert_true(imports.within > 0);
	bh_component_unref(component);
}

/* Answers. */

static void answers_in_place_of_the_guest(void **state)
{
	(void)state;
	probe outer = {.name = "A"};
	probe p = {.name = "B", .answers = true, .answer = bh_of_u32(7)};
	probe inner = {.name = "C"};
	bh_interceptors *set = set_of(&outer, BOTH);
	add(set, &p, BOTH);
	add(set, &inner, BOTH);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.interceptors = set;
	options.max_instances = 1;
	bh_component *component = t_link_text(trap_text, &options);
	bh_interceptors_free(set);
	bh_instance *only = t_instance(component); /* so that no other can be made */
	trace[0] = '\0';
	bh_usage usage = BH_USAGE_INIT;
	char *text = NULL;
	OK(t_call(&text, component, "run", "1", NULL, &usage, &t_err));
	assert_string_equal(text, "7");
	bh_string_free(text);
	assert_string_equal(trace, " A>run B>run <B <A");
	assert_true(outer.answered && outer.result == 7 && outer.arg == 1);
	assert_int_equal(usage.peak_memory, 0);
	assert_int_equal(usage.queue_ns, 0);
	assert_true(usage.wall_ns > 0);
	/* On a live instance too, and it is not lost by a trap that did not come. */
	assert_int_equal(t_number_live(only, component, "run", "1"), 7);
	assert_true(bh_instance_usable(only));
	balanced(&inner, 0, 0);
	balanced(&outer, 0, 2);
	bh_instance_free(only);
	bh_component_unref(component);
}

static bh_status not_called(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)result;
	return bh_error_new(err, BH_E_IO, "it was called");
}

static void answers_in_place_of_the_host(void **state)
{
	(void)state;
	bh_value borrowed = BH_STRING("borrowed"), owned = BH_VALUE_INIT;
	OK(bh_value_copy(&owned, &borrowed, &t_err));
	const struct {
		const char *name, *args, *wanted;
		bh_value answer;
	} rows[] = {
		{"number", "1", "99", bh_of_u32(99)},
		{"text", "\"x\"", "\"borrowed\"", borrowed},
		{"text", "\"x\"", "\"borrowed\"", owned},
		{"nothing", "", NULL, BH_VALUE_INIT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		probe p = {.answers = true, .answer = rows[i].answer};
		bh_imports *imports = t_all_but(rows[i].name);
		t_define(imports, rows[i].name, not_called, NULL);
		bh_component *component = load_in(host, imports, set_of(&p, IMPORTS), 0);
		char *text = NULL;
		OK(t_call(&text, component, rows[i].name, rows[i].args, NULL, NULL, &t_err));
		if (rows[i].wanted)
			assert_string_equal(text, rows[i].wanted);
		bh_string_free(text);
		assert_true(p.answered && p.has_result == (rows[i].wanted != NULL));
		balanced(&p, 1, 0);
		bh_component_unref(component);
	}
}

static void answers_that_do_not_fit(void **state)
{
	(void)state;
	bh_value text = BH_STRING("text"), owned = BH_VALUE_INIT;
	const bh_value wrong[] = {text, BH_VALUE_INIT, bh_of_u64(1), bh_of_string_n("\xff", 1)};
	for (int own = 0; own < 2; own++)
		for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
			const char *name = i == 3 ? "text" : "number", *args = i == 3 ? "\"x\"" : "1";
			for (what sees = IMPORTS; sees <= EXPORTS; sees++) {
				OK(bh_value_copy(&owned, &wrong[i], &t_err));
				probe p = {.answers = true, .answer = own ? owned : wrong[i]};
				bh_component *component = load_seen(&p, sees);
				CALL_FAILS(BH_E_HOST_FUNCTION, component, name, args);
				assert_true(t_says("the interceptor of "));
				assert_true(t_says("BH_E_TYPE: its result: "));
				assert_int_equal(p.status, BH_E_HOST_FUNCTION);
				balanced(&p, sees == IMPORTS, sees == EXPORTS);
				bh_component_unref(component);
				if (!own)
					bh_value_deinit(&owned);
			}
		}
	/* One where there is none. */
	for (what sees = IMPORTS; sees <= EXPORTS; sees++) {
		probe p = {.answers = true, .answer = bh_of_u32(1)};
		bh_component *component = load_seen(&p, sees);
		CALL_FAILS(BH_E_HOST_FUNCTION, component, "nothing", "");
		assert_true(t_says("its result: expected none, got u32"));
		bh_component_unref(component);
	}
}

/* Failures. */

static void one_that_fails_ends_the_call(void **state)
{
	(void)state;
	for (what sees = IMPORTS; sees <= EXPORTS; sees++) {
		probe outer = {.name = "A"}, inner = {.name = "C"};
		probe p = {.name = "B", .function = "number", .before = BH_E_DENIED};
		bh_interceptors *set = set_of(&outer, sees);
		add(set, &p, sees);
		add(set, &inner, sees);
		bh_imports *imports = t_all_but("number");
		t_define(imports, "number", not_called, NULL);
		bh_component *component = load_in(host, imports, set, 0);
		trace[0] = '\0';
		CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
		assert_string_equal(trace, " A>number B>number <B <A");
		assert_true(t_says("number failed: B wants no number"));
		assert_string_equal(bh_error_cause(t_err, 0), "BH_E_DENIED: B wants no number");
		assert_int_equal(outer.status, BH_E_HOST_FUNCTION);
		/* Others pass. */
		OK(t_call(NULL, component, "nothing", "", NULL, NULL, &t_err));
		bh_component_unref(component);
	}
}

static void one_that_fails_on_the_way_out(void **state)
{
	(void)state;
	for (what sees = IMPORTS; sees <= EXPORTS; sees++) {
		probe outer = {.name = "A"}, p = {.name = "B", .function = "text", .after = BH_E_IO};
		bh_interceptors *set = set_of(&outer, sees);
		add(set, &p, sees);
		bh_component *component = load_in(host, t_all_but(NULL), set, 0);
		bh_value result = BH_VALUE_INIT, arg = BH_STRING("dropped");
		FAILS(BH_E_HOST_FUNCTION, bh_component_call(component, "text", &arg, 1, &result, NULL, NULL, &t_err));
		assert_int_equal(result.kind, BH_KIND_NONE);
		assert_true(t_says("text failed: B objects"));
		assert_string_equal(bh_error_cause(t_err, 0), "BH_E_IO: B objects");
		assert_int_equal(p.status, BH_OK);
		assert_true(p.has_result && !outer.has_result);
		assert_int_equal(outer.status, BH_E_HOST_FUNCTION);
		bh_component_unref(component);
	}
	/* A call that failed by itself keeps its error. */
	probe p = {.name = "B", .after = BH_E_IO};
	bh_component *component = load_text(trap_text, &p);
	CALL_FAILS(BH_E_TRAP, component, "run", "1");
	assert_int_equal(p.trap, BH_TRAP_UNREACHABLE);
	assert_true(t_says("the interceptor of run failed: BH_E_IO: B objects"));
	bh_component_unref(component);

	/* A host function that failed is seen out with its error. */
	probe q = {.name = NULL};
	bh_imports *imports = t_all_but("number");
	t_define(imports, "number", not_called, NULL);
	component = load_in(host, imports, set_of(&q, BOTH), 0);
	CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	assert_true(q.cause);
	balanced(&q, 1, 1);
	bh_component_unref(component);
}

static void calls_that_never_reach_the_guest(void **state)
{
	(void)state;
	probe p = {.name = NULL};
	bh_component *component = load_seen(&p, BOTH);
	bh_value wrong[2] = {BH_STRING("no number"), bh_of_u32(1)};
	FAILS(BH_E_TYPE, bh_component_call(component, "number", wrong, 1, NULL, NULL, NULL, &t_err));
	assert_int_equal(p.status, BH_E_TYPE);
	FAILS(BH_E_TYPE, bh_component_call(component, "number", wrong, 2, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_component_call(component, "number", NULL, 0, NULL, NULL, NULL, &t_err));
	balanced(&p, 0, 3);
	/* Not taken on at all: nobody sees it. */
	FAILS(BH_E_NO_EXPORT, bh_component_call(component, "nobody", NULL, 0, NULL, NULL, NULL, &t_err));
	balanced(&p, 0, 3);

	bh_call_options options = BH_CALL_OPTIONS_INIT;
	OK(bh_cancel_new(&options.cancel, &t_err));
	bh_cancel_fire(options.cancel);
	FAILS(BH_E_CANCELLED, t_call(NULL, component, "number", "1", &options, NULL, &t_err));
	assert_int_equal(p.status, BH_E_CANCELLED);
	balanced(&p, 0, 4);
	bh_cancel_free(options.cancel);
	bh_component_unref(component);

	probe q = {.name = NULL};
	component = load_text(trap_text, &q);
	bh_instance *instance = t_instance(component);
	bh_export *run = t_find(component, "run");
	FAILS(BH_E_TRAP, t_call_live(NULL, instance, run, "1", NULL, NULL, &t_err));
	FAILS(BH_E_POISONED, t_call_live(NULL, instance, run, "1", NULL, NULL, &t_err));
	assert_int_equal(q.status, BH_E_POISONED);
	balanced(&q, 0, 2);
	bh_export_free(run);
	bh_instance_free(instance);
	bh_component_unref(component);
}

/* Statistics count what the caller is told. */
static void they_are_counted_as_they_end(void **state)
{
	(void)state;
	probe answering = {.function = "nothing", .answers = true}, objecting = {.function = "number", .after = BH_E_IO};
	bh_component_options options = t_linked(t_all_but(NULL));
	options.name = "counted";
	options.interceptors = set_of(&answering, EXPORTS);
	add(options.interceptors, &objecting, EXPORTS);
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_interceptors_free(options.interceptors);
	bh_imports_free(options.imports);
	bh_instance *instance = t_instance(component);
	bh_export *nothing = t_find(component, "nothing");
	for (int i = 0; i < 3; i++) {
		bh_call *call = NULL;
		OK(t_call_live(NULL, instance, nothing, "", NULL, NULL, &t_err));
		OK(bh_call_start(&call, nothing, instance, NULL, 0, NULL, &t_err));
		OK(bh_call_wait(call, NULL, NULL, &t_err));
		bh_call_free(call);
		CALL_FAILS(BH_E_HOST_FUNCTION, component, "number", "1");
	}
	bh_stats_snapshot *snapshot = NULL;
	OK(bh_stats_snapshot_new(&snapshot, host, &t_err));
	const bh_stats_entry *entry = bh_stats_component_at(snapshot, 0);
	assert_string_equal(entry->name, "counted");
	assert_int_equal(entry->calls, 9);
	assert_int_equal(entry->failures, 3);
	assert_int_equal(bh_stats_status_count(entry, BH_E_HOST_FUNCTION), 3);
	assert_int_equal(entry->in_flight, 0);
	assert_int_equal(entry->instances, 1);
	bh_stats_snapshot_free(snapshot);
	bh_export_free(nothing);
	bh_instance_free(instance);
	bh_component_unref(component);
}

static void what_is_not_granted_is_not_seen(void **state)
{
	(void)state;
	probe p = {.function = "number", .answers = true, .answer = bh_of_u32(1)};
	bh_imports *imports = t_all_but("number");
	OK(bh_imports_define(imports, HOST, "number", "numbers", t_add_one, NULL, &t_err));
	bh_component *component = load_in(host, imports, set_of(&p, IMPORTS), 0);
	CALL_FAILS(BH_E_DENIED, component, "number", "1");
	balanced(&p, 0, 0);
	bh_component_unref(component);
}

/* Sets. */

static void sets_are_checked(void **state)
{
	(void)state;
	bh_interceptors *set = NULL;
	bh_interceptor one = BH_INTERCEPTOR_INIT;
	OK(bh_interceptors_new(&set, &t_err));
	FAILS(BH_E_INVALID, bh_interceptors_add(set, &one, &t_err));
	FAILS(BH_E_INVALID, bh_interceptors_add(set, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_interceptors_add(NULL, &one, &t_err));
	one.after_import = out_import;
	for (int i = 0; i < BH_INTERCEPTORS_MAX; i++)
		OK(bh_interceptors_add(set, &one, &t_err));
	FAILS(BH_E_INVALID, bh_interceptors_add(set, &one, &t_err));
	bh_interceptors_free(bh_interceptors_ref(set));
	bh_interceptors_free(set);
	bh_interceptors_free(NULL);
	assert_null(bh_interceptors_ref(NULL));

	probe p = {.name = NULL};
	set = set_of(&p, BOTH);
	bh_component *component = load_in(host, t_all_but(NULL), bh_interceptors_ref(set), 0);
	FAILS(BH_E_INVALID, bh_interceptors_add(set, &one, &t_err));
	assert_true(t_says("make another set"));
	bh_interceptors_free(set);
	bh_component_unref(component);
	assert_int_equal(p.freed, 1);
}

/* The data stays the caller's until the set has it, and goes once where loading fails. */
static void loading_that_fails(void **state)
{
	(void)state;
	probe p = {.name = NULL};
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.interceptors = set_of(&p, BOTH);
	bh_component *component = NULL;
	FAILS(BH_E_LINK, bh_component_load_bytes(&component, host, t_caller_text, strlen(t_caller_text), &options, &t_err));
	assert_int_equal(p.freed, 0);
	bh_interceptors_free(options.interceptors);
	assert_int_equal(p.freed, 1);
}

static void components_of_one_code(void **state)
{
	(void)state;
	probe p = {.name = NULL}, q = {.name = NULL};
	bh_imports *imports = t_all_but(NULL);
	bh_component *first = load_in(host, bh_imports_ref(imports), set_of(&p, BOTH), 0), *second = NULL;
	OK(bh_component_wrap(&second, host, first, NULL, &t_err));
	assert_int_equal(t_number(second, "number", "1"), 2);
	balanced(&p, 1, 1);
	bh_component_unref(second);

	bh_component_options options = t_linked(imports);
	OK(bh_component_wrap(&second, host, first, &options, &t_err));
	assert_int_equal(t_number(second, "number", "1"), 2);
	balanced(&p, 1, 1);
	bh_component_unref(second);

	options.interceptors = set_of(&q, BOTH);
	OK(bh_component_wrap(&second, host, first, &options, &t_err));
	bh_interceptors_free(options.interceptors);
	bh_component_unref(first);
	assert_int_equal(p.freed, 1);
	assert_int_equal(t_number(second, "number", "1"), 2);
	balanced(&p, 1, 1);
	balanced(&q, 1, 1);
	bh_component_unref(second);
	assert_int_equal(q.freed, 1);
	bh_imports_free(imports);
}

/* Commands. */
static void the_run_of_a_command(void **state)
{
	(void)state;
	probe p = {.name = "A"};
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.interceptors = set_of(&p, BOTH);
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, t_guest("hello.wasm"), &options, &t_err));
	bh_interceptors_free(options.interceptors);
	int code = -1;
	trace[0] = '\0';
	OK(bh_component_run(component, &code, NULL, NULL, &t_err));
	assert_int_equal(code, 0);
	assert_string_equal(trace, " A>run <A");
	balanced(&p, 0, 1); /* what the library provides is not seen */
	/* An answer is the command's end. */
	bh_value failed = bh_of_err(NULL);
	p.answers = true;
	p.answer = failed;
	OK(bh_component_run(component, &code, NULL, NULL, &t_err));
	assert_int_equal(code, 1);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_is_outside),
		cmocka_unit_test(copies_may_be_kept),
		cmocka_unit_test(digests),
		cmocka_unit_test(numbers_tie_imports_to_exports),
		cmocka_unit_test(answers_in_place_of_the_guest),
		cmocka_unit_test(answers_in_place_of_the_host),
		cmocka_unit_test(answers_that_do_not_fit),
		cmocka_unit_test(one_that_fails_ends_the_call),
		cmocka_unit_test(one_that_fails_on_the_way_out),
		cmocka_unit_test(calls_that_never_reach_the_guest),
		cmocka_unit_test(they_are_counted_as_they_end),
		cmocka_unit_test(what_is_not_granted_is_not_seen),
		cmocka_unit_test(sets_are_checked),
		cmocka_unit_test(loading_that_fails),
		cmocka_unit_test(components_of_one_code),
		cmocka_unit_test(the_run_of_a_command),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
