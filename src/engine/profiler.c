#include "engine/profiler.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/io.h"
#include "engine/internal.h"

enum { INTERVAL_US = 1000, MOST_SAMPLES = 1000000 };

bh_status bh_profiler_new(bh_profiler **out, const bh_code *code, const char *name, bh_error **err)
{
	bhx_profiler_t *made = NULL;
	wasmtime_error_t *failed = bhx_profiler_new(code->component, name, strlen(name), INTERVAL_US, MOST_SAMPLES, &made);
	if (failed)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "no profile can be made");
	*out = (bh_profiler *)made;
	return BH_OK;
}

void bh_profiler_free(bh_profiler *profiler)
{
	bhx_profiler_free((bhx_profiler_t *)profiler);
}

typedef struct {
	int fd;
	int failed; /* errno */
} output;

/* Waits for a descriptor that does not. */
static void put(void *data, const uint8_t *bytes, size_t length)
{
	output *o = data;
	while (length && !o->failed) {
		ssize_t n = bh_write_quietly(o->fd, bytes, length);
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd room = {.fd = o->fd, .events = POLLOUT};
			poll(&room, 1, -1);
		} else if (n == 0 || errno != EINTR) {
			o->failed = n ? errno : EIO;
		}
	}
}

bh_status bh_profiler_write(bh_profiler *profiler, int fd, bh_error **err)
{
	output o = {.fd = fd};
	wasmtime_error_t *failed = bhx_profiler_write((bhx_profiler_t *)profiler, put, &o);
	if (failed)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "the profile could not be written");
	return o.failed ? bh_fail_errno(err, BH_E_IO, o.failed, "the profile could not be written") : BH_OK;
}
