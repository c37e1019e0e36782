#include "terms.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "exit_code.h"
#include "grants.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "text.h"

/* A manifest that cannot be used. Whatever is wrong with it is a matter of configuration. */
static int bad_manifest(const char *path, bh_status status, bh_error *err)
{
	int code = exit_code_of(status);
	if (code != EXIT_NO_FILE && code != EXIT_INTERNAL)
		code = EXIT_CONFIG;
	return report_error(&(report){.file = path}, status, err, code);
}

/* The manifest that --manifest names, else the one beside the component, else none. */
static int load_manifest(terms *t, const settings *s)
{
	bh_error *err = NULL;
	char *found = NULL;
	bh_status status = BH_OK;
	if (!s->manifest)
		status = bh_manifest_find(&found, t->file, &err);
	if (status)
		return bad_manifest(t->file, status, err);
	const char *path = s->manifest ? s->manifest : found;
	int code = 0;
	if (path) {
		status = bh_manifest_load(&t->manifest, path, &err);
		if (status)
			code = bad_manifest(path, status, err);
		else if (!s->quiet && !s->json)
			diagnostics_say(t->manifest);
	}
	bh_string_free(found);
	return code;
}

static void gather_limits(terms *t, const settings *s)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		bh_limit limit = (bh_limit)i;
		uint64_t asked = bh_limits_get(&s->limits, limit);
		uint64_t written = t->manifest ? bh_limits_get(bh_manifest_limits(t->manifest), limit) : 0;
		t->sources[limit] = asked ? TERMS_OPTION : written ? TERMS_MANIFEST : TERMS_DEFAULT;
		bh_limits_set(&t->limits, limit, asked ? asked : written);
	}
	if (t->manifest)
		t->limits.on_memory_limit = bh_manifest_limits(t->manifest)->on_memory_limit;
	terms_fill(&t->limits, t->kind);
}

static int gather_permissions(terms *t, const settings *s)
{
	bh_error *err = NULL;
	bh_status status = t->manifest ? bh_permissions_copy(&t->permissions, bh_manifest_permissions(t->manifest), &err)
	                               : bh_permissions_new(&t->permissions, &err);
	if (status)
		return report_error(&(report){.file = t->file}, status, err, -1);
	return grants_add(t->permissions, s);
}

static int settle(terms *out, const char *file, terms_kind kind, const settings *s)
{
	const settings none = SETTINGS_INIT;
	*out = (terms){.file = file, .kind = kind, .limits = BH_LIMITS_INIT};
	if (!s)
		s = &none;
	if (access(file, F_OK) < 0)
		return report_missing_file(file, errno);
	int code = load_manifest(out, s);
	if (code)
		return code;
	gather_limits(out, s);
	return gather_permissions(out, s);
}

int terms_settle_leniently(terms *out, const char *file, terms_kind kind, const settings *s)
{
	return settle(out, file, kind, s);
}

int terms_settle(terms *out, const char *file, terms_kind kind, const settings *s)
{
	int code = settle(out, file, kind, s);
	if (!code && !out->limits.memory)
		code = report_missing_limits(file, kind == TERMS_RUN ? "run" : "call");
	return code;
}

void terms_deinit(terms *t)
{
	bh_permissions_free(t->permissions);
	bh_manifest_free(t->manifest);
	t->permissions = NULL;
	t->manifest = NULL;
}

void terms_fill(bh_limits *limits, terms_kind kind)
{
	if (kind == TERMS_RUN && !limits->fuel)
		limits->fuel = BH_UNLIMITED;
	if (kind == TERMS_RUN && !limits->execution_ms)
		limits->execution_ms = BH_UNLIMITED;
	bh_limits_fill(limits);
}

/* The other dialects have names of their own for limits, which the manifest itself shows. */
static bool has_own_names(const terms *t)
{
	return t->manifest && bh_manifest_dialect(t->manifest) != BH_DIALECT_FLAT;
}

char *terms_source_text(const terms *t, bh_limit limit)
{
	const bh_limit_info *info = bh_limit_describe(limit);
	switch (t->sources[limit]) {
	case TERMS_OPTION:
		return x_format("--%s", info->flag);
	case TERMS_MANIFEST:
		return has_own_names(t) ? x_copy(bh_manifest_path(t->manifest))
		                        : x_format("%s in %s", info->key, bh_manifest_path(t->manifest));
	default:
		return x_format("the default of `%s`", t->kind == TERMS_RUN ? "run" : "call");
	}
}

char *terms_raise_text(const terms *t, bh_limit limit)
{
	const bh_limit_info *info = bh_limit_describe(limit);
	X_AUTO char *option = info->flag ? x_format("--%s, or ", info->flag) : x_copy("");
	const char *path = t->manifest ? bh_manifest_path(t->manifest) : "Component.toml";
	if (has_own_names(t))
		return x_format("%sin %s", option, path);
	return x_format("%s%s in %s [resources]", option, info->key, path);
}

bool terms_grant_folders(const terms *t)
{
	const char *grant;
	for (size_t i = 0; (grant = bh_permissions_describe(t->permissions, i)); i++)
		if (!strncmp(grant, "read", strlen("read")))
			return true;
	return false;
}
