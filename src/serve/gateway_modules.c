/* Modules: what is said of one, and the component that it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "gateway_internal.h"
#include "memory.h"

uint64_t epoch_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void time_text(uint64_t ms, char out[32])
{
	struct tm parts;
	time_t seconds = (time_t)(ms / 1000);
	gmtime_r(&seconds, &parts);
	size_t length = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out + length, 32 - length, ".%03uZ", (unsigned)(ms % 1000));
}

void record_free(module_record *m)
{
	if (!m)
		return;
	sv_free(m->uuid);
	sv_free(m->name);
	sv_free(m->file);
	sv_free(m->signature);
	bh_component_unref(m->component);
	store_free(&m->texts);
	sv_free(m);
}

module_record *list_find(const module_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i]->name, name))
			return list->items[i];
	return NULL;
}

bool list_add(module_list *list, module_record *m)
{
	module_record **grown = sv_grow(list->items, list->count, &list->capacity, sizeof *grown);
	if (!grown)
		return false;
	list->items = grown;
	list->items[list->count++] = m;
	return true;
}

static bh_status no_memory(bh_error **err)
{
	return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
}

static module_record *record_new(const char *name, const char *file)
{
	char uuid[37];
	module_record *m = sv_alloc(sizeof *m);
	if (!m)
		return NULL;
	uuid7(uuid, NULL);
	m->uuid = sv_copy(uuid);
	m->name = sv_copy(name);
	m->file = sv_copy(file);
	m->created_ms = m->accessed_ms = epoch_ms();
	m->options = (bh_chain_module_options)BH_CHAIN_MODULE_INIT;
	m->options.name = m->name;
	if (m->uuid && m->name && m->file)
		return m;
	record_free(m);
	return NULL;
}

static void note_digest(module_record *m)
{
	const uint8_t *digest = bh_component_digest(m->component);
	for (int i = 0; i < 32; i++)
		snprintf(m->sha256 + 2 * i, 3, "%02x", digest[i]);
	m->options.component = m->component;
}

/* The gateway's, and over them what is said of the module. */
static void limits_of(const gateway *g, const bh_limits *said, bh_limits *out)
{
	bh_gateway_settings_limits(&g->settings, out);
	for (int i = BH_LIMIT_NONE + 1; said && i < BH_LIMIT_COUNT; i++)
		if (bh_limits_get(said, (bh_limit)i))
			bh_limits_set(out, (bh_limit)i, bh_limits_get(said, (bh_limit)i));
	if (said)
		out->on_memory_limit = said->on_memory_limit;
}

static const char *copy_text(store *s, const char *text, bool *failed)
{
	const char *copy = text ? store_copy(s, text, strlen(text)) : NULL;
	*failed = *failed || (text && !copy);
	return copy;
}

static bool copy_options(module_record *m, const bh_config_module *said)
{
	bool failed = false;
	bh_chain_match *rules = (bh_chain_match *)(void *)store_take(&m->texts, said->match_count * sizeof *rules + 1);
	for (size_t i = 0; rules && i < said->match_count; i++)
		rules[i] = (bh_chain_match){
			.path_prefix = copy_text(&m->texts, said->matches[i].path_prefix, &failed),
			.method = copy_text(&m->texts, said->matches[i].method, &failed),
			.header = copy_text(&m->texts, said->matches[i].header, &failed),
			.header_value = copy_text(&m->texts, said->matches[i].header_value, &failed),
		};
	m->options.attach = said->attach;
	m->options.on_failure = said->on_failure;
	m->options.matches = rules;
	m->options.match_count = said->match_count;
	m->options.sample = said->sample;
	m->options.shadow = said->shadow;
	m->options.reuse = said->reuse;
	return rules && !failed;
}

/* All that was said, and what the gateway says for it, as a text to compare. */
static char *signature_of(const gateway *g, const bh_config_module *said)
{
	sv_text out = {0};
	bh_limits limits = BH_LIMITS_INIT;
	limits_of(g, said->limits, &limits);
	sv_text_add(&out, "%s\n%u %d %f %d %u %d %d\n", said->file, said->attach, (int)said->on_failure, said->sample,
	            said->shadow, said->reuse, said->untrusted, (int)limits.on_memory_limit);
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		sv_text_add(&out, "%llu ", (unsigned long long)bh_limits_get(&limits, (bh_limit)i));
	for (size_t i = 0; said->permissions && i < bh_permissions_count(said->permissions); i++)
		sv_text_add(&out, "\n%s", bh_permissions_describe(said->permissions, i));
	for (size_t i = 0; i < said->match_count; i++) {
		const bh_chain_match *r = &said->matches[i];
		sv_text_add(&out, "\n%s|%s|%s|%s", r->path_prefix ? r->path_prefix : "\1", r->method ? r->method : "\1",
		            r->header ? r->header : "\1", r->header_value ? r->header_value : "\1");
	}
	return sv_text_take(&out);
}

bh_status module_of_config(module_record **out, gateway *g, const bh_config_module *said, bh_error **err)
{
	module_record *m = record_new(said->name, said->file);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	struct stat info;
	if (!m || !copy_options(m, said) || !(m->signature = signature_of(g, said))) {
		record_free(m);
		return no_memory(err);
	}
	m->configured = true;
	m->size = stat(said->file, &info) ? 0 : (uint64_t)info.st_size;
	limits_of(g, said->limits, &options.limits);
	options.permissions = said->permissions;
	options.name = said->name;
	if (said->untrusted)
		options.compile_mode = BH_COMPILE_ISOLATED;
	bh_error *why = NULL;
	bh_status status = bh_component_load_file(&m->component, g->host, said->file, &options, &why);
	if (status) {
		bh_error_new(err, status, "gateway.module %s: %s: %s", said->name, said->file,
		             why ? bh_error_message(why) : bh_status_text(status));
		bh_error_free(why);
		record_free(m);
		return status;
	}
	note_digest(m);
	*out = m;
	return BH_OK;
}

bh_status module_of_file(module_record **out, gateway *g, const char *name, const char *file, uint32_t attach,
                         const char *sha256, bh_error **err)
{
	SV_AUTO char *bytes = NULL;
	size_t length = 0;
	if (!*name || strlen(name) > 256)
		return bh_error_new(err, BH_E_INVALID, "name is empty, or longer than 256 bytes");
	bh_status status = module_read(&bytes, &length, file, err);
	if (status)
		return status;
	module_record *m = record_new(name, file);
	if (!m)
		return no_memory(err);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	limits_of(g, NULL, &options.limits);
	options.name = m->name;
	m->size = length;
	m->options.attach = attach;
	m->options.on_failure = g->on_failure;
	status = bh_component_load_bytes(&m->component, g->host, bytes, length, &options, err);
	if (!status)
		note_digest(m);
	if (!status && sha256 && strcmp(sha256, m->sha256) != 0)
		status = bh_error_new(err, BH_E_STALE, "%s: not what it was when it was registered", file);
	if (status)
		record_free(m);
	else
		*out = m;
	return status;
}
