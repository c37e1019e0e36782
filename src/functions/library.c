#include "functions/library.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bulkhead/hostfunctions.h"

/* Where it is beside a program, as `make install` puts both. */
#ifndef BH_LIBRARY_FOLDER
#define BH_LIBRARY_FOLDER "lib"
#endif
#define FILE_NAME "libbulkhead-net.so.0"

/* Where we are ourselves: libbulkhead, or the program that has it in it. NULL: not known, or not to be trusted. */
static char *own_folder(void)
{
	Dl_info info;
	struct link_map *map = NULL;
	char path[PATH_MAX];
	if (getauxval(AT_SECURE) ||
	    !dladdr1((void *)bh_imports_define_bulkhead_host, &info, (void **)&map, RTLD_DL_LINKMAP))
		return NULL;
	const char *name = map && map->l_name[0] ? map->l_name : "/proc/self/exe";
	if (!realpath(name, path))
		return NULL;
	char *slash = strrchr(path, '/');
	return slash ? bh_strndup(path, (size_t)(slash - path)) : NULL;
}

static void *open_beside(void)
{
	static const char *const places[] = {"", "/../lib", ("/../" BH_LIBRARY_FOLDER)};
	BH_AUTO(bh_free) char *folder = own_folder();
	void *library = NULL;
	for (size_t i = 0; i < BH_COUNT(places) && folder && !library; i++) {
		BH_AUTO(bh_free) char *path = bh_format("%s%s/" FILE_NAME, folder, places[i]);
		if (path && access(path, R_OK) == 0)
			library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	}
	return library;
}

const bh_net_library *bh_net_library_load(const char *path, char **why)
{
	if (!path)
		path = secure_getenv("BULKHEAD_NET_LIBRARY");
	void *library = path ? NULL : open_beside();
	if (!library)
		library = dlopen(path ? path : FILE_NAME, RTLD_NOW | RTLD_LOCAL);
	const bh_net_library *found = library ? dlsym(library, BH_NET_ENTRY) : NULL;
	if (found && found->abi == BH_NET_ABI)
		return found;
	if (library)
		*why = bh_strdup("libbulkhead-net is of another version: install the one that came with this library");
	else
		*why = bh_strdup("this host has no HTTP client: install libbulkhead-net and libcurl (Debian: libcurl4)");
	if (library && !found)
		dlclose(library);
	return NULL;
}
