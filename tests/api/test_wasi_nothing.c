/* What a guest has that was granted nothing: arguments as given, and nothing else. */
#include <stdlib.h>

#include "one_host.h"

static void run(const char *guest, const char *const *args, const bh_instance_options *base, int exit_status,
                const char *output)
{
	bh_component *component = t_load(host, guest, NULL);
	bh_buffer out = BH_BUFFER_INIT;
	int got;
	OK(t_run(component, args, base, &out, &got, &t_err));
	assert_string_equal(out.data ? out.data : "", output);
	assert_int_equal(got, exit_status);
	bh_buffer_deinit(&out);
	bh_component_unref(component);
}

static void arguments_and_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("BULKHEAD_SECRET", "hunter2", 1), 0);
	run("env.wasm", T_ARGS("env"), NULL, 0, "arg 0 env\n");
	run("env.wasm", NULL, NULL, 0, "");
	run("env.wasm", T_ARGS("env", "", "two words", "\xe2\x82\xac", "--x=y"), NULL, 0,
	    "arg 0 env\narg 1 \narg 2 two words\narg 3 \xe2\x82\xac\narg 4 --x=y\n");
	bh_instance_options base = BH_INSTANCE_OPTIONS_INIT;
	const char *env[] = {"A=1", "EMPTY=", "B=x=y"};
	base.env = env;
	base.env_count = 3;
	run("env.wasm", T_ARGS("env"), &base, 0, "arg 0 env\nenv A=1\nenv EMPTY=\nenv B=x=y\n");
}

static void bad_arguments(void **state)
{
	(void)state;
	bh_component *component = t_load(host, "env.wasm", NULL);
	int exit_status;
	static const char *const bad[] = {"\xff", "a\xc0\x80", "\xed\xa0\x80"};
	for (size_t i = 0; i < 3; i++) {
		FAILS(BH_E_INVALID, t_run(component, T_ARGS("env", bad[i]), NULL, NULL, &exit_status, &t_err));
		assert_true(t_says("UTF-8"));
		char entry[32];
		snprintf(entry, sizeof entry, "A=%s", bad[i]);
		const char *env[] = {"B=1", entry};
		bh_instance_options base = BH_INSTANCE_OPTIONS_INIT;
		base.env = env;
		base.env_count = 2;
		FAILS(BH_E_INVALID, t_run(component, T_ARGS("env"), &base, NULL, &exit_status, &t_err));
	}
	static const char *const bad_env[] = {"", "A", "=1"};
	for (size_t i = 0; i < 3; i++) {
		bh_instance_options base = BH_INSTANCE_OPTIONS_INIT;
		base.env = &bad_env[i];
		base.env_count = 1;
		FAILS(BH_E_INVALID, t_run(component, T_ARGS("env"), &base, NULL, &exit_status, &t_err));
		assert_true(t_says("NAME=value"));
	}
	bh_component_unref(component);
}

static void no_files(void **state)
{
	(void)state;
	static const char *const paths[] = {"/", ".", "/etc/passwd", "..", "/proc/self/environ", "/tmp"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char expected[200];
		bh_component *component = t_load(host, "open.wasm", NULL);
		bh_buffer out = BH_BUFFER_INIT;
		int exit_status;
		for (int write = 0; write < 2; write++) {
			OK(t_run(component, T_ARGS("open", paths[i], write ? "w" : "r"), NULL, &out, &exit_status, &t_err));
			assert_int_equal(exit_status, 1);
		}
		snprintf(expected, sizeof expected, "open %s:", paths[i]);
		assert_non_null(strstr(out.data, expected));
		bh_buffer_deinit(&out);
		bh_component_unref(component);
	}
}

/* Nothing to read, and nobody sees what it writes. */
static void no_streams(void **state)
{
	(void)state;
	run("readstdin.wasm", T_ARGS("readstdin"), NULL, 0, "0\n");
	bh_component *component = t_load(host, "flood.wasm", NULL);
	int exit_status;
	OK(t_run(component, T_ARGS("flood", "1000000"), NULL, NULL, &exit_status, &t_err));
	assert_int_equal(exit_status, 0);
	bh_component_unref(component);
}

#define NETWORK                                                                                                        \
	"(import \"wasi:sockets/network@0.2.0\" (instance $network\n"                                                      \
	"  (export \"network\" (type (sub resource)))\n"                                                                   \
	"  (type $c1 (enum \"unknown\" \"access-denied\" \"not-supported\" \"invalid-argument\" \"out-of-memory\"\n"       \
	"    \"timeout\" \"concurrency-conflict\" \"not-in-progress\" \"would-block\" \"invalid-state\"\n"                 \
	"    \"new-socket-limit\" \"address-not-bindable\" \"address-in-use\" \"remote-unreachable\"\n"                    \
	"    \"connection-refused\" \"connection-reset\" \"connection-aborted\" \"datagram-too-large\"\n"                  \
	"    \"name-unresolvable\" \"temporary-resolver-failure\" \"permanent-resolver-failure\"))\n"                      \
	"  (export \"error-code\" (type (eq $c1)))))\n"                                                                    \
	"(alias export $network \"network\" (type $net)) (alias export $network \"error-code\" (type $code))\n"            \
	"(import \"wasi:sockets/instance-network@0.2.0\" (instance $instance (alias outer 1 $net (type $n))\n"             \
	"  (export \"instance-network\" (func (result (own $n))))))\n"

/* Resolves a name: 256 if that begins well, otherwise the error's number. 1 is access-denied. */
static const char resolver[] =
	"(component " NETWORK "(import \"wasi:sockets/ip-name-lookup@0.2.0\" (instance $lookup\n"
	"  (export \"resolve-address-stream\" (type $stream (sub resource)))\n"
	"  (alias outer 1 $net (type $n)) (alias outer 1 $code (type $c))\n"
	"  (export \"resolve-addresses\" (func (param \"network\" (borrow $n)) (param \"name\" string)\n"
	"    (result (result (own $stream) (error $c)))))))\n"
	"(core module $memory (memory (export \"m\") 1)\n"
	"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))\n"
	"(core instance $memory (instantiate $memory))\n"
	"(core func $network (canon lower (func $instance \"instance-network\")))\n"
	"(core func $resolve (canon lower (func $lookup \"resolve-addresses\") (memory (core memory $memory \"m\"))\n"
	"  (realloc (core func $memory \"realloc\"))))\n"
	"(core module $m (import \"\" \"network\" (func $network (result i32)))\n"
	"  (import \"\" \"resolve\" (func $resolve (param i32 i32 i32 i32))) (import \"\" \"m\" (memory 1))\n"
	"  (func (export \"run\") (param i32 i32) (result i32)\n"
	"    (call $resolve (call $network) (local.get 0) (local.get 1) (i32.const 16))\n"
	"    (if (result i32) (i32.load8_u (i32.const 16)) (then (i32.load8_u (i32.const 20))) (else (i32.const 256)))))\n"
	"(core instance $i (instantiate $m (with \"\" (instance (export \"network\" (func $network))\n"
	"  (export \"resolve\" (func $resolve)) (export \"m\" (memory $memory \"m\"))))))\n"
	"(func (export \"run\") (param \"name\" string) (result u32) (canon lift (core func $i \"run\")\n"
	"  (memory (core memory $memory \"m\")) (realloc (core func $memory \"realloc\")))))";

static void no_names(void **state)
{
	(void)state;
	bh_component *component = t_load_text(host, resolver, NULL);
	static const char *const names[] = {"\"localhost\"", "\"example.com\"", "\"127.0.0.1\"", "\"\""};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(t_number(component, "run", names[i]), 1);
	bh_component_unref(component);
	/* Granted a name, it resolves that and no other. */
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_net(permissions, "localhost", 80, BH_NET_TCP, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.permissions = permissions;
	OK(bh_component_load_bytes(&component, host, resolver, sizeof resolver - 1, &options, &t_err));
	bh_permissions_free(permissions);
	assert_int_equal(t_number(component, "run", "\"localhost\""), 256);
	assert_int_equal(t_number(component, "run", "\"LOCALHOST\""), 256);
	assert_int_equal(t_number(component, "run", "\"example.com\""), 1);
	assert_int_equal(t_number(component, "run", "\"localhost.\""), 1);
	assert_int_equal(t_number(component, "run", "\"local\""), 1);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_and_environment),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(no_files),
		cmocka_unit_test(no_streams),
		cmocka_unit_test(no_names),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
