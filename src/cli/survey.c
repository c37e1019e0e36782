#include "survey.h"

#include <errno.h>
#include <string.h>

#include "exit_code.h"
#include "memory.h"

/* Without declared limits, so that a component that needs more than it declares can be looked at too. */
static int load(survey *v, const settings *s)
{
	v->wide_terms = (terms){.file = v->file, .kind = TERMS_CALL, .limits = BH_LIMITS_INIT};
	v->wide_terms.limits.memory = bh_limit_describe(BH_LIMIT_MEMORY)->maximum;
	v->wide_terms.limits.table_elements = bh_limit_describe(BH_LIMIT_TABLE_ELEMENTS)->maximum;
	if (v->artifact.engine[0] && !v->artifact.metered)
		v->wide_terms.limits.fuel = BH_UNLIMITED;
	bh_limits_fill(&v->wide_terms.limits);
	int code = guest_load(
		&v->guest, &v->wide_terms,
		&(guest_options){.wrap_modules = true, .unlinked = true, .quiet = s->quiet || s->json, .trust = s->trust});
	if (!code)
		bh_component_describe(v->guest.component, &v->needs);
	return code;
}

int survey_take(survey *out, const char *file, const settings *s)
{
	*out = (survey){.file = file, .needs = {.struct_size = sizeof out->needs}};
	if (wasm_file_read(&out->bytes, file))
		return report_missing_file(file, errno);
	out->artifact = (bh_artifact_info)BH_ARTIFACT_INFO_INIT;
	if (out->bytes.kind == WASM_OTHER)
		(void)!bh_artifact_describe(&out->artifact, file, NULL);
	int code = load(out, s);
	if (code)
		return code;
	terms_kind kind = out->needs.command ? TERMS_RUN : TERMS_CALL;
	return terms_settle_leniently(&out->terms, file, kind, s);
}

void survey_deinit(survey *v)
{
	guest_deinit(&v->guest);
	terms_deinit(&v->terms);
}

static char *wasi_version_in(const bh_item *item)
{
	const char *at = item->interface ? strrchr(item->interface, '@') : NULL;
	return at && !strncmp(item->interface, "wasi:", strlen("wasi:")) ? x_copy(at + 1) : NULL;
}

char *survey_wasi_version(const survey *v)
{
	if (v->needs.wrapped)
		return x_copy("0.1");
	const bh_item *item;
	char *version = NULL;
	for (size_t i = 0; !version && (item = bh_component_import_at(v->guest.component, i)); i++)
		version = wasi_version_in(item);
	for (size_t i = 0; !version && (item = bh_component_export_at(v->guest.component, i)); i++)
		version = wasi_version_in(item);
	return version;
}

bool survey_imports(const survey *v, const char *prefix)
{
	const bh_item *item;
	for (size_t i = 0; (item = bh_component_import_at(v->guest.component, i)); i++)
		if (item->interface && !strncmp(item->interface, prefix, strlen(prefix)))
			return true;
	return false;
}

const char *survey_availability(const char *interface)
{
	static const struct {
		const char *prefix;
		const char *text;
	} rows[] = {
		{"wasi:filesystem/", "empty unless granted: --dir"},
		{"wasi:sockets/", "refused unless granted: --allow-net, --allow-listen"},
		{"wasi:http/", "denied unless granted: --allow-net"},
		{"bulkhead:host/filesystem", "refused unless granted: --dir"},
		{"bulkhead:host/network", "refused unless granted: --allow-net"},
		{"bulkhead:host/time", "refused unless granted: --allow time::sleep"},
		{"bulkhead:host/supervision", "in the daemon, where granted: capability supervision, spawn = [...]"},
		{"wasi:cli/environment", "holds what --env and the command line give"},
		{"wasi:", "always available"},
	};
	for (size_t i = 0; interface && i < X_COUNT(rows); i++)
		if (!strncmp(interface, rows[i].prefix, strlen(rows[i].prefix)))
			return rows[i].text;
	return NULL;
}
