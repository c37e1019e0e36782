/*
 * The admin server with a tree of real guests and no daemon: what tests/serve/admin_*.sh talk to.
 *
 *   harness [socket=PATH] [listen=HOST:PORT] [token=TEXT] [BOUND=NUMBER]... [big=CHILDREN] [stop=MS]
 *   harness routes      prints the table of routes
 *
 * Prints "port N" and "ready" when it serves, and stops on SIGTERM. A file "fail-reload" in the working folder makes reloads
 * fail, "slow-reload" has them take as long as it is there, "not-ready" makes it not ready.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/http.h"
#include "serve/memory.h"

static _Noreturn void die(const char *what, bh_error *err)
{
	fprintf(stderr, "harness: %s: %s\n", what, err ? bh_error_message(err) : strerror(errno));
	bh_error_free(err);
	exit(1);
}

/* What a daemon would answer. */

static bool is_there(const char *file)
{
	return access(file, F_OK) == 0;
}

typedef struct {
	admin_done *done;
	void *data;
	bool good;
	unsigned ms;
} upgrade;

static void *finish_upgrade(void *data)
{
	upgrade *u = data;
	bh_error *err = NULL;
	usleep(u->ms * 1000);
	bh_status status = u->good ? BH_OK : bh_error_new(&err, BH_E_NOT_A_COMPONENT, "this is no component");
	u->done(u->data, status, err);
	bh_error_free(err);
	free(u);
	return NULL;
}

static bh_status begin_upgrade(void *data, const char *path, const char *file, admin_done *done, void *done_data,
                               bh_error **err)
{
	(void)data, (void)path;
	if (!is_there(file))
		return bh_error_new(err, BH_E_NOT_FOUND, "%s: no such file", file);
	upgrade *u = calloc(1, sizeof *u);
	*u = (upgrade){done, done_data, strstr(file, ".wasm") != NULL, strstr(file, "slow") ? 3000 : 50};
	pthread_t thread;
	if (pthread_create(&thread, NULL, finish_upgrade, u))
		die("a thread", NULL);
	pthread_detach(thread);
	return BH_OK;
}

typedef struct {
	admin_done *done;
	void *data;
} reading;

static void *finish_reload(void *data)
{
	reading *r = data;
	bh_error *err = NULL;
	while (is_there("slow-reload"))
		usleep(10000);
	bh_status status =
		is_there("fail-reload") ? bh_error_new(&err, BH_E_CONFIG, "bulkhead.toml:3:1: unknown key") : BH_OK;
	r->done(r->data, status, err);
	bh_error_free(err);
	free(r);
	return NULL;
}

static bh_status reload(void *data, admin_done *done, void *done_data, bh_error **err)
{
	(void)data, (void)err;
	reading *r = malloc(sizeof *r);
	*r = (reading){done, done_data};
	pthread_t thread;
	if (pthread_create(&thread, NULL, finish_reload, r))
		die("a thread", NULL);
	pthread_detach(thread);
	return BH_OK;
}

static uint64_t started;

/* Each child says something ten times a second. */
static char *logs(void *data, const char *path, uint64_t *after, size_t lines, bh_error **err)
{
	(void)data, (void)err;
	uint64_t last = 1000 + (now_ms() - started) / 100, first = *after + 1;
	sv_text text = {0};
	if (last >= lines && first < last - lines + 1)
		first = last - lines + 1;
	for (uint64_t i = first; i <= last; i++)
		sv_text_add(&text, "%s says %llu\n", path, (unsigned long long)i);
	*after = last;
	return sv_text_take(&text);
}

static char *file_of(void *data, const char *path)
{
	(void)data;
	return strcmp(path, "counter") ? NULL : sv_copy("/guests/counter.wasm");
}

static bool ready(void *data)
{
	(void)data;
	return !is_there("not-ready");
}

/* The tree. */

static bh_component *load(bh_host *host, const char *guest)
{
	char path[4096];
	bh_component *component = NULL;
	bh_error *err = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(16);
	options.limits.fuel = BH_UNLIMITED;
	options.limits.execution_ms = 300;
	options.limits.queue_ms = 1000;
	snprintf(path, sizeof path, "%s/%s", getenv("GUESTS") ? getenv("GUESTS") : ".", guest);
	if (bh_component_load_file(&component, host, path, &options, &err))
		die(path, err);
	return component;
}

static bh_child *add(bh_child *parent, const char *name, bh_component *component, bool stopped)
{
	bh_child *child = NULL;
	bh_error *err = NULL;
	static bh_instance_options instance = BH_INSTANCE_OPTIONS_INIT;
	instance.mailbox = 4;
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = component ? BH_CHILD_SERVICE : BH_CHILD_SUPERVISOR;
	options.component = component;
	options.instance = &instance;
	options.shutdown_ms = 500;
	options.start_ms = 2000;
	options.stopped = stopped;
	options.mailbox = 4;
	options.replicas = !strcmp(name, "twins") ? 2 : 1;
	if (bh_child_add(&child, parent, &options, &err))
		die(name, err);
	return child;
}

static bh_supervisor *plant(bh_host *host, unsigned big)
{
	bh_supervisor *tree = NULL;
	bh_error *err = NULL;
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.most_restarts = 10;
	options.on_intensity = BH_INTENSITY_FAIL_CHILD;
	if (bh_supervisor_new(&tree, &options, &err))
		die("a tree", err);
	bh_component *counter = load(host, "counter.wasm"), *calc = load(host, "calc.wasm"),
				 *trap = load(host, "wat/start-trap.wat");
	bh_child *root = bh_supervisor_root(tree), *web = add(root, "web", NULL, false);
	bh_child *all[] = {add(root, "counter", counter, false), add(root, "calc", calc, false),
	                   add(root, "twins", counter, false),   add(root, "down", counter, true),
	                   add(web, "front", counter, false),    add(web, "logs", counter, false),
	                   add(root, "broken", trap, false)};
	for (size_t i = 0; i < SV_COUNT(all); i++)
		bh_child_unref(all[i]);
	for (unsigned i = 0; i < big; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%u", i);
		bh_child_unref(add(web, name, counter, true));
	}
	bh_child_unref(web);
	bh_component_unref(counter);
	bh_component_unref(calc);
	bh_component_unref(trap);
	bh_child_start(root);
	return tree;
}

/* The command line. */

static void take(admin_options *options, unsigned *big, unsigned *stop, char *word)
{
	struct {
		const char *name;
		unsigned *number;
	} numbers[] = {
		{"connections", &options->bounds.connections},
		{"per_peer", &options->bounds.per_peer},
		{"streams", &options->bounds.streams},
		{"idle_ms", &options->bounds.idle_ms},
		{"request_ms", &options->bounds.request_ms},
		{"reload_ms", &options->bounds.reload_ms},
		{"heartbeat_ms", &options->bounds.heartbeat_ms},
		{"big", big},
		{"stop", stop},
	};
	char *value = strchr(word, '=');
	if (!value)
		die(word, NULL);
	*value++ = '\0';
	if (!strcmp(word, "socket"))
		options->socket_path = value;
	else if (!strcmp(word, "listen"))
		options->listen = value;
	else if (!strcmp(word, "token"))
		options->token = value;
	else if (!strcmp(word, "body"))
		options->bounds.body = strtoul(value, NULL, 10);
	else
		for (size_t i = 0; i < SV_COUNT(numbers); i++)
			if (!strcmp(word, numbers[i].name))
				*numbers[i].number = (unsigned)strtoul(value, NULL, 10);
}

static int print_routes(void)
{
	for (size_t i = 0; route_at(i); i++)
		printf("%s %s\n", route_at(i)->method, route_at(i)->pattern);
	return 0;
}

static bh_host *make_host(void)
{
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.workers = 2;
	if (bh_host_new(&host, &options, &err))
		die("a host", err);
	return host;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "routes"))
		return print_routes();
	setvbuf(stdout, NULL, _IOLBF, 0);
	admin_options options = ADMIN_OPTIONS_INIT;
	unsigned big = 0, stop = 1000;
	for (int i = 1; i < argc; i++)
		take(&options, &big, &stop, argv[i]);
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	started = now_ms();

	bh_error *err = NULL;
	bh_host *host = make_host();
	bh_supervisor *tree = plant(host, big);
	const admin_daemon daemon = {.host = host,
	                             .tree = tree,
	                             .upgrade = begin_upgrade,
	                             .reload = reload,
	                             .logs = logs,
	                             .file = file_of,
	                             .ready = ready};
	admin *server = NULL;
	bh_status status = admin_start(&server, &options, &daemon, &err);
	if (status) {
		fprintf(stderr, "%s: %s\n", bh_status_name(status), bh_error_message(err));
		bh_error_free(err);
	} else {
		printf("port %u\nready\n", admin_port(server));
		int signal;
		sigwait(&wanted, &signal);
		admin_stop(server, stop);
	}
	bh_supervisor_free(tree);
	/* Calls that were given up go on: to their end, so that what they hold is no leak. */
	if (bh_host_drain(host, 1000, NULL))
		fprintf(stderr, "harness: calls went on\n");
	bh_host_free(host);
	if (!status)
		printf("stopped\n");
	return status ? 2 : 0;
}
