/* Going through bulkhead.toml: its tables, what is unknown in them, and what [admin] must hold. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "manifest/config.h"
#include "manifest/walk.h"

/* In a table of children, or in [supervisor], tables are children. */
static bool is_child(unsigned kind, const bh_toml_node *node)
{
	return kind == BH_CONFIG_ROOT && node->type == BH_TOML_TABLE;
}

static bool has_key(const bh_config_key *key, unsigned kind)
{
	return kind ? key->kinds & kind : !key->kinds;
}

static void unknown(bh_config_reader *c, const bh_config_section *section, unsigned kind, const bh_toml_node *node)
{
	enum { MAX_NAMES = 64 };
	const char *names[MAX_NAMES];
	size_t count = 0;
	for (size_t i = 0; i < section->count && count < MAX_NAMES; i++)
		if (has_key(&section->keys[i], kind))
			names[count++] = section->keys[i].name;
	bh_warn_unknown(&c->r, node, bh_text_nearest(node->key, names, count));
}

void bh_config_read_table(bh_config_reader *c, const bh_config_section *section, unsigned kind, void *target,
                          const bh_toml_node *table)
{
	for (size_t i = 0; i < table->count && bh_reader_goes_on(&c->r); i++) {
		const bh_toml_node *node = &table->children[i];
		const bh_config_key *found = NULL;
		for (size_t j = 0; j < section->count && !found; j++) {
			const bh_config_key *key = &section->keys[j];
			if (has_key(key, kind) && strlen(key->name) == node->key_length &&
			    !memcmp(key->name, node->key, node->key_length))
				found = key;
		}
		if (is_child(kind, node))
			continue;
		if (found)
			found->read(c, target, found, node);
		else
			unknown(c, section, kind, node);
	}
}

bool bh_config_is_address(const char *text, bool loopback)
{
	char host[INET6_ADDRSTRLEN + 16];
	struct in6_addr address;
	struct in_addr four;
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof host)
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	size_t length = strlen(host), digits = strspn(colon + 1, "0123456789");
	long port = strtol(colon + 1, NULL, 10);
	if (!digits || digits > 5 || colon[1 + digits] || port < 1 || port > 65535)
		return false;
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, &address) == 1 && (!loopback || IN6_IS_ADDR_LOOPBACK(&address));
	}
	return !strcmp(host, "localhost") ||
	       (inet_pton(AF_INET, host, &four) == 1 && (!loopback || ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET));
}

static void check_admin(bh_config_reader *c, const bh_toml_node *table)
{
	const bh_config_admin *admin = &c->config->admin;
	const bh_toml_node *listen = bh_toml_find(table, "listen"), *socket = bh_toml_find(table, "socket");
	const struct sockaddr_un *address = NULL;
	if (admin->socket && strlen(admin->socket) >= sizeof address->sun_path)
		bh_reader_error(&c->r, socket, BH_E_CONFIG,
		                bh_reader_format(&c->r, "socket: a path of %zu bytes is too long", strlen(admin->socket)),
		                bh_reader_format(&c->r, "The system allows %zu bytes for a socket's path, folder included.",
		                                 sizeof address->sun_path - 1),
		                NULL);
	if (admin->listen && !bh_config_is_address(admin->listen, false))
		bh_reader_error(&c->r, listen, BH_E_CONFIG,
		                bh_reader_format(&c->r, "listen = \"%s\": not an address and a port", admin->listen),
		                bh_reader_format(&c->r, "An address is written so: \"127.0.0.1:9797\", \"[::1]:9797\"."),
		                bh_reader_corrected(&c->r, listen, "\"127.0.0.1:9797\""));
	if (admin->listen && !admin->token_file)
		bh_reader_error(
			&c->r, listen, BH_E_CONFIG, bh_reader_format(&c->r, "listen without token_file"),
			bh_reader_format(&c->r, "Who can connect to a TCP port can be anybody, and who reaches the admin API "
		                            "starts, stops and replaces what runs here. So TCP takes a token: 32 characters "
		                            "at least, in a file that only this user can read. Leave `listen` out, or add:"),
			bh_reader_format(&c->r, "token_file = \"admin.token\""));
}

static void read_host(bh_config_reader *c, const bh_toml_node *table)
{
	bh_config_read_table(c, &bh_config_host_section, 0, c->config, table);
}

static void read_log(bh_config_reader *c, const bh_toml_node *table)
{
	bh_config_read_table(c, &bh_config_log_section, 0, c->config, table);
}

static void read_admin(bh_config_reader *c, const bh_toml_node *table)
{
	bh_config_read_table(c, &bh_config_admin_section, 0, c->config, table);
	check_admin(c, table);
}

static void read_root(bh_config_reader *c, const bh_toml_node *table)
{
	bh_config_entry entry = {.options = c->config->root};
	bh_config_read_table(c, &bh_config_child_section, BH_CONFIG_ROOT, &entry, table);
	c->config->root.strategy = entry.options.strategy;
	c->config->root.on_intensity = entry.options.on_intensity;
	c->config->root.most_restarts = entry.options.most_restarts;
	c->config->root.window_ms = entry.options.window_ms;
}

static const struct {
	const char *name;
	void (*read)(bh_config_reader *c, const bh_toml_node *table); /* NULL: children, which are read together */
} tables[] = {
	{"host", read_host}, {"log", read_log}, {"admin", read_admin}, {"supervisor", read_root},
	{"service", NULL},   {"task", NULL},    {"component", NULL},   {"gateway", bh_config_read_gateway},
};

void bh_config_walk(bh_config_reader *c, const bh_toml_node *root)
{
	const char *names[BH_COUNT(tables)];
	for (size_t i = 0; i < BH_COUNT(tables); i++)
		names[i] = tables[i].name;
	for (size_t i = 0; i < root->count && bh_reader_goes_on(&c->r); i++) {
		const bh_toml_node *node = &root->children[i];
		size_t row = bh_toml_key_among(node, names, BH_COUNT(tables));
		if (row == BH_COUNT(tables))
			bh_warn_unknown(&c->r, node, bh_text_nearest(node->key, names, BH_COUNT(tables)));
		else if (node->type != BH_TOML_TABLE)
			bh_want_table(&c->r, node);
		else if (tables[row].read)
			tables[row].read(c, node);
	}
	bh_config_read_children(c, root);
	if (!c->r.failed)
		bh_config_read_components(c, root);
}
