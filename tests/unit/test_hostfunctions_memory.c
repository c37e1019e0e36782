// test: timeout=120
/*
 * No memory: every allocation of ours fails once, and all from it on, while bulkhead:host reads, sleeps and fetches. The
 * call ends well, with an err, or with BH_E_NO_MEMORY; and nothing that there is only so much of stays taken.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../api/http_server.h"
#include "base/alloc.h"

static bh_host *host;
static bh_component *component;
static char root[64];
static server peer;

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

typedef struct {
	const char *name, *args;
	bool started;
} errand;

/* Into `said` what the function answered, as WAVE; NULL: nothing, or no memory for the text. */
static uint64_t allocated; /* until the errand was done */

static bh_status do_errand(char **said, const errand *e, bh_error **err)
{
	bh_export *export_ = NULL;
	bh_call *call = NULL;
	bh_value args[1] = {BH_VALUE_INIT}, result = BH_VALUE_INIT;
	bh_status status = bh_export_find(&export_, component, e->name, err);
	if (!status)
		status = bh_export_parse_args(args, export_, e->args, err);
	if (!status && !e->started)
		status = bh_export_call(export_, args, 1, &result, NULL, NULL, err);
	if (!status && e->started)
		status = bh_call_start(&call, export_, NULL, args, 1, NULL, err);
	if (call)
		status = bh_call_wait(call, &result, NULL, err);
	allocated = bh_alloc_count();
	bh_alloc_fail_at(0, false);
	if (!status)
		EXPECT(!bh_value_to_wave(said, &result, NULL));
	bh_call_free(call);
	bh_value_deinit(&result);
	bh_value_deinit(&args[0]);
	bh_export_free(export_);
	return status;
}

/* Of each there may be one at once, so one place that is not given back is seen: but it may take a moment. */
static void assert_still_works(const errand *e)
{
	double end = t_now_ms() + 5000 * t_slack();
	for (bool good = false; !good;) {
		char *said = NULL;
		OK(do_errand(&said, e, &t_err));
		good = !strncmp(said, "ok", 2);
		if (!good && (!strstr(said, "busy") || t_now_ms() > end))
			fail_msg("%s: %s", e->name, said);
		bh_string_free(said);
		if (!good)
			t_sleep_ms(1);
	}
}

static bool short_of_memory(bh_status status)
{
	return status == BH_E_NO_MEMORY || status == BH_E_HOST_FUNCTION;
}

static void starve(const errand *e)
{
	size_t failed = 0;
	assert_still_works(e);
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			char *said = NULL;
			bh_error *err = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_status status = do_errand(&said, e, &err);
			if (status && !short_of_memory(status))
				t_print_error(err);
			assert_true(!status || short_of_memory(status));
			assert_true(status ? err != NULL : !err);
			bool bad = status || strncmp(said, "ok", 2) != 0, reached = allocated >= nth;
			failed += bad;
			bh_string_free(said);
			bh_error_free(err);
			assert_still_works(e);
			if (!reached) {
				assert_false(bad);
				break;
			}
		}
	assert_true(failed > 5);
	print_message("%s: %zu times without memory\n", e->name, failed);
}

static void reads(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		starve(&(errand){"size", "\"/data/file\"", i});
}

static void sleeps(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		starve(&(errand){"bulkhead:host/time@0.1.0#sleep", "1", i});
}

static void fetches(void **state)
{
	(void)state;
	char args[100];
	snprintf(args, sizeof args, "\"http://127.0.0.1:%u/jump/1\"", peer.port);
	for (int i = 0; i < 2; i++)
		starve(&(errand){"get", args, i});
}

static bh_status load(void)
{
	char path[100];
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_permissions *permissions = NULL;
	functions.max_reads = functions.max_sleeps = functions.max_fetches = functions.waiting_fetches = 1;
	snprintf(path, sizeof path, "%s/file", root);
	FILE *file = fopen(path, "we");
	EXPECT(file && fputs("12345", file) >= 0 && !fclose(file));
	OK(bh_permissions_new(&permissions, &t_err));
	static const char *const needed[] = {"filesystem::read", "network::http_fetch", "time::sleep"};
	for (int i = 0; i < 3; i++)
		OK(bh_permissions_allow_capability(permissions, needed[i], &t_err));
	OK(bh_permissions_allow_dir(permissions, root, "/data", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", peer.port, BH_NET_HTTP, &t_err));
	options.limits = t_limits();
	options.permissions = permissions;
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_bulkhead_host(options.imports, &functions, &t_err));
	bh_status status = bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err);
	bh_imports_free(options.imports);
	bh_permissions_free(permissions);
	return status;
}

static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/bulkhead-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	server_begin(&peer);
	host = t_host();
	OK(load());
	return 0;
}

static int end(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	bh_component_unref(component);
	t_begin();
	bh_host_free(host);
	return server_end(&peer) && !system(command) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(sleeps), cmocka_unit_test(fetches)};
	if (!faults_work())
		return 77;
	return cmocka_run_group_tests(tests, begin, end);
}
