/* What libmicrohttpd is told wherever we start it: by the admin server, and by each lane of the proxy. */
#ifndef BH_SERVE_MHD_H
#define BH_SERVE_MHD_H

#include <microhttpd.h>
#include <stdarg.h>

/* What it would print goes nowhere: a client must not be able to fill the log. */
void mhd_say_nothing(void *data, const char *format, va_list args);

/* The escapes in a URL are ours to read, or go on as they came: '/' and "%2F" are not the same. */
size_t mhd_leave_escaped(void *data, struct MHD_Connection *connection, char *text);

#endif
