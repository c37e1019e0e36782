/* What the machine offers: address space, maps, kernel. And versions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bulkhead/host.h"
#include "bulkhead/version.h"

/* A pool slot reserves this much address space for its memory. */
#define SLOT_BYTES (BH_GIB(4) + BH_MIB(32))
/* A slot in use takes about this many memory maps. */
enum { MAPS_PER_SLOT = 2, MAPS_FOR_THE_PROGRAM = 1000 };

#if defined(__x86_64__)
#define TARGET "x86_64-unknown-linux-gnu"
#define ADDRESS_BITS 47
#elif defined(__aarch64__)
#define TARGET "aarch64-unknown-linux-gnu"
#define ADDRESS_BITS 48
#else
#define TARGET "unknown"
#define ADDRESS_BITS 32
#endif

const char *bh_version(void)
{
	return BH_VERSION;
}

static uint64_t read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	unsigned long long number = 0;
	return got > 0 && sscanf(text, "%llu", &number) == 1 ? number : 0;
}

static bool has_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_DIRECTORY};
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0 || errno != ENOSYS;
}

void bh_machine_describe(bh_machine *out)
{
	struct rlimit limit;
	uint64_t space = UINT64_C(1) << ADDRESS_BITS;
	if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < space)
		space = limit.rlim_cur;
	bh_machine machine = {
		.struct_size = out->struct_size,
		.address_space = space,
		.max_map_count = read_number("/proc/sys/vm/max_map_count"),
		.openat2 = has_openat2(),
		.cpu = TARGET,
	};
	uint64_t by_space = space / SLOT_BYTES;
	uint64_t maps = machine.max_map_count;
	uint64_t by_maps = maps > MAPS_FOR_THE_PROGRAM ? (maps - MAPS_FOR_THE_PROGRAM) / MAPS_PER_SLOT : by_space;
	machine.pool_slots_fit = (uint32_t)(by_space < by_maps ? by_space : by_maps);
	memcpy(out, &machine, out->struct_size && out->struct_size < sizeof machine ? out->struct_size : sizeof machine);
}
