/* Sockets that listen: made so that nobody is let in who should not be. */
#ifndef BH_SERVE_LISTEN_H
#define BH_SERVE_LISTEN_H

#include <bulkhead.h>
#include <sys/stat.h>

/* A Unix socket at its path, with mode 0600. `made` is filled, to know it again. */
bh_status listen_unix(int *out, const char *path, struct stat *made, bh_error **err);

/* Take the file away again, if it is still that socket. */
void listen_unlink(const char *path, const struct stat *made);

/* HOST:PORT, [ADDRESS]:PORT. */
bh_status listen_tcp(int *out, const char *address, bh_error **err);

/* The port of a TCP socket; 0 where it is none. */
unsigned listen_port(int fd);

/* Whether the other end of a Unix socket is this user, or root. */
bool listen_is_own(int fd);

/* Whether a Host header is an address, "localhost" or the host of `address`: no name that somebody else can point here. */
bool listen_is_host(const char *host, const char *address);

#endif
