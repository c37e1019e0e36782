/* Manifests from the outside: reading one whole, and what came of it. */
#include "manifest/manifest.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "manifest/reader.h"
#include "manifest/syntax.h"
#include "manifest/walk.h"

void bh_manifest_free(bh_manifest *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->remark_count; i++)
		bh_remark_deinit(&m->remarks[i]);
	bh_free(m->remarks);
	bh_permissions_free(m->permissions);
	bh_free(m->version);
	bh_free(m->name);
	bh_free(m->path);
	bh_free(m);
}

bh_status bh_manifest_make(bh_manifest **out, const char *path, bh_error **err)
{
	BH_AUTO(bh_manifest_free) bh_manifest *m = bh_calloc(1, sizeof *m);
	if (!m)
		return bh_fail_memory(err);
	m->limits.struct_size = sizeof m->limits;
	m->stateful = true;
	if (path && !(m->path = bh_strdup(path)))
		return bh_fail_memory(err);
	bh_status status = bh_permissions_new(&m->permissions, err);
	if (!status)
		*out = BH_TAKE(m);
	return status;
}

bh_status bh_manifest_read(bh_manifest **out, const char *text, size_t length, const char *path, bh_error **err)
{
	if (length > BH_TOML_MAX_BYTES)
		return bh_fail(err, BH_E_CONFIG, "%s: larger than 1 MiB", path ? path : "the manifest");
	BH_AUTO(bh_manifest_free) bh_manifest *m = NULL;
	bh_status status = bh_manifest_make(&m, path, err);
	if (status)
		return status;
	BH_AUTO(bh_free) char *folder = path ? bh_path_folder(path) : bh_strdup(".");
	bh_reader r = {.manifest = m, .text = text, .length = length, .folder = folder, .failed = !folder};
	BH_AUTO(bh_toml_free) bh_toml *document = bh_syntax_parse(&r);
	if (document)
		bh_walk(&r, bh_toml_root(document));
	if (r.failed)
		return bh_fail_memory(err);
	bh_reader_sort(&r);
	*out = BH_TAKE(m);
	return BH_OK;
}

/* Fix lines go below the hint, set apart so that they can be pasted. */
static void set_hint(bh_error *e, const bh_diagnostic *d)
{
	bh_text text = {0};
	bh_text_add(&text, "%s", d->hint ? d->hint : "");
	for (const char *line = d->fix; line && *line;) {
		size_t length = strcspn(line, "\n");
		bh_text_add(&text, "%s", text.length ? line == d->fix ? "\n\n" : "\n" : "");
		bh_text_add(&text, length ? "    %.*s" : "%.*s", (int)length, line);
		line += length + (line[length] == '\n');
	}
	if (text.length)
		bh_error_hint_set(e, "%s", text.data);
	bh_text_deinit(&text);
}

bh_status bh_manifest_first_error(const bh_manifest *m, bh_error **err)
{
	for (size_t i = 0; i < m->remark_count; i++) {
		const bh_remark *remark = &m->remarks[i];
		if (remark->shown.severity != BH_SEVERITY_ERROR)
			continue;
		bh_error *e = bh_error_begin(err, remark->status, "%s", remark->shown.message);
		bh_error_location_set(e, &remark->shown.where);
		bh_error_limit_set(e, remark->limit, remark->allowed, remark->asked);
		set_hint(e, &remark->shown);
		return remark->status;
	}
	return BH_OK;
}

bh_status bh_manifest_parse(bh_manifest **out, const char *text, size_t length, const char *path, bh_error **err)
{
	if (!text && length)
		return bh_fail(err, BH_E_INVALID, "no text");
	BH_AUTO(bh_manifest_free) bh_manifest *m = NULL;
	bh_status status = bh_manifest_read(&m, text ? text : "", length, path, err);
	if (!status)
		status = bh_manifest_first_error(m, err);
	if (!status)
		*out = BH_TAKE(m);
	return status;
}

bh_status bh_manifest_load(bh_manifest **out, const char *path, bh_error **err)
{
	if (!path)
		return bh_fail(err, BH_E_INVALID, "no path");
	BH_AUTO(bh_free) char *text = NULL;
	size_t length = 0;
	bh_status status = bh_file_read(&text, &length, path, BH_TOML_MAX_BYTES, err);
	return status ? status : bh_manifest_parse(out, text, length, path, err);
}

bh_status bh_manifest_check(bh_manifest **out, const char *path, bh_error **err)
{
	if (!path)
		return bh_fail(err, BH_E_INVALID, "no path");
	BH_AUTO(bh_free) char *text = NULL;
	size_t length = 0;
	bh_status status = bh_file_read(&text, &length, path, BH_TOML_MAX_BYTES, err);
	return status ? status : bh_manifest_read(out, text, length, path, err);
}

bh_dialect bh_manifest_dialect(const bh_manifest *m)
{
	return m->dialect;
}

const char *bh_manifest_path(const bh_manifest *m)
{
	return m->path;
}

const char *bh_manifest_name(const bh_manifest *m)
{
	return m->name;
}

const char *bh_manifest_version(const bh_manifest *m)
{
	return m->version;
}

const bh_limits *bh_manifest_limits(const bh_manifest *m)
{
	return &m->limits;
}

const bh_permissions *bh_manifest_permissions(const bh_manifest *m)
{
	return m->permissions;
}

bool bh_manifest_stateful(const bh_manifest *m)
{
	return m->stateful;
}

size_t bh_manifest_diagnostic_count(const bh_manifest *m)
{
	return m->remark_count;
}

const bh_diagnostic *bh_manifest_diagnostic(const bh_manifest *m, size_t index)
{
	return index < m->remark_count ? &m->remarks[index].shown : NULL;
}
