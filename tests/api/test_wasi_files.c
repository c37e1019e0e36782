/* Granted folders: what may be done in them, and that nothing outside can be reached, nor anything strange inside. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api.h"

static bh_host *host;
static char root[64];

/* root/secret is outside; root/data is what is granted. */
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

static const char *get(const char *name)
{
	static char text[256];
	FILE *file = fopen(at(name), "re");
	if (!file)
		return NULL;
	size_t got = fread(text, 1, sizeof text - 1, file);
	text[got] = '\0';
	fclose(file);
	return text;
}

static bh_component *load(const char *guest, const char *folder, const char *name, int access)
{
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, folder, name, access, &t_err));
	bh_component *component = t_load_with(host, guest, NULL, permissions);
	bh_permissions_free(permissions);
	return component;
}

/* Opens a path in a guest; how it exits, with what it says in `said`. Quick whatever the path is. */
static char said[512];

static int open_in(bh_component *component, const char *path, const char *mode)
{
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	double start = t_now_ms();
	OK(t_run(component, T_ARGS("open", path, mode), NULL, &out, &exit_status, &t_err));
	assert_true(t_now_ms() - start < 200 * t_slack());
	snprintf(said, sizeof said, "%s", out.data ? out.data : "");
	bh_buffer_deinit(&out);
	return exit_status;
}

static void reading_only(void **state)
{
	(void)state;
	put("data/file", "twelve bytes");
	bh_component *open_guest = load("open.wasm", at("data"), "/data", BH_DIR_READ_ONLY);
	assert_int_equal(open_in(open_guest, "/data/file", "r"), 0);
	assert_string_equal(said, "read 12 bytes of /data/file\n");
	assert_int_equal(open_in(open_guest, "/data/file", "w"), 1);
	assert_int_equal(open_in(open_guest, "/data/new", "w"), 1);
	assert_int_equal(open_in(open_guest, "/data/none", "r"), 1);
	assert_non_null(strstr(said, "ENOENT"));
	assert_string_equal(get("data/file"), "twelve bytes");
	assert_null(get("data/new"));
	bh_component_unref(open_guest);
	bh_component *ls = load("ls.wasm", at("data"), "/data", BH_DIR_READ_ONLY);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	OK(t_run(ls, T_ARGS("ls", "/data"), NULL, &out, &exit_status, &t_err));
	assert_int_equal(exit_status, 0);
	assert_non_null(strstr(out.data, "file\n"));
	bh_buffer_deinit(&out);
	bh_component_unref(ls);
}

static void reading_and_writing(void **state)
{
	(void)state;
	put("data/file", "twelve bytes");
	bh_component *copy = load("copy.wasm", at("data"), "/else", BH_DIR_READ_WRITE);
	bh_buffer out = BH_BUFFER_INIT;
	int exit_status;
	OK(t_run(copy, T_ARGS("copy", "/else/file", "/else/copied"), NULL, &out, &exit_status, &t_err));
	assert_int_equal(exit_status, 0);
	assert_string_equal(get("data/copied"), "twelve bytes");
	OK(t_run(copy, T_ARGS("copy", "/data/file", "/else/again"), NULL, &out, &exit_status, &t_err));
	assert_int_equal(exit_status, 1); /* the guest knows it by its own name only */
	struct stat status;
	assert_int_equal(stat(at("data/copied"), &status), 0);
	assert_int_equal(status.st_mode & 0111, 0);
	unlink(at("data/copied"));
	bh_buffer_deinit(&out);
	bh_component_unref(copy);
}

/* Ways out: all refused, read-only or not. */
static void no_way_out(void **state)
{
	(void)state;
	put("secret", "a secret");
	put("data/file", "x");
	assert_int_equal(symlink("../secret", at("data/up")), 0);
	assert_int_equal(symlink(at("secret"), at("data/absolute")), 0);
	assert_int_equal(symlink("/etc", at("data/folder")), 0);
	assert_int_equal(symlink("..", at("data/parent")), 0);
	assert_int_equal(symlink("up", at("data/twice")), 0);
	assert_int_equal(symlink("loop", at("data/loop")), 0);
	assert_int_equal(symlink("/proc/self/fd/0", at("data/magic")), 0);
	assert_int_equal(symlink("file", at("data/inside")), 0);
	static const char *const paths[] = {
		"/data/../secret",
		"/data/./../secret",
		"/data/sub/../../secret",
		"/data/up",
		"/data/absolute",
		"/data/folder/passwd",
		"/data/parent/secret",
		"/data/twice",
		"/data/loop",
		"/data/magic",
		"/secret",
		"../secret",
		"/data/../../../../etc/passwd",
	};
	static const int accesses[] = {BH_DIR_READ_ONLY, BH_DIR_READ_WRITE};
	for (int a = 0; a < 2; a++) {
		bh_component *component = load("open.wasm", at("data"), "/data", accesses[a]);
		for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
			if (open_in(component, paths[i], "r") != 1 || open_in(component, paths[i], "w") != 1)
				print_error("%s: %s", paths[i], said);
			assert_int_equal(open_in(component, paths[i], "r"), 1);
			assert_int_equal(open_in(component, paths[i], "w"), 1);
		}
		assert_int_equal(open_in(component, "/data/inside", "r"), 0);
		bh_component_unref(component);
	}
	assert_string_equal(get("secret"), "a secret");
	static const char *const links[] = {"up", "absolute", "folder", "parent", "twice", "loop", "magic", "inside"};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		char name[32];
		snprintf(name, sizeof name, "data/%s", links[i]);
		unlink(at(name));
	}
}

/* FIFOs, sockets and devices: their opening would wait for ever, or do something. */
static void strange_files(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(at("data/fifo"), 0600), 0);
	assert_int_equal(symlink("fifo", at("data/link")), 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", at("data/socket"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	bool device = mknod(at("data/null"), S_IFCHR | 0600, (1 << 8) | 3) == 0;
	bh_component *component = load("open.wasm", at("data"), "/data", BH_DIR_READ_WRITE);
	static const char *const paths[] = {"/data/fifo", "/data/link", "/data/socket", "/data/null"};
	for (size_t i = 0; i < 4; i++)
		for (int write = 0; write < 2; write++) {
			if (i == 3 && !device)
				continue;
			assert_int_equal(open_in(component, paths[i], write ? "w" : "r"), 1);
			assert_non_null(strstr(said, "EPERM"));
		}
	/* A writer that waits at the other end changes nothing. */
	int reader = open(at("data/fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(open_in(component, "/data/fifo", "w"), 1);
	close(reader);
	bh_component_unref(component);
	component = load("open.wasm", "/dev", "/dev", BH_DIR_READ_ONLY);
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/dev/stdin"};
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(open_in(component, devices[i], "r"), 1);
	bh_component_unref(component);
	close(fd);
	unlink(at("data/fifo"));
	unlink(at("data/link"));
	unlink(at("data/socket"));
	unlink(at("data/null"));
}

/* They do not even cost one of the few threads for files: a hundred in a row, then a plain file. */
static void strange_files_block_nothing(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(at("data/fifo"), 0600), 0);
	put("data/file", "x");
	bh_component *component = load("open.wasm", at("data"), "/data", BH_DIR_READ_WRITE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(open_in(component, "/data/fifo", i % 2 ? "w" : "r"), 1);
	assert_int_equal(open_in(component, "/data/file", "r"), 0);
	bh_component_unref(component);
	unlink(at("data/fifo"));
}

/* Two folders, one inside the other, with rights of their own. */
static void several_folders(void **state)
{
	(void)state;
	put("data/file", "x");
	put("data/sub/file", "y");
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, at("data"), "/ro", BH_DIR_READ_ONLY, &t_err));
	OK(bh_permissions_allow_dir(permissions, at("data/sub"), "/rw", BH_DIR_READ_WRITE, &t_err));
	bh_component *component = t_load_with(host, "open.wasm", NULL, permissions);
	bh_permissions_free(permissions);
	assert_int_equal(open_in(component, "/rw/file", "w"), 0);
	assert_int_equal(open_in(component, "/ro/sub/file", "r"), 0);
	assert_int_equal(open_in(component, "/ro/sub/file", "w"), 1);
	assert_int_equal(open_in(component, "/ro/file", "w"), 1);
	assert_int_equal(open_in(component, "/rw/../file", "r"), 1);
	bh_component_unref(component);
}

static void folders_that_are_not_there(void **state)
{
	(void)state;
	bh_component *component = load("open.wasm", at("nowhere"), "/data", BH_DIR_READ_ONLY);
	int exit_status;
	FAILS(BH_E_SYSTEM, t_run(component, T_ARGS("open"), NULL, NULL, &exit_status, &t_err));
	assert_true(t_says("nowhere"));
	bh_instance *instance = NULL;
	FAILS(BH_E_SYSTEM, bh_instance_new(&instance, component, NULL, &t_err));
	assert_null(instance);
	put("nowhere", "a file now");
	FAILS(BH_E_SYSTEM, t_run(component, T_ARGS("open"), NULL, NULL, &exit_status, &t_err));
	unlink(at("nowhere"));
	assert_int_equal(mkdir(at("nowhere"), 0700), 0);
	assert_int_equal(open_in(component, "/data/file", "r"), 1);
	assert_int_equal(rmdir(at("nowhere")), 0);
	bh_component_unref(component);
	/* Guests that import nothing of WASI never look. */
	component = load("wat/adder.wat", at("nowhere"), "/data", BH_DIR_READ_ONLY);
	assert_int_equal(t_number(component, "add", "1, 2"), 3);
	bh_component_unref(component);
}

/* A grant is copied: what is done to the set afterwards is not for this component. */
static void grants_are_copied(void **state)
{
	(void)state;
	put("data/file", "x");
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	bh_component *component = t_load_with(host, "open.wasm", NULL, permissions);
	OK(bh_permissions_allow_dir(permissions, at("data"), "/data", BH_DIR_READ_WRITE, &t_err));
	assert_int_equal(open_in(component, "/data/file", "r"), 1);
	bh_permissions_free(permissions);
	bh_component_unref(component);
	bh_permissions *copy = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_dir(permissions, at("data"), "/data", BH_DIR_READ_WRITE, &t_err));
	OK(bh_permissions_copy(&copy, permissions, &t_err));
	component = t_load_with(host, "open.wasm", NULL, copy);
	bh_permissions_free(copy);
	bh_permissions_free(permissions);
	assert_int_equal(open_in(component, "/data/file", "w"), 0);
	bh_component_unref(component);
}

static int set_up(void **state)
{
	(void)state;
	host = t_host();
	strcpy(root, "/tmp/bulkhead-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(mkdir(at("data"), 0700), 0);
	assert_int_equal(mkdir(at("data/sub"), 0700), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(at("secret"));
	unlink(at("data/file"));
	unlink(at("data/sub/file"));
	assert_int_equal(rmdir(at("data/sub")), 0);
	assert_int_equal(rmdir(at("data")), 0);
	assert_int_equal(rmdir(root), 0);
	t_begin();
	bh_host_free(host);
	return 0;
}

int main(void)
{
	if (t_under_tsan())
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_only),      cmocka_unit_test(reading_and_writing),
		cmocka_unit_test(no_way_out),        cmocka_unit_test(strange_files),
		cmocka_unit_test(several_folders),   cmocka_unit_test(strange_files_block_nothing),
		cmocka_unit_test(grants_are_copied), cmocka_unit_test(folders_that_are_not_there),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
