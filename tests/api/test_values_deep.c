/* Types nested as deep as the component model allows, and values that deep. */
#include <stdlib.h>

#include "one_host.h"

/* A component whose "run" gives back what it is given, of any type: the guest copies nothing, for it is never run. */
static bh_component *with_type(const char *definitions, const char *type)
{
	size_t size = strlen(definitions) + strlen(type) + 2000;
	char *text = malloc(size);
	assert_non_null(text);
	snprintf(text, size,
	         "(component\n"
	         "  (core module $m\n"
	         "    (memory (export \"memory\") 16)\n"
	         "    (global $next (mut i32) (i32.const 4096))\n"
	         "    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32)\n"
	         "      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))\n"
	         "      (global.get $next)\n"
	         "      (global.set $next (i32.add (global.get $next) (local.get 3))))\n"
	         /* Both take a list, which is a pointer and a length: they go back through memory. */
	         "    (func (export \"run\") (param i32 i32) (result i32)\n"
	         "      (i32.store (i32.const 16) (local.get 0))\n"
	         "      (i32.store (i32.const 20) (local.get 1))\n"
	         "      (i32.const 16)))\n"
	         "  (core instance $i (instantiate $m))\n"
	         "  %s\n"
	         "  (func (export \"run\") (param \"v\" %s) (result %s)\n"
	         "    (canon lift (core func $i \"run\") (memory (core memory $i \"memory\")) (realloc (core func $i "
	         "\"realloc\")))))",
	         definitions, type, type);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
	free(text);
	return component;
}

/* list<list<...<u32>>>, `depth` lists deep. */
static bh_component *with_lists(int depth)
{
	char *text = calloc(1, 100 * (size_t)depth);
	assert_non_null(text);
	size_t used = (size_t)sprintf(text, "(type $t0 (list u32))\n");
	for (int i = 1; i < depth; i++)
		used += (size_t)sprintf(text + used, "(type $t%d (list $t%d))\n", i, i - 1);
	char name[16];
	snprintf(name, sizeof name, "$t%d", depth - 1);
	bh_component *component = with_type(text, name);
	free(text);
	return component;
}

static void deep_lists(void **state)
{
	(void)state;
	enum { LISTS = 98 }; /* with the number and the function itself, what the validator allows */
	bh_component *component = with_lists(LISTS);
	bh_export *run = t_find(component, "run");
	bh_value levels[LISTS + 1], result = BH_VALUE_INIT;
	levels[0] = bh_of_u32(7);
	for (int i = 1; i <= LISTS; i++)
		levels[i] = bh_of_list(&levels[i - 1], 1);
	OK(bh_export_call(run, &levels[LISTS], 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&result, &levels[LISTS]));

	char *text = NULL, expected[3 * LISTS];
	size_t used = 0;
	for (int i = 0; i < LISTS; i++)
		expected[used++] = '[';
	expected[used++] = '7';
	for (int i = 0; i < LISTS; i++)
		expected[used++] = ']';
	expected[used] = '\0';
	OK(bh_value_to_wave(&text, &result, &t_err));
	assert_string_equal(text, expected);
	bh_value parsed = BH_VALUE_INIT, copy = BH_VALUE_INIT;
	OK(bh_export_parse_args(&parsed, run, text, &t_err));
	assert_true(bh_value_equal(&parsed, &result));
	OK(bh_value_copy(&copy, &result, &t_err));
	assert_true(bh_value_equal(&copy, &result));
	bh_string_free(text);

	/* Wrong at the bottom, wrong in the middle, cut short, and too deep. */
	levels[0] = BH_STRING("seven");
	FAILS(BH_E_TYPE, bh_export_call(run, &levels[LISTS], 1, NULL, NULL, NULL, &t_err));
	assert_true(t_says("expected u32, got string"));
	levels[50] = bh_of_u32(1);
	FAILS(BH_E_TYPE, bh_export_call(run, &levels[LISTS], 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_export_call(run, &levels[LISTS - 1], 1, NULL, NULL, NULL, &t_err));
	FAILS(BH_E_TYPE, bh_export_call(run, &(bh_value){.kind = BH_KIND_LIST, .as.list = {&levels[LISTS], 1}}, 1, NULL,
	                                NULL, NULL, &t_err));
	levels[51] = bh_of_list(NULL, 0);
	OK(bh_export_call(run, &levels[LISTS], 1, NULL, NULL, NULL, &t_err));

	char small[8];
	assert_int_equal(bh_type_format(small, sizeof small, bh_export_param_type(run, 0)), 5 * LISTS + 3 + LISTS);
	assert_string_equal(small, "list<li");
	bh_value_deinit(&result);
	bh_value_deinit(&parsed);
	bh_value_deinit(&copy);
	bh_export_free(run);
	bh_component_unref(component);
}

/* What is beyond is refused when it is loaded, and the program lives. */
static void too_deep(void **state)
{
	(void)state;
	static const int depths[] = {101, 1000, 20000};
	for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
		size_t size = 64 * (size_t)depths[d] + 100, used = 0;
		char *text = malloc(size);
		assert_non_null(text);
		used += (size_t)sprintf(text, "(component (type $t0 (list u32))\n");
		for (int i = 1; i < depths[d]; i++)
			used += (size_t)sprintf(text + used, "(type $t%d (list $t%d))\n", i, i - 1);
		snprintf(text + used, size - used, ")");
		bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
		options.limits = t_limits();
		bh_component *component = NULL;
		FAILS(BH_E_VALIDATION, bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
		free(text);
	}
}

/* A wide type: 1000 fields, 1000 cases. */
static void wide(void **state)
{
	(void)state;
	enum { FIELDS = 1000 };
	char *text = malloc(BH_KIB(64));
	assert_non_null(text);
	size_t used = (size_t)sprintf(text, "(type $r' (record");
	for (int i = 0; i < FIELDS; i++)
		used += (size_t)sprintf(text + used, " (field \"f%d\" u8)", i);
	used += (size_t)sprintf(text + used, "))\n(export $r \"r\" (type $r'))\n(type $v' (enum");
	for (int i = 0; i < FIELDS; i++)
		used += (size_t)sprintf(text + used, " \"c%d\"", i);
	sprintf(text + used, "))\n(export $v \"v\" (type $v'))\n"
	                     "(type $p (tuple $r $v))\n(type $l (list $p))\n");
	bh_component *component = with_type(text, "$l");
	bh_export *run = t_find(component, "run");
	bh_field *fields = calloc(FIELDS, sizeof *fields);
	char(*names)[8] = calloc(FIELDS, sizeof *names);
	assert_true(fields && names);
	for (int i = 0; i < FIELDS; i++) {
		snprintf(names[i], sizeof names[i], "f%d", FIELDS - 1 - i);
		fields[i] = (bh_field){names[i], bh_of_u8((uint8_t)i)};
	}
	bh_value pair[] = {bh_of_record(fields, FIELDS), bh_of_enum("c999")}, tuple = bh_of_tuple(pair, 2);
	bh_value arg = bh_of_list(&tuple, 1), result = BH_VALUE_INIT;
	OK(bh_export_call(run, &arg, 1, &result, NULL, NULL, &t_err));
	assert_true(bh_value_equal(&arg, &result));
	assert_int_equal(bh_value_field(&result.as.list.items[0].as.list.items[0], "f999")->as.u8, 0);
	bh_value_deinit(&result);
	free(names);
	free(fields);
	free(text);
	bh_export_free(run);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deep_lists),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(wide),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
