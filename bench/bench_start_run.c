/*
 * Whole-process starts beside `wasmtime run` of the engine's own version, in turn in one run; and loads within a process.
 * Suite start.
 *
 * Cold: the caches are empty before each run. Warm: they are full. AOT: compiled before. The command is $BULKHEAD; the
 * peer comes from `make bench-peers`, the guests in other languages from `make languages`: what is missing is left out.
 */
#include <bulkhead.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static char work[] = "/tmp/bulkhead-bench-XXXXXX";
static char peer[512]; /* empty: there is none */

typedef struct {
	const char *const *args;
	bool cold;
} process;

static void shell(const char *command)
{
	if (system(command)) /* fixed texts and our own folder */
		bench_die("failed: %s", command);
}

static double run_once(const char *const *args)
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t child;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	double start = bench_now();
	int failed = posix_spawn(&child, args[0], &actions, NULL, (char *const *)args, environ);
	if (failed || waitpid(child, &status, 0) != child || status)
		bench_die("%s %s: %s, status %d", args[0], args[1], strerror(failed), status);
	double took = bench_now() - start;
	posix_spawn_file_actions_destroy(&actions);
	return took;
}

static double run(void *data, unsigned batch)
{
	const process *p = data;
	double sum = 0;
	for (unsigned i = 0; i < batch; i++) {
		char command[600];
		snprintf(command, sizeof command, "rm -rf '%s/cache' && mkdir -m 700 '%s/cache'", work, work);
		if (p->cold)
			shell(command);
		sum += run_once(p->args);
	}
	return sum;
}

static void beside(const char *name, const char *const *ours, const char *const *theirs, bool cold, size_t runs)
{
	process both[] = {{ours, cold}, {theirs, cold}};
	void *data[] = {&both[0], &both[1]};
	bench_fn *fns[] = {run, run};
	unsigned batches[] = {1, 1};
	bench_samples samples[2];
	if (!peer[0]) {
		samples[0] = bench_take(run, &both[0], 1, runs);
		bench_report(name, "ms", 1e3, &samples[0]);
		bench_free(&samples[0]);
		return;
	}
	bench_take_in_turn(samples, fns, data, batches, 2, runs);
	bench_report_beside(name, "ms", 1e3, &samples[0], "wasmtime run", &samples[1]);
	bench_free(&samples[0]);
	bench_free(&samples[1]);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void c_program(const char *command)
{
	char c[512], ours[512], theirs[512];
	snprintf(c, sizeof c, "%s", bench_guest("summary.wasm"));
	snprintf(ours, sizeof ours, "%s/ours.cwasm", work);
	snprintf(theirs, sizeof theirs, "%s/theirs.cwasm", work);
	beside("start_cold_c", ARGS(command, "run", "--memory", "64MB", c, "1", "2.5", "1e1"),
	       ARGS(peer, "run", c, "1", "2.5", "1e1"), true, 15);
	beside("start_warm_c", ARGS(command, "run", "--memory", "64MB", c, "1", "2.5", "1e1"),
	       ARGS(peer, "run", c, "1", "2.5", "1e1"), false, 60);
	run_once(ARGS(command, "compile", "-q", c, "-o", ours));
	if (peer[0])
		run_once(ARGS(peer, "compile", c, "-o", theirs));
	sleep(3); /* files younger than two seconds are read anew each time */
	beside("start_aot_c", ARGS(command, "run", "--memory", "64MB", ours, "1", "2.5", "1e1"),
	       ARGS(peer, "run", "--allow-precompiled", theirs, "1", "2.5", "1e1"), false, 60);
}

static void language(const char *command, const char *name, const char *file)
{
	char cold[40], warm[40], path[512];
	snprintf(cold, sizeof cold, "start_cold_%s", name);
	snprintf(warm, sizeof warm, "start_warm_%s", name);
	snprintf(path, sizeof path, "%s", bench_guest(file));
	if (access(path, R_OK)) {
		fprintf(stderr, "bench: no %s: make languages builds it\n", path);
		return;
	}
	const char *const *ours =
		ARGS(command, "call", "--memory", "512MB", "--fuel", "unlimited", "--timeout", "60s", path, "greet(\"you\")");
	const char *const *theirs = ARGS(peer, "run", "-S", "http", "--invoke", "greet(\"you\")", path);
	beside(cold, ours, theirs, true, 3);
	beside(warm, ours, theirs, false, 20);
}

/* Loads within a process. */

typedef struct {
	bh_host *host; /* NULL: a new one each time */
	bh_cache_options cache;
	const char *path;
	bh_code_origin origin;
	const uint8_t *sha256;
} loading;

static bh_host *make_host(const bh_cache_options *cache)
{
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.cache = cache;
	if (bh_host_new(&host, &options, NULL))
		bench_die("no host");
	return host;
}

static void load_once(bh_host *host, const loading *l)
{
	bh_component *component = NULL;
	bh_error *err = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(512);
	options.limits.fuel = BH_UNLIMITED;
	options.sha256 = l->sha256;
	if (bh_component_load_file(&component, host, l->path, &options, &err))
		bench_die("%s: %s", l->path, bh_error_message(err));
	/* A look at where it came from takes as long as a hit. */
	bh_component_needs needs = {.struct_size = sizeof needs, .origin = l->origin};
	if (l->origin != BH_CODE_FROM_MEMORY)
		bh_component_describe(component, &needs);
	if (needs.origin != l->origin)
		bench_die("%s: came from %d, not %d", l->path, needs.origin, l->origin);
	bh_component_unref(component);
}

static double load(void *data, unsigned batch)
{
	const loading *l = data;
	double sum = 0;
	for (unsigned i = 0; i < batch; i++) {
		bh_host *host = l->host ? l->host : make_host(&l->cache);
		/* The engine, and WASI's linker, are there in a live process. */
		if (!l->host)
			load_once(host, &(loading){.path = bench_guest("hello.wasm"), .origin = BH_CODE_FROM_DISK});
		double start = bench_now();
		load_once(host, l);
		sum += bench_now() - start;
		if (!l->host)
			bh_host_free(host);
	}
	return sum;
}

static void report_load(const char *name, const char *unit, double scale, loading *l, unsigned batch, size_t samples)
{
	bench_samples taken = bench_take(load, l, batch, samples);
	bench_report(name, unit, scale, &taken);
	bench_free(&taken);
}

/* Small components that differ, each in a file of its own that is old enough to be known by its looks. */
enum { SMALL = 230, SMALL_SAMPLES = 200 };

typedef struct {
	bh_host *host;
	char *paths[SMALL];
	unsigned next;
} small_set;

static void make_small(small_set *set, const char *like)
{
	size_t length;
	char *text = bench_read(like, &length), path[512];
	for (int i = 0; i < SMALL; i++) {
		snprintf(path, sizeof path, "%s/small-%d.wat", work, i);
		FILE *file = fopen(path, "w");
		if (!file || fprintf(file, ";; %d\n%.*s", i, (int)length, text) < 0 || fclose(file))
			bench_die("%s cannot be written", path);
		set->paths[i] = strdup(path);
	}
	free(text);
	sleep(3);
}

static void load_small(small_set *set, bh_code_origin origin)
{
	for (unsigned i = 0; i < SMALL; i++)
		load_once(set->host, &(loading){.path = set->paths[i], .origin = origin});
}

static double next_small(void *data, unsigned batch)
{
	small_set *set = data;
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		load_once(set->host, &(loading){.path = set->paths[set->next++], .origin = BH_CODE_FROM_DISK});
	return bench_now() - start;
}

/* A live process that loads what it has not loaded yet, and another compiled before: each file once. */
static void warm_small(const bh_cache_options *cache, const char *like)
{
	bh_cache_options options = *cache;
	options.memory_entries = SMALL; /* forgetting is not what is measured */
	small_set set = {.host = make_host(&options)};
	make_small(&set, like);
	load_small(&set, BH_CODE_COMPILED);
	bh_host_free(set.host);
	set.host = make_host(&options);
	bench_samples taken = bench_take(next_small, &set, 1, SMALL_SAMPLES);
	bench_report("load_warm_small", "us", 1e6, &taken);
	bench_free(&taken);
	bh_host_free(set.host);
	for (int i = 0; i < SMALL; i++)
		free(set.paths[i]);
}

/* Many threads that want the same file, which nobody has compiled yet, at once. */
enum { CROWD = 1000, CROWD_SAMPLES = 9 };

typedef struct {
	loading what;
	unsigned threads;
	pthread_barrier_t start;
} crowd;

static void *crowd_load(void *data)
{
	crowd *c = data;
	pthread_barrier_wait(&c->start);
	/* Whoever came first compiled it, and the rest found it in memory. */
	load_once(c->what.host, &(loading){.path = c->what.path, .origin = BH_CODE_FROM_MEMORY});
	return NULL;
}

static double load_crowded(void *data, unsigned batch)
{
	crowd *c = data;
	double sum = 0;
	pthread_t threads[CROWD] = {0};
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (unsigned i = 0; i < batch; i++) {
		c->what.host = make_host(&c->what.cache);
		pthread_barrier_init(&c->start, NULL, c->threads + 1);
		for (unsigned t = 0; t < c->threads; t++)
			if (pthread_create(&threads[t], &attr, crowd_load, c))
				bench_die("no thread");
		double start = bench_now();
		pthread_barrier_wait(&c->start);
		for (unsigned t = 0; t < c->threads; t++)
			pthread_join(threads[t], NULL);
		sum += bench_now() - start;
		bh_host_free(c->what.host);
		pthread_barrier_destroy(&c->start);
	}
	pthread_attr_destroy(&attr);
	return sum;
}

static void crowded(const char *path)
{
	bh_cache_options off = BH_CACHE_OPTIONS_INIT;
	off.mode = BH_CACHE_OFF;
	crowd many = {.what = {.cache = off, .path = path}, .threads = CROWD};
	crowd one = {.what = {.cache = off, .path = path}, .threads = 1};
	bench_samples taken[2];
	bench_take_in_turn(taken, (bench_fn *const[]){load_crowded, load_crowded}, (void *const[]){&many, &one},
	                   (const unsigned[]){1, 1}, 2, CROWD_SAMPLES);
	bench_report_beside("load_thousand_threads", "ms", 1e3, &taken[0], "one thread", &taken[1]);
	bench_free(&taken[0]);
	bench_free(&taken[1]);
}

static void sha256_of(uint8_t out[32], const char *path)
{
	size_t length;
	char *bytes = bench_read(path, &length);
	crypto_hash_sha256(out, (const unsigned char *)bytes, length);
	free(bytes);
}

/* Compiling it once, and mapping what that made. */
static void load_language(bh_host *host, const loading *like, const char *name, const char *guest)
{
	char path[512], cold_name[60], warm_name[60];
	loading l = *like;
	snprintf(path, sizeof path, "%s", bench_guest(guest));
	snprintf(cold_name, sizeof cold_name, "load_cold_%s", name);
	snprintf(warm_name, sizeof warm_name, "load_warm_%s", name);
	if (access(path, R_OK))
		return;
	double start = bench_now();
	load_once(host, &(loading){.path = path, .origin = BH_CODE_COMPILED});
	double cold = bench_now() - start;
	l.path = path;
	l.origin = BH_CODE_FROM_DISK;
	bench_samples once = {.values = &cold, .count = 1}, warm = bench_take(load, &l, 1, 30);
	bench_report(cold_name, "ms", 1e3, &once);
	bench_report_beside(warm_name, "ms", 1e3, &warm, "compiling", &once);
	bench_free(&warm);
}

static void loads(void)
{
	char folder[512], small[512];
	snprintf(folder, sizeof folder, "%s/loads", work);
	snprintf(small, sizeof small, "%s", bench_guest("wat/adder.wat"));
	loading l = {.cache = BH_CACHE_OPTIONS_INIT, .path = small, .origin = BH_CODE_COMPILED};
	l.cache.mode = BH_CACHE_ON;
	l.cache.dir = folder;
	bh_host *host = make_host(&l.cache);
	load_once(host, &(loading){.path = bench_guest("hello.wasm"), .origin = BH_CODE_COMPILED});
	load_once(host, &l);
	loading hit = {.host = host, .path = small, .origin = BH_CODE_FROM_MEMORY};
	report_load("load_memory_hit.file", "us", 1e6, &hit, 1000, 100);
	uint8_t digest[32];
	sha256_of(digest, small);
	hit.sha256 = digest;
	report_load("load_memory_hit", "us", 1e6, &hit, 1000, 100);
	warm_small(&l.cache, small);
	crowded(bench_guest("summary.wasm"));
	load_language(host, &l, "javascript", "languages/javascript.wasm");
	load_language(host, &l, "python", "languages/python.wasm");
	bh_host_free(host);
}

int main(void)
{
	char cache[600];
	const char *command = getenv("BULKHEAD"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (!command || !mkdtemp(work))
		bench_die("BULKHEAD names the command");
	if (xdg && *xdg)
		snprintf(peer, sizeof peer, "%s/bulkhead-build/peers/wasmtime-48.0.8/bin/wasmtime", xdg);
	else
		snprintf(peer, sizeof peer, "%s/.cache/bulkhead-build/peers/wasmtime-48.0.8/bin/wasmtime", home ? home : "");
	if (access(peer, X_OK)) {
		fprintf(stderr, "bench: no %s: make bench-peers builds it\n", peer);
		peer[0] = '\0';
	}
	snprintf(cache, sizeof cache, "%s/cache", work);
	setenv("XDG_CACHE_HOME", cache, 1);
	setenv("XDG_CONFIG_HOME", cache, 1);
	unsetenv("BULKHEAD_CACHE");
	unsetenv("BULKHEAD_CACHE_DIR");
	loads();
	c_program(command);
	language(command, "js", "languages/javascript.wasm");
	language(command, "python", "languages/python.wasm");
	snprintf(cache, sizeof cache, "rm -rf '%s'", work);
	shell(cache);
	return 0;
}
