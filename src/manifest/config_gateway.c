/* [gateway] and [[gateway.module]] of bulkhead.toml: what they must hold, and readers of what only they have. */
#include <string.h>
#include <strings.h>

#include "base/permissions.h"
#include "base/text.h"
#include "manifest/config.h"
#include "manifest/walk.h"

enum { MOST_RULES = 256 };

static void free_match(const bh_chain_match *match)
{
	bh_free((char *)match->path_prefix);
	bh_free((char *)match->method);
	bh_free((char *)match->header);
	bh_free((char *)match->header_value);
}

static void free_module(bh_config_module_entry *entry)
{
	for (size_t i = 0; i < entry->match_count; i++)
		free_match(&entry->matches[i]);
	bh_free(entry->matches);
	bh_free((char *)entry->shown.name);
	bh_free((char *)entry->shown.file);
	bh_permissions_free((bh_permissions *)entry->shown.permissions);
	bh_free(entry);
}

void bh_config_free_gateway(bh_config *config)
{
	bh_config_gateway *g = &config->gateway;
	bh_free((char *)g->listen);
	bh_free((char *)g->upstream);
	bh_free((char *)g->tls_cert);
	bh_free((char *)g->tls_key);
	bh_free((char *)g->compat_listen);
	bh_free((char *)g->state);
	for (size_t i = 0; i < config->module_count; i++)
		free_module(config->modules[i]);
	bh_free(config->modules);
}

/* Readers of values. */

void bh_config_attach(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	static const char *const points[] = {"on-request", "on-response", "on-error"};
	bh_config_module_entry *entry = target;
	entry->shown.attach = 0;
	bool right = node->type == BH_TOML_ARRAY && node->count;
	for (size_t i = 0; right && i < node->count; i++) {
		size_t found = 0;
		while (found < BH_COUNT(points) && !bh_toml_is(&node->children[i], points[found]))
			found++;
		right = found < BH_COUNT(points);
		if (right)
			entry->shown.attach |= 1U << found;
	}
	if (!right)
		bh_config_refuse(c, key, node, "not a list of points",
		                 "Points are \"on-request\", \"on-response\" and \"on-error\"; without this key, all that it "
		                 "exports.",
		                 bh_reader_corrected(&c->r, node, "[\"on-request\"]"));
}

void bh_config_sample(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_module_entry *entry = target;
	double value = node->type == BH_TOML_FLOAT     ? node->as.real
	               : node->type == BH_TOML_INTEGER ? (double)node->as.integer
	                                               : 0;
	if (value > 0 && value <= 100)
		entry->shown.sample = value;
	else
		bh_config_refuse(c, key, node, "not a share", "A share is per cent: above 0, 100 at most.",
		                 bh_reader_corrected(&c->r, node, "10"));
}

/* A rule more, of parts that are copied; NULL: none. */
static void add_rule(bh_config_reader *c, bh_config_module_entry *entry, const bh_chain_match *parts)
{
	bh_chain_match *grown = bh_grow(entry->matches, entry->match_count, &entry->match_capacity, sizeof *entry->matches);
	if (!grown) {
		c->r.failed = true;
		return;
	}
	entry->matches = grown;
	const char *const from[] = {parts->path_prefix, parts->method, parts->header, parts->header_value};
	char *copies[BH_COUNT(from)] = {0};
	for (size_t i = 0; i < BH_COUNT(from); i++)
		copies[i] = from[i] ? bh_reader_keep(&c->r, bh_strdup(from[i])) : NULL;
	entry->matches[entry->match_count++] =
		(bh_chain_match){.path_prefix = copies[0], .method = copies[1], .header = copies[2], .header_value = copies[3]};
}

static bool all_texts(bh_config_reader *c, const bh_config_key *key, const bh_toml_node *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->children[i].type != BH_TOML_STRING) {
			bh_config_refuse(c, key, &list->children[i], "not a text", "A text is wanted here.", NULL);
			return false;
		}
		if (list->children[i].as.text.length && !bh_reader_plain(&c->r, &list->children[i]))
			return false;
	}
	return true;
}

/* One table of rules: the prefix and one of the methods and one of the headers. */
static void read_rule(bh_config_reader *c, bh_config_module_entry *entry, const bh_config_key *key,
                      const bh_toml_node *table)
{
	static const char *const names[] = {"path_prefix", "methods", "headers"};
	for (size_t i = 0; i < table->count; i++)
		if (bh_toml_key_among(&table->children[i], names, BH_COUNT(names)) == BH_COUNT(names))
			bh_warn_unknown(&c->r, &table->children[i],
			                bh_text_nearest(table->children[i].key, names, BH_COUNT(names)));
	const bh_toml_node *prefix = bh_toml_find(table, names[0]), *methods = bh_toml_find(table, names[1]),
					   *headers = bh_toml_find(table, names[2]);
	if ((prefix && prefix->type != BH_TOML_STRING) || (methods && methods->type != BH_TOML_ARRAY) ||
	    (headers && headers->type != BH_TOML_TABLE) || !table->count) {
		bh_config_refuse(c, key, table, "not a rule",
		                 "A rule is written so: match = { path_prefix = \"/api\", methods = [\"POST\"], headers = { "
		                 "x-kind = \"a\" } }",
		                 NULL);
		return;
	}
	if ((prefix && !bh_reader_plain(&c->r, prefix)) || (methods && !all_texts(c, key, methods)) ||
	    (headers && !all_texts(c, key, headers)))
		return;
	size_t method_count = methods && methods->count ? methods->count : 1,
		   header_count = headers && headers->count ? headers->count : 1;
	if (method_count > MOST_RULES || header_count > MOST_RULES ||
	    method_count * header_count + entry->match_count > MOST_RULES) {
		bh_config_refuse(c, key, table, "too many rules", "Methods times headers may be 256.", NULL);
		return;
	}
	for (size_t m = 0; m < method_count; m++)
		for (size_t h = 0; h < header_count; h++) {
			const bh_toml_node *header = headers && headers->count ? &headers->children[h] : NULL;
			add_rule(c, entry,
			         &(bh_chain_match){.path_prefix = prefix ? prefix->as.text.data : NULL,
			                           .method = methods && methods->count ? methods->children[m].as.text.data : NULL,
			                           .header = header ? header->key : NULL,
			                           .header_value = header && header->as.text.length ? header->as.text.data : NULL});
		}
}

void bh_config_match(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	bh_config_module_entry *entry = target;
	bool list = node->type == BH_TOML_ARRAY && node->count && node->children[0].type == BH_TOML_TABLE;
	if (node->type != BH_TOML_TABLE && !list) {
		bh_want_table(&c->r, node);
		return;
	}
	if (!list)
		read_rule(c, entry, key, node);
	for (size_t i = 0; list && i < node->count && bh_reader_goes_on(&c->r); i++)
		if (node->children[i].type == BH_TOML_TABLE)
			read_rule(c, entry, key, &node->children[i]);
		else
			bh_want_table(&c->r, &node->children[i]);
}

/* Modules. */

static void check_module(bh_config_reader *c, const bh_config_module_entry *entry, const bh_toml_node *node)
{
	if (!entry->shown.name && !bh_toml_find(node, "name"))
		bh_reader_error(&c->r, node, BH_E_CONFIG, bh_reader_format(&c->r, "a module without a name"),
		                bh_reader_format(&c->r, "Statistics and errors name modules. Add:"),
		                bh_reader_format(&c->r, "name = \"auth\""));
	if (!bh_toml_find(node, "file"))
		bh_reader_error(&c->r, node, BH_E_CONFIG,
		                bh_reader_format(&c->r, "%s: no file", entry->shown.name ? entry->shown.name : "a module"),
		                bh_reader_format(&c->r, "A module runs a component. Add which:"),
		                bh_reader_format(&c->r, "file = \"auth.wasm\""));
	for (size_t i = 0; entry->shown.name && i + 1 < c->config->module_count; i++) {
		const bh_config_module *other = &c->config->modules[i]->shown;
		if (other->name && !strcmp(other->name, entry->shown.name))
			bh_reader_error(&c->r, bh_toml_find(node, "name"), BH_E_CONFIG,
			                bh_reader_format(&c->r, "%s: the name is taken (line %u)", other->name, other->line),
			                bh_reader_format(&c->r, "Modules have names of their own."), NULL);
	}
}

static void read_module(bh_config_reader *c, const bh_toml_node *node)
{
	bh_config *config = c->config;
	if (node->type != BH_TOML_TABLE) {
		bh_want_table(&c->r, node);
		return;
	}
	if (config->module_count == BH_CONFIG_MAX_MODULES) {
		bh_reader_error(&c->r, node, BH_E_CONFIG,
		                bh_reader_format(&c->r, "more than %d modules", BH_CONFIG_MAX_MODULES), NULL, NULL);
		c->r.full = true;
		return;
	}
	bh_config_module_entry *entry = bh_calloc(1, sizeof *entry);
	bh_config_module_entry **grown =
		entry ? bh_grow(config->modules, config->module_count, &config->module_capacity, sizeof *grown) : NULL;
	if (!grown) {
		bh_free(entry);
		c->r.failed = true;
		return;
	}
	config->modules = grown;
	config->modules[config->module_count++] = entry;
	entry->limits.struct_size = sizeof entry->limits;
	entry->shown.line = node->span.line;
	entry->shown.on_failure = config->gateway.on_failure;
	bh_config_read_table(c, &bh_config_module_section, 0, entry, node);
	check_module(c, entry, node);
	entry->shown.limits = &entry->limits;
	entry->shown.matches = entry->matches;
	entry->shown.match_count = entry->match_count;
}

/* Read behind the other keys, as they have defaults for these. */
void bh_config_modules(bh_config_reader *c, void *target, const bh_config_key *key, const bh_toml_node *node)
{
	(void)target;
	if (node->type != BH_TOML_ARRAY)
		bh_config_refuse(c, key, node, "not a list of modules", "Each module is a table of its own: [[gateway.module]]",
		                 NULL);
}

/* [gateway] as a whole. */

static void want(bh_config_reader *c, const bh_toml_node *table, const char *key, const char *why, const char *example)
{
	bh_reader_error(&c->r, table, BH_E_CONFIG, bh_reader_format(&c->r, "[gateway] without %s", key),
	                bh_reader_format(&c->r, "%s Add:", why), bh_reader_format(&c->r, "%s = \"%s\"", key, example));
}

/* http://HOST[:PORT], or https; nothing behind it. */
static bool is_upstream(const char *text)
{
	size_t scheme = !strncasecmp(text, "http://", 7) ? 7 : !strncasecmp(text, "https://", 8) ? 8 : 0;
	const char *host = text + scheme;
	size_t length = strcspn(host, "/?#@ \\\t");
	return scheme && length && (!host[length] || !strcmp(host + length, "/"));
}

static void check_address(bh_config_reader *c, const bh_toml_node *table, const char *key, const char *value)
{
	const bh_toml_node *node = bh_toml_find(table, key);
	if (value && !bh_config_is_address(value, false))
		bh_reader_error(&c->r, node, BH_E_CONFIG,
		                bh_reader_format(&c->r, "%s = \"%s\": not an address and a port", key, value),
		                bh_reader_format(&c->r, "An address is written so: \"127.0.0.1:8080\", \"[::1]:8080\"."),
		                bh_reader_corrected(&c->r, node, "\"127.0.0.1:8080\""));
}

static void check_gateway(bh_config_reader *c, const bh_toml_node *table)
{
	const bh_config_gateway *g = &c->config->gateway;
	const bh_toml_node *upstream = bh_toml_find(table, "upstream"), *compat = bh_toml_find(table, "compat_listen"),
					   *cert = bh_toml_find(table, "tls_cert"), *key = bh_toml_find(table, "tls_key");
	if (!bh_toml_find(table, "listen"))
		want(c, table, "listen", "It is where clients connect.", "127.0.0.1:8080");
	check_address(c, table, "listen", g->listen);
	if (!upstream)
		want(c, table, "upstream", "It is where requests are sent on to.", "http://127.0.0.1:9000");
	if (g->upstream && !is_upstream(g->upstream))
		bh_reader_error(&c->r, upstream, BH_E_CONFIG,
		                bh_reader_format(&c->r, "upstream = \"%s\": not the address of a server", g->upstream),
		                bh_reader_format(&c->r, "It is http:// or https://, a host and a port, and no path: requests "
		                                        "keep theirs."),
		                bh_reader_corrected(&c->r, upstream, "\"http://127.0.0.1:9000\""));
	if (!cert != !key)
		bh_reader_error(
			&c->r, cert ? cert : key, BH_E_CONFIG,
			bh_reader_format(&c->r, "%s without %s", cert ? "tls_cert" : "tls_key", cert ? "tls_key" : "tls_cert"),
			bh_reader_format(&c->r, "TLS takes both, as PEM files. Add:"),
			bh_reader_format(&c->r, "%s = \"gateway.pem\"", cert ? "tls_key" : "tls_cert"));
	check_address(c, table, "compat_listen", g->compat_listen);
	if (g->compat_listen && bh_config_is_address(g->compat_listen, false) &&
	    !bh_config_is_address(g->compat_listen, true))
		bh_reader_error(&c->r, compat, BH_E_CONFIG,
		                bh_reader_format(&c->r, "compat_listen = \"%s\": not on this machine alone", g->compat_listen),
		                bh_reader_format(&c->r, "Whoever reaches it puts code in front of every request, without a "
		                                        "token: existing tools send none. So it is for this machine alone; "
		                                        "from elsewhere use /wasm of the admin API."),
		                bh_reader_corrected(&c->r, compat, "\"127.0.0.1:8081\""));
}

static void fill(bh_config_gateway *g)
{
	const struct {
		uint64_t *value, otherwise;
	} times[] = {{&g->header_ms, 10000},
	             {&g->idle_ms, 60000},
	             {&g->connect_ms, 5000},
	             {&g->upstream_ms, 60000},
	             {&g->total_ms, 600000},
	             {&g->max_header_size, BH_KIB(32)},
	             {&g->settings.max_body_size, BH_MIB(10)}};
	for (size_t i = 0; i < BH_COUNT(times); i++)
		if (!*times[i].value)
			*times[i].value = times[i].otherwise;
	if (!g->max_connections)
		g->max_connections = 1000;
	if (!g->max_upstream_connections)
		g->max_upstream_connections = 100;
}

void bh_config_read_gateway(bh_config_reader *c, const bh_toml_node *table)
{
	const bh_toml_node *modules = bh_toml_find(table, "module");
	c->config->has_gateway = true;
	bh_config_read_table(c, &bh_config_gateway_section, 0, c->config, table);
	check_gateway(c, table);
	fill(&c->config->gateway);
	for (size_t i = 0; modules && modules->type == BH_TOML_ARRAY && i < modules->count && bh_reader_goes_on(&c->r); i++)
		read_module(c, &modules->children[i]);
}

const bh_config_gateway *bh_config_gateway_of(const bh_config *config)
{
	return config->has_gateway ? &config->gateway : NULL;
}

size_t bh_config_module_count(const bh_config *config)
{
	return config->module_count;
}

const bh_config_module *bh_config_module_at(const bh_config *config, size_t index)
{
	return index < config->module_count ? &config->modules[index]->shown : NULL;
}
