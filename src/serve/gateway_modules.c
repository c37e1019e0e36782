/* Modules: what is said of one, and the component that it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

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
	said_free(&m->said);
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

/* All that was said of it, wherever, as a text to compare. */
static char *signature_of(const module_terms *given, const bh_config_module *said)
{
	sv_text out = {0};
	const bh_limits *limits = &given->limits;
	sv_text_add(&out, "%s\n%u %d %f %d %u %d %d\n", said->file, said->attach, (int)said->on_failure, said->sample,
	            said->shadow, said->reuse, said->untrusted, (int)limits->on_memory_limit);
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		sv_text_add(&out, "%llu ", (unsigned long long)bh_limits_get(limits, (bh_limit)i));
	for (size_t i = 0; given->permissions && i < bh_permissions_count(given->permissions); i++)
		sv_text_add(&out, "\n%s", bh_permissions_describe(given->permissions, i));
	for (size_t i = 0; i < said->match_count; i++) {
		const bh_chain_match *r = &said->matches[i];
		sv_text_add(&out, "\n%s|%s|%s|%s", r->path_prefix ? r->path_prefix : "\1", r->method ? r->method : "\1",
		            r->header ? r->header : "\1", r->header_value ? r->header_value : "\1");
	}
	return sv_text_take(&out);
}

static bh_status load_configured(module_record *m, const gateway *g, const bh_config_module *said,
                                 const module_terms *given, bh_error **err)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	struct stat info;
	if (!copy_options(m, said) || !(m->signature = signature_of(given, said)))
		return no_memory(err);
	m->configured = true;
	m->size = stat(said->file, &info) ? 0 : (uint64_t)info.st_size;
	options.limits = given->limits;
	options.permissions = given->permissions;
	options.name = said->name;
	if (said->untrusted)
		options.compile_mode = BH_COMPILE_ISOLATED;
	return bh_component_load_file(&m->component, g->host, said->file, &options, err);
}

bh_status module_of_config(module_record **out, gateway *g, const bh_config_module *said, bh_error **err)
{
	module_terms given;
	bh_error *why = NULL;
	module_record *m = record_new(said->name, said->file);
	if (!m)
		return no_memory(err);
	bh_status status = terms_of_config(&given, g, said, &why);
	if (!status)
		status = load_configured(m, g, said, &given, &why);
	terms_free(&given);
	if (status) {
		const bh_location *where = why ? bh_error_location(why) : NULL;
		const char *text = why ? bh_error_message(why) : bh_status_text(status);
		if (where && where->file && where->line)
			bh_error_new(err, status, "gateway.module %s: %s:%u: %s", said->name, where->file, where->line, text);
		else
			bh_error_new(err, status, "gateway.module %s: %s: %s", said->name, said->file, text);
		bh_error_free(why);
		record_free(m);
		return status;
	}
	note_digest(m);
	*out = m;
	return BH_OK;
}

/* What holds of one that was registered, and what was said of it. */
static bh_status take_said(module_record *m, const gateway *g, const registration *asked, bool *apart, bh_error **err)
{
	bh_config *config = NULL;
	m->options.on_failure = g->on_failure;
	if (asked->said && !said_copy(&m->said, asked->said))
		return no_memory(err);
	bh_status status = m->said.keys ? said_config(&config, &m->said, m->file, g->on_failure, err) : BH_OK;
	const bh_config_module *module = config ? bh_config_module_at(config, 0) : NULL;
	if (module && !copy_options(m, module))
		status = no_memory(err);
	*apart = module && module->untrusted;
	m->options.attach = asked->attach;
	bh_config_free(config);
	return status;
}

static bh_status load_registered(module_record *m, const gateway *g, bool apart, const char *bytes, size_t length,
                                 bh_error **err)
{
	module_terms given;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_status status = terms_of_file(&given, g, m, err);
	options.limits = given.limits;
	options.permissions = given.permissions;
	options.name = m->name;
	if (apart)
		options.compile_mode = BH_COMPILE_ISOLATED;
	if (!status)
		status = bh_component_load_bytes(&m->component, g->host, bytes, length, &options, err);
	terms_free(&given);
	return status;
}

bh_status module_of_file(module_record **out, gateway *g, const registration *asked, bh_error **err)
{
	SV_AUTO char *bytes = NULL;
	size_t length = 0;
	bool apart = false;
	if (!*asked->name || strlen(asked->name) > 256)
		return bh_error_new(err, BH_E_INVALID, "name is empty, or longer than 256 bytes");
	bh_status status = module_read(&bytes, &length, asked->file, err);
	if (status)
		return status;
	module_record *m = record_new(asked->name, asked->file);
	if (!m)
		return no_memory(err);
	m->size = length;
	status = take_said(m, g, asked, &apart, err);
	if (!status)
		status = load_registered(m, g, apart, bytes, length, err);
	if (!status)
		note_digest(m);
	if (!status && asked->sha256 && strcmp(asked->sha256, m->sha256) != 0)
		status = bh_error_new(err, BH_E_STALE, "%s: not what it was when it was registered", asked->file);
	if (status)
		record_free(m);
	else
		*out = m;
	return status;
}

bh_status module_without_file(module_record **out, const gateway *g, const registration *asked, bh_error **err)
{
	bool apart;
	module_record *m = record_new(asked->name, asked->file);
	if (!m)
		return no_memory(err);
	m->missing = true;
	memcpy(m->sha256, asked->sha256, sizeof m->sha256);
	bh_status status = take_said(m, g, asked, &apart, err);
	if (status)
		record_free(m);
	else
		*out = m;
	return status;
}

/* A record of its own with the component there is. */
static bh_status same_component(module_record **out, const gateway *g, const module_record *old,
                                const registration *asked, bh_error **err)
{
	module_record *m = NULL;
	bh_status status = module_without_file(&m, g, asked, err);
	if (status)
		return status;
	m->missing = old->missing;
	m->size = old->size;
	m->component = old->component ? bh_component_ref(old->component) : NULL;
	m->options.component = m->component;
	*out = m;
	return BH_OK;
}

bh_status module_succeed(module_record *m, const module_record *old, bh_error **err)
{
	char *uuid = sv_copy(old->uuid);
	if (!uuid)
		return no_memory(err);
	sv_free(m->uuid);
	m->uuid = uuid;
	m->created_ms = old->created_ms;
	m->accessed_ms = old->accessed_ms;
	m->calls = old->calls;
	return BH_OK;
}

bh_status module_again(module_record **out, gateway *g, const module_record *old, bh_error **err)
{
	const registration asked = {old->name, old->file, old->sha256, old->options.attach, &old->said};
	bh_error *why = NULL;
	module_record *m = NULL;
	bh_status status = BH_OK;
	if (old->missing || module_of_file(&m, g, &asked, &why))
		status = same_component(&m, g, old, &asked, err);
	if (why)
		say_failure(BH_LOG_WARNING, "gateway: a registered module keeps the limits it has", why);
	bh_error_free(why);
	if (status)
		return status;
	status = module_succeed(m, old, err);
	if (status)
		record_free(m);
	else
		*out = m;
	return status;
}
