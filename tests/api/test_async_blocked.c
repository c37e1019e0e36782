// test: timeout=120
/* Hundreds of guests that wait for their host, asleep or for input, are in nobody's way; nor are signals in theirs. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "async_tools.h"
#include "imports.h"

enum { OF_EACH = 200, KINDS = 3, GUESTS = OF_EACH * KINDS, WORKERS = 2 };

/* A host function that is never answered; what was asked is kept, to be given up at the end. */
static bh_completion *asked[GUESTS];
static _Atomic unsigned asked_count;

static void never(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	asked[atomic_fetch_add(&asked_count, 1)] = completion;
}

static bh_component *waiting_for_host(bh_host *in)
{
	bh_imports *imports = t_imports();
	t_define_async(imports, "number", never, NULL);
	t_define(imports, "text", t_echo, NULL);
	t_define(imports, "bytes", t_length, NULL);
	t_define(imports, "nothing", t_nothing, NULL);
	bh_component_options options = t_linked(imports);
	options.limits.execution_ms = 60000;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, in, t_caller_text, strlen(t_caller_text), &options, &t_err));
	bh_imports_free(imports);
	return component;
}

/* A folder with a file, and a component that may read it. */
static char root[64];

static bh_component *reader_of_files(bh_host *in)
{
	char path[100];
	snprintf(root, sizeof root, "/tmp/bh-blocked-XXXXXX");
	EXPECT(mkdtemp(root));
	snprintf(path, sizeof path, "%s/note", root);
	FILE *file = fopen(path, "we");
	EXPECT(file && fputs("unharmed", file) > 0 && !fclose(file));
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, root, "/data", BH_DIR_READ_ONLY, &t_err));
	bh_component *component = t_load_with(in, "open.wasm", NULL, permissions);
	bh_permissions_free(permissions);
	return component;
}

static void remove_folder(void)
{
	char path[100];
	snprintf(path, sizeof path, "%s/note", root);
	unlink(path);
	rmdir(root);
}

/* A file is read, and a short call made, within a second: alone they take a millisecond. */
static void assert_unharmed(bh_component *files, bh_component *adder)
{
	for (int i = 0; i < 20; i++) {
		bh_buffer out = BH_BUFFER_INIT;
		int exit_status = -1;
		double start = t_now_ms();
		if (!t_under_tsan()) { /* which does not see how the engine's threads hand files over */
			OK(t_run(files, T_ARGS("open", "/data/note", "r"), NULL, &out, &exit_status, &t_err));
			assert_int_equal(exit_status, 0);
		}
		bh_buffer_deinit(&out);
		assert_int_equal(t_number(adder, "add", "1, 2"), 3);
		assert_true(t_now_ms() - start < 1000 * t_slack());
	}
}

static void six_hundred_wait(void **state)
{
	(void)state;
	static bh_call *calls[GUESTS];
	int pipes[2];
	bh_host *in = host_with(WORKERS, t_slack() > 5 ? 0 : GUESTS + 100); /* sanitizers need the address space */
	bh_limits limits = t_limits();
	limits.execution_ms = 60000;
	bh_component *waiting = waiting_for_host(in), *sleeping = t_load(in, "counter.wasm", &limits);
	bh_component *reading = t_load(in, "readstdin.wasm", &limits), *files = reader_of_files(in);
	bh_component *adder = t_load(in, "wat/adder.wat", NULL);
	bh_export *number = t_find(waiting, "number"), *sleep_ms = t_find(sleeping, "sleep-ms");
	bh_export *run = t_find(reading, bh_component_export_at(reading, 0)->name);
	bh_value seven = bh_of_u32(7), minute = bh_of_u32(60000);
	bh_instance_options input = BH_INSTANCE_OPTIONS_INIT;
	bh_call_options from_pipe = BH_CALL_OPTIONS_INIT;
	EXPECT(!pipe2(pipes, O_CLOEXEC));
	input.in = (bh_stdio){.mode = BH_STDIO_FD, .fd = pipes[0]};
	from_pipe.instance = &input;
	for (int i = 0; i < OF_EACH; i++) {
		OK(bh_call_start(&calls[i * KINDS], number, NULL, &seven, 1, NULL, &t_err));
		OK(bh_call_start(&calls[i * KINDS + 1], sleep_ms, NULL, &minute, 1, NULL, &t_err));
		OK(bh_call_start(&calls[i * KINDS + 2], run, NULL, NULL, 0, &from_pipe, &t_err));
	}
	for (double end = t_now_ms() + 10000 * t_slack(); atomic_load(&asked_count) < OF_EACH && t_now_ms() < end;)
		t_sleep_ms(1);
	assert_int_equal(asked_count, OF_EACH);
	assert_unharmed(files, adder);
	for (int i = 0; i < GUESTS; i++) {
		assert_false(bh_call_ended(calls[i]));
		bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
	}
	for (int i = 0; i < GUESTS; i++) {
		FAILS(BH_E_CANCELLED, bh_call_wait(calls[i], NULL, NULL, &t_err));
		bh_call_free(calls[i]);
	}
	for (unsigned i = 0; i < OF_EACH; i++)
		bh_completion_drop(asked[i]);
	assert_unharmed(files, adder);
	close(pipes[0]);
	close(pipes[1]);
	bh_export_free(number);
	bh_export_free(sleep_ms);
	bh_export_free(run);
	bh_component *all[] = {waiting, sleeping, reading, files, adder};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		bh_component_unref(all[i]);
	t_begin();
	bh_host_free(in);
	remove_folder();
}

/* Signals at any time, to whichever thread the kernel picks: in guests, in traps, in waits, in the executor's sleep. */

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

static void signals_at_any_time(void **state)
{
	(void)state;
	enum { ROUNDS = 2000 };
	static const struct {
		const char *guest, *name;
		bh_status status;
	} rows[] = {
		{"wat/adder.wat", "add", BH_OK},
		{"wat/unreachable.wat", "run", BH_E_TRAP},
		{"wat/stack-overflow.wat", "run", BH_E_TRAP},
		{"wat/memory-out-of-bounds.wat", "run", BH_E_TRAP},
		{"counter.wasm", "sleep-ms", BH_OK},
	};
	enum { ROWS = sizeof rows / sizeof *rows };
	static bh_call *calls[ROUNDS];
	bh_host *in = host_with(WORKERS, t_slack() > 5 ? 0 : 100);
	bh_component *components[ROWS];
	bh_export *exports[ROWS];
	for (int i = 0; i < ROWS; i++) {
		bh_limits limits = t_limits();
		limits.queue_ms = BH_UNLIMITED;
		limits.execution_ms = 30000;
		components[i] = t_load(in, rows[i].guest, &limits);
		exports[i] = t_find(components[i], rows[i].name);
	}
	struct sigaction action = {.sa_handler = on_signal}, before; /* system calls are interrupted: no SA_RESTART */
	struct itimerval often = {.it_value = {.tv_usec = 100}, .it_interval = {.tv_usec = 100}}, never_again = {0};
	EXPECT(!sigaction(SIGALRM, &action, &before) && !setitimer(ITIMER_REAL, &often, NULL));
	const bh_value two[2] = {bh_of_s32(1), bh_of_s32(2)}, ms = bh_of_u32(3);
	for (int i = 0; i < ROUNDS; i++) {
		int row = i % ROWS;
		const bh_value *args = row == 0 ? two : row == ROWS - 1 ? &ms : NULL;
		OK(bh_call_start(&calls[i], exports[row], NULL, args, row == 0 ? 2 : row == ROWS - 1, NULL, &t_err));
		bh_status here = bh_export_call(exports[row], args, row == 0 ? 2 : row == ROWS - 1, NULL, NULL, NULL, NULL);
		assert_int_equal(here, rows[row].status);
	}
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(bh_call_wait(calls[i], NULL, NULL, NULL), rows[i % ROWS].status);
		bh_call_free(calls[i]);
	}
	EXPECT(!setitimer(ITIMER_REAL, &never_again, NULL) && !sigaction(SIGALRM, &before, NULL));
	assert_true(signals > 100);
	for (int i = 0; i < ROWS; i++) {
		bh_export_free(exports[i]);
		bh_component_unref(components[i]);
	}
	t_begin();
	bh_host_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_hundred_wait),
		cmocka_unit_test(signals_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
