/* What host functions move for a guest counts against its max_io_bytes, as what it moves itself, and is part of its usage. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostfunctions.h"
#include "http_server.h"
#include "imports.h"

static char root[64];
static server peer;

static void put(const char *name, off_t length)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", root, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(truncate(path, length), 0);
}

/* A component of the guest that may read in /data and ask the server, and move so many bytes a call. */
static bh_component *limited(uint64_t io_bytes)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_permissions *permissions = t_granted(T_ALL);
	OK(bh_permissions_allow_dir(permissions, root, "/data", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", peer.port, BH_NET_HTTP, &t_err));
	options.limits = t_limits();
	options.limits.io_bytes = io_bytes;
	options.permissions = permissions;
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_bulkhead_host(options.imports, NULL, &t_err));
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	bh_imports_free(options.imports);
	bh_permissions_free(permissions);
	return component;
}

/* Bytes that a call used which must end so. */
static uint64_t used(bh_status status, bh_component *component, const char *name, const char *args)
{
	bh_usage usage = BH_USAGE_INIT;
	bh_buffer out = BH_BUFFER_INIT;
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	instance.out = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &out};
	options.instance = &instance;
	FAILS(status, t_call(NULL, component, name, args, &options, &usage, &t_err));
	bh_buffer_deinit(&out);
	return usage.io_bytes;
}

static void files(void **state)
{
	(void)state;
	put("exact", 100000);
	put("more", 100001);
	put("empty", 0);
	bh_component *component = limited(100000), *free = limited(BH_UNLIMITED);
	assert_int_equal(used(BH_OK, free, "size", "\"/data/more\""), 100001);
	assert_int_equal(used(BH_OK, free, "size", "\"/data/empty\""), 0);
	assert_int_equal(used(BH_OK, free, "size", "\"/data/none\""), 0);
	for (int i = 0; i < 3; i++) /* each call begins anew */
		assert_int_equal(used(BH_OK, component, "size", "\"/data/exact\""), 100000);
	assert_true(used(BH_E_RESOURCE_LIMIT, component, "size", "\"/data/more\"") > 100000);
	t_names_limit(BH_LIMIT_IO_BYTES, 100000);
	assert_int_equal(bh_error_trap(t_err), BH_TRAP_RESOURCE_LIMIT);
	assert_true(t_says("max_io_bytes"));
	bh_component_unref(component);
	bh_component_unref(free);
}

/* Over several calls of functions, and together with what goes through streams, in whichever order. */
static void summed(void **state)
{
	(void)state;
	put("ten", 10);
	bh_component *free = limited(BH_UNLIMITED);
	assert_int_equal(used(BH_OK, free, "copies", "\"/data/ten\", 4"), 80);
	bh_component_unref(free);
	for (uint64_t limit = 1; limit < 41; limit++) {
		bh_component *component = limited(limit);
		assert_int_equal(used(limit < 40 ? BH_E_RESOURCE_LIMIT : BH_OK, component, "copies", "\"/data/ten\", 2"),
		                 limit < 10   ? 10
		                 : limit < 20 ? 20
		                 : limit < 30 ? 30
		                              : 40);
		bh_component_unref(component);
	}
	/* A live instance that went over is spent; one that did not begins anew. */
	bh_component *component = limited(40);
	bh_instance *instance = t_instance(component);
	bh_export *copies = t_find(component, "copies");
	OK(t_call_live(NULL, instance, copies, "\"/data/ten\", 2", NULL, NULL, &t_err));
	OK(t_call_live(NULL, instance, copies, "\"/data/ten\", 2", NULL, NULL, &t_err));
	FAILS(BH_E_RESOURCE_LIMIT, t_call_live(NULL, instance, copies, "\"/data/ten\", 3", NULL, NULL, &t_err));
	FAILS(BH_E_POISONED, t_call_live(NULL, instance, copies, "\"/data/ten\", 1", NULL, NULL, &t_err));
	bh_export_free(copies);
	bh_instance_free(instance);
	bh_component_unref(component);
}

static const char *get(const char *path)
{
	static char args[200];
	snprintf(args, sizeof args, "\"http://127.0.0.1:%u%s\"", peer.port, path);
	return args;
}

/* A POST of "abc". */
static const char *post(const char *path)
{
	static char args[400];
	snprintf(args, sizeof args,
	         "{method: \"POST\", url: \"http://127.0.0.1:%u%s\", headers: [], body: [97, 98, 99], timeout-ms: none, "
	         "max-redirects: none}",
	         peer.port, path);
	return args;
}

static const char fetch[] = "bulkhead:host/network@0.1.0#http-fetch";

static void bodies(void **state)
{
	(void)state;
	bh_component *free = limited(BH_UNLIMITED), *two = limited(2), *seven = limited(7), *ten = limited(10000);
	assert_int_equal(used(BH_OK, free, "get", get("/hello")), 5);
	assert_int_equal(used(BH_OK, free, "get", get("/jump/1")), 15);
	assert_int_equal(used(BH_OK, free, fetch, post("/hello")), 8);
	assert_int_equal(used(BH_OK, free, fetch, post("/to/307//hello")), 21); /* sent again */
	assert_int_equal(used(BH_E_RESOURCE_LIMIT, seven, fetch, post("/hello")), 8);
	t_names_limit(BH_LIMIT_IO_BYTES, 7);
	assert_int_equal(used(BH_OK, seven, "get", get("/hello")), 5);
	/* What may not be sent is not. */
	int served = peer.served;
	assert_int_equal(used(BH_E_RESOURCE_LIMIT, two, fetch, post("/hello")), 3);
	assert_int_equal(peer.served, served);
	/* A response without end is cut off where it goes over, not at what the set allows. */
	uint64_t big = used(BH_E_RESOURCE_LIMIT, ten, "get", get("/big"));
	assert_true(big > 10000 && big < BH_MIB(1));
	bh_component *all[] = {free, two, seven, ten};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		bh_component_unref(all[i]);
}

/* Functions of the program's own. */

typedef struct {
	uint64_t bytes[4]; /* counted one after the other */
	bool fits[4];
	bool never; /* answer: keep it instead */
	bh_completion *kept;
} counting;

static void count_and_answer(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	counting *c = data;
	for (int i = 0; i < 4; i++)
		c->fits[i] = bh_completion_count_io(completion, c->bytes[i]);
	bh_value result = BH_VALUE_INIT;
	if (c->never)
		c->kept = completion;
	else if (!bh_value_copy(&result, &args[0], NULL))
		bh_completion_finish(completion, &result);
}

static bh_component *counter(counting *c, const char *function, uint64_t io_bytes)
{
	bh_imports *imports = t_all_but(function);
	t_define_async(imports, function, count_and_answer, c);
	bh_component_options options = t_linked(imports);
	options.limits.io_bytes = io_bytes;
	bh_component *component = t_link_text(t_caller_text, &options);
	bh_imports_free(imports);
	return component;
}

static void functions_of_the_program(void **state)
{
	(void)state;
	counting c = {.bytes = {50, 0, 50, 0}};
	bh_component *text = counter(&c, "text", 100), *number = counter(&c, "number", 100);
	assert_int_equal(used(BH_OK, text, "text", "\"abc\""), 100);
	assert_true(c.fits[0] && c.fits[1] && c.fits[2] && c.fits[3]);
	assert_int_equal(used(BH_OK, number, "many", "1"), 100);
	assert_int_equal(used(BH_E_RESOURCE_LIMIT, number, "many", "2"), 200);
	assert_true(!c.fits[0] && !c.fits[3]);
	/* It ends so whatever is answered, which is freed; and does not wrap around. */
	c = (counting){.bytes = {1, UINT64_MAX, 1, 100}};
	assert_int_equal(used(BH_E_RESOURCE_LIMIT, text, "text", "\"abc\""), UINT64_MAX);
	assert_true(c.fits[0] && !c.fits[1] && !c.fits[2] && !c.fits[3]);
	t_names_limit(BH_LIMIT_IO_BYTES, 100);
	bh_component_unref(text);
	/* Without a limit even that is none. */
	text = counter(&c, "text", BH_UNLIMITED);
	assert_int_equal(used(BH_OK, text, "text", "\"abc\""), UINT64_MAX);
	bh_component_unref(text);
	bh_component_unref(number);
}

/* What was moved for a call that was ended meanwhile was moved all the same; later it is nobody's. */
static void of_calls_that_were_ended(void **state)
{
	(void)state;
	counting c = {.bytes = {7, 0, 0, 0}, .never = true};
	bh_component *component = counter(&c, "number", 100);
	bh_usage usage = BH_USAGE_INIT;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 10;
	FAILS(BH_E_DEADLINE, t_call(NULL, component, "number", "1", &options, &usage, &t_err));
	assert_int_equal(usage.io_bytes, 7);
	(void)bh_completion_count_io(c.kept, 1000);
	bh_completion_drop(c.kept);
	c.never = false;
	assert_int_equal(used(BH_OK, component, "number", "1"), 7);
	bh_component_unref(component);
}

static int begin(void **state)
{
	snprintf(root, sizeof root, "/tmp/bulkhead-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	server_begin(&peer);
	return host_begin(state);
}

static int end(void **state)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	int failed = host_end(state);
	return server_end(&peer) && !system(command) ? failed : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(summed),
		cmocka_unit_test(bodies),
		cmocka_unit_test(functions_of_the_program),
		cmocka_unit_test(of_calls_that_were_ended),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
