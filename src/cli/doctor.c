#include "doctor.h"

#include <bulkhead.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "text.h"
#include "worker.h"

/* A live instance takes about this many memory maps. */
enum { MAPS_PER_INSTANCE = 2 };

static bh_machine machine(void)
{
	bh_machine found = {.struct_size = sizeof found};
	bh_machine_describe(&found);
	return found;
}

/* The smallest component there is, from its text to compiled code. */
static bh_status try_engine(bh_allocation allocation, bh_error **err)
{
	static const char smallest[] = "(component)";
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = allocation;
	bh_cache_options cache = BH_CACHE_OPTIONS_INIT;
	cache.mode = BH_CACHE_OFF; /* an examination leaves nothing behind */
	options.cache = &cache;
	bh_component_options component_options = BH_COMPONENT_OPTIONS_INIT;
	component_options.limits.memory = BH_MIB(1);
	bh_host *host = NULL;
	bh_component *component = NULL;
	bh_status status = bh_host_new(&host, &options, err);
	if (!status)
		status = bh_component_load_bytes(&component, host, smallest, strlen(smallest), &component_options, err);
	bh_component_unref(component);
	bh_host_free(host);
	return status;
}

static finding engine_works(bh_allocation allocation, finding_state bad, const char *advice)
{
	bh_error *err = NULL;
	uint64_t begin = x_now_ns();
	bh_status status = try_engine(allocation, &err);
	uint64_t took = x_now_ns() - begin;
	finding found = {FINDING_OK, NULL, NULL};
	if (status) {
		found = (finding){bad, x_copy(err ? bh_error_message(err) : bh_status_text(status)), x_copy(advice)};
	} else {
		found.value = x_format("ready in %s", text_nanoseconds(took));
	}
	bh_error_free(err);
	return found;
}

static finding examine_version(void)
{
	return (finding){FINDING_OK, x_format("bulkhead %s, wasmtime %s", bh_version(), bh_engine_version()), NULL};
}

static finding examine_engine(void)
{
	return engine_works(BH_ALLOCATION_ON_DEMAND, FINDING_FAILURE, "Nothing can run here.");
}

static finding examine_pool(void)
{
	return engine_works(BH_ALLOCATION_POOLED, FINDING_WARNING,
	                    "Servers fall back to allocation on demand: a fresh instance takes tens of microseconds.");
}

static finding examine_cpu(void)
{
	bh_machine found = machine();
	return (finding){
		FINDING_OK, x_format("%s, %ld in use", found.cpu ? found.cpu : "unknown", sysconf(_SC_NPROCESSORS_ONLN)), NULL};
}

static finding examine_kernel(void)
{
	struct utsname name;
	if (uname(&name) < 0)
		return (finding){FINDING_WARNING, x_copy("unknown"), NULL};
	return (finding){FINDING_OK, x_format("%s %s", name.sysname, name.release), NULL};
}

static finding examine_address_space(void)
{
	bh_machine found = machine();
	finding result = {FINDING_OK, NULL, NULL};
	result.value = x_format("%s, %" PRIu32 " pool slots fit", text_bytes(found.address_space), found.pool_slots_fit);
	if (found.pool_slots_fit < 1000) {
		result.state = FINDING_WARNING;
		result.advice =
			x_copy("A pool of 1000 slots does not fit. Raise the limit on address space (ulimit -v), or use a\n"
		           "smaller pool.");
	}
	return result;
}

static finding examine_maps(void)
{
	bh_machine found = machine();
	if (!found.max_map_count)
		return (finding){FINDING_WARNING, x_copy("unknown"), NULL};
	uint64_t instances = found.max_map_count / MAPS_PER_INSTANCE;
	finding result = {FINDING_OK, NULL, NULL};
	result.value = x_format("%s, about %s live instances", text_count(found.max_map_count), text_count(instances));
	if (instances < 10000) {
		result.state = FINDING_WARNING;
		result.advice = x_copy("For more instances in one process:  sysctl -w vm.max_map_count=1048576");
	}
	return result;
}

static finding examine_openat2(void)
{
	if (machine().openat2)
		return (finding){FINDING_OK, x_copy("yes"), NULL};
	return (finding){FINDING_FAILURE, x_copy("no"),
	                 x_copy("Granted folders need openat2(2): Linux 5.6 or later, and no filter that forbids it.")};
}

static finding examine_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return (finding){FINDING_WARNING, x_copy("unknown"), NULL};
	finding result = {FINDING_OK, x_format("%" PRIu64, (uint64_t)limit.rlim_cur), NULL};
	if (limit.rlim_cur < 1024) {
		result.state = FINDING_WARNING;
		result.advice = x_copy("Many components with files or sockets at once need more:  ulimit -n 65536");
	}
	return result;
}

/* The number in a file that holds nothing else; false for "max", and where there is no such file. */
static bool read_number(const char *path, uint64_t *out)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool found = fscanf(file, "%" SCNu64, out) == 1;
	fclose(file);
	return found;
}

/* The folder of our own control group, version 2; to be freed. NULL if there is none. */
static char *control_group(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];
	char *path = NULL;
	while (file && !path && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::", 3))
			path = x_format("/sys/fs/cgroup%s", line + 3);
	}
	if (file)
		fclose(file);
	return path;
}

/* The least of what the groups above us allow; 0 if nothing bounds us. */
static uint64_t control_group_memory(void)
{
	uint64_t least = 0, limit;
	X_AUTO char *group = control_group();
	while (group && strlen(group) > strlen("/sys/fs/cgroup")) {
		X_AUTO char *path = x_format("%s/memory.max", group);
		if (read_number(path, &limit) && (!least || limit < least))
			least = limit;
		*strrchr(group, '/') = '\0';
	}
	/* In a container the group is the root of what we see; version 1 has a name of its own. */
	if (!least && read_number("/sys/fs/cgroup/memory.max", &limit))
		least = limit;
	if (!least && read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", &limit) && limit < (UINT64_C(1) << 60))
		least = limit;
	return least;
}

static finding examine_memory(void)
{
	uint64_t bound = control_group_memory();
	uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (!bound || bound > physical)
		return (finding){FINDING_OK, x_format("%s, no control group limit", text_bytes(physical)), NULL};
	finding result = {FINDING_OK, NULL, NULL};
	result.value = x_format("%s, limited to %s by the control group", text_bytes(physical), text_bytes(bound));
	if (bound < BH_MIB(128)) {
		result.state = FINDING_WARNING;
		result.advice = x_copy("Compiling a large component may need more than that.");
	}
	return result;
}

/* The nearest folder of a path that exists; cuts `path` short. */
static void existing_part(char *path)
{
	struct stat info;
	while (stat(path, &info) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');
		if (!slash || slash == path) {
			path[slash ? 1 : 0] = '\0';
			return;
		}
		*slash = '\0';
	}
}

/* A folder is usable if it, or what it would be made in, can be written. */
static finding examine_folder(const char *folder, const char *variable)
{
	X_AUTO char *existing = x_copy(folder);
	existing_part(existing);
	if (access(existing, W_OK | X_OK) == 0)
		return (finding){FINDING_OK, x_format("%s%s", folder, strcmp(folder, existing) ? " (can be made)" : ""), NULL};
	return (finding){FINDING_WARNING, x_format("%s: %s", existing, strerror(errno)),
	                 x_format("Nothing can be kept there. Make it writable, or point %s elsewhere.", variable)};
}

static finding examine_cache_folder(void)
{
	char *folder = NULL, *decided_by = NULL;
	bh_error *err = NULL;
	if (bh_cache_locate(&folder, &decided_by, NULL, &err)) {
		finding none = {FINDING_WARNING, x_copy(err ? bh_error_message(err) : "none"),
		                x_copy("Every start compiles anew.")};
		bh_error_free(err);
		return none;
	}
	finding found =
		examine_folder(folder, decided_by && !strncmp(decided_by, "BULKHEAD", 8) ? decided_by : "BULKHEAD_CACHE_DIR");
	bh_string_free(folder);
	bh_string_free(decided_by);
	return found;
}

static finding examine_config_folder(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if ((!base || base[0] != '/') && (!home || home[0] != '/'))
		return (finding){FINDING_WARNING, x_copy("none"), x_copy("Set HOME or XDG_CONFIG_HOME.")};
	X_AUTO char *folder =
		base && base[0] == '/' ? x_format("%s/bulkhead", base) : x_format("%s/.config/bulkhead", home);
	return examine_folder(folder, "XDG_CONFIG_HOME");
}

static finding examine_confinement(void)
{
	if (worker_can_be_confined())
		return (finding){FINDING_OK, x_copy("seccomp"), NULL};
	return (finding){FINDING_WARNING, x_copy("the kernel has no seccomp"),
	                 x_copy("Compiling in a process of its own has limits then, but could open files.")};
}

static const examination rows[] = {
	{"version", examine_version},
	{"kernel", examine_kernel},
	{"cpu", examine_cpu},
	{"engine", examine_engine},
	{"pool", examine_pool},
	{"address space", examine_address_space},
	{"memory maps", examine_maps},
	{"open files", examine_files},
	{"openat2", examine_openat2},
	{"memory", examine_memory},
	{"confinement", examine_confinement},
	{"cache folder", examine_cache_folder},
	{"config folder", examine_config_folder},
};

const examination *examination_at(size_t index)
{
	return index < X_COUNT(rows) ? &rows[index] : NULL;
}
