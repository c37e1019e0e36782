/* [permissions]: what is granted, what cannot be, and the lines that would work instead. */
#include "test_manifest.h"

#define HEAD "[resources]\nmax_memory = \"64MB\"\nmax_stack = \"1MB\"\n[permissions]\n"

/* What lines grant, in words, joined by " | ". */
static void assert_grants(const char *lines, const char *expected)
{
	char text[1024], words[1024] = "";
	snprintf(text, sizeof text, HEAD "%s\n", lines);
	bh_manifest *m = parse(text);
	const bh_permissions *permissions = bh_manifest_permissions(m);
	for (size_t i = 0; i < bh_permissions_count(permissions); i++) {
		if (i)
			strcat(words, " | ");
		strcat(words, bh_permissions_describe(permissions, i));
	}
	assert_string_equal(words, expected);
	assert_int_equal(bh_manifest_diagnostic_count(m), 0);
	bh_manifest_free(m);
}

static void test_folders(void **state)
{
	static const struct {
		const char *lines;
		const char *grants;
	} cases[] = {
		{"", ""},
		{"filesystem.read = []", ""},
		{"filesystem.read = [\"./data\"]", "read data as /data"},
		{"filesystem.read = [\"data/\", \"./data\", \"data\"]", "read data as /data"},
		{"filesystem.read = [\"./data\"]\nfilesystem.list = [\"data\"]", "read data as /data"},
		{"filesystem.read = [\".\"]", "read . as /"},
		{"filesystem.read = [\"../up\"]", "read ../up as /up"},
		{"filesystem.read = [\"/srv//x/./y\"]", "read /srv/x/y as /srv/x/y"},
		{"filesystem.read = [\"/srv/x/../y\"]", "read /srv/x/../y as /srv/y"},
		{"filesystem.read = [\"/\"]", "read / as /"},
		{"filesystem.read = [\"./data::/in\"]", "read data as /in"},
		{"filesystem.read = [\"./data::in/\"]", "read data as in"},
		{"filesystem.read = [\"./a\", \"./b\"]", "read a as /a | read b as /b"},
		{"filesystem.read = [\"./d\"]\nfilesystem.write = [\"d\"]\nfilesystem.delete = [\"./d/\"]",
	     "read and write d as /d"},
		{"filesystem.delete = [\"d\"]\nfilesystem.list = [\"d\"]\nfilesystem.write = [\"d\"]\nfilesystem.read = "
	     "[\"d\"]",
	     "read and write d as /d"},
		{"filesystem = { read = [\"a\"] }", "read a as /a"},
		{"[permissions.filesystem]\nread = [\"a\"]", "read a as /a"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_grants(cases[i].lines, cases[i].grants);
}

static void test_peers(void **state)
{
	static const struct {
		const char *lines;
		const char *grants;
	} cases[] = {
		{"network.outbound = [{ host = \"api.example.com\", port = 443 }]",
	     "connect to api.example.com:443 by tcp, http"},
		{"network.outbound = [{ host = \"10.0.0.0/8\", port = \"any\", protocol = \"udp\" }]",
	     "connect to 10.0.0.0/8:* by udp"},
		{"network.outbound = [{ host = \"::1\", port = 1, protocol = [\"tcp\", \"udp\", \"http\"] }]",
	     "connect to [::1]:1 by tcp, udp, http"},
		{"[[permissions.network.outbound]]\nhost = \"a\"\nport = 1\n[[permissions.network.outbound]]\nhost = "
	     "\"b\"\nport = 2",
	     "connect to a:1 by tcp, http | connect to b:2 by tcp, http"},
		{"network.inbound = [8080, 65535]", "listen on *:8080 by tcp | listen on *:65535 by tcp"},
		{"network.inbound = [{ port = 53, protocol = \"udp\", address = \"127.0.0.1\" }, \"any\"]",
	     "listen on 127.0.0.1:53 by udp | listen on *:* by tcp"},
		{"network = { inbound = [], outbound = [] }", ""},
		{"storage = false", ""},
		{"storage = \"\"", ""},
		{"storage = []", ""},
		{"storage = {}", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_grants(cases[i].lines, cases[i].grants);
}

/* Lines that grant too little to be granted: the fix, put in their place or added, is granted. */
static void test_never_widened(void **state)
{
	static const struct {
		const char *lines;
		const char *message;
		const char *fix;
		uint32_t line, column;
	} cases[] = {
		{"filesystem.write = [\"./out\"]", "\"./out\": writing without deleting cannot be granted",
	     "filesystem.read = [\"./out\"]\nfilesystem.delete = [\"./out\"]", 5, 21},
		{"filesystem.write = [\"./out\"]\nfilesystem.delete = [\"./out\"]",
	     "\"./out\": writing without reading cannot be granted", "filesystem.read = [\"./out\"]", 5, 21},
		{"filesystem.delete = [\"./out\"]\nfilesystem.read = [\"./out\"]",
	     "\"./out\": deleting without writing cannot be granted", "filesystem.write = [\"./out\"]", 5, 22},
		{"filesystem.list = [\"./out\"]", "\"./out\": listing without reading cannot be granted",
	     "filesystem.read = [\"./out\"]", 5, 20},
		{"filesystem.read = [\"./in\"]\nfilesystem.write = [\"./out::/o\"]",
	     "\"./out::/o\": writing without deleting cannot be granted",
	     "filesystem.read = [\"./in\", \"./out::/o\"]\nfilesystem.delete = [\"./out::/o\"]", 6, 21},
		{"filesystem.list = [\"a\", \"b\"]\nfilesystem.read = [\n  \"b\",\n]",
	     "\"a\": listing without reading cannot be granted", "filesystem.read = [\"b\", \"a\"]", 5, 20},
		{"[permissions.filesystem]\nwrite = [\"./out\"]", "\"./out\": writing without deleting cannot be granted",
	     "read = [\"./out\"]\ndelete = [\"./out\"]", 6, 10},
		{"filesystem = { write = [\"./out\"] }", "\"./out\": writing without deleting cannot be granted",
	     "filesystem.read = [\"./out\"]\nfilesystem.delete = [\"./out\"]", 5, 25},
		/* The same folder under two names is two folders. */
		{"filesystem.read = [\"d\", \"d::/e\"]\nfilesystem.write = [\"d::/e\"]\nfilesystem.delete = [\"d\"]",
	     "\"d::/e\": writing without deleting cannot be granted", "filesystem.delete = [\"d\", \"d::/e\"]", 6, 21},
		{"filesystem.read = [\"./logs/*.txt\"]", "./logs/*.txt: patterns cannot be granted",
	     "filesystem.read = [\"./logs\"]", 5, 20},
		{"filesystem.read = [\"*\"]", "*: patterns cannot be granted", NULL, 5, 20},
		{"network.outbound = [{ host = \"*.example.com\", port = 443 }]",
	     "\"*.example.com\": patterns cannot be granted", NULL, 5, 30},
		{"network.outbound = [{ host = \"*\", port = 443 }]", "\"*\": patterns cannot be granted", NULL, 5, 30},
		{"storage = true", "storage cannot be granted: there is none", "storage = false", 5, 11},
		{"storage = { quota = \"1MB\" }", "storage cannot be granted: there is none", "storage = false", 5, 11},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1024];
		snprintf(text, sizeof text, HEAD "%s\n", cases[i].lines);
		bh_error *err = refuse(text, BH_E_UNSUPPORTED);
		assert_string_equal(bh_error_message(err), cases[i].message);
		assert_non_null(bh_error_hint(err));
		assert_int_equal(bh_error_location(err)->line, cases[i].line);
		assert_int_equal(bh_error_location(err)->column, cases[i].column);
		bh_error_free(err);
		bh_manifest *m = check(text);
		const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
		if (cases[i].fix)
			assert_string_equal(d->fix, cases[i].fix);
		else
			assert_null(d->fix);
		bh_manifest_free(m);
	}
}

static void test_wrong(void **state)
{
	static const struct {
		const char *lines;
		const char *message;
		const char *fix;
		const char *key;
		uint32_t column;
	} cases[] = {
		{"filesystem = [\"./data\"]", "permissions.filesystem = [\"./data\"]: not a table", NULL,
	     "permissions.filesystem", 14},
		{"filesystem.read = \"./data\"", "read = \"./data\": not a list of folders", "filesystem.read = [\"./data\"]",
	     "permissions.filesystem.read", 19},
		{"filesystem.read = true", "read = true: not a list of folders", "filesystem.read = [\"./data\"]",
	     "permissions.filesystem.read", 19},
		{"filesystem.read = [\"./a\", 5]", "permissions.filesystem.read: 5 is not a string", NULL,
	     "permissions.filesystem.read", 27},
		{"filesystem.read = [\"\"]", "permissions.filesystem.read: \"\" is empty", NULL, "permissions.filesystem.read",
	     20},
		{"filesystem.read = [\"a\\u0000b\"]", "permissions.filesystem.read: \"a\\u0000b\" holds control characters",
	     NULL, "permissions.filesystem.read", 20},
		{"filesystem.read = [\"::/x\"]", "::/x: half of a folder's names is missing", NULL,
	     "permissions.filesystem.read", 20},
		{"filesystem.read = [\"x::\"]", "x::: half of a folder's names is missing", NULL, "permissions.filesystem.read",
	     20},
		{"network = []", "permissions.network = []: not a table", NULL, "permissions.network", 11},
		{"network.outbound = \"a:1\"", "outbound = \"a:1\": not a list",
	     "network.outbound = [{ host = \"api.example.com\", port = 443 }]", "permissions.network.outbound", 20},
		{"network.outbound = [\"api.example.com:80\"]", "\"api.example.com:80\": not a peer",
	     "network.outbound = [{ host = \"api.example.com\", port = 80 }]", "permissions.network.outbound", 21},
		{"network.outbound = [\"[::1]:80\"]", "\"[::1]:80\": not a peer",
	     "network.outbound = [{ host = \"[::1]\", port = 80 }]", "permissions.network.outbound", 21},
		{"network.outbound = [5]", "5: not a peer", "network.outbound = [{ host = \"api.example.com\", port = 443 }]",
	     "permissions.network.outbound", 21},
		{"network.outbound = [{ host = \"a\" }]", "{ host = \"a\" }: a peer without a port", NULL,
	     "permissions.network.outbound", 21},
		{"network.outbound = [{ port = 1 }]", "{ port = 1 }: a peer without a host",
	     "network.outbound = [{ host = \"api.example.com\", port = 443 }]", "permissions.network.outbound", 21},
		{"network.outbound = [{ host = 5, port = 1 }]", "permissions.network.outbound.host: 5 is not a string", NULL,
	     "permissions.network.outbound.host", 30},
		{"network.outbound = [{ host = \"a b\", port = 1 }]", "\"a b\": not an address, a network or a name", NULL,
	     "permissions.network.outbound.host", 30},
		{"network.outbound = [{ host = \"10.0.0.1/8\", port = 1 }]",
	     "\"10.0.0.1/8\": the address has bits behind its prefix", NULL, "permissions.network.outbound.host", 30},
		{"network.outbound = [{ host = \"a\", port = 0 }]", "port = 0: not a port",
	     "network.outbound = [{ host = \"a\", port = 443 }]", "permissions.network.outbound.port", 42},
		{"network.outbound = [{ host = \"a\", port = 65536 }]", "port = 65536: not a port",
	     "network.outbound = [{ host = \"a\", port = 443 }]", "permissions.network.outbound.port", 42},
		{"network.outbound = [{ host = \"a\", port = \"80\" }]", "port = \"80\": not a port",
	     "network.outbound = [{ host = \"a\", port = 443 }]", "permissions.network.outbound.port", 42},
		{"network.outbound = [{ host = \"a\", port = 1, protocol = \"htp\" }]", "protocol = \"htp\": not a protocol",
	     "network.outbound = [{ host = \"a\", port = 1, protocol = \"http\" }]",
	     "permissions.network.outbound.protocol", 56},
		{"network.outbound = [{ host = \"a\", port = 1, protocol = [] }]", "protocol = []: no protocol",
	     "network.outbound = [{ host = \"a\", port = 1, protocol = [\"tcp\"] }]",
	     "permissions.network.outbound.protocol", 56},
		{"network.outbound = [{ host = \"a\", port = 1, protocol = [1] }]", "1: not a protocol",
	     "network.outbound = [{ host = \"a\", port = 1, protocol = [\"tcp\"] }]",
	     "permissions.network.outbound.protocol", 57},
		{"network.inbound = 8080", "inbound = 8080: not a list", "network.inbound = [8080]",
	     "permissions.network.inbound", 19},
		{"network.inbound = [0]", "0: not a port", "network.inbound = [8080]", "permissions.network.inbound", 20},
		{"network.inbound = [{ address = \"::1\" }]", "{ address = \"::1\" }: no port to listen on", NULL,
	     "permissions.network.inbound", 20},
		{"network.inbound = [{ port = 1, address = \"localhost\" }]", "\"localhost\": not a local address", NULL,
	     "permissions.network.inbound.address", 42},
		{"network.inbound = [{ port = 1, protocol = \"http\" }]", "protocol = \"http\": not a protocol",
	     "network.inbound = [{ port = 1, protocol = \"tcp\" }]", "permissions.network.inbound.protocol", 43},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1024];
		snprintf(text, sizeof text, HEAD "%s\n", cases[i].lines);
		bh_manifest *m = check(text);
		if (bh_manifest_diagnostic_count(m) != 1) {
			print_remarks(m);
			fail_msg("%s", cases[i].lines);
		}
		const bh_diagnostic *d = bh_manifest_diagnostic(m, 0);
		assert_string_equal(d->message, cases[i].message);
		assert_string_equal(d->where.key, cases[i].key);
		assert_int_equal(d->where.line, 5);
		assert_int_equal(d->where.column, cases[i].column);
		if (cases[i].fix)
			assert_string_equal(d->fix, cases[i].fix);
		else
			assert_null(d->fix);
		bh_manifest_free(m);
		bh_error_free(refuse(text, BH_E_CONFIG));
	}
}

/* Nothing is granted by a key that is not understood, and nothing by an entry that is half wrong. */
static void test_unknown(void **state)
{
	static const struct {
		const char *lines;
		const char *message;
	} cases[] = {
		{"filesystm.read = [\"/\"]", "unknown table filesystm (did you mean filesystem?)"},
		{"filesystem.reed = [\"/\"]", "unknown key reed (did you mean read?)"},
		{"filesystem.\"read\\u0000\" = [\"/\"]", "unknown key read (did you mean read?)"},
		{"network.outbond = []", "unknown key outbond (did you mean outbound?)"},
		{"environment = [\"HOME\"]", "unknown key environment"},
		{"network.inbound = [{ port = 1, prt = 2 }]", "unknown key prt (did you mean port?)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1024];
		snprintf(text, sizeof text, HEAD "%s\n", cases[i].lines);
		bh_manifest *m = parse(text);
		assert_int_equal(bh_manifest_diagnostic_count(m), 1);
		assert_int_equal(bh_manifest_diagnostic(m, 0)->severity, BH_SEVERITY_WARNING);
		assert_string_equal(bh_manifest_diagnostic(m, 0)->message, cases[i].message);
		assert_true(bh_permissions_count(bh_manifest_permissions(m)) <= 1);
		bh_manifest_free(m);
	}
}

/* Host folders start where the manifest is. */
static void test_relative_to_the_manifest(void **state)
{
	static const struct {
		const char *path;
		const char *grants;
	} cases[] = {
		{NULL, "read data as /data"},
		{"Component.toml", "read data as /data"},
		{"./Component.toml", "read data as /data"},
		{"apps/hello/Component.toml", "read apps/hello/data as /data"},
		{"/srv/Component.toml", "read /srv/data as /data"},
		{"/Component.toml", "read /data as /data"},
		{"../Component.toml", "read ../data as /data"},
	};
	static const char text[] = HEAD "filesystem.read = [\"./data\"]\n";
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bh_manifest *m = NULL;
		assert_int_equal(bh_manifest_parse(&m, text, sizeof text - 1, cases[i].path, NULL), BH_OK);
		assert_string_equal(bh_permissions_describe(bh_manifest_permissions(m), 0), cases[i].grants);
		bh_manifest_free(m);
	}
}

static void test_one_name_for_two_folders(void **state)
{
	(void)state;
	bh_error *err = refuse(HEAD "filesystem.read = [\"../data\", \"data\"]\n", BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "../data and data would both be /data for the guest");
	assert_string_equal(bh_error_hint(err), "Choose another name for the guest: \"HOST::GUEST\".");
	assert_int_equal(bh_error_location(err)->column, 31);
	bh_error_free(err);
}

static void test_many_folders(void **state)
{
	static char text[40000];
	size_t used = (size_t)snprintf(text, sizeof text, HEAD "filesystem.read = [");
	(void)state;
	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "\"folder-%d\", ", i);
	snprintf(text + used, sizeof text - used, "]\n");
	bh_error *err = refuse(text, BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "more than 255 folders");
	bh_error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_never_widened),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_relative_to_the_manifest),
		cmocka_unit_test(test_one_name_for_two_folders),
		cmocka_unit_test(test_many_folders),
	};
	return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
