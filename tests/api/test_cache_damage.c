// test: timeout=120 cost=5 waits
/* Damage of any kind to an artifact or a note: what was damaged is whole again afterwards. */
#include "cache_folders.h"

/* At the end of an artifact is a record, and at its end a signature. */
enum { SIGNATURE = 64 };
static const char record_magic[] = "bulkhead-cwasm-";

static void forget(const char *artifact)
{
	char seen[PATH_MAX];
	seen_of(seen, artifact);
	(void)!unlink(seen);
}

static void heals(const char *dir, unsigned answer)
{
	EXPECT(is(ask(dir, answer), BH_CODE_COMPILED, 1));
	EXPECT(is(ask(dir, answer), BH_CODE_FROM_DISK, 0));
}

typedef struct {
	char dir[300];
	char path[PATH_MAX];
	char *bytes;
	size_t length, record; /* of the whole, and of the record at its end */
} artifact;

static artifact make_artifact(unsigned answer)
{
	artifact a;
	char name[20];
	snprintf(name, sizeof name, "g%u", answer);
	snprintf(a.dir, sizeof a.dir, "%s", fresh());
	EXPECT(is(ask(a.dir, answer), BH_CODE_COMPILED, 0));
	snprintf(a.path, sizeof a.path, "%s", entry_of(a.dir, name).path);
	a.bytes = read_whole(a.path, &a.length);
	for (a.record = SIGNATURE; a.record < a.length; a.record++)
		if (!memcmp(a.bytes + a.length - a.record, record_magic, sizeof record_magic - 1))
			break;
	EXPECT(a.length > 2 * a.record);
	return a;
}

static void test_truncated(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	const size_t lengths[] = {0,
	                          1,
	                          a.record - 1,
	                          a.record,
	                          a.record + 1,
	                          4096,
	                          a.length / 2,
	                          a.length - a.record,
	                          a.length - 2 * a.record,
	                          a.length - SIGNATURE,
	                          a.length - 1};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (int vouched = 0; vouched < 3; vouched++) {
			replace_file(a.path, a.bytes, lengths[i]);
			if (vouched == 1)
				vouch(a.path);
			else if (!vouched)
				forget(a.path);
			heals(a.dir, ANSWER);
		}
	/* Longer than it should be, with a good record at the end. */
	char *twice = malloc(2 * a.length + 1);
	memcpy(twice, a.bytes, a.length);
	memcpy(twice + a.length, a.bytes, a.length);
	replace_file(a.path, twice, 2 * a.length);
	heals(a.dir, ANSWER);
	replace_file(a.path, twice, a.length + 1);
	heals(a.dir, ANSWER);
	memset(twice, 0, a.length);
	replace_file(a.path, twice, a.length);
	heals(a.dir, ANSWER);
	memcpy(twice + a.length - a.record, a.bytes + a.length - a.record, a.record);
	replace_file(a.path, twice, a.length);
	heals(a.dir, ANSWER);
	EXPECT(stats_of(a.dir).corrupt == 3 * sizeof lengths / sizeof *lengths + 4);
	free(twice);
	free(a.bytes);
}

/* One bit anywhere; but the signature, which nobody looks at as long as nobody signs. */
static void test_flipped(void **state)
{
	(void)state;
	enum { FLIPS = 200 };
	artifact a = make_artifact(ANSWER);
	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = i * (a.length - 1) / (FLIPS - 1);
		a.bytes[at] ^= (char)(1 << i % 8);
		replace_file(a.path, a.bytes, a.length);
		forget(a.path);
		if (at < a.length - SIGNATURE)
			EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 1));
		else
			EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
		a.bytes[at] ^= (char)(1 << i % 8);
	}
	/* The record is not believed for being vouched for. */
	for (size_t at = a.length - a.record; at < a.length - SIGNATURE; at += 3) {
		a.bytes[at] ^= (char)(1 << at % 8);
		replace_file(a.path, a.bytes, a.length);
		vouch(a.path);
		EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 1));
		a.bytes[at] ^= (char)(1 << at % 8);
	}
	replace_file(a.path, a.bytes, a.length);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
	free(a.bytes);
}

/* Whole, but something else than the name says. */
static void test_swapped(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_COMPILED, 0));
	wanted_entry b = entry_of(a.dir, "g42");
	for (int vouched = 0; vouched < 2; vouched++) {
		char between[PATH_MAX];
		snprintf(between, sizeof between, "%.4000s/between", a.dir);
		EXPECT(!rename(a.path, between) && !rename(b.path, a.path) && !rename(between, b.path));
		if (vouched) {
			vouch(a.path);
			vouch(b.path);
		}
		heals(a.dir, ANSWER);
		heals(a.dir, OTHER);
	}
	/* A second name of the same file. */
	EXPECT(!unlink(b.path) && !link(a.path, b.path));
	heals(a.dir, OTHER);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
	free(a.bytes);
}

/* The note beside an artifact is a shortcut: without it, or with a wrong one, the artifact is read. */
static void test_notes(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	static const size_t lengths[] = {0, 1, 55, 56, 57, 4096};
	char seen[PATH_MAX], wrong[4096];
	struct stat info;
	seen_of(seen, a.path);
	memset(wrong, 0xA5, sizeof wrong);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		replace_file(seen, wrong, lengths[i]);
		EXPECT(is(ask(a.dir, ANSWER), BH_CODE_FROM_DISK, 0));
		EXPECT(!stat(seen, &info) && info.st_size == 56);
	}
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		layout l = fill(fresh());
		replace_file(l.paths[NOTE], wrong, lengths[i]);
		replace_file(l.paths[COUNTERS], wrong, lengths[i]);
		EXPECT(is(ask_file(l.paths[ROOT], trusted, ANSWER), BH_CODE_FROM_DISK, 0));
		EXPECT(is(ask(l.paths[ROOT], OTHER), BH_CODE_COMPILED, 0));
		EXPECT(is(ask(l.paths[ROOT], OTHER), BH_CODE_FROM_DISK, 0));
	}
	free(a.bytes);
}

static bool count_entry(void *data, const bh_cache_entry *entry)
{
	(void)entry;
	++*(unsigned *)data;
	return true;
}

static void test_verify(void **state)
{
	(void)state;
	artifact a = make_artifact(ANSWER);
	unsigned damaged = 0;
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_COMPILED, 0));
	bh_cache *cache = look_into(a.dir);
	OK(bh_cache_verify(cache, count_entry, &damaged, &t_err));
	assert_int_equal(damaged, 0);
	/* Mapped by now, and replaced below it: it goes on. */
	cached c;
	cached_open(&c, a.dir);
	bh_component *held = load_guest(c.host, ANSWER);
	EXPECT(origin_of(held) == BH_CODE_FROM_DISK);
	a.bytes[a.length / 2] ^= 1;
	replace_file(a.path, a.bytes, a.length);
	vouch(a.path);
	OK(bh_cache_verify(cache, count_entry, &damaged, &t_err));
	assert_int_equal(damaged, 1);
	EXPECT(!exists(a.path));
	EXPECT(t_number(held, "answer", "") == ANSWER);
	bh_component_unref(held);
	assert_int_equal(cached_close(&c), 0);
	EXPECT(is(ask(a.dir, ANSWER), BH_CODE_COMPILED, 0));
	EXPECT(is(ask(a.dir, OTHER), BH_CODE_FROM_DISK, 0));
	bh_cache_close(cache);
	free(a.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped), cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_verify),    cmocka_unit_test(test_notes),
	};
	return cmocka_run_group_tests(tests, trust_set_up, work_tear_down);
}
