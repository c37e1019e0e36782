// test: timeout=60
/* bulkhead:host/filesystem: files of granted folders, and nothing else, whatever stands there and whoever moves it. */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "async_tools.h"
#include "hostfunctions.h"

static char root[64];

/* root/secret is outside; root/data is what is granted, as /data. */
static const char *at(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bh_permissions *granting(const char *folder, const char *guest)
{
	bh_permissions *permissions = t_granted(T_ALL);
	OK(bh_permissions_allow_dir(permissions, folder, guest, BH_DIR_READ_ONLY, &t_err));
	return permissions;
}

static bh_component *reader(const bh_hostfunctions_options *functions)
{
	return t_with_functions(host, "errand.wasm", granting(at("data"), "/data"), functions, 0);
}

/* What reading a path comes to: "ok(5)", "err(\"denied: ...\")". */
static const char *size(bh_component *component, const char *path)
{
	char args[300];
	snprintf(args, sizeof args, "\"%s\"", path);
	double start = t_now_ms();
	const char *said = t_said(component, "size", args);
	assert_true(t_now_ms() - start < 1000 * t_slack());
	return said;
}

static bool fails(bh_component *component, const char *path, const char *name)
{
	char begin[64];
	const char *said = size(component, path);
	snprintf(begin, sizeof begin, "err(\"%s: ", name);
	bool as_said = !strncmp(said, begin, strlen(begin)) && !strstr(said, root);
	if (!as_said)
		print_error("%s: %s\n", path, said);
	return as_said;
}

static void files(void **state)
{
	(void)state;
	bh_component *component = reader(NULL);
	put("data/five", "12345");
	put("data/empty", "");
	put("data/deep/er/three", "123");
	assert_string_equal(size(component, "/data/five"), "ok(5)");
	assert_string_equal(size(component, "data//./five"), "ok(5)");
	assert_string_equal(size(component, "/data/empty"), "ok(0)");
	assert_string_equal(size(component, "/data/deep/er/three"), "ok(3)");
	assert_string_equal(size(component, "/data/deep/../five"), "ok(5)");
	assert_string_equal(t_said(component, "bulkhead:host/filesystem@0.1.0#read", "\"/data/deep/er/three\""),
	                    "ok([49, 50, 51])");
	assert_true(fails(component, "/data/none", "not-found"));
	assert_true(fails(component, "/data/five/more", "not-found"));
	assert_true(fails(component, "/data/five/", "not-found"));
	assert_true(fails(component, "", "not-found"));
	assert_true(fails(component, "/data/five\\u{0}", "not-found"));
	bh_component_unref(component);
}

static void nothing_outside(void **state)
{
	(void)state;
	bh_component *component = reader(NULL);
	put("secret/key", "a secret!");
	assert_int_equal(symlink(at("secret/key"), at("data/absolute")), 0);
	assert_int_equal(symlink("../secret/key", at("data/relative")), 0);
	assert_int_equal(symlink("../secret", at("data/folder")), 0);
	assert_int_equal(symlink("/proc/self/cwd", at("data/magic")), 0);
	assert_int_equal(symlink("five", at("data/inside")), 0);
	assert_int_equal(symlink("loop", at("data/loop")), 0);
	put("data/five", "12345");
	assert_string_equal(size(component, "/data/inside"), "ok(5)");
	static const char *const out[] = {"/data/../secret/key",
	                                  "/data/deep/../../secret/key",
	                                  "/data/absolute",
	                                  "/data/relative",
	                                  "/data/folder/key",
	                                  "/data/magic/x",
	                                  "/data/loop",
	                                  "/secret/key",
	                                  "/",
	                                  "/dat/five",
	                                  "/database",
	                                  "/data/../data/five",
	                                  "../data/five",
	                                  "..",
	                                  "/etc/passwd",
	                                  "/data/deep/../../../../../../etc/passwd"};
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		assert_true(fails(component, out[i], "denied"));
	bh_component_unref(component);

	/* Links that the kernel makes up lead anywhere: not even in a granted /proc. */
	component = t_with_functions(host, "errand.wasm", granting("/proc/self", "/p"), NULL, 0);
	assert_true(fails(component, "/p/cwd/passwd", "denied"));
	assert_true(fails(component, "/p/cwd/x", "denied"));
	assert_true(fails(component, "/p/fd/0", "denied"));
	assert_true(strncmp(size(component, "/p/status"), "ok(", 3) == 0); /* as long as it is, not as it says */
	bh_component_unref(component);
}

static void regular_files_only(void **state)
{
	(void)state;
	bh_component *component = reader(NULL);
	assert_int_equal(mkfifo(at("data/fifo"), 0600), 0);
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof name.sun_path, "%s", at("data/socket"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_true(fails(component, "/data/fifo", "not-a-file"));
	assert_true(fails(component, "/data/socket", "not-a-file"));
	assert_true(fails(component, "/data", "not-a-file"));
	assert_true(fails(component, "/data/deep", "not-a-file"));
	close(fd);
	bh_component_unref(component);
	component = t_with_functions(host, "errand.wasm", granting("/dev", "/dev"), NULL, 0);
	assert_true(fails(component, "/dev/zero", "not-a-file"));
	assert_true(fails(component, "/dev/null", "not-a-file"));
	bh_component_unref(component);
}

static void so_many_bytes(void **state)
{
	(void)state;
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.max_file = 1000;
	bh_component *component = reader(&functions), *other = reader(NULL);
	put("data/big", "");
	assert_int_equal(truncate(at("data/big"), 1000), 0);
	assert_string_equal(size(component, "/data/big"), "ok(1000)");
	assert_int_equal(truncate(at("data/big"), 1001), 0);
	assert_true(fails(component, "/data/big", "too-large"));
	assert_string_equal(size(other, "/data/big"), "ok(1001)");
	assert_int_equal(truncate(at("data/big"), (off_t)1 << 40), 0);
	assert_true(fails(other, "/data/big", "too-large"));
	assert_int_equal(truncate(at("data/big"), 16 << 20), 0);
	assert_string_equal(size(other, "/data/big"), "ok(16777216)");
	assert_int_equal(truncate(at("data/big"), 0), 0);
	bh_component_unref(component);
	/* Without a size of its own, and longer than may be. */
	component = t_with_functions(host, "errand.wasm", granting("/proc/self", "/p"), &functions, 0);
	assert_true(fails(component, "/p/smaps", "too-large"));
	bh_component_unref(component);
	bh_component_unref(other);
}

static void grants(void **state)
{
	(void)state;
	put("data/five", "12345");
	put("data/deep/five", "1");
	bh_permissions *permissions = granting(at("data"), "/a/b");
	OK(bh_permissions_allow_dir(permissions, at("data/deep"), "/a", BH_DIR_READ_WRITE, &t_err));
	OK(bh_permissions_allow_dir(permissions, at("gone"), "/gone", BH_DIR_READ_ONLY, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_component *component = NULL;
	options.limits = t_limits();
	options.permissions = permissions;
	OK(bh_imports_new(&options.imports, &t_err));
	OK(bh_imports_define_bulkhead_host(options.imports, NULL, &t_err));
	assert_int_equal(mkdir(at("gone"), 0700), 0);
	OK(bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	assert_string_equal(size(component, "/a/b/five"), "ok(5)"); /* the longer name */
	assert_string_equal(size(component, "/a/five"), "ok(1)");
	assert_true(fails(component, "/a/b/deep/none", "not-found"));
	assert_true(fails(component, "/gone/five", "not-found"));
	bh_component_unref(component);
	bh_permissions_free(permissions);

	permissions = t_granted(T_ARGS("network::http_fetch", "time::sleep"));
	OK(bh_permissions_allow_dir(permissions, at("data"), "/data", BH_DIR_READ_ONLY, &t_err));
	options.permissions = permissions;
	OK(bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	FAILS(BH_E_DENIED, t_call(NULL, component, "size", "\"/data/five\"", NULL, NULL, &t_err));
	assert_true(t_says("filesystem::read"));
	bh_component_unref(component);
	options.deny = BH_DENY_AT_LINK;
	FAILS(BH_E_DENIED, bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	bh_permissions_free(permissions);
	options.permissions = NULL;
	options.deny = BH_DENY_AT_CALL;
	OK(bh_component_load_file(&component, host, t_guest("errand.wasm"), &options, &t_err));
	FAILS(BH_E_DENIED, t_call(NULL, component, "size", "\"/data/five\"", NULL, NULL, &t_err));
	bh_component_unref(component);
	bh_imports_free(options.imports);
}

/* Somebody swaps a folder for a link to where the secret is, and a file for a FIFO, all the time. */

static _Atomic bool swapping;

static void *swap(void *data)
{
	(void)data;
	char folder[256], link[256], file[256], fifo[256];
	snprintf(folder, sizeof folder, "%s/data/swap", root);
	snprintf(link, sizeof link, "%s/data/other", root);
	snprintf(file, sizeof file, "%s/data/swapfile", root);
	snprintf(fifo, sizeof fifo, "%s/data/swapfifo", root);
	while (atomic_load(&swapping)) {
		EXPECT(!syscall(SYS_renameat2, AT_FDCWD, folder, AT_FDCWD, link, RENAME_EXCHANGE));
		EXPECT(!syscall(SYS_renameat2, AT_FDCWD, file, AT_FDCWD, fifo, RENAME_EXCHANGE));
	}
	return NULL;
}

static void races(void **state)
{
	(void)state;
	enum { ROUNDS = 1500 };
	bh_component *component = reader(NULL);
	assert_int_equal(mkdir(at("data/swap"), 0700), 0);
	put("data/swap/key", "fine");
	put("secret/key", "a secret!");
	assert_int_equal(symlink("../secret", at("data/other")), 0);
	put("data/swapfile", "123456");
	assert_int_equal(mkfifo(at("data/swapfifo"), 0600), 0);
	pthread_t thread;
	atomic_store(&swapping, true);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	unsigned found = 0, refused = 0;
	for (int i = 0; i < ROUNDS; i++) {
		const char *said = size(component, i % 2 ? "/data/swap/key" : "/data/swapfile");
		bool good = !strcmp(said, i % 2 ? "ok(4)" : "ok(6)");
		found += good;
		refused += !good;
		assert_true(good || !strncmp(said, "err(", 4));
	}
	atomic_store(&swapping, false);
	pthread_join(thread, NULL);
	assert_true(found && refused); /* else nothing was swapped */
	bh_component_unref(component);
}

/* Many at once on few threads; some of them are given up, and more than may wait are told so. */
static void many_at_once(void **state)
{
	(void)state;
	enum { COUNT = 200 };
	static bh_call *calls[COUNT];
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.read_threads = 2;
	put("data/big", "");
	assert_int_equal(truncate(at("data/big"), 1 << 20), 0);
	bh_host *many = host_with(2, 0);
	size_t threads = t_threads();
	bh_component *component = t_with_functions(many, "errand.wasm", granting(at("data"), "/data"), &functions, 0);
	bh_export *read = t_find(component, "size");
	bh_value path = bh_of_string("/data/big");
	tally t = {0};
	bh_call_options options = telling(&t);
	for (int round = 0; round < 2; round++) {
		atomic_store(&t.told, 0);
		for (int i = 0; i < COUNT; i++)
			OK(bh_call_start(&calls[i], read, NULL, &path, 1, &options, &t_err));
		for (int i = 0; i < COUNT; i += round ? 1 : 3)
			bh_call_cancel(calls[i], BH_CANCEL_ABANDON);
		wait_told(&t, COUNT);
		for (int i = 0; i < COUNT; i++)
			bh_call_free(calls[i]);
	}
	assert_true(t.good >= COUNT / 2);
	bh_export_free(read);
	bh_component_unref(component);
	bh_host_free(many);
	assert_true(t_threads_go(threads, 5000));
}

static int begin(void **state)
{
	snprintf(root, sizeof root, "/tmp/bulkhead-test-XXXXXX");
	if (!mkdtemp(root) || mkdir(at("data"), 0700) || mkdir(at("secret"), 0700) || mkdir(at("data/deep"), 0700) ||
	    mkdir(at("data/deep/er"), 0700))
		return -1;
	return host_begin(state);
}

static int end(void **state)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	return host_end(state) || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),         cmocka_unit_test(nothing_outside), cmocka_unit_test(regular_files_only),
		cmocka_unit_test(so_many_bytes), cmocka_unit_test(grants),          cmocka_unit_test(races),
		cmocka_unit_test(many_at_once),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
