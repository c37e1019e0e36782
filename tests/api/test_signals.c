// test: timeout=90
/*
 * Signals at any time, to every thread of the process: while guests run, trap, grow, wait, are cancelled, and while host
 * functions of all kinds are asked. A signal may interrupt a system call; it never changes what comes of a call.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "async_tools.h"
#include "hostfunctions.h"
#include "http_server.h"
#include "imports.h"

enum { WORKERS = 2 };

static char root[64];
static server peer;

static _Atomic uint64_t handled;
static _Atomic bool flooding;

static void on_signal(int number)
{
	(void)number;
	int before = errno;
	atomic_fetch_add(&handled, 1);
	errno = before;
}

static const int numbers[] = {SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGIO, SIGWINCH};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* Every thread that there is, one after the other, those of the library included. */
static void signal_all(pid_t self)
{
	DIR *threads = opendir("/proc/self/task");
	EXPECT(threads);
	int next = 0;
	for (struct dirent *entry; (entry = readdir(threads));) {
		pid_t thread = (pid_t)atoi(entry->d_name);
		if (thread > 0 && thread != self) /* it may have ended by now */
			(void)syscall(SYS_tgkill, getpid(), thread, numbers[next++ % NUMBERS]);
	}
	closedir(threads);
}

static void *flood(void *data)
{
	(void)data;
	pid_t self = (pid_t)syscall(SYS_gettid);
	while (atomic_load(&flooding)) {
		signal_all(self);
		usleep(100);
	}
	return NULL;
}

/* What is called, and how it must end. */
typedef struct {
	bh_component *component;
	bh_export *export_;
	bh_value args[2];
	size_t arg_count;
	bh_status status;
	bool result; /* of a function that answers ok or err: it must be ok */
} errand;

static void answer_soon(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	bh_value result = bh_of_u32(args[0].as.u32 + 1);
	bh_completion_finish(completion, &result);
}

static bh_component *roomy(const char *guest)
{
	bh_limits limits = t_limits();
	limits.queue_ms = BH_UNLIMITED;
	return t_load(host, guest, &limits);
}

static bh_component *errands(void)
{
	bh_permissions *permissions = t_granted(T_ALL);
	OK(bh_permissions_allow_dir(permissions, root, "/data", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", peer.port, BH_NET_HTTP, &t_err));
	return t_with_functions(host, "errand.wasm", permissions, NULL, 0);
}

static bh_component *callers(void)
{
	bh_imports *imports = t_all_but("number");
	t_define_async(imports, "number", answer_soon, NULL);
	return t_link(t_caller_text, imports);
}

enum { ERRANDS = 11 };

static char url[64];

static void prepare(errand *all)
{
	snprintf(url, sizeof url, "http://127.0.0.1:%u/hello", peer.port);
	bh_component *reading = errands();
	const errand rows[ERRANDS] = {
		{roomy("wat/adder.wat"), NULL, {bh_of_s32(1), bh_of_s32(2)}, 2, BH_OK, false},
		{roomy("wat/unreachable.wat"), NULL, {{0}}, 0, BH_E_TRAP, false},
		{roomy("wat/stack-overflow.wat"), NULL, {{0}}, 0, BH_E_TRAP, false},
		{roomy("wat/memory-out-of-bounds.wat"), NULL, {{0}}, 0, BH_E_TRAP, false},
		{roomy("wat/memory-hog.wat"), NULL, {{0}}, 0, BH_E_MEMORY_LIMIT, false},
		{roomy("counter.wasm"), NULL, {bh_of_u32(2)}, 1, BH_OK, false},
		{reading, NULL, {bh_of_string("/data/file")}, 1, BH_OK, true},
		{bh_component_ref(reading), NULL, {bh_of_string(url)}, 1, BH_OK, true},
		{bh_component_ref(reading), NULL, {bh_of_u64(2)}, 1, BH_OK, true},
		{callers(), NULL, {bh_of_u32(100)}, 1, BH_OK, false},
		{callers(), NULL, {bh_of_string("text")}, 1, BH_OK, false},
	};
	static const char *const names[ERRANDS] = {
		"add", "run", "run", "run", "run", "sleep-ms", "size", "get", "bulkhead:host/time@0.1.0#sleep", "many", "text"};
	for (int i = 0; i < ERRANDS; i++) {
		all[i] = rows[i];
		all[i].export_ = t_find(all[i].component, names[i]);
	}
}

static void assert_as_wanted(const errand *e, bh_status status, bh_value *result, bh_error *why)
{
	bool good = status == e->status && (!e->result || (result->kind == BH_KIND_RESULT && !result->as.result.is_err));
	if (!good) {
		print_error("%s: %s\n", bh_export_name(e->export_), bh_status_name(status));
		t_print_error(why);
	}
	EXPECT(good);
	bh_value_deinit(result);
	bh_error_free(why);
}

static void *call_here(void *data)
{
	errand *all = data;
	for (int i = 0; i < 30 * ERRANDS; i++) {
		const errand *e = &all[i % ERRANDS];
		bh_value result = BH_VALUE_INIT;
		bh_error *why = NULL;
		bh_status status = bh_export_call(e->export_, e->args, e->arg_count, &result, NULL, NULL, &why);
		assert_as_wanted(e, status, &result, why);
	}
	return NULL;
}

static void start_and_wait(const errand *all)
{
	enum { CALLS = 60 * ERRANDS };
	static bh_call *calls[CALLS];
	for (int i = 0; i < CALLS; i++) {
		const errand *e = &all[i % ERRANDS];
		OK(bh_call_start(&calls[i], e->export_, NULL, e->args, e->arg_count, NULL, &t_err));
	}
	for (int i = 0; i < CALLS; i++) {
		bh_value result = BH_VALUE_INIT;
		bh_error *why = NULL;
		bh_status status = bh_call_wait(calls[i], &result, NULL, &why);
		assert_as_wanted(&all[i % ERRANDS], status, &result, why);
		bh_call_free(calls[i]);
	}
}

/* Clocks and cancelling, in the middle of it: nobody waits longer for all the signals, or is given up before his time. */
static void clocks_hold(const errand *all)
{
	bh_component *spinning = roomy("wat/spin.wat");
	bh_export *spin = t_find(spinning, "run");
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 50;
	for (int i = 0; i < 5; i++) {
		double start = t_now_ms();
		FAILS(BH_E_DEADLINE, bh_export_call(spin, NULL, 0, NULL, &options, NULL, &t_err));
		double took = t_now_ms() - start;
		assert_true(took >= 49 && took < 50 + 1000 * t_slack());
	}
	bh_value minute = bh_of_u32(60000);
	for (int i = 0; i < 5; i++) {
		bh_call *call = NULL;
		OK(bh_call_start(&call, all[5].export_, NULL, &minute, 1, NULL, &t_err));
		t_sleep_ms(5);
		bh_call_cancel(call, BH_CANCEL_ABANDON);
		FAILS(BH_E_CANCELLED, bh_call_wait(call, NULL, NULL, &t_err));
		bh_call_free(call);
	}
	bh_export_free(spin);
	bh_component_unref(spinning);
}

/* Components compiled and instances made while signals come. */
static void things_are_made(void)
{
	for (int i = 0; i < 10; i++) {
		char text[200];
		snprintf(text, sizeof text,
		         "(component (core module $m (memory 1) (func (export \"run\") (result i32) (i32.const %d)))\n"
		         "(core instance $i (instantiate $m))\n"
		         "(func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))",
		         i);
		bh_component *component = t_load_text(host, text, NULL);
		bh_instance *instance = t_instance(component);
		assert_int_equal(t_number_live(instance, component, "run", ""), i);
		bh_instance_free(instance);
		bh_component_unref(component);
	}
}

static void to_every_thread(void **state)
{
	(void)state;
	struct sigaction action = {.sa_handler = on_signal}, before[NUMBERS]; /* no SA_RESTART */
	static errand all[ERRANDS];
	pthread_t flooder, callers_here[2];
	prepare(all);
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(sigaction(numbers[i], &action, &before[i]), 0);
	atomic_store(&flooding, true);
	assert_int_equal(pthread_create(&flooder, NULL, flood, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&callers_here[i], NULL, call_here, all), 0);
	start_and_wait(all);
	clocks_hold(all);
	things_are_made();
	for (int i = 0; i < 2; i++)
		pthread_join(callers_here[i], NULL);
	atomic_store(&flooding, false);
	pthread_join(flooder, NULL);
	assert_true(atomic_load(&handled) > 1000);
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(sigaction(numbers[i], &before[i], NULL), 0);
	for (int i = 0; i < ERRANDS; i++) {
		bh_export_free(all[i].export_);
		bh_component_unref(all[i].component);
	}
}

static int begin(void **state)
{
	(void)state;
	char path[100];
	snprintf(root, sizeof root, "/tmp/bulkhead-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof path, "%s/file", root);
	FILE *file = fopen(path, "we");
	if (!file || fputs("12345", file) < 0 || fclose(file))
		return -1;
	/* The server is no part of what is tested: its threads, which inherit this, get none. */
	sigset_t all, before_set;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before_set);
	server_begin(&peer);
	pthread_sigmask(SIG_SETMASK, &before_set, NULL);
	host = host_with(WORKERS, t_slack() > 5 ? 0 : 100);
	return 0;
}

static int end(void **state)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	int failed = host_end(state);
	return server_end(&peer) && !system(command) ? failed : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(to_every_thread)};
	return cmocka_run_group_tests(tests, begin, end);
}
