/* Permissions: what can be granted, what a host text means, and whether one set is within another. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/permissions.h"

static bh_permissions *set_of(void)
{
	bh_permissions *permissions = NULL;
	assert_int_equal(bh_permissions_new(&permissions, NULL), BH_OK);
	return permissions;
}

static void test_empty(void **state)
{
	(void)state;
	bh_permissions *p = set_of(), *copy = NULL;
	assert_int_equal(bh_permissions_count(p), 0);
	assert_null(bh_permissions_describe(p, 0));
	assert_null(bh_permissions_dir_at(p, 0));
	assert_null(bh_permissions_net_at(p, 0));
	assert_int_equal(bh_permissions_copy(&copy, p, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(p, copy, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_dir(NULL, "d", "/d", BH_DIR_READ_ONLY, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_net(NULL, "a", 1, BH_NET_TCP, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_copy(&copy, NULL, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_within(p, NULL, NULL), BH_E_INVALID);
	bh_permissions_free(copy);
	bh_permissions_free(p);
	bh_permissions_free(NULL);
}

static void test_dirs(void **state)
{
	(void)state;
	bh_permissions *p = set_of();
	bh_error *err = NULL;
	assert_int_equal(bh_permissions_allow_dir(p, "./data", "/data", BH_DIR_READ_ONLY, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_dir(p, "/tmp/x", "/x/", BH_DIR_READ_WRITE, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_dir(p, "../up/./y", NULL, BH_DIR_READ_ONLY, NULL), BH_OK);
	assert_int_equal(bh_permissions_dir_count(p), 3);
	assert_string_equal(bh_permissions_describe(p, 0), "read ./data as /data");
	assert_string_equal(bh_permissions_describe(p, 1), "read and write /tmp/x as /x");
	assert_string_equal(bh_permissions_describe(p, 2), "read ../up/./y as /up/y");
	assert_false(bh_permissions_dir_at(p, 0)->read_write);

	/* Again: the access rises, and never falls. */
	assert_int_equal(bh_permissions_allow_dir(p, "./data", "/data/", BH_DIR_READ_WRITE, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_dir(p, "./data", "/data", BH_DIR_READ_ONLY, NULL), BH_OK);
	assert_int_equal(bh_permissions_count(p), 3);
	assert_string_equal(bh_permissions_describe(p, 0), "read and write ./data as /data");
	/* Two folders under one name. */
	assert_int_equal(bh_permissions_allow_dir(p, "./other", "/data", BH_DIR_READ_ONLY, &err), BH_E_INVALID);
	assert_string_equal(bh_error_message(err), "./data and ./other would both be /data for the guest");
	bh_error_free(err);
	/* One folder under two names. */
	assert_int_equal(bh_permissions_allow_dir(p, "./data", "/again", BH_DIR_READ_ONLY, NULL), BH_OK);

	assert_int_equal(bh_permissions_allow_dir(p, "", "/x", BH_DIR_READ_ONLY, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_dir(p, NULL, "/x", BH_DIR_READ_ONLY, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_dir(p, "x", "", BH_DIR_READ_ONLY, NULL), BH_E_INVALID);
	bh_permissions_free(p);
}

/* Sixteen masks, of which WASI has two. */
static void test_accesses(void **state)
{
	(void)state;
	for (int access = -1; access <= 32; access++) {
		bh_permissions *p = set_of();
		bh_error *err = NULL;
		bh_status status = bh_permissions_allow_dir(p, "d", "/d", access, &err);
		bool good = access == BH_DIR_READ_ONLY || access == BH_DIR_READ_WRITE;
		bool known = access > 0 && access < 16;
		assert_int_equal(status, good ? BH_OK : known ? BH_E_UNSUPPORTED : BH_E_INVALID);
		assert_int_equal(bh_permissions_count(p), good);
		bh_error_free(err);
		bh_permissions_free(p);
	}
	bh_permissions *p = set_of();
	bh_error *err = NULL;
	assert_int_equal(bh_permissions_allow_dir(p, "d", "/d", BH_DIR_READ | BH_DIR_WRITE, &err), BH_E_UNSUPPORTED);
	assert_string_equal(bh_error_message(err), "d: WASI cannot grant reading writing without the rest");
	assert_non_null(bh_error_hint(err));
	bh_error_free(err);
	bh_permissions_free(p);
}

static void test_guest_names(void **state)
{
	static const char *const cases[][2] = {
		{".", "/"},
		{"./", "/"},
		{"..", "/"},
		{"/", "/"},
		{"data", "/data"},
		{"./data/", "/data"},
		{"../data", "/data"},
		{"../../a", "/a"},
		{"a/../b", "/b"},
		{"a/b/../../../c", "/c"},
		{"/srv//data", "/srv/data"},
		{"/srv/../x", "/x"},
		{"...", "/..."},
		{"..a/.b", "/..a/.b"},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		char *name = bh_permissions_guest_name(cases[i][0]);
		assert_string_equal(name, cases[i][1]);
		bh_free(name);
	}
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text;
		bh_net_kind kind;
		unsigned bits, prefix;
	} good[] = {
		{"10.0.0.1", BH_NET_ADDRESS, 32, 32},
		{"::1", BH_NET_ADDRESS, 128, 128},
		{"[::1]", BH_NET_ADDRESS, 128, 128},
		{"::ffff:10.0.0.1", BH_NET_ADDRESS, 32, 32},
		{"10.0.0.0/8", BH_NET_NETWORK, 32, 8},
		{"0.0.0.0/0", BH_NET_NETWORK, 32, 0},
		{"10.0.0.1/32", BH_NET_NETWORK, 32, 32},
		{"10.128.0.0/9", BH_NET_NETWORK, 32, 9},
		{"::/0", BH_NET_NETWORK, 128, 0},
		{"fe80::/10", BH_NET_NETWORK, 128, 10},
		{"[fe80::]/10", BH_NET_NETWORK, 128, 10},
		{"::ffff:10.0.0.0/104", BH_NET_NETWORK, 32, 8},
		{"api.example.com", BH_NET_NAME, 0, 0},
		{"api.example.com.", BH_NET_NAME, 0, 0},
		{"localhost", BH_NET_NAME, 0, 0},
		{"a-b_c.d1", BH_NET_NAME, 0, 0},
		{"1a", BH_NET_NAME, 0, 0},
		{"3.example", BH_NET_NAME, 0, 0},
	};
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a..b",
		".a",
		"-a",
		"a-",
		"a.-b",
		"a b",
		"a/b",
		"a/8",
		"10.0.0",
		"10",
		"0x7f.1",
		"0x7f000001",
		"1.2.3.4.5",
		"10.0.0.256",
		"010.0.0.1",
		"a.0x1f",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/-1",
		"10.0.0.0/8x",
		"10.0.0.0/0008",
		"10.0.0.1/8",
		"::1/64",
		"::/129",
		"::ffff:10.0.0.0/90",
		":::",
		"[10.0.0.1]",
		"[::1",
		"::1]",
		"[]",
		"fe80::1%eth0",
		"http://a",
		"a:80",
		"\xc3\xa9.com",
		"10.0.0.0/8/8",
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(good); i++) {
		bh_net_host host;
		if (bh_net_host_parse(&host, good[i].text, false, NULL))
			fail_msg("%s", good[i].text);
		assert_int_equal(host.kind, good[i].kind);
		assert_int_equal(host.bits, good[i].bits);
		assert_int_equal(host.prefix, good[i].prefix);
	}
	for (size_t i = 0; i < BH_COUNT(bad); i++) {
		bh_net_host host;
		bh_error *err = NULL;
		if (bh_net_host_parse(&host, bad[i], false, &err) != BH_E_INVALID)
			fail_msg("%s", bad[i]);
		assert_non_null(bh_error_hint(err));
		bh_error_free(err);
	}
	bh_net_host host;
	bh_error *err = NULL;
	assert_int_equal(bh_net_host_parse(&host, "*.example.com", false, NULL), BH_E_UNSUPPORTED);
	assert_int_equal(bh_net_host_parse(&host, "*", false, NULL), BH_E_UNSUPPORTED);
	assert_int_equal(bh_net_host_parse(&host, "10.1.2.3/8", false, &err), BH_E_INVALID);
	assert_string_equal(bh_error_hint(err), "Write \"10.0.0.0/8\" for the network, or the address alone.");
	bh_error_free(err);
	char name[300];
	memset(name, 'a', sizeof name);
	name[64] = '\0';
	assert_int_equal(bh_net_host_parse(&host, name, false, NULL), BH_E_INVALID);
	name[63] = '\0';
	assert_int_equal(bh_net_host_parse(&host, name, false, NULL), BH_OK);
	name[64] = 'a';
	name[63] = name[127] = name[191] = '.';
	name[254] = '\0';
	assert_int_equal(bh_net_host_parse(&host, name, false, NULL), BH_E_INVALID);
	name[253] = '\0';
	assert_int_equal(bh_net_host_parse(&host, name, false, NULL), BH_OK);
}

static void test_listen_hosts(void **state)
{
	static const char *const bad[] = {"", "localhost", "10.0.0.0/8", "*.x", "**", "a", "0.0.0.0/0"};
	(void)state;
	bh_net_host host;
	assert_int_equal(bh_net_host_parse(&host, "*", true, NULL), BH_OK);
	assert_int_equal(host.kind, BH_NET_ANY);
	assert_int_equal(bh_net_host_parse(&host, "0.0.0.0", true, NULL), BH_OK);
	assert_int_equal(bh_net_host_parse(&host, "[::]", true, NULL), BH_OK);
	for (size_t i = 0; i < BH_COUNT(bad); i++)
		assert_int_equal(bh_net_host_parse(&host, bad[i], true, NULL), BH_E_INVALID);
}

static void test_addresses_in_rules(void **state)
{
	static const struct {
		const char *rule;
		const char *address;
		bool has;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.128.0.0/9", "10.127.0.1", false},
		{"10.128.0.0/9", "10.200.0.1", true},
		{"0.0.0.0/0", "1.2.3.4", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "::1", true},
		{"::/0", "1.2.3.4", false},
		{"::/0", "::ffff:1.2.3.4", false},
		{"10.0.0.0/8", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"fe80::/10", "febf::1", true},
		{"fe80::/10", "fec0::1", false},
		{"localhost", "127.0.0.1", false},
		{"1.2.3.4/31", "1.2.3.5", true},
		{"1.2.3.4/31", "1.2.3.6", false},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		bh_net_host rule;
		uint8_t address[16];
		bool v6 = strchr(cases[i].address, ':');
		assert_int_equal(bh_net_host_parse(&rule, cases[i].rule, false, NULL), BH_OK);
		assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, cases[i].address, address), 1);
		if (bh_net_host_has(&rule, address, v6 ? 16 : 4) != cases[i].has)
			fail_msg("%s in %s", cases[i].address, cases[i].rule);
	}
}

static void test_nets(void **state)
{
	(void)state;
	bh_permissions *p = set_of();
	int tcp_http = BH_NET_TCP | BH_NET_HTTP;
	assert_int_equal(bh_permissions_allow_net(p, "api.example.com", 443, tcp_http, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_net(p, "::1", 0, BH_NET_UDP, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_listen(p, "*", 8080, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_net_count(p), 3);
	assert_string_equal(bh_permissions_describe(p, 0), "connect to api.example.com:443 by tcp, http");
	assert_string_equal(bh_permissions_describe(p, 1), "connect to [::1]:* by udp");
	assert_string_equal(bh_permissions_describe(p, 2), "listen on *:8080 by tcp");
	assert_null(bh_permissions_describe(p, 3));
	const bh_net_grant *rule = bh_permissions_net_at(p, 2);
	assert_true(rule->listen && rule->port == 8080 && rule->protocols == BH_NET_TCP && rule->where.kind == BH_NET_ANY);

	assert_int_equal(bh_permissions_allow_net(p, "a", 1, 0, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_net(p, "a", 1, 8, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_net(p, NULL, 1, BH_NET_TCP, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_allow_net(p, "*", 1, BH_NET_TCP, NULL), BH_E_UNSUPPORTED);
	assert_int_equal(bh_permissions_allow_listen(p, "*", 1, BH_NET_HTTP, NULL), BH_E_INVALID);
	assert_int_equal(bh_permissions_count(p), 3);

	bh_permissions *copy = NULL;
	assert_int_equal(bh_permissions_copy(&copy, p, NULL), BH_OK);
	bh_permissions_free(p);
	assert_string_equal(bh_permissions_describe(copy, 2), "listen on *:8080 by tcp");
	bh_permissions_free(copy);
}

static void test_bounded(void **state)
{
	(void)state;
	bh_permissions *p = set_of();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(bh_permissions_allow_net(p, "a", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_net(p, "a", 1, BH_NET_TCP, NULL), BH_E_INVALID);
	bh_permissions_free(p);
}

static bool net_within(const char *asked, int asked_port, int asked_protocols, const char *granted, int port,
                       int protocols)
{
	bh_permissions *a = set_of(), *g = set_of();
	assert_int_equal(bh_permissions_allow_net(a, asked, (uint16_t)asked_port, asked_protocols, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_net(g, granted, (uint16_t)port, protocols, NULL), BH_OK);
	bh_error *err = NULL;
	bh_status status = bh_permissions_within(a, g, &err);
	assert_true(status == BH_OK || status == BH_E_DENIED);
	assert_true(!status == !err);
	bh_error_free(err);
	bh_permissions_free(a);
	bh_permissions_free(g);
	return !status;
}

static void test_net_within(void **state)
{
	static const struct {
		const char *asked;
		int port;
		int protocols;
		const char *granted;
		int granted_port;
		int granted_protocols;
		bool within;
	} cases[] = {
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.1", 80, BH_NET_TCP, true},
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.1", 81, BH_NET_TCP, false},
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.1", 0, BH_NET_TCP, true},
		{"10.0.0.1", 0, BH_NET_TCP, "10.0.0.1", 80, BH_NET_TCP, false},
		{"10.0.0.1", 0, BH_NET_TCP, "10.0.0.1", 0, BH_NET_TCP, true},
		{"10.0.0.1", 80, BH_NET_TCP | BH_NET_UDP, "10.0.0.1", 80, BH_NET_TCP, false},
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.1", 80, BH_NET_TCP | BH_NET_UDP, true},
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, true},
		{"10.1.0.0/16", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, true},
		{"10.0.0.0/8", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, true},
		{"10.0.0.0/8", 80, BH_NET_TCP, "10.1.0.0/16", 80, BH_NET_TCP, false},
		{"0.0.0.0/0", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, false},
		{"10.0.0.1/32", 80, BH_NET_TCP, "10.0.0.1", 80, BH_NET_TCP, true},
		{"10.0.0.1", 80, BH_NET_TCP, "10.0.0.1/32", 80, BH_NET_TCP, true},
		{"11.0.0.1", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, false},
		{"::1", 80, BH_NET_TCP, "::/0", 80, BH_NET_TCP, true},
		{"::1", 80, BH_NET_TCP, "0:0:0:0:0:0:0:1", 80, BH_NET_TCP, true},
		{"::1", 80, BH_NET_TCP, "0.0.0.0/0", 80, BH_NET_TCP, false},
		{"::ffff:10.0.0.1", 80, BH_NET_TCP, "10.0.0.0/8", 80, BH_NET_TCP, true},
		{"a.example", 80, BH_NET_TCP, "A.Example.", 80, BH_NET_TCP, true},
		{"a.example", 80, BH_NET_TCP, "example", 80, BH_NET_TCP, false},
		{"a.example", 80, BH_NET_TCP, "b.example", 80, BH_NET_TCP, false},
		{"a.example", 80, BH_NET_TCP, "0.0.0.0/0", 80, BH_NET_TCP, false},
		{"10.0.0.1", 80, BH_NET_TCP, "a.example", 80, BH_NET_TCP, false},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(cases); i++)
		if (net_within(cases[i].asked, cases[i].port, cases[i].protocols, cases[i].granted, cases[i].granted_port,
		               cases[i].granted_protocols) != cases[i].within)
			fail_msg("case %zu: %s in %s", i, cases[i].asked, cases[i].granted);
}

static void test_rules_together(void **state)
{
	(void)state;
	bh_permissions *asked = set_of(), *granted = set_of();
	bh_error *err = NULL;
	assert_int_equal(bh_permissions_allow_net(asked, "a", 1, BH_NET_TCP | BH_NET_UDP, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_net(granted, "a", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, &err), BH_E_DENIED);
	assert_string_equal(bh_error_message(err), "connect to a:1 by tcp, udp: not within what is granted");
	bh_error_free(err);
	/* Two rules can grant together what neither does alone. */
	assert_int_equal(bh_permissions_allow_net(granted, "a", 0, BH_NET_UDP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(granted, asked, NULL), BH_E_DENIED);

	/* Listening is not connecting. */
	assert_int_equal(bh_permissions_allow_listen(asked, "127.0.0.1", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_net(granted, "127.0.0.1", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, NULL), BH_E_DENIED);
	assert_int_equal(bh_permissions_allow_listen(granted, "*", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, NULL), BH_OK);
	/* All addresses are more than one of them. */
	assert_int_equal(bh_permissions_allow_listen(asked, "*", 1, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_listen(asked, "0.0.0.0", 2, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_listen(granted, "127.0.0.1", 2, BH_NET_TCP, NULL), BH_OK);
	assert_int_equal(bh_permissions_within(asked, granted, NULL), BH_E_DENIED);
	bh_permissions_free(asked);
	bh_permissions_free(granted);
}

static bh_status dir_within(const char *asked, int asked_access, const char *granted, int access)
{
	bh_permissions *a = set_of(), *g = set_of();
	assert_int_equal(bh_permissions_allow_dir(a, asked, "/a", asked_access, NULL), BH_OK);
	assert_int_equal(bh_permissions_allow_dir(g, granted, "/g", access, NULL), BH_OK);
	bh_status status = bh_permissions_within(a, g, NULL);
	bh_permissions_free(a);
	bh_permissions_free(g);
	return status;
}

static void test_dir_within(void **state)
{
	static const struct {
		const char *asked;
		const char *granted;
		bool within;
	} cases[] = {
		{"in", "in", true},
		{"in/", "./in", true},
		{"in/deep", "in", true},
		{"in", "in/deep", false},
		{"inside", "in", false},
		{"out", "in", false},
		{"in/../out", "in", false},
		{"in/deep/..", "in", true},
		{"in/deep/../..", "in", false},
		{"/", "in", false},
		{"in", "/", true},
		{"in", ".", true},
		{".", "in", false},
		{"in/no/such/folder", "in", true},
		{"in/no/../../out", "in", false}, /* nobody knows yet what "no" will be */
		{"no/such", "no", true},
		{"nosuch", "no", false},
		{"in/link-out", "in", false},
		{"in/link-out/deeper", "in", false},
		{"link-in", "in", true},
		{"in/deep", "link-in", true},
		{"in/dangling", "in", false},
		{"in/dangling/", "in", false},
		{"in/dangling/x", "in", false},
		{"in/loop", "in", false},
	};
	char folder[] = "/tmp/bulkhead-test-XXXXXX", command[128];
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("in", 0700) | mkdir("in/deep", 0700) | mkdir("out", 0700) | mkdir("inside", 0700), 0);
	assert_int_equal(symlink("../out", "in/link-out") | symlink("in", "link-in") | symlink("../later", "in/dangling") |
	                     symlink("loop", "in/loop"),
	                 0);
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		bh_status expected = cases[i].within ? BH_OK : BH_E_DENIED;
		if (dir_within(cases[i].asked, BH_DIR_READ_ONLY, cases[i].granted, BH_DIR_READ_ONLY) != expected)
			fail_msg("%s in %s", cases[i].asked, cases[i].granted);
	}
	assert_int_equal(dir_within("in", BH_DIR_READ_WRITE, "in", BH_DIR_READ_ONLY), BH_E_DENIED);
	assert_int_equal(dir_within("in", BH_DIR_READ_ONLY, "in", BH_DIR_READ_WRITE), BH_OK);
	assert_int_equal(dir_within("in", BH_DIR_READ_WRITE, "in", BH_DIR_READ_WRITE), BH_OK);
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* Every allocation fails, one by one: a set is whole or as it was. */
static void test_no_memory(void **state)
{
	(void)state;
	for (int sticky = 0; sticky < 2; sticky++) {
		bool failed = true;
		for (uint64_t nth = 1; failed; nth++) {
			bh_permissions *p = NULL, *copy = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_status status = bh_permissions_new(&p, NULL);
			size_t count = 0;
			if (p) {
				for (int i = 0; i < 10; i++) {
					char guest[16];
					snprintf(guest, sizeof guest, "/%d", i);
					count += !bh_permissions_allow_dir(p, "/tmp/x", guest, BH_DIR_READ_ONLY, NULL);
					count += !bh_permissions_allow_net(p, "a", 1, BH_NET_TCP, NULL);
				}
				status = bh_permissions_allow_dir(p, "/tmp/x", "/0", BH_DIR_READ_WRITE, NULL);
				count += !status && count < bh_permissions_count(p); /* /0 may not have been there */
				assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
				status = bh_permissions_copy(&copy, p, NULL);
				bh_status within = bh_permissions_within(p, p, NULL);
				assert_true(within == BH_OK || within == BH_E_NO_MEMORY);
			}
			failed = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
			if (p)
				assert_int_equal(bh_permissions_count(p), count);
			if (copy)
				assert_int_equal(bh_permissions_count(copy), count);
			bh_permissions_free(copy);
			bh_permissions_free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_dirs),
		cmocka_unit_test(test_accesses),
		cmocka_unit_test(test_guest_names),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_listen_hosts),
		cmocka_unit_test(test_addresses_in_rules),
		cmocka_unit_test(test_nets),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_net_within),
		cmocka_unit_test(test_rules_together),
		cmocka_unit_test(test_dir_within),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
