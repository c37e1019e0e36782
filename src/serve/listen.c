#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"

/* More than wait to be accepted: connections over the bound are left here until one is free. */
enum { BACKLOG = 512 };

/* Unix sockets. */

static bh_status at(struct sockaddr_un *out, const char *path, const char *suffix, bh_error **err)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(out->sun_path, sizeof out->sun_path, "%s%s", path, suffix);
	if (length < 0 || (size_t)length >= sizeof out->sun_path)
		return bh_error_new(err, BH_E_CONFIG, "%s: a socket's path has at most %zu characters", path,
		                    sizeof out->sun_path - 1 - strlen(".new"));
	return BH_OK;
}

/* What is at the path must be nothing, or a socket that nobody answers on. */
static bh_status may_replace(const char *path, const struct sockaddr_un *where, bh_error **err)
{
	struct stat info;
	if (lstat(path, &info))
		return errno == ENOENT ? BH_OK : bh_error_new(err, BH_E_SYSTEM, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(info.st_mode))
		return bh_error_new(err, BH_E_CONFIG, "%s: there is something else than a socket", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return bh_error_new(err, BH_E_SYSTEM, "a socket: %s", strerror(errno));
	int failed = connect(fd, (const struct sockaddr *)where, sizeof *where) ? errno : 0;
	close(fd);
	if (!failed || failed == EAGAIN)
		return bh_error_new(err, BH_E_BUSY, "%s: another daemon answers there", path);
	if (failed != ECONNREFUSED && failed != ENOENT)
		return bh_error_new(err, BH_E_SYSTEM, "%s: %s", path, strerror(failed));
	return BH_OK;
}

/* Nobody can connect before listen(), so that the mode is right before anybody can. */
static int open_unix(const struct sockaddr_un *where)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)where, sizeof *where) || chmod(where->sun_path, 0600) ||
	    listen(fd, BACKLOG)) {
		int failed = errno;
		close(fd);
		errno = failed;
		return -1;
	}
	return fd;
}

bh_status listen_unix(int *out, const char *path, struct stat *made, bh_error **err)
{
	struct sockaddr_un where, fresh;
	bh_status status = at(&fresh, path, ".new", err);
	if (!status)
		status = at(&where, path, "", err);
	if (!status)
		status = may_replace(path, &where, err);
	if (status)
		return status;
	struct stat left;
	if (!lstat(fresh.sun_path, &left) && S_ISSOCK(left.st_mode))
		unlink(fresh.sun_path); /* of one that was killed while it started */
	int fd = open_unix(&fresh);
	if (fd < 0)
		return bh_error_new(err, BH_E_SYSTEM, "%s: %s", path, strerror(errno));
	if (lstat(fresh.sun_path, made) || rename(fresh.sun_path, path)) {
		status = bh_error_new(err, BH_E_SYSTEM, "%s: %s", path, strerror(errno));
		unlink(fresh.sun_path);
		close(fd);
		return status;
	}
	*out = fd;
	return BH_OK;
}

void listen_unlink(const char *path, const struct stat *made)
{
	struct stat info;
	if (!lstat(path, &info) && info.st_dev == made->st_dev && info.st_ino == made->st_ino)
		unlink(path);
}

bool listen_is_own(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof peer;
	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) && (peer.uid == geteuid() || peer.uid == 0);
}

/* TCP. */

/* "HOST:PORT" into its two parts, brackets off. False: it is not of that form. */
static bool split(const char *address, char host[256], char port[8])
{
	const char *colon = strrchr(address, ':');
	bool bracketed = address[0] == '[';
	if (!colon || strlen(colon + 1) >= 8 || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
		return false;
	const char *from = address + bracketed, *to = colon - bracketed;
	if (to <= from || to - from >= 256 || (bracketed && *to != ']') ||
	    (!bracketed && memchr(from, ':', (size_t)(to - from))))
		return false;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	snprintf(port, 8, "%s", colon + 1);
	return strtoul(port, NULL, 10) <= 65535;
}

static int open_tcp(const struct addrinfo *where)
{
	int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, where->ai_addr, where->ai_addrlen) || listen(fd, BACKLOG)) {
		int failed = errno;
		close(fd);
		errno = failed;
		return -1;
	}
	return fd;
}

bh_status listen_tcp(int *out, const char *address, bh_error **err)
{
	char host[256], port[8];
	if (!split(address, host, port))
		return bh_error_new(err, BH_E_CONFIG,
		                    "%s: no address to listen on; it looks like \"127.0.0.1:9797\" or \"[::1]:9797\"", address);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(host, port, &hints, &found);
	if (failed)
		return bh_error_new(err, BH_E_CONFIG, "%s: %s", address, gai_strerror(failed));
	int fd = open_tcp(found);
	failed = errno;
	freeaddrinfo(found);
	if (fd < 0)
		return bh_error_new(err, failed == EADDRINUSE ? BH_E_BUSY : BH_E_SYSTEM, "%s: %s", address, strerror(failed));
	*out = fd;
	return BH_OK;
}

unsigned listen_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} name;
	socklen_t length = sizeof name;
	memset(&name, 0, sizeof name);
	if (getsockname(fd, &name.any, &length))
		return 0;
	return name.any.sa_family == AF_INET    ? ntohs(name.four.sin_port)
	       : name.any.sa_family == AF_INET6 ? ntohs(name.six.sin6_port)
	                                        : 0;
}

/* Without its port and brackets. */
static bool bare_host(char out[256], const char *host)
{
	size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *rest = length <= strlen(host) ? host + length : "x";
	if (length >= 256 || !length || (*rest && (*rest != ':' || rest[1 + strspn(rest + 1, "0123456789")])))
		return false;
	memcpy(out, host, length);
	out[length] = '\0';
	return true;
}

bool listen_is_host(const char *host, const char *address)
{
	char name[256], own[256], port[8];
	struct in_addr four;
	struct in6_addr six;
	if (!host || !bare_host(name, host))
		return false;
	if (name[0] == '[') {
		name[strlen(name) - 1] = '\0';
		return inet_pton(AF_INET6, name + 1, &six) == 1;
	}
	return inet_pton(AF_INET, name, &four) == 1 || !strcasecmp(name, "localhost") ||
	       (address && split(address, own, port) && !strcasecmp(name, own));
}
