#include "notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "say.h"

enum { FIRST_SOCKET = 3, MOST_SOCKETS = 64 };

/* What the process was started with; there is one of it. */
static struct {
	int fd;
	struct sockaddr_un address;
	socklen_t length;
	uint64_t watchdog_ms;
	struct {
		int fd;
		char name[32];
	} sockets[MOST_SOCKETS];
	size_t socket_count;
} given = {.fd = -1};

static void find_notify_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	if (length < 2 || length >= sizeof given.address.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	given.address.sun_family = AF_UNIX;
	memcpy(given.address.sun_path, path, length);
	if (path[0] == '@')
		given.address.sun_path[0] = '\0';
	given.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	given.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Whether a variable names this process; where there is none, all are meant. */
static bool is_for_us(const char *variable, bool otherwise)
{
	const char *pid = getenv(variable);
	return pid ? strtol(pid, NULL, 10) == getpid() : otherwise;
}

static void find_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	if (usec && is_for_us("WATCHDOG_PID", true))
		given.watchdog_ms = strtoull(usec, NULL, 10) / 2000;
}

static void find_sockets(void)
{
	const char *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	long count = fds && is_for_us("LISTEN_PID", false) ? strtol(fds, NULL, 10) : 0;
	for (long i = 0; i < count && i < MOST_SOCKETS; i++) {
		int fd = FIRST_SOCKET + (int)i;
		size_t length = names ? strcspn(names, ":") : 0;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
			given.sockets[given.socket_count].fd = fd;
			snprintf(given.sockets[given.socket_count].name, sizeof given.sockets[0].name, "%.*s", (int)length,
			         names ? names : "");
			given.socket_count++;
		}
		names = names && names[length] ? names + length + 1 : NULL;
	}
}

void notify_begin(void)
{
	static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	                                        "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
	find_notify_socket();
	find_watchdog();
	find_sockets();
	for (size_t i = 0; i < SV_COUNT(variables); i++)
		unsetenv(variables[i]);
}

void notify(const char *format, ...)
{
	char text[512];
	va_list args;
	if (given.fd < 0)
		return;
	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (length <= 0)
		return;
	size_t size = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
	if (sendto(given.fd, text, size, MSG_NOSIGNAL, (struct sockaddr *)&given.address, given.length) < 0)
		say(BH_LOG_DEBUG, "systemd was not told: %s", text);
}

void notify_extend(uint64_t ms)
{
	notify("EXTEND_TIMEOUT_USEC=%" PRIu64, ms < UINT64_MAX / 1000 ? ms * 1000 : UINT64_MAX);
}

void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

uint64_t notify_watchdog_ms(void)
{
	return given.watchdog_ms;
}

static int family_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	address.ss_family = AF_UNSPEC;
	return getsockname(fd, (struct sockaddr *)&address, &length) == 0 ? address.ss_family : AF_UNSPEC;
}

int notify_take_socket(const char *name, bool unix_socket)
{
	for (size_t i = 0; i < given.socket_count; i++) {
		int fd = given.sockets[i].fd;
		if (fd < 0 || strcmp(given.sockets[i].name, name) != 0 || (family_of(fd) == AF_UNIX) != unix_socket)
			continue;
		given.sockets[i].fd = -1;
		return fd;
	}
	return -1;
}
