// test: timeout=120
/* Core dumps: what they hold, who leaves one, that nothing else changes by asking for them, and how they are written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coredump_reader.h"

static bh_host *host;
static char folder[] = "/tmp/bulkhead-coredump-XXXXXX";

static bh_host *make_host(bh_allocation allocation, bool coredumps, const char *cache)
{
	bh_cache_options where = BH_CACHE_OPTIONS_INIT;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	where.dir = cache;
	where.mode = BH_CACHE_ON;
	options.allocation = allocation;
	options.pool_slots = 20;
	options.coredumps = coredumps;
	options.cache = cache ? &where : NULL;
	bh_host *made = NULL;
	OK(bh_host_new(&made, &options, &t_err));
	return made;
}

static int set_up(void **state)
{
	(void)state;
	host = make_host(BH_ALLOCATION_ON_DEMAND, true, NULL);
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	t_begin();
	bh_host_free(host);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return chdir("/") || system(command);
}

/* Loads a text and fails in its "run". */
static bh_status fail_in(const char *text)
{
	t_begin();
	bh_component *component = t_load_text(host, text, NULL);
	bh_status status = t_call(NULL, component, "run", "", NULL, NULL, &t_err);
	bh_component_unref(component);
	return status;
}

static void no_dump(void)
{
	size_t length = 99;
	assert_null(bh_error_coredump(t_err, &length));
	assert_int_equal(length, 0);
	bh_error *why = NULL;
	assert_int_equal(bh_error_coredump_write(t_err, "unwritten", &why), BH_E_INVALID);
	assert_non_null(strstr(bh_error_message(why), "no core dump"));
	bh_error_free(why);
	assert_int_equal(access("unwritten", F_OK), -1);
}

/* What a C program was given, and where its stack ends. */
static void a_c_program(void **state)
{
	(void)state;
	static const char *const files[] = {"crasher.wasm", "crasher.core.wasm"};
	for (size_t i = 0; i < 2; i++) {
		bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
		options.limits = t_limits();
		options.wrap_modules = true;
		bh_component *component = NULL;
		OK(bh_component_load_file(&component, host, t_guest(files[i]), &options, &t_err));
		int exit_status = 0;
		FAILS(BH_E_TRAP,
		      t_run(component, T_ARGS("crasher", "div0", "a secret of the guest's"), NULL, NULL, &exit_status, &t_err));
		dump *d = dump_of_error();
		assert_true(d->frame_count >= 3);
		assert_int_equal(d->memory_count, 1);
		assert_true(dump_finds(&d->memories[0], "a secret of the guest's") >= 1);
		assert_true(dump_finds(&d->memories[0], "usage: crasher unreachable|div0") >= 1); /* of its data */
		/* The adapter has no memory of its own: it is given that of the program. */
		const dump_instance *program = &d->instances[d->frames[0].instance];
		assert_int_equal(program->memory_count, 1);
		for (size_t j = 0; j < d->instance_count; j++)
			for (size_t k = 0; k < d->instances[j].memory_count; k++)
				assert_int_equal(d->instances[j].memories[k], 0);
		/* __stack_pointer is a program's first global. */
		assert_true(program->global_count >= 1);
		int64_t stack_pointer = d->globals[program->globals[0]].value;
		assert_in_range(stack_pointer, 1024, d->memories[0].size);
		dump_free(d);
		bh_component_unref(component);
	}
}

static void all_memories(void **state)
{
	(void)state;
	static const char text[] =
		"(component (core module $two\n"
		"  (memory $a 2 9) (memory $b 1) (memory $c i64 1)\n"
		"  (global $one i32 (i32.const -7)) (global $two (mut i64) (i64.const 1))\n"
		"  (global f32 (f32.const 1)) (global f64 (f64.const 1)) (global v128 (v128.const i64x2 1 2))\n"
		"  (data (memory $a) (i32.const 100) \"first\") (data (memory $b) (i32.const 65530) \"second\")\n"
		"  (data (memory $c) (i64.const 7) \"third\")\n"
		"  (func $deep (memory.fill $a (i32.const 4090) (i32.const 65) (i32.const 70000))\n"
		"    (global.set $two (i64.const 0x123456789a)) unreachable)\n"
		"  (func (export \"run\") (call $deep)))\n"
		"(core module $none (func (export \"f\")))\n"
		"(core instance (instantiate $none))\n"
		"(core instance $i (instantiate $two))\n"
		"(core instance (instantiate $none))\n"
		"(func (export \"run\") (canon lift (core func $i \"run\"))))";
	FAILS(BH_E_TRAP, fail_in(text));
	dump *d = dump_of_error();
	assert_int_equal(d->memory_count, 3);
	const dump_memory *m = d->memories;
	assert_true(m[0].size == 2 * 65536 && m[1].size == 65536 && m[2].size == 65536);
	assert_true(!m[0].wide && !m[1].wide && m[2].wide);
	assert_memory_equal(m[0].bytes + 100, "first", 6);
	assert_memory_equal(m[1].bytes + 65530, "second", 6);
	assert_memory_equal(m[2].bytes + 7, "third", 6);
	for (size_t i = 4089; i < 4090 + 70000 + 1; i++)
		assert_int_equal(m[0].bytes[i], i < 4090 || i == 4090 + 70000 ? 0 : 'A');
	/* What lies side by side is one segment; what is zero is none. */
	assert_int_equal(d->segments, 3);
	assert_int_equal(d->global_count, 5);
	assert_true(d->globals[0].value == -7 && !d->globals[0].mutable);
	assert_true(d->globals[1].value == 0x123456789a && d->globals[1].mutable);
	assert_int_equal(d->instance_count, 3);
	const dump_instance *i = &d->instances[d->frames[0].instance];
	assert_string_equal(d->modules[i->module], "two");
	assert_true(i->memory_count == 3 && i->memories[0] == 0 && i->memories[2] == 2);
	assert_true(i->global_count == 5 && i->globals[4] == 4);
	assert_int_equal(d->frame_count, 2);
	assert_true(d->frames[0].offset > 0);
	dump_free(d);
}

/* Segments begin and end with what is not zero, wherever that is in its page; the last byte of a memory is in. */
static void odd_places(void **state)
{
	(void)state;
	static const char text[] =
		"(component (core module (memory 3)\n"
		"  (data (i32.const 0) \"x\") (data (i32.const 4095) \"yz\") (data (i32.const 12288) \"\\00a\\00b\")\n"
		"  (data (i32.const 196607) \"!\") (func (export \"run\") unreachable))\n"
		"(core instance $i (instantiate 0)) (func (export \"run\") (canon lift (core func $i \"run\"))))";
	FAILS(BH_E_TRAP, fail_in(text));
	dump *d = dump_of_error();
	assert_int_equal(d->segments, 3);
	const uint8_t *bytes = d->memories[0].bytes;
	assert_true(bytes[0] == 'x' && bytes[4095] == 'y' && bytes[4096] == 'z' && bytes[12289] == 'a');
	assert_true(bytes[12291] == 'b' && bytes[196607] == '!');
	dump_free(d);
}

/* Things that the engine's own writer of dumps does not survive, or that it would have to keep alive. */
static void odd_globals(void **state)
{
	(void)state;
	static const char text[] =
		"(component (core module (tag $t) (type $a (array (mut i32))) (type $f (func))\n"
		"  (global (mut exnref) (ref.null exn)) (global (mut funcref) (ref.null func))\n"
		"  (global (mut externref) (ref.null extern)) (global (ref i31) (ref.i31 (i32.const 3)))\n"
		"  (global $g (mut (ref null $a)) (ref.null $a)) (global (mut (ref null $f)) (ref.null $f))\n"
		"  (func (export \"run\") (global.set $g (array.new $a (i32.const 1) (i32.const 10))) unreachable))\n"
		"(core instance $i (instantiate 0)) (func (export \"run\") (canon lift (core func $i \"run\"))))";
	FAILS(BH_E_TRAP, fail_in(text));
	static const uint8_t types[] = {0x69, 0x70, 0x6f, 0x6e, 0x6e, 0x70};
	dump *d = dump_of_error();
	assert_int_equal(d->memory_count, 0);
	assert_int_equal(d->global_count, sizeof types);
	for (size_t i = 0; i < sizeof types; i++)
		assert_int_equal(d->globals[i].type, types[i]);
	dump_free(d);
}

/* Every guest of the table, with dumps and without: the same errors but for the dump. */
static void other_hosts(bh_allocation allocation, uint64_t fuel)
{
	bh_host *plain = make_host(allocation, false, NULL), *dumping = make_host(allocation, true, NULL);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.fuel = fuel;
	options.limits.execution_ms = 1000;
	DIR *guests = opendir(t_guest("wat"));
	assert_non_null(guests);
	size_t dumps = 0, none = 0;
	for (const struct dirent *entry; (entry = readdir(guests));) {
		char name[300];
		snprintf(name, sizeof name, "wat/%s", entry->d_name);
		bh_component *without = NULL, *with = NULL;
		t_begin();
		if (!strstr(name, ".wat") || strstr(name, "spin") ||
		    bh_component_load_file(&without, plain, t_guest(name), &options, &t_err))
			continue;
		OK(bh_component_load_file(&with, dumping, t_guest(name), &options, &t_err));
		bh_error *expected = NULL;
		bh_status status = bh_component_call(without, "run", NULL, 0, NULL, NULL, NULL, &expected);
		t_begin();
		assert_int_equal(bh_component_call(with, "run", NULL, 0, NULL, NULL, NULL, &t_err), status);
		if (status) {
			assert_int_equal(bh_error_trap(t_err), bh_error_trap(expected));
			assert_string_equal(bh_error_message(t_err), bh_error_message(expected));
			assert_int_equal(bh_error_cause_count(t_err), bh_error_cause_count(expected));
			for (size_t i = 0; i < bh_error_cause_count(expected); i++)
				assert_string_equal(bh_error_cause(t_err, i), bh_error_cause(expected, i));
			assert_int_equal(bh_error_frame_count(t_err), bh_error_frame_count(expected));
			assert_null(bh_error_coredump(expected, NULL));
			if (bh_error_frame_count(t_err)) {
				dump_free(dump_of_error());
				dumps++;
			} else {
				none++;
			}
		}
		bh_error_free(expected);
		bh_component_unref(without);
		bh_component_unref(with);
	}
	closedir(guests);
	print_message("%zu dumps, %zu errors without\n", dumps, none);
	assert_true(dumps >= 25);
	t_begin();
	bh_host_free(plain);
	bh_host_free(dumping);
}

static void on_demand(void **state)
{
	(void)state;
	other_hosts(BH_ALLOCATION_ON_DEMAND, BH_UNLIMITED);
}

static void pooled(void **state)
{
	(void)state;
	other_hosts(BH_ALLOCATION_POOLED, BH_UNLIMITED);
}

static void metered(void **state)
{
	(void)state;
	other_hosts(BH_ALLOCATION_ON_DEMAND, UINT64_C(1) << 40);
}

/* Ends that are not in code of the guest's. */
static void who_leaves_none(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.execution_ms = 50;
	bh_component *spin = t_load(host, "wat/spin.wat", &limits);
	FAILS(BH_E_TIMEOUT, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	no_dump();
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.deadline_ms = 10;
	FAILS(BH_E_DEADLINE, t_call(NULL, spin, "run", "", &options, NULL, &t_err));
	no_dump();
	bh_component_unref(spin);

	limits = t_limits();
	limits.execution_ms = 50;
	limits.fuel = UINT64_C(1) << 50; /* on a fiber: it ends while it waits to go on */
	spin = t_load(host, "wat/spin.wat", &limits);
	FAILS(BH_E_TIMEOUT, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	no_dump();
	bh_component_unref(spin);

	bh_component *exits = t_load(host, "exitcode.wasm", NULL);
	FAILS(BH_E_EXIT, bh_component_call(exits, "run", NULL, 0, NULL, NULL, NULL, &t_err));
	no_dump();
	bh_component_unref(exits);
	bh_component *returned = t_load(host, "wat/result-string-huge.wat", NULL);
	FAILS(BH_E_TRAP, t_call(NULL, returned, "run", "", NULL, NULL, &t_err));
	no_dump();
	FAILS(BH_E_NO_EXPORT, t_call(NULL, returned, "walk", "", NULL, NULL, &t_err));
	no_dump();
	bh_component_unref(returned);
	FAILS(BH_E_INVALID, bh_error_coredump_write(NULL, "unwritten", &t_err));
}

/* Limits that end a guest do so in its own code. */
static void limits_leave_one(void **state)
{
	(void)state;
	bh_limits limits = t_limits();
	limits.fuel = 10000;
	bh_component *spin = t_load(host, "wat/spin.wat", &limits);
	FAILS(BH_E_OUT_OF_FUEL, t_call(NULL, spin, "run", "", NULL, NULL, &t_err));
	dump_free(dump_of_error());
	bh_component_unref(spin);
	for (int trap = 0; trap < 2; trap++) {
		limits = t_limits();
		limits.on_memory_limit = trap ? BH_MEMORY_LIMIT_TRAP : BH_MEMORY_LIMIT_FAIL;
		bh_component *hog = t_load(host, "wat/memory-hog.wat", &limits);
		FAILS(BH_E_MEMORY_LIMIT, t_call(NULL, hog, "run", "", NULL, NULL, &t_err));
		dump *d = dump_of_error();
		assert_int_equal(d->memories[0].size, limits.memory);
		dump_free(d);
		bh_component_unref(hog);
	}
}

/* A live instance: the call that traps has the dump, those that come too late have none; nor has who wants no error. */
static void live_instances(void **state)
{
	(void)state;
	bh_component *component = t_load(host, "wat/unreachable.wat", NULL);
	bh_export *run = t_find(component, "run");
	bh_instance *instance = t_instance(component), *other = t_instance(component);
	FAILS(BH_E_TRAP, bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, &t_err));
	bh_instance_free(instance);
	dump_free(dump_of_error()); /* it outlives the instance */
	assert_int_equal(bh_instance_call(other, run, NULL, 0, NULL, NULL, NULL, NULL), BH_E_TRAP);
	FAILS(BH_E_POISONED, bh_instance_call(other, run, NULL, 0, NULL, NULL, NULL, &t_err));
	no_dump();
	bh_instance_free(other);
	bh_export_free(run);
	bh_component_unref(component);
	/* While it is instantiated, too. */
	bh_component *starting = t_load(host, "wat/start-trap.wat", NULL);
	bh_instance *made = NULL;
	FAILS(BH_E_TRAP, bh_instance_new(&made, starting, NULL, &t_err));
	dump_free(dump_of_error());
	bh_component_unref(starting);
}

/* A call on a worker hands its dump over with its error. */
static void started_calls(void **state)
{
	(void)state;
	bh_component *component = t_load(host, "wat/unreachable.wat", NULL);
	bh_export *run = t_find(component, "run");
	bh_call *call = NULL;
	OK(bh_call_start(&call, run, NULL, NULL, 0, NULL, &t_err));
	FAILS(BH_E_TRAP, bh_call_wait(call, NULL, NULL, &t_err));
	bh_call_free(call);
	bh_export_free(run);
	bh_component_unref(component);
	dump_free(dump_of_error());
}

/* Compiled code is the same: what one kind of host kept, the other finds. */
static void code_is_shared(void **state)
{
	(void)state;
	static const bh_code_origin expected[] = {BH_CODE_COMPILED, BH_CODE_FROM_DISK, BH_CODE_FROM_DISK};
	for (int i = 0; i < 3; i++) {
		bh_host *one = make_host(BH_ALLOCATION_ON_DEMAND, i % 2, "cache");
		bh_component *component = t_load(one, "wat/unreachable.wat", NULL);
		bh_component_needs needs = {.struct_size = sizeof needs};
		bh_component_describe(component, &needs);
		assert_int_equal(needs.origin, expected[i]);
		FAILS(BH_E_TRAP, t_call(NULL, component, "run", "", NULL, NULL, &t_err));
		assert_int_equal(bh_error_coredump(t_err, NULL) != NULL, i % 2);
		bh_component_unref(component);
		bh_host_free(one);
	}
}

static size_t files_here(void)
{
	size_t count = 0;
	DIR *dir = opendir(".");
	assert_non_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_type != DT_DIR;
	closedir(dir);
	return count;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static bool holds(const char *path, const void *bytes, size_t length)
{
	struct stat info = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &info) == 0);
	char *read_back = calloc(1, (size_t)info.st_size + 1);
	bool same = read_back && info.st_size == (off_t)length && read(fd, read_back, length) == (ssize_t)length &&
	            !memcmp(read_back, bytes, length);
	free(read_back);
	close(fd);
	return same;
}

/* An error with a dump, to be written. */
static bh_error *failed;

static void make_failed(void)
{
	FAILS(BH_E_TRAP, fail_in("(component (core module (memory 1) (data (i32.const 0) \"contents\")\n"
	                         "  (func (export \"run\") (memory.fill (i32.const 9) (i32.const 1) (i32.const 60000))\n"
	                         "    unreachable)) (core instance $i (instantiate 0))\n"
	                         "(func (export \"run\") (canon lift (core func $i \"run\"))))"));
	failed = t_err;
	t_err = NULL;
}

static void written(void **state)
{
	(void)state;
	make_failed();
	size_t length = 0, before = files_here(), descriptors = t_descriptors();
	const void *bytes = bh_error_coredump(failed, &length);
	mode_t mask = umask(0);
	struct stat info;
	/* For nobody else to read, also in the place of a file that everybody could. */
	OK(bh_error_coredump_write(failed, "new", &t_err));
	assert_true(holds("new", bytes, length) && stat("new", &info) == 0 && (info.st_mode & 0777) == 0600);
	write_text("old", "something else");
	assert_int_equal(chmod("old", 0666), 0);
	OK(bh_error_coredump_write(failed, "old", &t_err));
	assert_true(holds("old", bytes, length) && stat("old", &info) == 0 && (info.st_mode & 0777) == 0600);
	/* Who put a link there does not decide what is overwritten. */
	write_text("target", "precious");
	assert_int_equal(symlink("target", "link"), 0);
	OK(bh_error_coredump_write(failed, "link", &t_err));
	assert_true(holds("target", "precious", 8) && lstat("link", &info) == 0 && S_ISREG(info.st_mode));
	umask(mask);
	assert_int_equal(files_here(), before + 4);
	assert_int_equal(t_descriptors(), descriptors);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(unlink((const char *[]){"new", "old", "target", "link"}[i]), 0);
	bh_error_free(failed);
}

static void what_is_no_file(void)
{
	struct stat info;
	FAILS(BH_E_INVALID, bh_error_coredump_write(failed, NULL, &t_err));
	FAILS(BH_E_NOT_FOUND, bh_error_coredump_write(failed, "missing/dump", &t_err));
	FAILS(BH_E_INVALID, bh_error_coredump_write(failed, "/tmp", &t_err));
	/* Nobody reads: opening it to write would wait for ever. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	FAILS(BH_E_INVALID, bh_error_coredump_write(failed, "fifo", &t_err));
	assert_int_equal(unlink("fifo"), 0);
	FAILS(BH_E_IO, bh_error_coredump_write(failed, "/dev/full", &t_err));
	assert_true(t_says("No space left"));
	OK(bh_error_coredump_write(failed, "/dev/null", &t_err));
	assert_true(stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode));
	assert_true(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
}

/* What was there stays, and nothing is added. */
static void not_written(void **state)
{
	(void)state;
	make_failed();
	write_text("kept", "an older dump");
	size_t before = files_here(), descriptors = t_descriptors();
	what_is_no_file();

	/* A disk that is full half-way: files may not grow further. */
	struct rlimit size;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, was;
	sigaction(SIGXFSZ, &ignore, &was);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &size), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, size.rlim_max}), 0);
	FAILS(BH_E_IO, bh_error_coredump_write(failed, "kept", &t_err));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
	sigaction(SIGXFSZ, &was, NULL);
	assert_true(holds("kept", "an older dump", 13));

	/* A folder that is not ours to write in. */
	assert_int_equal(mkdir("closed", 0555), 0);
	bool nobody = !geteuid();
	assert_int_equal(nobody && (chmod(folder, 0711) || seteuid(65534)), 0);
	FAILS(BH_E_IO, bh_error_coredump_write(failed, "closed/dump", &t_err));
	assert_true(t_says("Permission denied"));
	assert_int_equal(nobody && seteuid(0), 0);
	assert_int_equal(rmdir("closed"), 0);

	assert_int_equal(files_here(), before);
	assert_int_equal(t_descriptors(), descriptors);
	assert_int_equal(unlink("kept"), 0);
	bh_error_free(failed);
}

/* No memory for the dump is no reason to end the program: the error has none, and says why. */
static void no_memory(void **state)
{
	(void)state;
	if (t_slack() > 10)
		skip(); /* sanitizers keep more address space than can be bounded */
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(300);
	bh_component *component =
		t_load_text(host,
	                "(component (core module (memory 4096)\n"
	                "  (func (export \"run\") (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000))\n"
	                "    unreachable)) (core instance $i (instantiate 0))\n"
	                "(func (export \"run\") (canon lift (core func $i \"run\"))))",
	                &limits);
	bh_export *run = t_find(component, "run");
	for (int tight = 1; tight >= 0; tight--) {
		bh_instance *instance = t_instance(component);
		struct rlimit before;
		char statm[64] = "";
		int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0 && read(fd, statm, sizeof statm - 1) > 0 && close(fd) == 0);
		rlim_t pages = (rlim_t)strtoull(statm, NULL, 10);
		assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
		struct rlimit little = {pages * (rlim_t)sysconf(_SC_PAGESIZE) + BH_MIB(64), before.rlim_max};
		assert_int_equal(tight && setrlimit(RLIMIT_AS, &little), 0);
		t_begin();
		bh_status status = bh_instance_call(instance, run, NULL, 0, NULL, NULL, NULL, &t_err);
		assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
		assert_int_equal(status, BH_E_TRAP);
		assert_int_equal(bh_error_frame_count(t_err), 1);
		if (tight) {
			assert_true(t_says("no core dump: no memory"));
			no_dump();
		} else {
			dump *d = dump_of_error();
			assert_int_equal(d->segments, 1);
			dump_free(d);
		}
		bh_instance_free(instance);
	}
	bh_export_free(run);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_c_program),    cmocka_unit_test(all_memories),    cmocka_unit_test(odd_places),
		cmocka_unit_test(odd_globals),    cmocka_unit_test(on_demand),       cmocka_unit_test(pooled),
		cmocka_unit_test(metered),        cmocka_unit_test(who_leaves_none), cmocka_unit_test(limits_leave_one),
		cmocka_unit_test(live_instances), cmocka_unit_test(started_calls),   cmocka_unit_test(code_is_shared),
		cmocka_unit_test(written),        cmocka_unit_test(not_written),     cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
