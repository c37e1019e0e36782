/*
 * What one call out of the guest can make the host allocate, and how many file operations it can have under way.
 * The guest calls WASI's streams itself, with what no libc would do.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "one_host.h"

/* write(length, times): writes so many bytes at once, without asking how many may be; how often that went well. */
static const char writer[] =
	"(component\n"
	"(import \"wasi:io/error@0.2.0\" (instance $err (export \"error\" (type (sub resource)))))\n"
	"(alias export $err \"error\" (type $error))\n"
	"(import \"wasi:io/streams@0.2.0\" (instance $streams\n"
	"  (export \"output-stream\" (type $os (sub resource)))\n"
	"  (alias outer 1 $error (type $e1)) (export \"error\" (type $e (eq $e1)))\n"
	"  (type $se1 (variant (case \"last-operation-failed\" (own $e)) (case \"closed\")))\n"
	"  (export \"stream-error\" (type $se (eq $se1)))\n"
	"  (export \"[method]output-stream.write\" (func (param \"self\" (borrow $os)) (param \"contents\" (list u8))\n"
	"    (result (result (error $se)))))\n"
	"  (export \"[method]output-stream.write-zeroes\" (func (param \"self\" (borrow $os)) (param \"len\" u64)\n"
	"    (result (result (error $se)))))))\n"
	"(alias export $streams \"output-stream\" (type $os))\n"
	"(import \"wasi:cli/stdout@0.2.0\" (instance $stdout (alias outer 1 $os (type $o1))\n"
	"  (export \"output-stream\" (type $o (eq $o1))) (export \"get-stdout\" (func (result (own $o))))))\n"
	"(core module $memory (memory (export \"m\") 1024))\n"
	"(core instance $memory (instantiate $memory))\n"
	"(core func $stdout (canon lower (func $stdout \"get-stdout\")))\n"
	"(core func $write (canon lower (func $streams \"[method]output-stream.write\")\n"
	"  (memory (core memory $memory \"m\"))))\n"
	"(core func $zeroes (canon lower (func $streams \"[method]output-stream.write-zeroes\")\n"
	"  (memory (core memory $memory \"m\"))))\n"
	"(core module $m (import \"\" \"stdout\" (func $stdout (result i32)))\n"
	"  (import \"\" \"write\" (func $write (param i32 i32 i32 i32)))\n"
	"  (import \"\" \"zeroes\" (func $zeroes (param i32 i64 i32)))\n"
	"  (import \"\" \"m\" (memory 1024))\n"
	"  (func (export \"write\") (param i32 i32) (result i32) (local i32 i32)\n"
	"    (local.set 2 (call $stdout))\n"
	"    (loop $l (call $write (local.get 2) (i32.const 64) (local.get 0) (i32.const 16))\n"
	"      (if (i32.eqz (i32.load8_u (i32.const 16))) (then (local.set 3 (i32.add (local.get 3) (i32.const 1)))))\n"
	"      (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))\n"
	"    (local.get 3))\n"
	"  (func (export \"zeroes\") (param i64) (result i32)\n"
	"    (call $zeroes (call $stdout) (local.get 0) (i32.const 16)) (i32.load8_u (i32.const 16))))\n"
	"(core instance $i (instantiate $m (with \"\" (instance (export \"stdout\" (func $stdout))\n"
	"  (export \"write\" (func $write)) (export \"zeroes\" (func $zeroes))\n"
	"  (export \"m\" (memory $memory \"m\"))))))\n"
	"(func (export \"write\") (param \"length\" u32) (param \"times\" u32) (result u32)\n"
	"  (canon lift (core func $i \"write\")))\n"
	"(func (export \"zeroes\") (param \"length\" u64) (result u32) (canon lift (core func $i \"zeroes\"))))";

static bh_status write_out(bh_component *component, const bh_stdio *where, uint32_t length, uint32_t times,
                           uint32_t *good, bh_usage *usage)
{
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.out = *where;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	bh_value args[] = {bh_of_u32(length), bh_of_u32(times)}, result = BH_VALUE_INIT;
	t_begin();
	bh_status status = bh_component_call(component, "write", args, 2, &result, &options, usage, &t_err);
	*good = result.as.u32;
	return status;
}

static void lists_out_of_the_guest(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.hostcall_bytes = BH_MIB(1);
	bh_component *component = t_load_text(host, writer, &limits);
	bh_buffer out = BH_BUFFER_INIT;
	bh_stdio capture = {.mode = BH_STDIO_CAPTURE, .buffer = &out};
	bh_usage usage = BH_USAGE_INIT;
	uint32_t good;
	assert_int_equal(write_out(component, &capture, 1000000, 3, &good, &usage), BH_OK);
	assert_int_equal(good, 3);
	assert_int_equal(out.length, BH_MIB(1));
	assert_true(out.truncated);
	assert_int_equal(usage.output_bytes, 3000000);
	assert_int_equal(write_out(component, &capture, BH_MIB(1) + 1, 1, &good, &usage), BH_E_RESOURCE_LIMIT);
	t_names_limit(BH_LIMIT_HOSTCALL_BYTES, BH_MIB(1));
	assert_int_equal(write_out(component, &capture, BH_MIB(63), 1, &good, &usage), BH_E_RESOURCE_LIMIT);
	assert_int_equal(write_out(component, &capture, BH_MIB(64), 1, &good, &usage), BH_E_TRAP); /* ends outside */
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_LIST_OUT_OF_BOUNDS);
	bh_buffer_deinit(&out);
	bh_component_unref(component);
}

/* Zeroes cost the guest nothing to ask for. */
static void zeroes(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 500;
	bh_component *component = t_load_text(host, writer, &limits);
	static const char *const lengths[] = {"4097", "1000000000", "1000000000000", "18446744073709551615"};
	int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_true(sink >= 0);
	bh_buffer out = BH_BUFFER_INIT;
	const bh_stdio where[] = {
		{.mode = BH_STDIO_DISCARD}, {.mode = BH_STDIO_CAPTURE, .buffer = &out}, {.mode = BH_STDIO_FD, .fd = sink}};
	for (size_t w = 0; w < 3; w++)
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
			instance.out = where[w];
			bh_call_options options = BH_CALL_OPTIONS_INIT;
			options.instance = &instance;
			size_t before = t_rss();
			double start = t_now_ms();
			(void)t_call(NULL, component, "zeroes", lengths[i], &options, NULL, NULL);
			assert_true(t_now_ms() - start < 500 + 300 * t_slack());
			assert_true(t_rss() < before + BH_MIB(40));
		}
	bh_buffer_deinit(&out);
	close(sink);
	bh_component_unref(component);
}

/* More at once than a pipe takes: the guest gets an error and the host does not wait. */
static void past_what_a_pipe_takes(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	bh_component *component = t_load_text(host, writer, NULL);
	bh_stdio where = {.mode = BH_STDIO_FD, .fd = ends[1]};
	uint32_t good;
	assert_int_equal(write_out(component, &where, 1000, 3, &good, NULL), BH_OK);
	assert_int_equal(good, 3);
	double start = t_now_ms();
	assert_int_equal(write_out(component, &where, 1000000, 5, &good, NULL), BH_OK);
	assert_int_equal(good, 0);
	assert_true(t_now_ms() - start < 1000 * t_slack());
	close(ends[0]);
	assert_int_equal(write_out(component, &where, 1000, 3, &good, NULL), BH_OK);
	assert_int_equal(good, 0);
	close(ends[1]);
	bh_component_unref(component);
}

/* File operations under way at once: as many as max_blocking, however many instances want to. */
static char folder[64];
static _Atomic bool done;

static void *copy_files(void *data)
{
	const char *args[] = {"copy", "/data/from", NULL};
	static _Atomic int number;
	char to[32];
	snprintf(to, sizeof to, "/data/to%d", atomic_fetch_add(&number, 1));
	args[2] = to;
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	instance.arg_count = 3;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	for (int i = 0; i < 5; i++) {
		int exit_status = -1;
		EXPECT(bh_component_run(data, &exit_status, &options, NULL, NULL) == BH_OK);
		EXPECT(exit_status == 0);
	}
	return NULL;
}

static void *watch_threads(void *data)
{
	size_t *most = data;
	while (!atomic_load(&done)) {
		size_t now = t_threads();
		*most = now > *most ? now : *most;
		t_sleep_ms(1);
	}
	return NULL;
}

static void file_operations_at_once(void **state)
{
	(void)state;
	if (t_under_tsan())
		skip();
	enum { CALLERS = 8 };
	char path[128];
	strcpy(folder, "/tmp/bulkhead-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/from", folder);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1000000), 0);
	close(fd);
	for (unsigned blocking = 1; blocking <= 3; blocking += 2) {
		bh_limits limits = t_limits();
		limits.blocking = blocking;
		bh_host *own = t_host();
		bh_permissions *permissions = NULL;
		OK(bh_permissions_new(&permissions, &t_err));
		OK(bh_permissions_allow_dir(permissions, folder, "/data", BH_DIR_READ_WRITE, &t_err));
		size_t before = t_threads(), most = 0;
		bh_component *copy = t_load_with(own, "copy.wasm", &limits, permissions);
		pthread_t threads[CALLERS], watcher;
		atomic_store(&done, false);
		assert_int_equal(pthread_create(&watcher, NULL, watch_threads, &most), 0);
		for (int i = 0; i < CALLERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, copy_files, copy), 0);
		for (int i = 0; i < CALLERS; i++)
			pthread_join(threads[i], NULL);
		atomic_store(&done, true);
		pthread_join(watcher, NULL);
		/* Ours: the callers and the watcher; the host's: its ticker, and one that drives timers. */
		assert_in_range(most, before + 1, before + CALLERS + 1 + 2 + blocking);
		bh_component_unref(copy);
		bh_host_free(own);
		bh_permissions_free(permissions);
	}
	for (int i = -1; i < 2 * CALLERS; i++) {
		snprintf(path, sizeof path, i < 0 ? "%s/from" : "%s/to%d", folder, i);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_out_of_the_guest),
		cmocka_unit_test(zeroes),
		cmocka_unit_test(past_what_a_pipe_takes),
		cmocka_unit_test(file_operations_at_once),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
