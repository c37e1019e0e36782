// test: timeout=60
/* What a guest can make the host hold, read, write and allocate: each has its limit, and each limit its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"

static bh_host *host;
static char folder[64];

#define CLOCK                                                                                                          \
	"(import \"wasi:io/poll@0.2.0\" (instance $poll (export \"pollable\" (type (sub resource)))))\n"                   \
	"(alias export $poll \"pollable\" (type $pollable))\n"                                                             \
	"(import \"wasi:clocks/monotonic-clock@0.2.0\" (instance $clock (alias outer 1 $pollable (type $p))\n"             \
	"  (export \"subscribe-duration\" (func (param \"when\" u64) (result (own $p))))))\n"                              \
	"(core func $subscribe (canon lower (func $clock \"subscribe-duration\")))\n"                                      \
	"(core func $drop (canon resource.drop $pollable))\n"

/* Makes so many pollables, and drops them if told to. */
static const char pollables[] =
	"(component " CLOCK "(core module $m\n"
	"  (import \"\" \"subscribe\" (func $subscribe (param i64) (result i32)))\n"
	"  (import \"\" \"drop\" (func $drop (param i32)))\n"
	"  (func (export \"make\") (param i32 i32) (local i32)\n"
	"    (loop $l (local.set 2 (call $subscribe (i64.const 1000000000)))\n"
	"      (if (local.get 1) (then (call $drop (local.get 2))))\n"
	"      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))\n"
	"(core instance $i (instantiate $m (with \"\" (instance\n"
	"  (export \"subscribe\" (func $subscribe)) (export \"drop\" (func $drop))))))\n"
	"(func (export \"make\") (param \"count\" u32) (param \"drop\" bool) (canon lift (core func $i \"make\"))))";

static void live_resources(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.resources = 100;
	bh_component *component = t_load_text(host, pollables, &limits);
	bh_usage usage = BH_USAGE_INIT;
	OK(t_call(NULL, component, "make", "45, false", NULL, NULL, &t_err)); /* each of them holds a timer */
	FAILS(BH_E_RESOURCE_LIMIT, t_call(NULL, component, "make", "101, false", NULL, &usage, &t_err));
	t_names_limit(BH_LIMIT_RESOURCES, 100);
	assert_true(usage.wall_ns > 0);
	OK(t_call(NULL, component, "make", "10000, true", NULL, NULL, &t_err));
	bh_component_unref(component);
}

/* A guest's own resources take room in the host's tables too. */
static void handles_of_its_own(void **state)
{
	(void)state;
	static const char text[] =
		"(component (type $t (resource (rep i32))) (core func $new (canon resource.new $t))\n"
		"(core module $m (import \"\" \"new\" (func $new (param i32) (result i32)))\n"
		"  (func (export \"make\") (param i32)\n"
		"    (loop $l (drop (call $new (i32.const 1)))\n"
		"      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))\n"
		"(core instance $i (instantiate $m (with \"\" (instance (export \"new\" (func $new))))))\n"
		"(func (export \"make\") (param \"count\" u32) (canon lift (core func $i \"make\"))))";
	bh_limits limits = t_limits();
	bh_component *component = t_load_text(host, text, &limits);
	OK(t_call(NULL, component, "make", "9990", NULL, NULL, &t_err));
	FAILS(BH_E_RESOURCE_LIMIT, t_call(NULL, component, "make", "4000000000", NULL, NULL, &t_err));
	t_names_limit(BH_LIMIT_RESOURCES, 10000);
	bh_component_unref(component);
	limits.resources = 300000; /* more than the engine's own default */
	component = t_load_text(host, text, &limits);
	OK(t_call(NULL, component, "make", "290000", NULL, NULL, &t_err));
	bh_component_unref(component);
}

/* One call into the host with a list: so many strings, and so many bytes. */
static const char random_bytes[] =
	"(component (import \"wasi:random/random@0.2.0\" (instance $random\n"
	"    (export \"get-random-bytes\" (func (param \"len\" u64) (result (list u8))))))\n"
	"(core module $memory (memory (export \"m\") 1024)\n"
	"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))\n"
	"(core instance $memory (instantiate $memory))\n"
	"(core func $random (canon lower (func $random \"get-random-bytes\") (memory (core memory $memory \"m\"))\n"
	"  (realloc (core func $memory \"realloc\"))))\n"
	"(core module $m (import \"\" \"random\" (func $random (param i64 i32)))\n"
	"  (func (export \"run\") (param i64) (call $random (local.get 0) (i32.const 16))))\n"
	"(core instance $i (instantiate $m (with \"\" (instance (export \"random\" (func $random))))))\n"
	"(func (export \"run\") (param \"length\" u64) (canon lift (core func $i \"run\"))))";

static void random_in_bulk(void **state)
{
	(void)state;
	bh_component *component = t_load_text(host, random_bytes, NULL);
	OK(t_call(NULL, component, "run", "65536", NULL, NULL, &t_err));
	static const char *const lengths[] = {"65537", "4294967296", "18446744073709551615"};
	for (size_t i = 0; i < 3; i++) {
		size_t before = t_rss();
		assert_int_not_equal(t_call(NULL, component, "run", lengths[i], NULL, NULL, NULL), BH_OK);
		assert_true(t_rss() < before + BH_MIB(16));
	}
	bh_component_unref(component);
}

static bh_status flood(bh_component *component, const char *bytes, bh_buffer *out, bh_usage *usage)
{
	const char *args[] = {"flood", bytes};
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	instance.arg_count = 2;
	instance.out = (bh_stdio){.mode = out ? BH_STDIO_CAPTURE : BH_STDIO_DISCARD, .buffer = out};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	int exit_status = -1;
	t_begin();
	bh_status status = bh_component_run(component, &exit_status, &options, usage, &t_err);
	assert_true(status || exit_status == 0);
	return status;
}

static void captured_output(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.output_bytes = 1000;
	bh_component *component = t_load(host, "flood.wasm", &limits);
	static const struct {
		const char *bytes;
		size_t kept;
		bool cut;
	} rows[] = {
		{"0", 0, false}, {"999", 999, false}, {"1000", 1000, false}, {"1001", 1000, true}, {"5000000", 1000, true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bh_buffer out = BH_BUFFER_INIT;
		bh_usage usage = BH_USAGE_INIT;
		assert_int_equal(flood(component, rows[i].bytes, &out, &usage), BH_OK);
		assert_int_equal(out.length, rows[i].kept);
		assert_int_equal(out.truncated, rows[i].cut);
		assert_int_equal(usage.output_truncated, rows[i].cut);
		assert_int_equal(usage.output_bytes, atoi(rows[i].bytes));
		assert_true(!out.data || strlen(out.data) == out.length);
		bh_buffer_deinit(&out);
		bh_buffer_deinit(&out);
	}
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(flood(component, "5000", NULL, &usage), BH_OK);
	assert_int_equal(usage.output_bytes, 0); /* what is discarded is not counted */
	bh_component_unref(component);
	bh_buffer_deinit(NULL);
}

static void bytes_through_streams(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.io_bytes = 10000;
	bh_component *component = t_load(host, "flood.wasm", &limits);
	bh_buffer out = BH_BUFFER_INIT;
	bh_usage usage = BH_USAGE_INIT;
	assert_int_equal(flood(component, "9000", &out, &usage), BH_OK);
	assert_int_equal(usage.io_bytes, 9000);
	assert_int_equal(flood(component, "1000000", &out, &usage), BH_E_RESOURCE_LIMIT);
	t_names_limit(BH_LIMIT_IO_BYTES, 10000);
	assert_true(usage.io_bytes > 10000);
	bh_buffer_deinit(&out);
	bh_component_unref(component);
	/* Input counts as well. */
	component = t_load(host, "readstdin.wasm", &limits);
	char *bytes = calloc(1, 20000);
	assert_non_null(bytes);
	for (int over = 0; over < 2; over++) {
		bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
		instance.in = (bh_stdio){.mode = BH_STDIO_BYTES, .bytes = bytes, .length = over ? 20000 : 9000};
		instance.out = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &out};
		bh_call_options options = BH_CALL_OPTIONS_INIT;
		options.instance = &instance;
		int exit_status;
		if (over) {
			FAILS(BH_E_RESOURCE_LIMIT, bh_component_run(component, &exit_status, &options, &usage, &t_err));
			t_names_limit(BH_LIMIT_IO_BYTES, 10000);
		} else {
			OK(bh_component_run(component, &exit_status, &options, &usage, &t_err));
			assert_in_range(usage.io_bytes, 9000, 9100);
		}
	}
	free(bytes);
	bh_buffer_deinit(&out);
	bh_component_unref(component);
}

static bh_status run_with_folder(bh_component *component, const char *a, const char *b, const char *c, bh_buffer *out,
                                 bh_usage *usage, int *exit_status)
{
	const char *args[] = {"guest", a, b, c};
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	instance.arg_count = c ? 4 : b ? 3 : 2;
	instance.out = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = out};
	instance.err = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = out};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	t_begin();
	return bh_component_run(component, exit_status, &options, usage, &t_err);
}

static bh_component *load_with_folder(const char *guest, const bh_limits *limits)
{
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, folder, "/data", BH_DIR_READ_WRITE, &t_err));
	bh_component *component = t_load_with(host, guest, limits, permissions);
	bh_permissions_free(permissions);
	return component;
}

static void open_files(void **state)
{
	(void)state;
	if (t_under_tsan())
		skip();
	bh_limits limits = t_limits();
	limits.open_files = 20;
	bh_component *fds = load_with_folder("fds.wasm", &limits);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	size_t before = 0;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(run_with_folder(fds, "/data/file", NULL, NULL, &out, NULL, &exit_status), BH_E_RESOURCE_LIMIT);
		t_names_limit(BH_LIMIT_OPEN_FILES, 20);
		/* The first run leaves one behind: the image that the component's memories are made from. */
		before = i ? before : t_descriptors();
	}
	assert_int_equal(t_descriptors(), before);
	bh_buffer_deinit(&out);
	bh_component_unref(fds);
}

static void bytes_through_files(void **state)
{
	(void)state;
	if (t_under_tsan())
		skip();
	bh_limits limits = t_limits();
	limits.io_bytes = 100000;
	bh_component *copy = load_with_folder("copy.wasm", &limits);
	bh_buffer out = BH_BUFFER_INIT;
	bh_usage usage = BH_USAGE_INIT;
	int exit_status = -1;
	assert_int_equal(run_with_folder(copy, "/data/small", "/data/copied", NULL, &out, &usage, &exit_status), BH_OK);
	assert_int_equal(exit_status, 0);
	assert_in_range(usage.io_bytes, 80000, 80100); /* read and written */
	assert_int_equal(run_with_folder(copy, "/data/large", "/data/copied", NULL, &out, &usage, &exit_status),
	                 BH_E_RESOURCE_LIMIT);
	t_names_limit(BH_LIMIT_IO_BYTES, 100000);
	bh_buffer_deinit(&out);
	bh_component_unref(copy);
}

static void make_file(const char *name, size_t size)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	strcpy(folder, "/tmp/bulkhead-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	make_file("file", 10);
	make_file("small", 40000);
	make_file("large", 4000000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {"file", "small", "large", "copied"};
	for (size_t i = 0; i < 4; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	t_begin();
	bh_host_free(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_resources),        cmocka_unit_test(handles_of_its_own),
		cmocka_unit_test(random_in_bulk),        cmocka_unit_test(captured_output),
		cmocka_unit_test(bytes_through_streams), cmocka_unit_test(open_files),
		cmocka_unit_test(bytes_through_files),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
