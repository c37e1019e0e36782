// test: timeout=120
/* A process with a life of its own: fault handlers, closed descriptors, forks. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api.h"

/* The embedder's own handlers, which were there before any host. */

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { FAULTS = sizeof faults / sizeof *faults };
static volatile sig_atomic_t caught[NSIG];
static void *volatile fault_address;
static sigjmp_buf back;

static void handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	caught[number]++;
	fault_address = info->si_addr;
	siglongjmp(back, 1);
}

static void install(void)
{
	for (int i = 0; i < FAULTS; i++) {
		struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
		sigaction(faults[i], &action, NULL);
	}
}

static int caught_in_all(void)
{
	int sum = 0;
	for (int i = 0; i < FAULTS; i++)
		sum += caught[faults[i]];
	return sum;
}

static void trap_all_ways(bh_host *host)
{
	static const struct {
		const char *guest;
		bh_trap trap;
	} guests[] = {
		{"wat/memory-out-of-bounds.wat", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
		{"wat/integer-division-by-zero.wat", BH_TRAP_INTEGER_DIVISION_BY_ZERO},
		{"wat/unreachable.wat", BH_TRAP_UNREACHABLE},
		{"wat/stack-overflow.wat", BH_TRAP_STACK_OVERFLOW},
		{"wat/indirect-call-to-null.wat", BH_TRAP_INDIRECT_CALL_TO_NULL},
	};
	for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
		bh_component *component = t_load(host, guests[i].guest, NULL);
		FAILS(BH_E_TRAP, t_call(NULL, component, "run", NULL, NULL, NULL, &t_err));
		assert_int_equal(bh_error_trap(t_err), guests[i].trap);
		bh_component_unref(component);
	}
}

/* A fault of the embedder's own code: its handler sees it, with the right address. */
static void fault(void)
{
	volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = caught[SIGSEGV];
	if (!sigsetjmp(back, 1))
		page[123] = 1;
	EXPECT(caught[SIGSEGV] == before + 1);
	EXPECT(fault_address == (void *)(page + 123));
	munmap((void *)page, 4096);
}

static void *fault_on_thread(void *unused)
{
	fault();
	return unused;
}

static void test_handlers(void **state)
{
	(void)state;
	install();
	fault();
	int before = caught_in_all();
	bh_host *host = t_host();
	trap_all_ways(host);
	assert_int_equal(caught_in_all(), before);
	fault();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, fault_on_thread, NULL), 0);
	pthread_join(thread, NULL);
	for (int i = 0; i < FAULTS; i++) {
		int one = caught[faults[i]];
		if (!sigsetjmp(back, 1))
			raise(faults[i]);
		assert_int_equal(caught[faults[i]], one + 1);
	}
	before = caught_in_all();
	trap_all_ways(host);
	assert_int_equal(caught_in_all(), before);
	bh_host_free(host);
	fault();
}

/* Children: each body runs in a process of its own, on a thread, so that what fails there ends the child. */

typedef void body(void);

static void *run_body(void *data)
{
	(*(body **)data)();
	return NULL;
}

static pid_t start_child(body *what)
{
	fflush(NULL);
	pid_t child = fork();
	if (child)
		return child;
	pthread_t thread;
	alarm(40);
	if (pthread_create(&thread, NULL, run_body, &what))
		_exit(1);
	pthread_join(thread, NULL);
	fflush(NULL);
	/* Without the leak check at exit: it would take the parent's threads, which are not here, for leaks. */
	_exit(0);
}

static int in_child(body *what)
{
	int status = -1;
	pid_t child = start_child(what);
	EXPECT(waitpid(child, &status, 0) == child);
	return status;
}

static void run_guests(bh_host *host)
{
	bh_component *adder = t_load(host, "wat/adder.wat", NULL);
	EXPECT(t_number(adder, "add", "2, 3") == 5);
	bh_component_unref(adder);
	bh_component *hello = t_load(host, "hello.wasm", NULL);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status = -1;
	OK(t_run(hello, T_ARGS("hello", "you"), NULL, &out, &exit_status, &t_err));
	EXPECT(exit_status == 0 && !strcmp(out.data, "hello you\n"));
	bh_buffer_deinit(&out);
	bh_component_unref(hello);
	t_begin();
}

static void run_with_host(void)
{
	bh_host *host = t_host();
	run_guests(host);
	bh_host_free(host);
	host = t_host_pooled(4);
	run_guests(host);
	bh_host_free(host);
}

/* Without handlers, a fault of the program's own still ends it, also when guests trapped before. */
static void fault_without_handler(void)
{
	for (int i = 0; i < FAULTS; i++) {
		struct sigaction action = {.sa_handler = SIG_DFL};
		sigaction(faults[i], &action, NULL);
	}
	bh_host *host = t_host();
	trap_all_ways(host);
	volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[0] = 1;
}

static void test_death(void **state)
{
	(void)state;
	int status = in_child(fault_without_handler);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void run_without_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	run_with_host();
	/*
	 * What is inherited is not there: the guest may fail, the program may not. Or its output is a descriptor of the
	 * engine's that got the number, and takes nothing: then it waits until its time is up, and not busily.
	 */
	bh_host *host = t_host();
	bh_limits limits = t_limits();
	limits.execution_ms = 1000;
	bh_component *hello = t_load(host, "hello.wasm", &limits);
	bh_instance_options options = BH_INSTANCE_OPTIONS_INIT;
	int exit_status = -1;
	options.in.mode = options.out.mode = options.err.mode = BH_STDIO_INHERIT;
	bh_error *err = NULL;
	clock_t before = clock();
	(void)!t_run(hello, T_ARGS("hello"), &options, NULL, &exit_status, &err);
	EXPECT(clock() - before < CLOCKS_PER_SEC / 2);
	bh_error_free(err);
	bh_component_unref(hello);
	bh_host_free(host);
}

static void test_closed_descriptors(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_without_stdio), 0);
}

/* In a process that has made no host: children make theirs, several at once; then so does the parent. */
static void fork_before_hosts(void)
{
	pid_t children[4];
	for (int i = 0; i < 4; i++)
		children[i] = start_child(run_with_host);
	run_with_host();
	for (int i = 0; i < 4; i++) {
		int status = -1;
		EXPECT(waitpid(children[i], &status, 0) == children[i] && status == 0);
	}
}

static void test_fork(void **state)
{
	(void)state;
	assert_int_equal(in_child(fork_before_hosts), 0);
}

/* A host that is gone leaves nothing behind that a child would wait for. */
static void fork_after_host(void)
{
	run_with_host();
	EXPECT(in_child(run_with_host) == 0);
	run_with_host();
}

static void test_fork_after_host(void **state)
{
	(void)state;
	assert_int_equal(in_child(fork_after_host), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First those that need a process without hosts. */
		cmocka_unit_test(test_fork),  cmocka_unit_test(test_fork_after_host), cmocka_unit_test(test_closed_descriptors),
		cmocka_unit_test(test_death), cmocka_unit_test(test_handlers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
