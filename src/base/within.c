/* Whether one set of permissions is within another: a parent's permissions bound a child's. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/permissions.h"
#include "base/text.h"

/* Whether `path` is `folder` or lies in it; both real and absolute. */
static bool lies_in(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	if (length && folder[length - 1] == '/') /* the root */
		length--;
	return !strncmp(path, folder, length) && (path[length] == '\0' || path[length] == '/');
}

/* The part of a path behind the folders that exist: plain names only, since nothing can be said about others. */
static bool add_rest(bh_text *real, const char *rest)
{
	while (*rest) {
		size_t length = strcspn(rest, "/");
		if (length == 2 && rest[0] == '.' && rest[1] == '.')
			return false;
		if (length && !(length == 1 && rest[0] == '.'))
			bh_text_add(real, "%s%.*s", real->length && real->data[real->length - 1] == '/' ? "" : "/", (int)length,
			            rest);
		rest += length + (rest[length] == '/');
	}
	return true;
}

/* Cut the last part off a path; false if it has none left. */
static bool cut_last(char *path)
{
	size_t length = strlen(path);
	while (length && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	path[length] = '\0';
	return length && strcmp(path, "/") != 0;
}

/* The longest part of a path that exists, with links followed, into `real`; how many bytes of the path it is. */
static bool real_part(char *real, size_t *bytes, char *path)
{
	bool absolute = *path == '/';
	bool more = true;
	while (more) {
		struct stat info;
		if (realpath(path, real)) {
			*bytes = strlen(path);
			return true;
		}
		/* What is there and leads nowhere, such as a dangling link, may lead anywhere tomorrow. */
		if ((errno != ENOENT && errno != ENOTDIR) || lstat(path, &info) == 0)
			return false;
		more = cut_last(path);
	}
	*bytes = 0;
	return realpath(absolute ? "/" : ".", real);
}

/*
 * A path as it is now, links followed; what does not exist yet is appended as written. Success with *out NULL
 * means that the path leads somewhere unknown.
 */
static bh_status real_path(char **out, const char *path, bh_error **err)
{
	char real[PATH_MAX];
	BH_AUTO(bh_free) char *known = bh_strdup(path);
	if (!known)
		return bh_fail_memory(err);
	for (size_t length = strlen(known); length > 1 && known[length - 1] == '/'; length--)
		known[length - 1] = '\0';
	size_t bytes;
	*out = NULL;
	if (!real_part(real, &bytes, known))
		return BH_OK;
	BH_AUTO(bh_text) bh_text text = {0};
	bh_text_add(&text, "%s", real);
	if (!add_rest(&text, path + bytes))
		return BH_OK;
	*out = bh_text_take(&text);
	return *out ? BH_OK : bh_fail_memory(err);
}

static bh_status dir_covered(bool *covered, const bh_dir_grant *asked, const bh_permissions *granted, bh_error **err)
{
	*covered = false;
	BH_AUTO(bh_free) char *inner = NULL;
	bh_status status = real_path(&inner, asked->host, err);
	const bh_dir_grant *dir;
	for (size_t i = 0; inner && !*covered && (dir = bh_permissions_dir_at(granted, i)); i++) {
		if (asked->read_write && !dir->read_write)
			continue;
		BH_AUTO(bh_free) char *outer = NULL;
		status = real_path(&outer, dir->host, err);
		if (status)
			return status;
		*covered = outer && lies_in(inner, outer);
	}
	return status;
}

/* Each protocol must be covered, by one rule or another. */
static bool net_covered(const bh_net_grant *asked, const bh_permissions *granted)
{
	unsigned missing = asked->protocols;
	const bh_net_grant *net;
	for (size_t i = 0; missing && (net = bh_permissions_net_at(granted, i)); i++) {
		if (net->listen != asked->listen || (net->port && net->port != asked->port))
			continue;
		if (bh_net_host_covers(&net->where, net->host, &asked->where, asked->host))
			missing &= ~(unsigned)net->protocols;
	}
	return !missing;
}

static bh_status denied(const char *grant, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_DENIED, "%s: not within what is granted", grant);
	bh_error_hint_set(e, "Grant it to the parent as well, or ask for less.");
	return BH_E_DENIED;
}

bh_status bh_permissions_within(const bh_permissions *asked, const bh_permissions *granted, bh_error **err)
{
	if (!asked || !granted)
		return bh_fail(err, BH_E_INVALID, "no permissions to compare");
	const bh_dir_grant *dir;
	for (size_t i = 0; (dir = bh_permissions_dir_at(asked, i)); i++) {
		bool covered;
		bh_status status = dir_covered(&covered, dir, granted, err);
		if (status)
			return status;
		if (!covered)
			return denied(dir->text, err);
	}
	const bh_net_grant *net;
	for (size_t i = 0; (net = bh_permissions_net_at(asked, i)); i++)
		if (!net_covered(net, granted))
			return denied(net->text, err);
	const char *capability;
	for (size_t i = 0; (capability = bh_permissions_capability_at(asked, i)); i++)
		if (!bh_permissions_capable(granted, capability))
			return denied(capability, err);
	return BH_OK;
}
