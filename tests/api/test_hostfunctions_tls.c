// test: timeout=60
/* bulkhead:host/network over TLS: a server is believed where its certificate says so, and only there. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostfunctions.h"
#include "http_server.h"

static char folder[] = "/tmp/bulkhead-tls-XXXXXX";
static pid_t child;
static uint16_t port;

static bool can_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = !connect(fd, (struct sockaddr *)&to, sizeof to);
	close(fd);
	return connected;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof local;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&local, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &size), 0);
	close(fd);
	return ntohs(local.sin_port);
}

static int begin(void **state)
{
	char accept[16];
	if (system("command -v openssl >/dev/null"))
		_exit(77);
	if (!mkdtemp(folder) || chdir(folder) ||
	    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 "
	           "-keyout key.pem -out cert.pem 2>/dev/null"))
		return -1;
	port = free_port();
	snprintf(accept, sizeof accept, "%u", port);
	child = fork();
	if (!child) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-key", "key.pem", "-cert", "cert.pem", "-accept",
		       accept, (char *)NULL);
		_exit(1);
	}
	double until = t_now_ms() + 10000 * t_slack();
	while (!can_connect() && t_now_ms() < until)
		t_sleep_ms(10);
	return host_begin(state);
}

static int end(void **state)
{
	char command[64];
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return host_end(state) || system(command);
}

static const char *get(const char *ca_file, const char *name)
{
	char args[100];
	bh_permissions *permissions = t_granted(T_ALL);
	bh_hostfunctions_options functions = BH_HOSTFUNCTIONS_OPTIONS_INIT;
	functions.ca_file = ca_file;
	OK(bh_permissions_allow_net(permissions, "127.0.0.0/8", port, BH_NET_HTTP, &t_err));
	OK(bh_permissions_allow_net(permissions, "localhost", port, BH_NET_HTTP, &t_err));
	bh_component *component = t_with_functions(host, "errand.wasm", permissions, &functions, 0);
	snprintf(args, sizeof args, "\"https://%s:%u/\"", name, port);
	const char *said = t_said(component, "get", args);
	bh_component_unref(component);
	return said;
}

static void who_it_says_it_is(void **state)
{
	(void)state;
	char cert[64];
	snprintf(cert, sizeof cert, "%s/cert.pem", folder);
	assert_int_equal(strncmp(get(cert, "127.0.0.1"), "ok(\"200 https://127.0.0.1", 24), 0);
	assert_int_equal(strncmp(get(NULL, "127.0.0.1"), "err(\"tls: ", 10), 0); /* signed by nobody that is known */
	assert_int_equal(strncmp(get(cert, "localhost"), "err(\"tls: ", 10), 0); /* somebody else */
	assert_int_equal(strncmp(get("/none.pem", "127.0.0.1"), "err(\"tls: ", 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_it_says_it_is)};
	return cmocka_run_group_tests(tests, begin, end);
}
