// test: timeout=60
/* Profiles: samples where a guest computes, by name, on both ways to run it; and what is refused. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "one_host.h"

/* Calls $busy for so many rounds. */
static const char text[] =
	"(component (core module $worker\n"
	"  (func $busy (param i32) (result i32) (local i32)\n"
	"    (loop $l (local.set 1 (i32.add (local.get 1) (i32.const 3)))\n"
	"      (br_if $l (i32.lt_u (local.get 1) (i32.const 300000000))))\n"
	"    (local.get 1))\n"
	"  (func $outer (export \"run\") (param i32) (result i32) (call $busy (local.get 0))))\n"
	"(core instance $i (instantiate $worker))\n"
	"(func (export \"run\") (param \"n\" u32) (result u32) (canon lift (core func $i \"run\"))))";

static bh_component *load(uint64_t fuel)
{
	bh_limits limits = t_limits();
	limits.fuel = fuel;
	return t_load_text(host, text, &limits);
}

static char *written(bh_sampler *profile)
{
	char path[] = "/tmp/bulkhead-profile-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	OK(bh_sampler_write(profile, fd, &t_err));
	off_t size = lseek(fd, 0, SEEK_END);
	char *json = calloc(1, (size_t)size + 1);
	assert_non_null(json);
	assert_int_equal(pread(fd, json, (size_t)size, 0), size);
	close(fd);
	return json;
}

static void call(bh_component *component, bh_sampler *profile)
{
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	bh_value n = bh_of_u32(1), result = BH_VALUE_INIT;
	instance.sampler = profile;
	options.instance = &instance;
	OK(bh_component_call(component, "run", &n, 1, &result, &options, NULL, &t_err));
}

static void names_what_computes(void **state)
{
	(void)state;
	static const uint64_t fuels[] = {BH_UNLIMITED, UINT64_C(1) << 40};
	for (size_t i = 0; i < sizeof fuels / sizeof *fuels; i++) {
		bh_component *component = load(fuels[i]);
		bh_sampler *profile = NULL;
		OK(bh_sampler_new(&profile, component, &t_err));
		call(component, profile);
		char *json = written(profile);
		assert_true(json[0] == '{');
		assert_non_null(strstr(json, "\"samples\""));
		assert_non_null(strstr(json, "busy"));
		assert_non_null(strstr(json, "outer"));
		free(json);
		FAILS(BH_E_INVALID, bh_sampler_write(profile, 1, &t_err));
		bh_sampler_free(profile);
		bh_component_unref(component);
	}
}

static void what_is_refused(void **state)
{
	(void)state;
	bh_component *one = load(BH_UNLIMITED), *other = t_load(host, "wat/adder.wat", NULL);
	bh_sampler *profile = NULL;
	FAILS(BH_E_INVALID, bh_sampler_new(&profile, NULL, &t_err));
	OK(bh_sampler_new(&profile, other, &t_err));
	bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	bh_instance *made = NULL;
	instance.sampler = profile;
	FAILS(BH_E_INVALID, bh_instance_new(&made, one, &instance, &t_err));
	/* One that never computed for long has no samples, and is well-formed all the same. */
	char *json = written(profile);
	assert_true(json[0] == '{');
	free(json);
	bh_sampler_free(profile);
	bh_sampler_free(NULL);
	bh_component_unref(one);
	bh_component_unref(other);
}

/* A profile keeps its component; given up unwritten it leaves nothing. */
static void lifetimes(void **state)
{
	(void)state;
	bh_component *component = load(BH_UNLIMITED);
	bh_sampler *profile = NULL, *unwritten = NULL;
	OK(bh_sampler_new(&profile, component, &t_err));
	OK(bh_sampler_new(&unwritten, component, &t_err));
	call(component, unwritten);
	bh_sampler_free(unwritten);
	bh_component_unref(component);
	int full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	FAILS(BH_E_IO, bh_sampler_write(profile, full, &t_err));
	close(full);
	bh_sampler_free(profile);
}

static bh_sampler *sampled(void)
{
	bh_component *component = load(BH_UNLIMITED);
	bh_sampler *profile = NULL;
	OK(bh_sampler_new(&profile, component, &t_err));
	call(component, profile);
	bh_component_unref(component);
	return profile;
}

/* Nobody reads, and a file may not grow: an error, where the signal would end this program. */
static void no_signals(void **state)
{
	(void)state;
	int ends[2];
	struct rlimit before;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	bh_sampler *profile = sampled();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	FAILS(BH_E_IO, bh_sampler_write(profile, ends[1], &t_err));
	assert_true(t_says("Broken pipe"));
	close(ends[1]);
	bh_sampler_free(profile);

	profile = sampled();
	char path[] = "/tmp/bulkhead-profile-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && !unlink(path));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){64, before.rlim_max}), 0);
	t_begin();
	bh_status status = bh_sampler_write(profile, fd, &t_err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, BH_E_IO);
	assert_true(t_says("File too large"));
	close(fd);
	bh_sampler_free(profile);
}

enum { PIPE_ROOM = 4096 };

typedef struct {
	int fd;
	char first, last; /* of what follows the spaces */
} taken;

static void *take_slowly(void *data)
{
	taken *t = data;
	char piece[PIPE_ROOM / 4];
	for (ssize_t n; t_sleep_ms(5), (n = read(t->fd, piece, sizeof piece)) > 0; t->last = piece[n - 1])
		t->first = t->last == ' ' ? piece[0] : t->first;
	return NULL;
}

/* A pipe that is full, and does not block: it is waited for. */
static void a_slow_reader(void **state)
{
	(void)state;
	for (int flags = O_CLOEXEC;; flags |= O_NONBLOCK) {
		int ends[2];
		pthread_t thread;
		bh_sampler *profile = sampled();
		assert_int_equal(pipe2(ends, flags), 0);
		assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
		assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, PIPE_ROOM), PIPE_ROOM);
		for (int i = 0; i < PIPE_ROOM; i++)
			assert_int_equal(write(ends[1], " ", 1), 1);
		taken t = {.fd = ends[0], .last = ' '};
		assert_int_equal(pthread_create(&thread, NULL, take_slowly, &t), 0);
		OK(bh_sampler_write(profile, ends[1], &t_err));
		close(ends[1]);
		pthread_join(thread, NULL);
		close(ends[0]);
		assert_true(t.first == '{' && t.last == '}');
		bh_sampler_free(profile);
		if (flags & O_NONBLOCK)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_computes), cmocka_unit_test(what_is_refused), cmocka_unit_test(lifetimes),
		cmocka_unit_test(no_signals),          cmocka_unit_test(a_slow_reader),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
