/* bulkhead.toml: what is read from right files, and what is said of wrong ones, and where. */
#include "api.h"

#include <stdlib.h>

static bh_config *t_parse(const char *text)
{
	bh_config *config = NULL;
	OK(bh_config_parse(&config, text, strlen(text), NULL, &t_err));
	return config;
}

static void test_empty(void **state)
{
	(void)state;
	bh_config *config = t_parse("");
	assert_int_equal(bh_config_child_count(config), 0);
	assert_null(bh_config_child_at(config, 0));
	assert_null(bh_config_child_find(config, "x"));
	assert_int_equal(bh_config_log_of(config)->level, BH_LOG_INFO);
	assert_int_equal(bh_config_log_of(config)->max_size, 10000000);
	assert_int_equal(bh_config_log_of(config)->keep, 5);
	assert_null(bh_config_admin_of(config)->listen);
	bh_host *host = NULL;
	OK(bh_host_new(&host, bh_config_host(config), &t_err));
	bh_host_free(host);
	bh_config_free(config);
	bh_config_free(NULL);
}

static const char whole[] =
	"[host]\nworkers = 3\nmemory_budget = \"6GiB\"\nallocation = \"on-demand\"\ncache = false\n"
	"ceilings = { max_memory = \"1GiB\" }\nceiling_policy = \"clamp\"\n"
	"[log]\nlevel = \"debug\"\ndirectory = \"logs\"\nmax_size = \"1MiB\"\nkeep = 0\n"
	"[admin]\nsocket = \"/run/x.sock\"\nlisten = \"[::1]:9797\"\ntoken_file = \"t\"\n"
	"[supervisor]\nstrategy = \"rest-for-one\"\nmax_restarts = 0\nwindow = \"2m\"\non_intensity = \"fail-child\"\n"
	"[service.web]\nfile = \"web.wasm\"\nsupervisor = \"inner\"\nreplicas = 4\nrestart = \"transient\"\n"
	"backoff = \"exponential\"\nbackoff_first = \"50ms\"\nbackoff_factor = 1.5\nbackoff_jitter = 0\nready = \"is-ready\"\n"
	"health = \"h\"\nhealth_interval = 500\nargs = [\"a\", \"\"]\nenv = { A = \"1\", B = \"\" }\nmailbox = 7\n"
	"[service.web.limits]\nmax_memory = \"16MiB\"\nmax_fuel_per_execution = \"unlimited\"\non_memory_limit = \"trap\"\n"
	"[service.web.permissions]\nnetwork.inbound = [80]\n"
	"[task.job]\nfile = \"/abs/job.wasm\"\nexport = \"run\"\nevery = \"1m\"\n"
	"[supervisor.outer]\nmax_restarts = 9\n"
	"[supervisor.inner]\nparent = \"outer\"\nstrategy = \"one-for-all\"\n";

static void test_whole(void **state)
{
	(void)state;
	bh_config *config = NULL;
	OK(bh_config_parse(&config, whole, strlen(whole), "conf/bulkhead.toml", &t_err));
	assert_int_equal(bh_config_diagnostic_count(config), 0);
	const bh_host_options *host = bh_config_host(config);
	assert_int_equal(host->workers, 3);
	assert_true(host->memory_budget == BH_GIB(6));
	assert_int_equal(host->allocation, BH_ALLOCATION_ON_DEMAND);
	assert_int_equal(host->cache->mode, BH_CACHE_OFF);
	assert_int_equal(host->ceiling_policy, BH_CEILING_CLAMP);
	assert_int_equal(host->ceilings.memory, BH_GIB(1));
	const bh_config_log *log = bh_config_log_of(config);
	assert_int_equal(log->level, BH_LOG_DEBUG);
	assert_string_equal(log->directory, "conf/logs");
	assert_int_equal(log->keep, 0);
	assert_string_equal(bh_config_admin_of(config)->listen, "[::1]:9797");
	assert_string_equal(bh_config_admin_of(config)->token_file, "conf/t");
	const bh_child_options *root = bh_config_root(config);
	assert_int_equal(root->strategy, BH_REST_FOR_ONE);
	assert_true(root->most_restarts == BH_NO_RESTARTS);
	assert_int_equal(root->window_ms, 120000);
	assert_int_equal(root->on_intensity, BH_INTENSITY_FAIL_CHILD);

	/* Those above come first, siblings in the order of the file. */
	static const char *const paths[] = {"job", "outer", "outer/inner", "outer/inner/web"};
	assert_int_equal(bh_config_child_count(config), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(bh_config_child_at(config, i)->path, paths[i]);
		assert_ptr_equal(bh_config_child_find(config, paths[i]), bh_config_child_at(config, i));
	}
	const bh_config_child *web = bh_config_child_find(config, "outer/inner/web");
	assert_string_equal(web->parent, "outer/inner");
	assert_string_equal(web->file, "conf/web.wasm");
	assert_string_equal(web->options->name, "web");
	assert_int_equal(web->options->kind, BH_CHILD_SERVICE);
	assert_int_equal(web->options->replicas, 4);
	assert_int_equal(web->options->mailbox, 7);
	assert_int_equal(web->options->restart, BH_RESTART_TRANSIENT);
	assert_int_equal(web->options->backoff.kind, BH_BACKOFF_EXPONENTIAL);
	assert_int_equal(web->options->backoff.first_ms, 50);
	assert_int_equal(web->options->backoff.factor_percent, 150);
	assert_true(web->options->backoff.jitter_percent == BH_JITTER_NONE);
	assert_int_equal(web->options->health_ms, 500);
	assert_string_equal(web->options->ready, "is-ready");
	assert_int_equal(web->arg_count, 2);
	assert_string_equal(web->args[1], "");
	assert_int_equal(web->env_count, 2);
	assert_string_equal(web->env[0], "A=1");
	assert_string_equal(web->env[1], "B=");
	assert_int_equal(web->limits->memory, BH_MIB(16));
	assert_true(web->limits->fuel == BH_UNLIMITED);
	assert_int_equal(web->limits->on_memory_limit, BH_MEMORY_LIMIT_TRAP);
	assert_int_equal(bh_permissions_count(web->permissions), 1);
	const bh_config_child *job = bh_config_child_at(config, 0);
	assert_string_equal(job->file, "/abs/job.wasm");
	assert_string_equal(job->options->export_, "run");
	assert_int_equal(job->options->every_ms, 60000);
	assert_null(job->permissions);
	bh_config_free(config);
}

/* Wrong files: each with the first error, its place, and a part of what is said of it. */
static const struct {
	const char *text;
	unsigned line, column;
	const char *says; /* in the message, the hint or the lines to paste */
} wrong[] = {
	{"[host]\nworkers = 0\n", 2, 11, "workers = 0: less than is allowed"},
	{"[host]\nworkers = \"two\"\n", 2, 11, "not a count"},
	{"[host]\nmemory_budget = \"64 apples\"\n", 2, 17, "not a size"},
	{"[host]\nprofile = \"debug\"\n", 2, 11, "Allowed here: \"production\", \"development\"."},
	{"[host]\nallocation = \"ondemand\"\n", 2, 14, "allocation = \"on-demand\""},
	{"[host]\ncache = \"no\"\n", 2, 9, "cache = false"},
	{"[host.ceilings]\nmax_memory = 1\n", 2, 14, "less than is allowed"},
	{"host = 5\n", 1, 8, "not a table"},
	{"[log]\nlevel = 3\n", 2, 9, "not a choice"},
	{"[log]\nmax_size = \"1KB\"\n", 2, 12, "less than is allowed"},
	{"[log]\ndirectory = \"\"\n", 2, 13, "is empty"},
	{"[admin]\nlisten = \"127.0.0.1:9797\"\n", 2, 10, "token_file = \"admin.token\""},
	{"[admin]\ntoken_file = \"t\"\nlisten = \"9797\"\n", 3, 10, "not an address and a port"},
	{"[admin]\ntoken_file = \"t\"\nlisten = \"example.org:80\"\n", 3, 10, "not an address and a port"},
	{"[admin]\ntoken_file = \"t\"\nlisten = \"127.0.0.1:99999\"\n", 3, 10, "not an address and a port"},
	{"[admin]\nsocket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
     2, 10, "too long"},
	{"[service.web]\nreplicas = 2\n", 1, 1, "file = \"web.wasm\""},
	{"[service.web]\nfile = \"w\"\nrestart = \"always\"\n", 3, 11, "\"permanent\", \"transient\", \"temporary\""},
	{"[service.web]\nfile = \"w\"\nbackoff = \"exponentional\"\n", 3, 11, "backoff = \"exponential\""},
	{"[service.web]\nfile = \"w\"\nbackoff_first = \"5 minits\"\n", 3, 17, "not a duration"},
	{"[service.web]\nfile = \"w\"\nbackoff_factor = 0.5\n", 3, 18, "not a factor"},
	{"[service.web]\nfile = \"w\"\nsupervisor = \"outter\"\n[supervisor.outer]\n", 3, 14, "did you mean outer?"},
	{"[service.web]\nfile = \"w\"\nsupervisor = \"x\"\n", 3, 14, "no supervisor named x"},
	{"[service.web]\nfile = \"w\"\nargs = \"one\"\n", 3, 8, "args = [\"one\"]"},
	{"[service.web]\nfile = \"w\"\nargs = [1]\n", 3, 9, "is not a string"},
	{"[service.web]\nfile = \"w\"\nenv = [\"A=1\"]\n", 3, 7, "env = { NAME = \"value\" }"},
	{"[service.web]\nfile = \"w\"\nenv = { \"A=B\" = \"1\" }\n", 3, 17, "not a variable"},
	{"[service.web]\nfile = \"w\"\nlimits = 3\n", 3, 10, "not a table"},
	{"[service.web]\nfile = \"w\"\n[service.web.limits]\nmax_memory = \"9GiB\"\n", 4, 14, "more than is allowed"},
	{"[service.web]\nfile = \"w\"\n[service.web.permissions]\nfilesystem.write = [\"d\"]\n", 4, 21,
     "cannot be granted"},
	{"[service.\"a/b\"]\nfile = \"w\"\n", 1, 10, "not a name"},
	{"[service.\"..\"]\nfile = \"w\"\n", 1, 10, "not a name"},
	{"[service]\nweb = 1\n", 2, 7, "not a table"},
	{"[service.a]\nfile = \"w\"\n[task.a]\nfile = \"w\"\n", 3, 1, "the name is taken (line 1)"},
	{"[supervisor.a]\nparent = \"b\"\n[supervisor.b]\nparent = \"a\"\n", 2, 10, "circle"},
	{"[supervisor.a]\nparent = \"a\"\n", 2, 10, "circle"},
	{"[task.a]\nfile = \"w\"\nevery = \"1s\"\ncron = \"* * * * *\"\n", 4, 8, "both every and cron"},
	{"[service.a\n", 1, 11, ""},
	{"[service.a]\nfile = w.wasm\n", 2, 8, "w.wasm"},
};

/* Where keys are that only whoever looks at what they name can say something of. */
static void test_places(void **state)
{
	(void)state;
	static const char text[] = "[task.t]\nfile = \"w\"\ncron =   \"@daily\"\n[component.c]\nfile = \"w\"\n";
	bh_config *config = NULL;
	uint32_t line = 7, column = 7;
	OK(bh_config_parse(&config, text, strlen(text), "bulkhead.toml", &t_err));
	const bh_config_child *task = bh_config_child_at(config, 0);
	assert_false(bh_config_child_place(task, "ready", &line, &column));
	assert_false(bh_config_child_place(task, "no-such", &line, &column));
	assert_int_equal(line, 7);
	assert_true(bh_config_child_place(task, "cron", &line, &column));
	assert_int_equal(line, 3);
	assert_int_equal(column, 10);
	assert_true(bh_config_child_place(bh_config_component_at(config, 0), "file", &line, &column));
	assert_int_equal(line, 5);
	assert_int_equal(column, 8);
	bh_config_free(config);
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bh_config *config = NULL;
		t_begin();
		bh_status status = bh_config_parse(&config, wrong[i].text, strlen(wrong[i].text), "bulkhead.toml", &t_err);
		const bh_location *where = status ? bh_error_location(t_err) : NULL;
		if (!where || where->line != wrong[i].line || where->column != wrong[i].column || !t_says(wrong[i].says)) {
			printf("of:\n%s\n%u:%u: %s\n%s\n", wrong[i].text, where ? where->line : 0, where ? where->column : 0,
			       status ? bh_error_message(t_err) : "no error",
			       status && bh_error_hint(t_err) ? bh_error_hint(t_err) : "");
			fail();
		}
		assert_string_equal(where->file, "bulkhead.toml");
		assert_true(status == BH_E_CONFIG || status == BH_E_UNSUPPORTED);
		assert_null(config);
	}
}

/* What is not known is left out, and said. */
static const struct {
	const char *text;
	const char *says;
} unknown[] = {
	{"[hosts]\n", "unknown table hosts (did you mean host?)"},
	{"[host]\nworker = 2\n", "unknown key worker (did you mean workers?)"},
	{"[service.a]\nfile = \"w\"\nrestarts = 1\n", "unknown key restarts (did you mean restart?)"},
	{"[service.a]\nfile = \"w\"\nlimits = { memory = \"1MB\" }\n", "unknown key memory (did you mean max_memory?)"},
	{"[task.a]\nfile = \"w\"\nreplicas = 2\n", "unknown key replicas"},
	{"[supervisor]\nstrategi = \"one-for-one\"\n", "unknown key strategi (did you mean strategy?)"},
};

static void test_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		bh_config *config = t_parse(unknown[i].text);
		assert_true(bh_config_diagnostic_count(config) == 1);
		const bh_diagnostic *remark = bh_config_diagnostic(config, 0);
		assert_int_equal(remark->severity, BH_SEVERITY_WARNING);
		if (!strstr(remark->message, unknown[i].says))
			fail_msg("%s: %s", unknown[i].text, remark->message);
		bh_config_free(config);
	}
}

/* Ten thousand children are read, one more is refused. */
static void test_many(void **state)
{
	(void)state;
	size_t size = 1 << 20, used = 0;
	char *text = malloc(size);
	assert_non_null(text);
	for (int i = 0; i < BH_CONFIG_MAX_CHILDREN; i++)
		used += (size_t)snprintf(text + used, size - used, "[service.s%d]\nfile = \"w\"\n", i);
	bh_config *config = t_parse(text);
	assert_int_equal(bh_config_child_count(config), BH_CONFIG_MAX_CHILDREN);
	assert_string_equal(bh_config_child_find(config, "s9999")->path, "s9999");
	bh_config_free(config);
	used += (size_t)snprintf(text + used, size - used, "[service.more]\nfile = \"w\"\n");
	config = NULL;
	FAILS(BH_E_CONFIG, bh_config_parse(&config, text, used, NULL, &t_err));
	assert_true(t_says("more than 10000 children"));
	memset(text, '#', size);
	char *longer = realloc(text, size + 1);
	assert_non_null(longer);
	longer[size] = '#';
	FAILS(BH_E_CONFIG, bh_config_parse(&config, longer, size + 1, "x.toml", &t_err));
	assert_true(t_says("larger than 1 MiB"));
	free(longer);
}

/* One child's text in two files: whether that is a change. */
static bool same(const char *one, const char *other)
{
	char a[512], b[512];
	snprintf(a, sizeof a, "[service.a]\nfile = \"w\"\n%s\n", one);
	snprintf(b, sizeof b, "# moved\n\n[log]\nkeep = 3\n[service.a]\nfile = \"w\"\n%s\n", other);
	bh_config *first = t_parse(a), *second = t_parse(b);
	bool result = bh_config_child_same(bh_config_child_at(first, 0), bh_config_child_at(second, 0));
	bh_config_free(first);
	bh_config_free(second);
	return result;
}

static void test_same(void **state)
{
	static const char *const lines[] = {
		"",
		"replicas = 2",
		"replicas = 3",
		"ready = \"r\"",
		"health = \"r\"",
		"health = \"s\"",
		"args = [\"a\"]",
		"args = [\"b\"]",
		"args = [\"a\", \"b\"]",
		"env = { A = \"1\" }",
		"env = { A = \"2\" }",
		"limits = { max_memory = \"1MB\" }",
		"limits = { on_memory_limit = \"trap\" }",
		"permissions = { network.inbound = [80] }",
		"permissions = { network.inbound = [81] }",
		"backoff_first = 5",
		"untrusted = true",
		"share = 5",
		"manifest = \"m\"",
		"on_restart = \"fail\"",
		"snapshot_interval = \"5s\"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		for (size_t j = 0; j < sizeof lines / sizeof *lines; j++)
			if (same(lines[i], lines[j]) != (i == j))
				fail_msg("\"%s\" and \"%s\"", lines[i], lines[j]);
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The manifest beside the component, and the configuration over it. */
static void test_terms(void **state)
{
	(void)state;
	char folder[] = "/tmp/bulkhead-test-XXXXXX", path[256];
	assert_non_null(mkdtemp(folder));
	put_file(folder, "Component.toml",
	         "[resources]\nmax_memory = \"8MiB\"\nmax_stack = \"1MiB\"\n[permissions]\nnetwork.inbound = [80]\n");
	put_file(folder, "bare.toml", "[component]\n");
	put_file(folder, "bulkhead.toml",
	         "[service.a]\nfile = \"a.wasm\"\nlimits = { max_fuel_per_execution = 5 }\n"
	         "[task.b]\nfile = \"a.wasm\"\npermissions = {}\n"
	         "[service.c]\nfile = \"sub/c.wasm\"\n"
	         "[service.d]\nfile = \"bare.wasm\"\n"
	         "[service.e]\nfile = \"a.wasm\"\nmanifest = \"none.toml\"\n");
	snprintf(path, sizeof path, "%s/bulkhead.toml", folder);
	bh_config *config = NULL;
	OK(bh_config_load(&config, path, &t_err));
	bh_limits limits = BH_LIMITS_INIT;
	bh_permissions *permissions = NULL;
	OK(bh_config_child_terms(bh_config_child_find(config, "a"), &limits, &permissions, &t_err));
	assert_int_equal(limits.memory, BH_MIB(8));
	assert_int_equal(limits.fuel, 5);
	assert_int_equal(limits.execution_ms, 100);
	assert_int_equal(bh_permissions_count(permissions), 1);
	bh_permissions_free(permissions);
	OK(bh_config_child_terms(bh_config_child_find(config, "b"), &limits, &permissions, &t_err));
	assert_true(limits.fuel == BH_UNLIMITED && limits.execution_ms == BH_UNLIMITED);
	assert_int_equal(bh_permissions_count(permissions), 0);
	bh_permissions_free(permissions);
	permissions = NULL;
	FAILS(BH_E_MISSING_LIMITS, bh_config_child_terms(bh_config_child_find(config, "c"), &limits, &permissions, &t_err));
	assert_true(t_says("[service.c.limits]"));
	FAILS(BH_E_MISSING_LIMITS, bh_config_child_terms(bh_config_child_find(config, "d"), &limits, &permissions, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_config_child_terms(bh_config_child_find(config, "e"), &limits, &permissions, &t_err));
	assert_null(permissions);
	bh_config_free(config);
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),  cmocka_unit_test(test_whole),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_places), cmocka_unit_test(test_unknown), cmocka_unit_test(test_many),
		cmocka_unit_test(test_same),   cmocka_unit_test(test_terms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
