// test: timeout=60
/* Signed artifacts in files that others may write to: what was signed is what runs, whatever becomes of the file. */
#include <pthread.h>
#include <sys/resource.h>

#include "cache_tools.h"

enum { ANSWER = 41, OTHER = 42, ROUNDS = 60 };

static uint8_t public_key[BH_PUBLIC_KEY], secret_key[BH_SECRET_KEY];

typedef struct {
	char path[PATH_MAX];
	char *bytes; /* as it was made */
	size_t length;
} artifact;

static artifact make(unsigned answer, bool with_signature)
{
	static unsigned count;
	artifact a;
	bh_compile_options options = BH_COMPILE_OPTIONS_INIT;
	const char *source = below("source-%u.wat", answer);
	options.secret_key = with_signature ? secret_key : NULL;
	snprintf(a.path, sizeof a.path, "%s", below("made-%u.cwasm", count++));
	write_guest(source, answer);
	OK(bh_artifact_compile(a.path, source, &options, &t_err));
	EXPECT(!chmod(a.path, 0666));
	a.bytes = read_whole(a.path, &a.length);
	return a;
}

static void write_in_place(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length);
	close(fd);
}

static bh_status load(bh_component **out, bh_host *host, const char *path)
{
	bh_component_options options = named(NULL);
	options.trusted_key = public_key;
	return bh_component_load_file(out, host, path, &options, &t_err);
}

static void test_changed_after_loading(void **state)
{
	(void)state;
	artifact a = make(ANSWER, true), b = make(OTHER, true);
	assert_int_equal(a.length, b.length);
	cached c;
	cached_open(&c, fresh());
	bh_component *component = NULL;
	OK(load(&component, c.host, a.path));
	assert_int_equal(origin_of(component), BH_CODE_FROM_DISK);
	write_in_place(a.path, b.bytes, b.length);
	assert_int_equal(t_number(component, "answer", ""), ANSWER);
	EXPECT(!truncate(a.path, 0));
	assert_int_equal(t_number(component, "answer", ""), ANSWER);
	bh_component_unref(component);
	assert_int_equal(cached_close(&c), 0);
	free(a.bytes);
	free(b.bytes);
}

/* Somebody who goes on writing: now what was signed, now code that nobody signed, below the same record. */
typedef struct {
	const artifact *good;
	char *bad;
	_Atomic bool stop;
} flipping;

static void *flip(void *data)
{
	flipping *f = data;
	for (unsigned i = 0; !atomic_load(&f->stop); i++)
		write_in_place(f->good->path, i % 2 ? f->good->bytes : f->bad, f->good->length);
	return NULL;
}

/* The record, with its signature, from `a`; the code before it from `b`. */
static char *code_of_another(const artifact *a, const artifact *b)
{
	static const char magic[] = "bulkhead-cwasm-";
	size_t code = a->length - sizeof magic;
	while (memcmp(a->bytes + code, magic, sizeof magic - 1) != 0)
		code--;
	char *mixed = malloc(a->length);
	EXPECT(mixed);
	memcpy(mixed, b->bytes, code);
	memcpy(mixed + code, a->bytes + code, a->length - code);
	return mixed;
}

static void test_changed_all_the_time(void **state)
{
	(void)state;
	artifact a = make(ANSWER, true), b = make(OTHER, true);
	flipping f = {.good = &a, .bad = code_of_another(&a, &b)};
	pthread_t thread;
	unsigned loaded = 0;
	char dir[300];
	snprintf(dir, sizeof dir, "%s", fresh());
	EXPECT(!pthread_create(&thread, NULL, flip, &f));
	for (int i = 0; i < ROUNDS; i++) {
		cached c;
		cached_open(&c, dir);
		bh_component *component = NULL;
		t_begin();
		bh_status status = load(&component, c.host, a.path);
		assert_true(status == BH_OK || status == BH_E_PARSE);
		loaded += !status;
		for (int again = 0; !status && again < 20; again++)
			assert_int_equal(t_number(component, "answer", ""), ANSWER);
		bh_component_unref(component);
		assert_int_equal(cached_close(&c), 0);
	}
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	print_message("%u of %d loads found it whole\n", loaded, ROUNDS);
	free(f.bad);
	free(a.bytes);
	free(b.bytes);
}

static void test_refused(void **state)
{
	(void)state;
	artifact a = make(ANSWER, true), plain = make(ANSWER, false);
	cached c;
	cached_open(&c, fresh());
	bh_component *component = NULL;
	FAILS(BH_E_UNTRUSTED, load(&component, c.host, plain.path));
	a.bytes[a.length / 2] ^= 1;
	write_in_place(a.path, a.bytes, a.length);
	FAILS(BH_E_PARSE, load(&component, c.host, a.path));
	a.bytes[a.length / 2] ^= 1;
	write_in_place(a.path, a.bytes, a.length);

	/* No room for a copy: an error, and no signal. */
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, before.rlim_max}), 0);
	t_begin();
	bh_status status = load(&component, c.host, a.path);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, BH_E_IO);
	assert_true(t_says("cannot be copied: File too large"));
	assert_null(component);

	OK(load(&component, c.host, a.path));
	assert_int_equal(t_number(component, "answer", ""), ANSWER);
	bh_component_unref(component);
	assert_int_equal(cached_close(&c), 0);
	free(a.bytes);
	free(plain.bytes);
}

static int set_up(void **state)
{
	OK(bh_keys_generate(public_key, secret_key, &t_err));
	return work_set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed_after_loading),
		cmocka_unit_test(test_changed_all_the_time),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, work_tear_down);
}
