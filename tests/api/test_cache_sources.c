// test: timeout=120 waits
/* However the sources change, and whatever the clock says: what is there now is what runs. */
#include "cache_folders.h"

static void set_times(const char *path, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	EXPECT(!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

/* The same length, within the same tick of the clock, with the same time set: what is there now is what runs. */
static void test_edited_at_once(void **state)
{
	(void)state;
	char dir[300];
	const char *path = below("edited.wat");
	snprintf(dir, sizeof dir, "%s", fresh());
	cached kept;
	cached_open(&kept, dir);
	for (unsigned i = 0; i < 120; i++) {
		unsigned answer = 1000 + i % 3;
		write_guest(path, answer);
		if (i % 2)
			set_times(path, 1600000000);
		bh_component *component = load_path(kept.host, path);
		EXPECT(t_number(component, "answer", "") == answer);
		bh_component_unref(component);
		if (i % 4 == 0)
			ask_file(dir, path, answer);
	}
	assert_int_equal(cached_close(&kept), 0);
	assert_int_equal(stats_of(dir).entries, 3);
}

/* Files, and what each of them answers. */
enum { FILES = 4, STEPS = 5 };
typedef struct {
	char paths[FILES][PATH_MAX];
	unsigned answers[FILES];
} file_set;

static void change(file_set *f, int step)
{
	unsigned first = f->answers[0];
	switch (step) {
	case 0: /* in place, and the time set back */
		write_guest(f->paths[0], f->answers[0] = 2100);
		set_times(f->paths[0], 1600000000);
		break;
	case 1: /* by another trusted file's taking its place */
		EXPECT(!rename(f->paths[3], f->paths[1]));
		f->answers[1] = f->answers[3];
		write_guest(f->paths[3], f->answers[3]);
		break;
	case 2: /* two files change names */
		EXPECT(!renameat2(AT_FDCWD, f->paths[0], AT_FDCWD, f->paths[2], RENAME_EXCHANGE));
		f->answers[0] = f->answers[2];
		f->answers[2] = first;
		break;
	case 3: /* through another name, and through a link */
		EXPECT(!unlink(f->paths[3]) && !link(f->paths[1], f->paths[3]));
		EXPECT(!unlink(f->paths[0]) && !symlink(f->paths[2], f->paths[0]));
		f->answers[3] = f->answers[1];
		f->answers[0] = f->answers[2];
		break;
	case 4: /* a link that leads elsewhere from now on */
		EXPECT(!unlink(f->paths[0]) && !symlink(f->paths[1], f->paths[0]));
		f->answers[0] = f->answers[1];
	}
}

/* Twice: the second time each file is known. By a host that lives on, and by one that is new. */
static void ask_all(cached *kept, const char *dir, const file_set *f)
{
	for (int again = 0; again < 2; again++)
		for (unsigned i = 0; i < FILES; i++) {
			bh_component *component = load_path(kept->host, f->paths[i]);
			EXPECT(t_number(component, "answer", "") == f->answers[i]);
			bh_component_unref(component);
			ask_file(dir, f->paths[i], f->answers[i]);
		}
}

/* Something that is no component any more, or is gone, is not answered for by the cache. */
static void check_gone(const char *dir, const char *path)
{
	cached c;
	bh_component_options options = named(NULL);
	bh_component *component = NULL;
	cached_open(&c, dir);
	size_t length;
	char *text = read_whole(path, &length);
	memcpy(text + length - 9, "         ", 9);
	write_file(path, text, length);
	free(text);
	FAILS(BH_E_PARSE, bh_component_load_file(&component, c.host, path, &options, &t_err));
	EXPECT(!unlink(path));
	FAILS(BH_E_NOT_FOUND, bh_component_load_file(&component, c.host, path, &options, &t_err));
	EXPECT(!mkdir(path, 0700));
	FAILS(BH_E_IO, bh_component_load_file(&component, c.host, path, &options, &t_err));
	assert_int_equal(cached_close(&c), 0);
}

/* The same, of files that were trusted before. */
static void test_edited_after_trust(void **state)
{
	(void)state;
	file_set f;
	char dir[300];
	cached kept;
	snprintf(dir, sizeof dir, "%s", fresh());
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(f.paths[i], PATH_MAX, "%s", below("trusted%u.wat", i));
		f.answers[i] = 2000 + i;
		write_guest(f.paths[i], f.answers[i]);
		set_times(f.paths[i], 1600000000);
	}
	wait_for_trust(t_now_ms());
	cached_open(&kept, dir);
	ask_all(&kept, dir, &f);
	for (int step = 0; step < STEPS; step++) {
		change(&f, step);
		ask_all(&kept, dir, &f);
	}
	assert_int_equal(cached_close(&kept), 0);
	check_gone(dir, f.paths[1]);
}

/* Clocks that were wrong: times far ahead and far behind, of everything there is. */
static void test_wrong_times(void **state)
{
	(void)state;
	const time_t now = time(NULL), times[] = {now + 10 * 365 * 86400, now + 86400, 0, 1, -86400, INT32_MAX};
	char source[300];
	snprintf(source, sizeof source, "%s/times.wat", work);
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		layout l = fill(fresh());
		for (place where = INDEX; where < PLACES; where++)
			set_times(l.paths[where], times[i]);
		EXPECT(is(ask_file(l.paths[ROOT], trusted, ANSWER), BH_CODE_FROM_DISK, 0));
		/* A source from the future is never trusted, and right all the same. */
		for (unsigned n = 0; n < 3; n++) {
			write_guest(source, 3000 + n);
			set_times(source, times[i]);
			EXPECT(is(ask_file(l.paths[ROOT], source, 3000 + n), BH_CODE_COMPILED, 0));
			EXPECT(is(ask_file(l.paths[ROOT], source, 3000 + n), BH_CODE_FROM_DISK, 0));
		}
		bh_cache *cache = look_into(l.paths[ROOT]);
		uint64_t removed = 77;
		OK(bh_cache_verify(cache, NULL, NULL, &t_err));
		OK(bh_cache_prune(cache, 0, 0, &removed, &t_err));
		/* What is used by then has a time of its own, and three were made just now. */
		assert_in_range(removed, 0, 1);
		bh_cache_close(cache);
		assert_true(stats_of(l.paths[ROOT]).entries >= 3);
		ask_file(l.paths[ROOT], trusted, ANSWER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edited_at_once),
		cmocka_unit_test(test_edited_after_trust),
		cmocka_unit_test(test_wrong_times),
	};
	return cmocka_run_group_tests(tests, trust_set_up, work_tear_down);
}
