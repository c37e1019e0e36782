// test: timeout=120
/*
 * One host's code asked for by many threads, and its options: compiled once, right for all, failed alike for all,
 * bounded, and not misled by a wrong digest. THREADS at once.
 */
#include <pthread.h>

#include "cache_tools.h"

#ifndef THREADS
#define THREADS 200
#endif

enum { ANSWER = 41, OTHER = 42 };

/* Runs `body` on many threads, all of which begin together. */

typedef struct crowd crowd;
struct crowd {
	void (*body)(crowd *all, unsigned number);
	bh_host *host;
	bh_component *handle;
	const char *path;
	const uint8_t *digest;
	pthread_barrier_t gate;
	_Atomic unsigned next, compiled, from_disk, from_memory, failed, others;
	char message[2][400];
};

static void *run_one(void *data)
{
	crowd *all = data;
	unsigned number = atomic_fetch_add(&all->next, 1);
	pthread_barrier_wait(&all->gate);
	all->body(all, number);
	t_begin();
	return NULL;
}

static void run_crowd(crowd *all, unsigned count)
{
	pthread_t *threads = calloc(count, sizeof *threads);
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 512 * 1024);
	EXPECT(threads && !pthread_barrier_init(&all->gate, NULL, count));
	for (unsigned i = 0; i < count; i++)
		EXPECT(!pthread_create(&threads[i], &small, run_one, all));
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all->gate);
	pthread_attr_destroy(&small);
	free(threads);
}

static void tally(crowd *all, const bh_component *component)
{
	static const size_t where[] = {
		[BH_CODE_COMPILED] = offsetof(crowd, compiled),
		[BH_CODE_FROM_DISK] = offsetof(crowd, from_disk),
		[BH_CODE_FROM_MEMORY] = offsetof(crowd, from_memory),
	};
	atomic_fetch_add((_Atomic unsigned *)((char *)all + where[origin_of(component)]), 1);
}

static void load_the_file(crowd *all, unsigned number)
{
	(void)number;
	bh_component *component = load_path(all->host, all->path);
	tally(all, component);
	EXPECT(t_number(component, "answer", "") == ANSWER);
	bh_component_unref(component);
}

static void test_compiled_once(void **state)
{
	(void)state;
	const char *path = below("one.wat"), *dir = fresh();
	write_guest(path, ANSWER);
	/* With a cache on disk that has nothing, that has it, and without one. */
	for (int round = 0; round < 3; round++) {
		cached c;
		bh_cache_options cache = cache_in(dir);
		cache.mode = round == 2 ? BH_CACHE_OFF : BH_CACHE_ON;
		cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
		crowd all = {.body = load_the_file, .host = c.host, .path = path};
		run_crowd(&all, THREADS);
		assert_int_equal(all.compiled, round != 1);
		assert_int_equal(all.from_disk, round == 1);
		assert_int_equal(all.from_memory, THREADS - 1);
		assert_int_equal(cached_close(&c), 0);
	}
}

/* A large one takes long to compile: all come while one is at it. */
static void load_large(crowd *all, unsigned number)
{
	(void)number;
	bh_component *component = load_path(all->host, all->path);
	tally(all, component);
	bh_component_unref(component);
}

static void test_large_compiled_once(void **state)
{
	(void)state;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s", t_guest("calc.wasm"));
	cached c;
	cached_open(&c, fresh());
	crowd all = {.body = load_large, .host = c.host, .path = path};
	run_crowd(&all, 32);
	assert_int_equal(all.compiled, 1);
	assert_int_equal(all.from_memory, 31);
	assert_int_equal(cached_close(&c), 0);
}

/* Several in turn, where the memory holds two: each is the right one. */
static void load_in_turn(crowd *all, unsigned number)
{
	for (unsigned i = 0; i < 10; i++) {
		unsigned answer = 100 + (number + i) % 5;
		bh_component *component = load_guest(all->host, answer);
		tally(all, component);
		EXPECT(t_number(component, "answer", "") == answer);
		bh_component_unref(component);
	}
}

static void test_small_memory(void **state)
{
	(void)state;
	enum { COUNT = 24 };
	static const struct {
		uint32_t entries;
		uint64_t bytes;
	} bounds[] = {{2, 0}, {1, 0}, {0, 1}};
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		for (int mode = BH_CACHE_ON; mode <= BH_CACHE_OFF; mode++) {
			cached c;
			bh_cache_options cache = cache_in(fresh());
			cache.mode = (bh_cache_mode)mode;
			cache.memory_entries = bounds[i].entries;
			cache.memory_bytes = bounds[i].bytes;
			cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
			crowd all = {.body = load_in_turn, .host = c.host};
			run_crowd(&all, COUNT);
			assert_int_equal(all.compiled + all.from_disk + all.from_memory, COUNT * 10);
			assert_true(mode == BH_CACHE_OFF || all.compiled == 5);
			assert_int_equal(cached_close(&c), 0);
		}
}

/* What the bounds of the memory mean, one thread at a time: the least recently used goes, held or not. */
static bh_code_origin origin_in(bh_host *host, unsigned answer)
{
	bh_component *component = load_guest(host, answer);
	bh_code_origin origin = origin_of(component);
	EXPECT(t_number(component, "answer", "") == answer);
	bh_component_unref(component);
	return origin;
}

static void test_bounds_of_memory(void **state)
{
	(void)state;
	cached c;
	bh_cache_options cache = cache_in(fresh());
	cache.memory_entries = 3;
	cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(origin_in(c.host, i), BH_CODE_COMPILED);
	assert_int_equal(origin_in(c.host, 0), BH_CODE_FROM_MEMORY);
	bh_component *held = load_guest(c.host, 1);
	assert_int_equal(origin_of(held), BH_CODE_FROM_MEMORY);
	assert_int_equal(origin_in(c.host, 3), BH_CODE_COMPILED);  /* 2 goes */
	assert_int_equal(origin_in(c.host, 2), BH_CODE_FROM_DISK); /* 0 goes */
	assert_int_equal(origin_in(c.host, 1), BH_CODE_FROM_MEMORY);
	assert_int_equal(origin_in(c.host, 0), BH_CODE_FROM_DISK);
	for (unsigned i = 10; i < 20; i++)
		origin_in(c.host, i);
	assert_int_equal(t_number(held, "answer", ""), 1);
	bh_component_needs needs = {.struct_size = sizeof needs};
	bh_component_describe(held, &needs);
	bh_component_unref(held);
	assert_int_equal(cached_close(&c), 0);
	/* In bytes: two of them, and the newest in any case. */
	static const struct {
		unsigned tenths;
		bh_code_origin first, second;
	} rows[] = {{1, BH_CODE_FROM_DISK, BH_CODE_FROM_MEMORY}, {29, BH_CODE_FROM_DISK, BH_CODE_FROM_MEMORY}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cache = cache_in(fresh());
		cache.memory_bytes = needs.code_bytes * rows[i].tenths / 10;
		cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
		for (unsigned n = 0; n < 3; n++)
			origin_in(c.host, n);
		assert_int_equal(origin_in(c.host, 2), rows[i].second);
		assert_int_equal(origin_in(c.host, 0), rows[i].first);
		assert_int_equal(cached_close(&c), 0);
	}
}

/* Failures. */

static const char broken[] = "(component (core module $m (func (export \"f\") (result i32) i64.const 1)))";
static const char import_less[] = "(component (import \"acme:store/blobs\" (instance (export \"get\" (func)))))";

static void load_broken(crowd *all, unsigned number)
{
	bh_component_options options = named("broken");
	bh_component *component = NULL;
	const char *text = number % 2 ? broken : import_less;
	FAILS(number % 2 ? BH_E_VALIDATION : BH_E_LINK,
	      bh_component_load_bytes(&component, all->host, text, strlen(text), &options, &t_err));
	EXPECT(!component);
	if (!SAME(bh_error_message(t_err), all->message[number % 2]))
		atomic_fetch_add(&all->others, 1);
	atomic_fetch_add(&all->failed, 1);
}

static void test_failing_for_all(void **state)
{
	(void)state;
	cached c;
	cached_open(&c, fresh());
	bh_component_options options = named("broken");
	bh_component *component = NULL;
	crowd all = {.body = load_broken, .host = c.host};
	for (int i = 0; i < 2; i++) {
		const char *text = i ? broken : import_less;
		FAILS(i ? BH_E_VALIDATION : BH_E_LINK,
		      bh_component_load_bytes(&component, c.host, text, strlen(text), &options, &t_err));
		snprintf(all.message[i], sizeof all.message[i], "%s", bh_error_message(t_err));
	}
	for (int round = 0; round < 5; round++) {
		all.next = all.failed = 0;
		run_crowd(&all, 64);
		assert_int_equal(all.failed, 64);
		assert_int_equal(all.others, 0);
	}
	/* Code that is there, because somebody only looked at it, links no better; and says the same. */
	options.unlinked = true;
	OK(bh_component_load_bytes(&component, c.host, import_less, strlen(import_less), &options, &t_err));
	bh_component_unref(component);
	options.unlinked = false;
	component = NULL;
	for (int again = 0; again < 2; again++) {
		FAILS(BH_E_LINK,
		      bh_component_load_bytes(&component, c.host, import_less, strlen(import_less), &options, &t_err));
		assert_string_equal(bh_error_message(t_err), all.message[0]);
	}
	assert_int_equal(cached_close(&c), 0);
}

/* A core module, by some who allow it to be wrapped and some who do not: each gets what it asked for. */
static void load_module(crowd *all, unsigned number)
{
	bh_component_options options = named("module");
	bh_component *component = NULL;
	options.wrap_modules = number % 2;
	bh_status status = bh_component_load_file(&component, all->host, all->path, &options, NULL);
	if (status != (number % 2 ? BH_OK : BH_E_NOT_A_COMPONENT))
		atomic_fetch_add(number % 2 ? &all->failed : &all->others, 1);
	bh_component_unref(component);
}

static void test_wrapped_or_not(void **state)
{
	(void)state;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s", t_guest("hello.core.wasm"));
	unsigned refused = 0, allowed = 0;
	for (int round = 0; round < 10; round++) {
		cached c;
		cached_open(&c, fresh());
		crowd all = {.body = load_module, .host = c.host, .path = path, .next = round % 2};
		run_crowd(&all, 8);
		refused += all.failed;
		allowed += all.others;
		assert_int_equal(cached_close(&c), 0);
	}
	if (refused + allowed)
		print_error("%u were refused what they allow, %u got what they do not allow\n", refused, allowed);
	assert_int_equal(refused + allowed, 0);
}

/* Handles. */

static void wrap_one(crowd *all, unsigned number)
{
	char name[20];
	snprintf(name, sizeof name, "tenant %u", number);
	for (int i = 0; i < 5; i++) {
		bh_component_options options = named(name);
		bh_component *component = NULL;
		options.limits.memory = BH_MIB(1 + number % 32);
		OK(bh_component_wrap(&component, all->host, all->handle, i ? &options : NULL, &t_err));
		tally(all, component);
		EXPECT(SAME(bh_component_name(component), i ? name : bh_component_name(all->handle)));
		EXPECT(t_number(component, "answer", "") == ANSWER);
		EXPECT(!i || bh_component_limits(component)->memory == options.limits.memory);
		bh_component_unref(component);
	}
}

static void test_wrap(void **state)
{
	(void)state;
	cached c, other;
	cached_open(&c, fresh());
	cached_open(&other, fresh());
	crowd all = {.body = wrap_one, .host = c.host, .handle = load_guest(c.host, ANSWER)};
	run_crowd(&all, 64);
	assert_int_equal(all.from_memory, 64 * 5);
	/* Of another host: at once, whatever it has itself. */
	bh_component *theirs = load_guest(other.host, ANSWER), *wrapped = NULL;
	bh_component_options options = named("tenant");
	double begin = t_now_ms();
	for (int i = 0; i < 1000; i++)
		FAILS(BH_E_WRONG_HOST, bh_component_wrap(&wrapped, other.host, all.handle, i % 2 ? &options : NULL, &t_err));
	EXPECT(t_now_ms() - begin < 1000 * t_slack());
	assert_true(t_says("another host"));
	assert_null(wrapped);
	/* Another engine's limits. */
	options.limits.fuel = 1000000;
	FAILS(BH_E_WRONG_HOST, bh_component_wrap(&wrapped, c.host, all.handle, &options, &t_err));
	options = named("tenant");
	options.limits.stack = BH_KIB(256);
	FAILS(BH_E_WRONG_HOST, bh_component_wrap(&wrapped, c.host, all.handle, &options, &t_err));
	options = (bh_component_options)BH_COMPONENT_OPTIONS_INIT;
	FAILS(BH_E_MISSING_LIMITS, bh_component_wrap(&wrapped, c.host, all.handle, &options, &t_err));
	FAILS(BH_E_INVALID, bh_component_wrap(&wrapped, NULL, all.handle, NULL, &t_err));
	FAILS(BH_E_INVALID, bh_component_wrap(&wrapped, c.host, NULL, NULL, &t_err));
	/* It outlives the handle, and the caller's hold on the host. */
	OK(bh_component_wrap(&wrapped, c.host, all.handle, NULL, &t_err));
	bh_component_unref(all.handle);
	assert_int_equal(cached_close(&c), 0);
	assert_int_equal(t_number(wrapped, "answer", ""), ANSWER);
	bh_component_unref(wrapped);
	bh_component_unref(theirs);
	assert_int_equal(cached_close(&other), 0);
}

/* Digests given by the caller. */

static void digest_of(uint8_t out[32], unsigned answer)
{
	char name[20];
	const char *dir = fresh();
	snprintf(name, sizeof name, "g%u", answer);
	ask(dir, answer);
	wanted_entry entry = entry_of(dir, name);
	EXPECT(strlen(entry.source) == 64);
	for (int i = 0; i < 32; i++) {
		unsigned byte;
		EXPECT(sscanf(entry.source + 2 * (size_t)i, "%2x", &byte) == 1);
		out[i] = (uint8_t)byte;
	}
}

/* The answer of a guest's bytes, loaded with a digest that may be another's. */
static unsigned answer_with(bh_host *host, unsigned answer, const uint8_t *digest, bh_code_origin *origin)
{
	char text[GUEST_TEXT], name[20];
	snprintf(name, sizeof name, "g%u", answer);
	bh_component_options options = named(name);
	bh_component *component = NULL;
	options.sha256 = digest;
	guest_text(text, answer);
	OK(bh_component_load_bytes(&component, host, text, strlen(text), &options, &t_err));
	if (origin)
		*origin = origin_of(component);
	unsigned got = (unsigned)t_number(component, "answer", "");
	bh_component_unref(component);
	return got;
}

static void test_wrong_digests(void **state)
{
	(void)state;
	uint8_t a[32], b[32];
	bh_code_origin origin;
	digest_of(a, ANSWER);
	digest_of(b, OTHER);
	for (int mode = BH_CACHE_ON; mode <= BH_CACHE_OFF; mode++) {
		bh_cache_options cache = cache_in(fresh());
		cached c;
		cache.mode = (bh_cache_mode)mode;
		cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
		/* Nothing is there yet: what is compiled is what was given, and kept as what it is. */
		assert_int_equal(answer_with(c.host, OTHER, a, &origin), OTHER);
		assert_int_equal(origin, BH_CODE_COMPILED);
		assert_int_equal(answer_with(c.host, ANSWER, a, &origin), ANSWER);
		assert_int_equal(origin, BH_CODE_COMPILED);
		assert_int_equal(answer_with(c.host, ANSWER, NULL, NULL), ANSWER);
		assert_int_equal(answer_with(c.host, OTHER, NULL, NULL), OTHER);
		assert_int_equal(answer_with(c.host, OTHER, b, &origin), OTHER);
		assert_int_equal(origin, BH_CODE_FROM_MEMORY);
		/* Believed for finding. */
		assert_int_equal(answer_with(c.host, OTHER, a, &origin), ANSWER);
		assert_int_equal(origin, BH_CODE_FROM_MEMORY);
		assert_int_equal(answer_with(c.host, OTHER, NULL, NULL), OTHER);
		assert_int_equal(cached_close(&c), 0);
		if (mode == BH_CACHE_OFF) {
			assert_false(exists(cache.dir));
			continue;
		}
		/* On disk each is under its own name: two, no more. */
		assert_int_equal(stats_of(cache.dir).entries, 2);
		assert_true(is(ask(cache.dir, ANSWER), BH_CODE_FROM_DISK, 0));
		assert_true(is(ask(cache.dir, OTHER), BH_CODE_FROM_DISK, 0));
		cached_open(&c, cache.dir);
		assert_int_equal(answer_with(c.host, ANSWER, a, &origin), ANSWER);
		assert_int_equal(origin, BH_CODE_FROM_DISK);
		assert_int_equal(cached_close(&c), 0);
	}
}

/* A file that is found by its digest alone need not be there; one that has to be compiled must. */
static void test_digest_of_a_file(void **state)
{
	(void)state;
	uint8_t a[32];
	const char *dir = fresh(), *path = below("digest.wat");
	bh_component *component = NULL;
	digest_of(a, ANSWER);
	ask(dir, ANSWER);
	write_guest(path, OTHER);
	cached c;
	cached_open(&c, dir);
	bh_component_options options = named(NULL);
	OK(bh_component_load_file(&component, c.host, path, &options, &t_err));
	assert_int_equal(t_number(component, "answer", ""), OTHER);
	bh_component_unref(component);
	options.sha256 = a;
	OK(bh_component_load_file(&component, c.host, path, &options, &t_err));
	assert_int_equal(t_number(component, "answer", ""), ANSWER);
	bh_component_unref(component);
	component = NULL;
	/* That told nobody that the file was the other. */
	options.sha256 = NULL;
	OK(bh_component_load_file(&component, c.host, path, &options, &t_err));
	assert_int_equal(t_number(component, "answer", ""), OTHER);
	bh_component_unref(component);
	component = NULL;
	assert_int_equal(cached_close(&c), 0);
	cached_open(&c, fresh());
	options.sha256 = a;
	FAILS(BH_E_NOT_FOUND, bh_component_load_file(&component, c.host, below("none.wat"), &options, &t_err));
	assert_null(component);
	assert_int_equal(cached_close(&c), 0);
}

/* Some tell the truth and some do not, at once: those who do are right. */
static void load_with_digest(crowd *all, unsigned number)
{
	if (number % 2)
		EXPECT(answer_with(all->host, ANSWER, all->digest, NULL) == ANSWER);
	else if (number % 4)
		EXPECT(answer_with(all->host, OTHER, NULL, NULL) == OTHER);
	else
		(void)answer_with(all->host, OTHER, all->digest, NULL);
}

static void test_wrong_digests_at_once(void **state)
{
	(void)state;
	uint8_t a[32];
	digest_of(a, ANSWER);
	for (int round = 0; round < 20; round++) {
		bh_cache_options cache = cache_in(fresh());
		cache.mode = round % 2 ? BH_CACHE_ON : BH_CACHE_OFF;
		cached c;
		cached_open_with(&c, &cache, BH_PROFILE_PRODUCTION);
		crowd all = {.body = load_with_digest, .host = c.host, .digest = a};
		run_crowd(&all, 32);
		assert_int_equal(cached_close(&c), 0);
		if (cache.mode == BH_CACHE_ON) {
			assert_true(is(ask(cache.dir, ANSWER), BH_CODE_FROM_DISK, 0));
			assert_true(is(ask(cache.dir, OTHER), BH_CODE_FROM_DISK, 0));
		}
	}
}

/* Folder names that are none, from a caller's options. */
static void test_odd_folders(void **state)
{
	(void)state;
	EXPECT(!chdir(work));
	static const char *const names[] = {"", "/", "relative", "./relative//two/", "/dev/full"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!SAME(names[i], "/") || geteuid()) /* root's own */
			ask(names[i], ANSWER);
	char *longest = malloc(9001);
	memset(longest, 'x', 9000);
	longest[0] = '/';
	longest[9000] = '\0';
	assert_true(is(ask(longest, ANSWER), BH_CODE_COMPILED, 1));
	free(longest);
	remove_all(below("v1"));
	EXPECT(!chdir("/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled_once),         cmocka_unit_test(test_large_compiled_once),
		cmocka_unit_test(test_small_memory),          cmocka_unit_test(test_bounds_of_memory),
		cmocka_unit_test(test_failing_for_all),       cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_wrong_digests),         cmocka_unit_test(test_digest_of_a_file),
		cmocka_unit_test(test_wrong_digests_at_once), cmocka_unit_test(test_odd_folders),
		cmocka_unit_test(test_wrapped_or_not),
	};
	return cmocka_run_group_tests(tests, work_set_up, work_tear_down);
}
