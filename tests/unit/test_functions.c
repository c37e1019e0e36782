// test: timeout=60
/* bulkhead:host without memory; which folder a path is in; whom HTTP may reach. */
#include <arpa/inet.h>

#include "api.h"
#include "base/alloc.h"
#include "base/reach.h"
#include "functions/file.h"

static void paths(void **state)
{
	(void)state;
	static const struct {
		const char *path, *folder, *rest; /* NULL: it is not in it */
	} rows[] = {
		{"/data/x", "/data", "x"},
		{"data/x", "/data", "x"},
		{"/data/x", "./data/", "x"},
		{"/data//./x", "/data", "./x"},
		{"/data", "/data", ""},
		{"/data/", "/data", ""},
		{"/database", "/data", NULL},
		{"/dat", "/data", NULL},
		{"/", "/data", NULL},
		{"/x", "/", "x"},
		{"x/y", ".", "x/y"},
		{"../x", "/", "../x"},
		{"/a/../data/x", "/data", NULL},
		{"/data/../x", "/data", "../x"},
		{"/a/b/c", "/a/b", "c"},
		{"/a/./b//c", "/a/b", "c"},
	};
	for (size_t i = 0; i < BH_COUNT(rows); i++) {
		size_t parts;
		const char *rest = bh_path_within(rows[i].path, rows[i].folder, &parts);
		if (rows[i].rest) {
			assert_non_null(rest);
			assert_string_equal(rest, rows[i].rest);
		} else {
			assert_null(rest);
		}
	}
}

static bool reaches(const bh_permissions *permissions, const char *text, uint16_t port)
{
	uint8_t address[16];
	size_t bytes = strchr(text, ':') ? 16 : 4;
	assert_int_equal(inet_pton(bytes == 4 ? AF_INET : AF_INET6, text, address), 1);
	return bh_reach_address(permissions, BH_NET_HTTP, address, bytes, port);
}

static void addresses(void **state)
{
	(void)state;
	static const char *const open[] = {"1.1.1.1",       "9.255.255.255", "11.0.0.0",       "100.63.255.255",
	                                   "100.128.0.0",   "126.0.0.1",     "128.0.0.1",      "172.15.0.1",
	                                   "172.32.0.1",    "192.167.0.1",   "198.17.0.1",     "223.255.255.255",
	                                   "168.63.129.17", "2606:4700::1",  "::ffff:1.1.1.1", "64:ff9b::101:101"};
	static const char *const closed[] = {
		"0.0.0.0",       "10.0.0.1",        "100.64.0.1",      "100.100.100.200", "127.0.0.1",   "127.255.255.255",
		"169.254.1.1",   "169.254.169.254", "172.16.0.1",      "172.31.255.255",  "192.0.0.192", "192.168.1.1",
		"198.18.0.1",    "224.0.0.1",       "255.255.255.255", "168.63.129.16",   "::",          "::1",
		"::127.0.0.1",   "::ffff:10.0.0.1", "64:ff9b::a00:1",  "64:ff9b:1::1",    "fe80::1",     "fc00::1",
		"fd00:ec2::254", "fec0::1",         "ff02::1",         "2002:a00:1::",    "2001::1",     "100::1"};
	bh_permissions *nothing = NULL, *some = NULL, *all = NULL;
	OK(bh_permissions_new(&nothing, &t_err));
	OK(bh_permissions_new(&all, &t_err));
	OK(bh_permissions_allow_net(all, "0.0.0.0/0", 0, BH_NET_HTTP, &t_err));
	OK(bh_permissions_allow_net(all, "::/0", 0, BH_NET_HTTP, &t_err));
	for (size_t i = 0; i < BH_COUNT(open); i++)
		assert_true(reaches(nothing, open[i], 80));
	for (size_t i = 0; i < BH_COUNT(closed); i++) {
		assert_false(reaches(NULL, closed[i], 80));
		assert_false(reaches(nothing, closed[i], 80));
		assert_false(reaches(all, closed[i], 80));
	}
	OK(bh_permissions_new(&some, &t_err));
	OK(bh_permissions_allow_net(some, "10.1.0.0/16", 80, BH_NET_HTTP, &t_err));
	OK(bh_permissions_allow_net(some, "10.2.0.1", 0, BH_NET_TCP, &t_err));
	OK(bh_permissions_allow_net(some, "fd00::1", 0, BH_NET_HTTP, &t_err));
	OK(bh_permissions_allow_listen(some, "127.0.0.1", 0, BH_NET_TCP, &t_err));
	assert_true(reaches(some, "10.1.2.3", 80));
	assert_true(reaches(some, "::ffff:10.1.2.3", 80));
	assert_true(reaches(some, "64:ff9b::a01:203", 80));
	assert_true(reaches(some, "fd00::1", 443));
	assert_false(reaches(some, "10.1.2.3", 81));
	assert_false(reaches(some, "10.2.0.1", 80)); /* by other means */
	assert_false(reaches(some, "127.0.0.1", 80));
	assert_false(reaches(some, "fd00::2", 443));
	bh_permissions_free(nothing);
	bh_permissions_free(some);
	bh_permissions_free(all);
}

static bh_component *load(bh_host *host, bh_imports *imports)
{
	static const char *const capabilities[] = {"filesystem::read", "network::http_fetch", "time::sleep"};
	bh_component *component = NULL;
	bh_permissions *permissions = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	OK(bh_permissions_new(&permissions, &t_err));
	for (size_t i = 0; i < BH_COUNT(capabilities); i++)
		OK(bh_permissions_allow_capability(permissions, capabilities[i], &t_err));
	OK(bh_permissions_allow_dir(permissions, "/proc/self", "/p", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", 1, BH_NET_HTTP, &t_err));
	options.limits = t_limits();
	options.permissions = permissions;
	options.imports = imports;
	OK(bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	bh_permissions_free(permissions);
	return component;
}

/* Each allocation fails in turn: the call ends, well or not, and the next one is fine. */
static void calls_without_memory(bh_component *component, const char *name, const char *args)
{
	enum { MOST = 400 };
	uint64_t n = 1;
	for (bool failed = true; failed && n < MOST; n++) {
		bh_error *err = NULL;
		bh_alloc_fail_at(n, false);
		(void)!t_call(NULL, component, name, args, NULL, NULL, &err);
		failed = bh_alloc_count() >= n;
		bh_alloc_fail_at(0, false);
		bh_error_free(err);
	}
	assert_true(n > 10 && n < MOST);
	OK(t_call(NULL, component, name, args, NULL, NULL, &t_err));
}

static void without_memory(void **state)
{
	(void)state;
	bh_imports *imports = NULL;
	bh_status status = BH_E_NO_MEMORY;
	uint64_t n = 0;
	while (status) {
		OK(bh_imports_new(&imports, &t_err));
		bh_alloc_fail_at(++n, false);
		status = bh_imports_define_bulkhead_host(imports, NULL, NULL);
		bh_alloc_fail_at(0, false);
		assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
		if (status)
			bh_imports_free(imports);
	}
	assert_true(n > 30);
	bh_host *host = t_host();
	bh_component *component = load(host, imports);
	calls_without_memory(component, "bulkhead:host/time@0.1.0#sleep", "1");
	calls_without_memory(component, "size", "\"/p/status\"");
	calls_without_memory(component, "size", "\"/none\"");
	calls_without_memory(component, "get", "\"http://127.0.0.1:1/\"");
	calls_without_memory(component, "get", "\"http://127.0.0.1:2/\"");
	bh_imports_free(imports);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(addresses),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
