// test: timeout=120
/* Compiling in a process of its own: the same results, the same errors, and bombs that hurt nobody. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "one_host.h"

static bh_component_options isolated(void)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.compile_mode = BH_COMPILE_ISOLATED;
	return options;
}

static bh_status load_text(const char *text, const bh_component_options *options)
{
	bh_component *component = NULL;
	bh_status status = bh_component_load_bytes(&component, host, text, strlen(text), options, &t_err);
	bh_component_unref(component);
	return status;
}

static const char adder[] =
	"(component (core module $m (func (export \"add\") (param i32 i32) (result i32)\n"
	"  (i32.add (local.get 0) (local.get 1)))) (core instance $i (instantiate $m))\n"
	"  (func (export \"add\") (param \"a\" s32) (param \"b\" s32) (result s32) (canon lift (core func $i \"add\"))))";

static void the_same_result(void **state)
{
	(void)state;
	bh_component_options options = isolated();
	size_t descriptors = t_descriptors();
	for (int metered = 0; metered < 2; metered++) {
		bh_component *component = NULL;
		options.limits.fuel = metered ? 1000000 : BH_UNLIMITED;
		OK(bh_component_load_bytes(&component, host, adder, strlen(adder), &options, &t_err));
		assert_int_equal(t_number(component, "add", "40, 2"), 42);
		bh_component_needs needs = {.struct_size = sizeof needs};
		bh_component_describe(component, &needs);
		assert_int_equal(needs.origin, BH_CODE_COMPILED);
		assert_true(needs.compile_ns > 0);
		bh_component_unref(component);
	}
	bh_component *hello = NULL;
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status = -1;
	options.limits = t_limits();
	OK(bh_component_load_file(&hello, host, t_guest("hello.wasm"), &options, &t_err));
	OK(t_run(hello, T_ARGS("hello", "you"), NULL, &out, &exit_status, &t_err));
	assert_string_equal(out.data, "hello you\n");
	bh_buffer_deinit(&out);
	bh_component_unref(hello);
	/* Mapped code keeps its file open, three here; and the host has threads for input and output by now. */
	assert_in_range(t_descriptors(), 0, descriptors + 3 + 4);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void the_same_errors(void **state)
{
	(void)state;
	static const char *const texts[] = {"(component (core module", "(component (core module (func (result i32))))",
	                                    "(module (func (export \"f\")))", "nothing of the kind", ""};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		bh_component_options options = isolated();
		bh_status apart = load_text(texts[i], &options);
		char *said = strdup(bh_error_message(t_err));
		assert_int_not_equal(apart, BH_OK);
		t_begin();
		options.compile_mode = BH_COMPILE_INLINE;
		assert_int_equal(load_text(texts[i], &options), apart);
		assert_string_equal(bh_error_message(t_err), said);
		free(said);
		t_begin();
	}
}

/* Thousands of functions that each take the compiler a while. */
static char *bomb(int functions)
{
	size_t room = (size_t)functions * 4000 + 1000, used = 0;
	char *text = malloc(room);
	assert_non_null(text);
	used += (size_t)snprintf(text, room, "(component (core module $m");
	for (int i = 0; i < functions; i++) {
		used += (size_t)snprintf(text + used, room - used, "(func (param i32) (result i32) (local i32)");
		for (int j = 0; j < 40; j++)
			used += (size_t)snprintf(text + used, room - used,
			                         " local.get 0 i32.const %d i32.mul local.get 1 i32.xor local.set 1", i + j);
		used += (size_t)snprintf(text + used, room - used, " local.get 0)\n");
	}
	snprintf(text + used, room - used, "))");
	return text;
}

/* In address space, of which sanitizers take more than there is. */
static bool child_is_bounded(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return false;
#endif
#endif
	return true;
}

static void bombs(void **state)
{
	(void)state;
	char *text = bomb(8000);
	bh_component_options options = isolated();
	options.compile_seconds = 1;
	double start = t_now_ms();
	FAILS(BH_E_COMPILE, load_text(text, &options));
	assert_true(t_says("CPU") || t_says("stopped after"));
	assert_true(t_now_ms() - start < 3000 * t_slack());
	options.compile_seconds = 0;
	options.compile_memory = BH_MIB(300);
	if (child_is_bounded()) {
		FAILS(BH_E_COMPILE, load_text(text, &options));
		assert_true(t_says("300 MiB"));
	}
	free(text);
	/* And afterwards all is as it was. */
	options = isolated();
	assert_int_equal(load_text(adder, &options), BH_OK);
}

static void no_compiler(void **state)
{
	(void)state;
	bh_component_options options = isolated();
	options.compiler = "/nowhere/bulkhead";
	FAILS(BH_E_SYSTEM, load_text("(component)", &options));
	assert_true(t_says("/nowhere/bulkhead"));
	options.compiler = "/bin/true";
	FAILS(BH_E_COMPILE, load_text("(component)", &options));
}

/* A program that has its children reaped for it. */
static void children_ignored(void **state)
{
	(void)state;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigaction(SIGCHLD, &ignore, &before);
	bh_component_options options = isolated();
	assert_int_equal(load_text("(component (core module))", &options), BH_OK);
	sigaction(SIGCHLD, &before, NULL);
}

static bh_status load_with_limit(const char *path, rlim_t limit, const bh_component_options *options)
{
	struct rlimit before;
	bh_component *component = NULL;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, before.rlim_max}), 0);
	t_begin();
	bh_status status = bh_component_load_file(&component, host, path, options, &t_err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	bh_component_unref(component);
	return status;
}

/*
 * A program whose files may not grow: the machine's fault, not the component's, and no signal. There is no room for the
 * source, for what the compiler would say, or for what it makes.
 */
static void small_files(void **state)
{
	(void)state;
	char path[] = "/tmp/bulkhead-unseen-XXXXXX";
	int fd = mkstemp(path);
	static const char head[] =
		"(component (core module $m (memory 1) (data (i32.const 0) \"nobody compiled this before ",
					  tail[] = "\")))";
	enum { DATA = 40000 };
	char *text = malloc(sizeof head + DATA + sizeof tail);
	assert_true(fd >= 0 && text);
	size_t length = (size_t)sprintf(text, "%s%*s%s", head, DATA, "", tail);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
	free(text);
	const rlim_t limits[] = {16, 1000, length - 1, length, length + 4096};
	bh_component_options options = isolated();
	options.compile_memory = BH_MIB(512);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		assert_int_equal(load_with_limit(path, limits[i], &options), BH_E_SYSTEM);
		assert_true(t_says("the compiler's files cannot be"));
		assert_true(t_says("File too large"));
	}
	assert_int_equal(load_with_limit(path, BH_MIB(1), &options), BH_OK);
	unlink(path);

	/* What is wrong with a component is still said, where there is room for that alone. */
	static const char wrong[] = "(component (core module $m (func (export \"f\") (result i32) i64.const 1)))";
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){sizeof(bh_worker_complaint), before.rlim_max}), 0);
	t_begin();
	bh_status status = load_text(wrong, &options);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, BH_E_VALIDATION);
}

int main(void)
{
	if (!getenv("BULKHEAD_COMPILER"))
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_result), cmocka_unit_test(the_same_errors),  cmocka_unit_test(bombs),
		cmocka_unit_test(no_compiler),     cmocka_unit_test(children_ignored), cmocka_unit_test(small_files),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
