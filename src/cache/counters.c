#include "cache/counters.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

static const char file_name[] = "counters";

typedef struct {
	char magic[8];
	uint64_t values[BH_COUNTER_COUNT];
} contents;

static const char magic[8] = "bh-cnt1";

void bh_counters_add(bh_counters *counters, bh_counter counter, uint64_t amount)
{
	atomic_fetch_add_explicit(&counters->pending[counter], amount, memory_order_relaxed);
}

/* Open and lock. Never waits: whoever has it may be stopped. */
static int take_file(int folder)
{
	int fd = openat(folder, file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void read_file(contents *out, int fd)
{
	if (pread(fd, out, sizeof *out, 0) == (ssize_t)sizeof *out && !memcmp(out->magic, magic, sizeof magic))
		return;
	*out = (contents){0};
	memcpy(out->magic, magic, sizeof magic);
}

bool bh_counters_flush(bh_counters *counters, int folder, uint64_t out[BH_COUNTER_COUNT])
{
	contents c = {0};
	uint64_t added[BH_COUNTER_COUNT], any = 0;
	__attribute__((cleanup(bh_close_auto))) int fd = take_file(folder);
	if (fd >= 0)
		read_file(&c, fd);
	for (int i = 0; i < BH_COUNTER_COUNT; i++) {
		added[i] = fd >= 0 ? atomic_exchange(&counters->pending[i], 0) : atomic_load(&counters->pending[i]);
		any |= added[i];
		c.values[i] += added[i];
	}
	bool good = fd >= 0 && (!any || (bh_may_write(sizeof c) && pwrite(fd, &c, sizeof c, 0) == (ssize_t)sizeof c));
	for (int i = 0; !good && fd >= 0 && i < BH_COUNTER_COUNT; i++)
		atomic_fetch_add(&counters->pending[i], added[i]);
	if (out)
		memcpy(out, c.values, sizeof c.values);
	return good;
}

void bh_counters_swept(bh_counters *counters, int folder)
{
	contents c;
	bh_counters_flush(counters, folder, NULL);
	__attribute__((cleanup(bh_close_auto))) int fd = take_file(folder);
	if (fd < 0)
		return;
	read_file(&c, fd);
	c.values[BH_COUNTER_written] = 0;
	c.values[BH_COUNTER_swept_s] = (uint64_t)time(NULL);
	if (bh_may_write(sizeof c))
		(void)!pwrite(fd, &c, sizeof c, 0);
}
