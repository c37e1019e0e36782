/* What a manifest is inside. The rooms above use the public header. */
#ifndef BH_MANIFEST_MANIFEST_H
#define BH_MANIFEST_MANIFEST_H

#include "base/error.h"
#include "base/permissions.h"
#include "bulkhead/manifest.h"

/* More remarks than these help nobody. */
enum { BH_MAX_REMARKS = 100 };

/* A remark and what it means to somebody who wants to load the manifest. Owns the strings of `shown`. */
typedef struct {
	bh_diagnostic shown;
	bh_status status; /* of an error; BH_OK for a warning */
	bh_limit limit;   /* the limit it is about, if any, with what is allowed and what was asked for */
	uint64_t allowed;
	uint64_t asked;
} bh_remark;

void bh_remark_deinit(bh_remark *remark);

struct bh_manifest {
	bh_dialect dialect;
	char *path;
	char *name;
	char *version;
	bool stateful;
	bh_limits limits;
	bh_permissions *permissions;
	bh_remark *remarks;
	size_t remark_count;
	size_t remark_capacity;
};

/* Read a text, however much of it is wrong: what is, is in the remarks. `path` as in bh_manifest_parse(). */
bh_status bh_manifest_read(bh_manifest **out, const char *text, size_t length, const char *path, bh_error **err);

/* An empty one: nothing read, nothing granted. */
bh_status bh_manifest_make(bh_manifest **out, const char *path, bh_error **err);

/* The first error among the remarks as an error; BH_OK if there is none. */
bh_status bh_manifest_first_error(const bh_manifest *m, bh_error **err);

/* A component's name as its manifest's path has it: NULL for Component.toml, no path, or no memory. To be freed. */
char *bh_manifest_guess_name(const char *path);

BH_DEFINE_AUTO(bh_manifest *, bh_manifest_free)

#endif
