// test: timeout=60
/*
 * Every guest of guests/wat/expected.tsv ends as written there, on pooled and on-demand engines, metered and not;
 * the trap kinds are told apart; traps say where.
 */
#include <stdlib.h>

#include "api.h"

static bool seen[BH_TRAP_COUNT];

typedef struct {
	char file[80], name[80], args[80], expected[80];
} row;

static void field(char *out, size_t size, char **rest)
{
	char *end = strpbrk(*rest, "\t\n");
	size_t length = end ? (size_t)(end - *rest) : strlen(*rest);
	assert_true(length < size);
	memcpy(out, *rest, length);
	out[length] = '\0';
	*rest += length + (end && *end == '\t');
}

static void for_each_row(void (*visit)(const row *r, void *data), void *data)
{
	FILE *file = fopen(t_guest("wat/expected.tsv"), "re");
	assert_non_null(file);
	char line[512];
	size_t rows = 0;
	while (fgets(line, sizeof line, file)) {
		if (line[0] == '#')
			continue;
		row r;
		char *rest = line;
		field(r.file, sizeof r.file, &rest);
		field(r.name, sizeof r.name, &rest);
		field(r.args, sizeof r.args, &rest);
		field(r.expected, sizeof r.expected, &rest);
		visit(&r, data);
		rows++;
	}
	fclose(file);
	assert_true(rows >= 60);
}

/* Values that break the canonical ABI: the engine reports them as text, and this is what we call them. */
static const struct {
	const char *file;
	bh_trap trap;
} abi[] = {
	{"realloc-out-of-bounds.wat", BH_TRAP_LIST_OUT_OF_BOUNDS},
	{"realloc-unaligned.wat", BH_TRAP_UNALIGNED_POINTER},
	{"result-invalid-char.wat", BH_TRAP_INVALID_CHAR},
	{"result-invalid-discriminant.wat", BH_TRAP_INVALID_DISCRIMINANT},
	{"result-list-huge.wat", BH_TRAP_LIST_OUT_OF_BOUNDS},
	{"result-list-out-of-bounds.wat", BH_TRAP_LIST_OUT_OF_BOUNDS},
	{"result-list-unaligned.wat", BH_TRAP_UNALIGNED_POINTER},
	{"result-pointer-out-of-bounds.wat", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
	{"result-string-huge.wat", BH_TRAP_STRING_OUT_OF_BOUNDS},
	{"result-string-invalid-utf8.wat", BH_TRAP_BAD_UTF8},
	{"result-string-out-of-bounds.wat", BH_TRAP_STRING_OUT_OF_BOUNDS},
	{"result-unaligned-pointer.wat", BH_TRAP_UNALIGNED_POINTER},
	{"string-invalid-utf8.wat", BH_TRAP_BAD_UTF8},
	{"exception-to-host.wat", BH_TRAP_UNCAUGHT_EXCEPTION},
};

static bh_trap trap_named(const char *name)
{
	for (int i = 1; i < BH_TRAP_COUNT; i++)
		if (!strcmp(bh_trap_name((bh_trap)i), name))
			return (bh_trap)i;
	return BH_TRAP_NONE;
}

static bh_trap abi_trap(const char *file)
{
	for (size_t i = 0; i < sizeof abi / sizeof *abi; i++)
		if (!strcmp(abi[i].file, file))
			return abi[i].trap;
	return BH_TRAP_NONE;
}

static const struct {
	const char *expected;
	bh_status status;
	bh_limit limit;
	bh_trap trap;
} ends[] = {
	{"limit:memory", BH_E_MEMORY_LIMIT, BH_LIMIT_MEMORY, BH_TRAP_MEMORY_LIMIT},
	{"limit:table-elements", BH_E_RESOURCE_LIMIT, BH_LIMIT_TABLE_ELEMENTS, BH_TRAP_RESOURCE_LIMIT},
	{"limit:tables", BH_E_RESOURCE_LIMIT, BH_LIMIT_TABLES, BH_TRAP_RESOURCE_LIMIT},
	{"limit:instances", BH_E_RESOURCE_LIMIT, BH_LIMIT_INSTANCES, BH_TRAP_RESOURCE_LIMIT},
	{"limit:time", BH_E_TIMEOUT, BH_LIMIT_EXECUTION_TIME, BH_TRAP_INTERRUPTED},
	{"error:import", BH_E_LINK, BH_LIMIT_NONE, BH_TRAP_NONE},
	{"invalid:threads", BH_E_VALIDATION, BH_LIMIT_NONE, BH_TRAP_NONE},
};

typedef struct {
	bh_host *host;
	bh_limits limits;
} setting;

static bh_status load_and_call(const setting *s, const row *r, char **result)
{
	char guest[120];
	snprintf(guest, sizeof guest, "wat/%s", r->file);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = s->limits;
	if (!strcmp(r->expected, "limit:time"))
		options.limits.execution_ms = 50;
	bh_component *component = NULL;
	t_begin();
	bh_status status = bh_component_load_file(&component, s->host, t_guest(guest), &options, &t_err);
	if (status)
		return status;
	bh_usage usage = BH_USAGE_INIT;
	status = t_call(result, component, r->name, r->args, NULL, &usage, &t_err);
	assert_true(usage.wall_ns > 0);
	bh_component_unref(component);
	return status;
}

static void expect_end(const row *r, bh_status status, bh_status wanted, bh_limit limit, bh_trap trap)
{
	bool good =
		t_err && status == wanted && bh_error_limit(t_err, NULL, NULL) == (int)limit && bh_error_trap(t_err) == trap;
	if (!good) {
		print_error("%s: expected %s: %s, limit %d, trap %s; got %s, limit %d, trap %s\n", r->file, r->expected,
		            bh_status_name(wanted), (int)limit, bh_trap_name(trap), bh_status_name(status),
		            bh_error_limit(t_err, NULL, NULL), bh_trap_name(bh_error_trap(t_err)));
		t_print_error(t_err);
	}
	assert_true(good);
	seen[trap] = true;
}

static void check_row(const row *r, void *data)
{
	const setting *s = data;
	char *result = NULL;
	bh_status status = load_and_call(s, r, &result);
	if (!strncmp(r->expected, "ok", 2)) {
		if (status)
			t_print_error(t_err);
		assert_int_equal(status, BH_OK);
		assert_string_equal(result ? result : "", r->expected[2] ? r->expected + 3 : "");
		bh_string_free(result);
		return;
	}
	assert_null(result);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (!strcmp(ends[i].expected, r->expected)) {
			expect_end(r, status, ends[i].status, ends[i].limit, ends[i].trap);
			return;
		}
	bh_trap trap = strncmp(r->expected, "error:", 6) ? trap_named(r->expected) : abi_trap(r->file);
	if (!trap)
		print_error("%s: what is %s?\n", r->file, r->expected);
	assert_true(trap != BH_TRAP_NONE);
	expect_end(r, status, BH_E_TRAP, BH_LIMIT_NONE, trap);
	assert_true(bh_error_cause_count(t_err) > 0);
	assert_true(*bh_error_cause(t_err, 0));
	assert_null(bh_error_cause(t_err, bh_error_cause_count(t_err)));
}

static void run_all(bh_host *host, uint64_t fuel)
{
	setting s = {.host = host, .limits = t_limits()};
	s.limits.fuel = fuel;
	for_each_row(check_row, &s);
	t_begin();
	bh_host_free(host);
}

static void on_demand(void **state)
{
	(void)state;
	run_all(t_host(), BH_UNLIMITED);
}

static void metered(void **state)
{
	(void)state;
	run_all(t_host(), UINT64_C(1) << 60);
}

static void pooled(void **state)
{
	(void)state;
	run_all(t_host_pooled(20), BH_UNLIMITED);
}

/* Those that no guest of the table causes: by a limit, or on a live instance. */
static void others(void **state)
{
	(void)state;
	bh_host *host = t_host();
	bh_limits limits = t_limits();
	limits.fuel = 10000;
	bh_component *spin = t_load(host, "wat/spin.wat", &limits);
	FAILS(BH_E_OUT_OF_FUEL, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_OUT_OF_FUEL);
	t_names_limit(BH_LIMIT_FUEL, 10000);
	seen[BH_TRAP_OUT_OF_FUEL] = true;
	bh_component_unref(spin);

	bh_component *exits = t_load(host, "exitcode.wasm", NULL);
	FAILS(BH_E_EXIT, bh_component_call(exits, "run", NULL, 0, NULL, NULL, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_EXIT);
	seen[BH_TRAP_EXIT] = true;
	bh_component_unref(exits);

	bh_cancel *cancel = NULL;
	OK(bh_cancel_new(&cancel, &t_err));
	bh_cancel_fire(cancel);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.cancel = cancel;
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	FAILS(BH_E_CANCELLED, t_call(NULL, adder, "add", "1, 2", &options, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_CANCELLED);
	seen[BH_TRAP_CANCELLED] = true;
	bh_component_unref(adder);
	bh_cancel_free(cancel);

	/* A handle that the guest made up. */
	bh_component *liar =
		t_load_text(host,
	                "(component (type $t (resource (rep i32)))\n"
	                "(core func $drop (canon resource.drop $t))\n"
	                "(core module $m (import \"\" \"drop\" (func $drop (param i32)))\n"
	                "  (func (export \"run\") (call $drop (i32.const 77))))\n"
	                "(core instance $i (instantiate $m (with \"\" (instance (export \"drop\" (func $drop))))))\n"
	                "(func (export \"run\") (canon lift (core func $i \"run\"))))",
	                NULL);
	FAILS(BH_E_TRAP, t_call(NULL, liar, "run", "", NULL, NULL, &t_err));
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_BAD_HANDLE);
	seen[BH_TRAP_BAD_HANDLE] = true;
	bh_component_unref(liar);
	t_begin();
	bh_host_free(host);
}

static void twenty_kinds_are_told_apart(void **state)
{
	(void)state;
	int kinds = 0;
	for (int i = 1; i < BH_TRAP_COUNT; i++)
		kinds += seen[i];
	print_message("%d trap kinds seen\n", kinds);
	assert_true(kinds >= 20);
	assert_false(seen[BH_TRAP_UNKNOWN]);
	assert_false(seen[BH_TRAP_ENGINE_ASSERTION]);
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < BH_TRAP_COUNT; i++) {
		assert_non_null(bh_trap_text((bh_trap)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(bh_trap_name((bh_trap)i), bh_trap_name((bh_trap)j));
	}
	assert_non_null(bh_trap_name((bh_trap)-1));
	assert_non_null(bh_trap_name(BH_TRAP_COUNT));
	assert_non_null(bh_trap_text((bh_trap)1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_demand), cmocka_unit_test(metered), cmocka_unit_test(pooled),
		cmocka_unit_test(others),    cmocka_unit_test(names),   cmocka_unit_test(twenty_kinds_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
