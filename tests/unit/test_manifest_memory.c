// test: timeout=120
/* No memory: every allocation fails once, and all from it on, while manifests of each dialect are read. */
#include "base/alloc.h"
#include "base/permissions.h"
#include "test_manifest.h"

#define PERMISSIONS                                                                                                    \
	"[permissions]\nfilesystem.read = [\"./a\", \"./b::/c\"]\nfilesystem.write = [\"./a\"]\n"                          \
	"filesystem.delete = [\"./a\"]\nnetwork.outbound = [{ host = \"::1\", port = 1 }]\nnetwork.inbound = [80]\n"

static const char *const good[] = {
	"[component]\nname = \"n\"\nversion = \"1\"\n[resources]\nmax_memory = \"64MB\"\nmax_stack = \"1MB\"\n"
	"max_fuel_per_execution = \"unlimited\"\nzzz = 1\n" PERMISSIONS,
	"[resources.memory]\nmax_bytes = 1048576\n[resources.cpu]\nmax_fuel = 1000\ntimeout_seconds = \"5s\"\n" PERMISSIONS,
	"[package]\nname = \"n\"\nauthors = [\"a\"]\n[runtime]\nmemory_max_mb = 64\nstatefull = true\n" PERMISSIONS,
};

static const struct {
	const char *text;
	bh_status status;
} bad[] = {
	{"[resources]\nmax_memory = \"64 apples\"\nmax_stack = 5\n", BH_E_CONFIG},
	{"[resources]\nmax_memory = 64MB\nmax_stack: 1\n", BH_E_CONFIG},
	{"[component]\nname = \"n\"\n", BH_E_MISSING_LIMITS},
	{"", BH_E_MISSING_LIMITS},
	{"[package]\n[resources]\nmax_stack = 5\n", BH_E_CONFIG},
	{"[resources]\nmax_memory = \"1MB\"\nmax_stack = \"1MB\"\n[permissions]\nfilesystem.write = [\"a\", \"b\"]\n",
     BH_E_UNSUPPORTED},
	{"[resources]\nmax_memory = \"1MB\"\nmax_stack = \"1MB\"\non_memory_limit = 5\nguard_pages = []\n[permissions]\n"
     "filesystem.read = [\"*\", 5]\nnetwork.outbound = [\"a:1\", { host = \"10.0.0.1/8\", port = 0 }]\nstorage = 1\n",
     BH_E_CONFIG},
};

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

/* All that there is to know of a manifest, as one text. */
static void print_all(const bh_manifest *m, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%d %s %s %d\n", bh_manifest_dialect(m), bh_manifest_name(m),
	                               bh_manifest_version(m), bh_manifest_stateful(m));
	for (int i = 1; i < BH_LIMIT_COUNT; i++)
		used += (size_t)snprintf(out + used, size - used, "%llu ",
		                         (unsigned long long)bh_limits_get(bh_manifest_limits(m), (bh_limit)i));
	for (size_t i = 0; i < bh_permissions_count(bh_manifest_permissions(m)); i++)
		used +=
			(size_t)snprintf(out + used, size - used, "\n%s", bh_permissions_describe(bh_manifest_permissions(m), i));
	for (size_t i = 0; i < bh_manifest_diagnostic_count(m); i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(m, i);
		used += (size_t)snprintf(out + used, size - used, "\n%u %s %s %s %s %s", d->where.line, d->where.key,
		                         d->message, d->hint, d->source, d->fix);
	}
}

/* A good manifest is read in full, or not at all for want of memory. */
static void starve_good(const char *text, bool sticky)
{
	static char expected[8192], got[8192];
	bh_manifest *m = parse(text);
	print_all(m, expected, sizeof expected);
	bh_manifest_free(m);
	for (uint64_t nth = 1;; nth++) {
		bh_error *err = NULL;
		m = NULL;
		bh_alloc_fail_at(nth, sticky);
		bh_status status = bh_manifest_parse(&m, text, strlen(text), NULL, &err);
		bool failed = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		if (status) {
			assert_int_equal(status, BH_E_NO_MEMORY);
			assert_int_equal(bh_error_status(err), BH_E_NO_MEMORY);
			assert_non_null(bh_error_message(err));
			assert_null(m);
			bh_error_free(err);
		} else {
			assert_null(err);
			print_all(m, got, sizeof got);
			assert_string_equal(got, expected);
			bh_manifest_free(m);
		}
		if (!failed)
			return;
		assert_true(nth < 100000);
	}
}

/* A bad one is refused, for what is wrong with it or for want of memory. */
static void starve_bad(const char *text, bh_status expected, bool sticky)
{
	for (uint64_t nth = 1;; nth++) {
		bh_error *err = NULL;
		bh_manifest *m = NULL;
		bh_alloc_fail_at(nth, sticky);
		bh_status status = bh_manifest_parse(&m, text, strlen(text), "x/Component.toml", &err);
		bool failed = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		assert_true(status == expected || (failed && status == BH_E_NO_MEMORY));
		assert_null(m);
		assert_non_null(err);
		assert_non_null(bh_error_message(err));
		bh_error_free(err);
		if (!failed)
			return;
		assert_true(nth < 100000);
	}
}

static void test_good(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	for (size_t i = 0; i < BH_COUNT(good); i++) {
		starve_good(good[i], false);
		starve_good(good[i], true);
	}
}

static void test_bad(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	for (size_t i = 0; i < BH_COUNT(bad); i++) {
		starve_bad(bad[i].text, bad[i].status, false);
		starve_bad(bad[i].text, bad[i].status, true);
	}
}

static void test_find_and_example(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	for (uint64_t nth = 1; nth <= 3; nth++) {
		char *found = NULL;
		bh_alloc_fail_at(nth, false);
		bh_status status = bh_manifest_find(&found, "/no/such/folder/x.wasm", NULL);
		assert_int_equal(status, nth <= 2 ? BH_E_NO_MEMORY : BH_OK);
		assert_null(found);
		bh_alloc_fail_at(nth, false);
		char *example =
			bh_manifest_example("a rather long name, so that the text must grow more than once, and then some");
		assert_true(example || bh_alloc_count() >= nth);
		bh_alloc_fail_at(0, false);
		bh_string_free(example);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_find_and_example),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
