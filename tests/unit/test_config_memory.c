// test: timeout=120
/* No memory: every allocation fails once, and all from it on, while configurations are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bulkhead/config.h"

static const char good[] =
	"[host]\nworkers = 3\ncache_directory = \"c\"\n[log]\ndirectory = \"l\"\n"
	"[admin]\nsocket = \"s\"\nlisten = \"127.0.0.1:1\"\ntoken_file = \"t\"\n"
	"[service.a]\nfile = \"a.wasm\"\nsupervisor = \"s\"\nready = \"r\"\nargs = [\"x\", \"\"]\nenv = { A = \"1\" }\n"
	"limits = { max_memory = \"1MiB\", zzz = 1 }\npermissions = { network.inbound = [80] }\n"
	"[task.b]\nfile = \"b.wasm\"\ncron = \"* * * * *\"\n[supervisor.s]\nmax_restarts = 5\n"
	"[component.k]\nfile = \"k.wasm\"\nspawn = [\"k\", \"l\"]\n[component.l]\nfile = \"l.wasm\"\n";

static const char bad[] =
	"[host]\nworkers = 0\n[admin]\nlisten = \"x\"\n[service.a]\nrestart = \"alway\"\nargs = \"a\"\n"
	"env = 1\nsupervisor = \"q\"\n[supervisor.qq]\n"
	"[task.t]\nspawn = [\"x\", \"kk\", \"kk\"]\n[component.k]\n";

static void starve(const char *text, bh_status expected, bool sticky)
{
	for (uint64_t nth = 1;; nth++) {
		bh_error *err = NULL;
		bh_config *config = NULL;
		bh_alloc_fail_at(nth, sticky);
		bh_status status = bh_config_parse(&config, text, strlen(text), "x/bulkhead.toml", &err);
		bool failed = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		assert_true(status == expected || (failed && status == BH_E_NO_MEMORY));
		assert_true(!status == (config != NULL) && !status == !err);
		if (!status)
			assert_int_equal(bh_config_child_count(config) + bh_config_component_count(config), 5);
		bh_config_free(config);
		bh_error_free(err);
		if (!failed)
			return;
		assert_true(nth < 100000);
	}
}

static void test_starve(void **state)
{
	(void)state;
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	if (bh_alloc_count() != 1)
		skip();
	for (int sticky = 0; sticky < 2; sticky++) {
		starve(good, BH_OK, sticky);
		starve(bad, BH_E_CONFIG, sticky);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_starve)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
