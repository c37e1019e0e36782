/* [permissions] network: whom the guest may connect to, and where it may listen. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "manifest/access.h"
#include "manifest/walk.h"

static const char *const protocols[] = {"tcp", "udp", "http"};
static const int protocol_bits[] = {BH_NET_TCP, BH_NET_UDP, BH_NET_HTTP};

/* What one entry says so far. */
typedef struct {
	const bh_toml_node *host;
	const bh_toml_node *port;
	const bh_toml_node *protocol;
	bool listen;
	bool wrong; /* a remark was made: nothing is granted */
} entry;

static void complain(bh_reader *r, entry *e, const bh_toml_node *node, const char *what, const char *hint,
                     const char *value)
{
	char *text = bh_reader_excerpt(r, node->span);
	const char *key = node->key_length ? node->key : NULL;
	e->wrong = true;
	if (text)
		bh_reader_error(r, node, BH_E_CONFIG,
		                bh_reader_format(r, "%s%s%s: %s", key ? key : "", key ? " = " : "", text, what),
		                bh_reader_format(r, "%s", hint), value ? bh_reader_corrected(r, node, value) : NULL);
	bh_free(text);
}

/* 1 to 65535, or "any" as 0. */
static uint16_t read_port(bh_reader *r, entry *e, const bh_toml_node *node)
{
	if (bh_toml_is(node, "any"))
		return 0;
	if (node->type == BH_TOML_INTEGER && node->as.integer > 0 && node->as.integer <= UINT16_MAX)
		return (uint16_t)node->as.integer;
	complain(r, e, node, "not a port", "A port is a number from 1 to 65535, or \"any\".", e->listen ? "8080" : "443");
	return 0;
}

static int read_protocol(bh_reader *r, entry *e, const bh_toml_node *node)
{
	size_t known = e->listen ? 2 : 3;
	for (size_t i = 0; i < known; i++)
		if (bh_toml_is(node, protocols[i]))
			return protocol_bits[i];
	const char *near = node->type == BH_TOML_STRING ? bh_text_nearest(node->as.text.data, protocols, known) : NULL;
	char quoted[16];
	snprintf(quoted, sizeof quoted, "\"%s\"", near ? near : "tcp");
	complain(r, e, node, "not a protocol",
	         e->listen ? "Allowed here: \"tcp\", \"udp\", or a list of them."
	                   : "Allowed here: \"tcp\", \"udp\", \"http\", or a list of them.",
	         quoted);
	return 0;
}

static int read_protocols(bh_reader *r, entry *e)
{
	if (!e->protocol)
		return e->listen ? BH_NET_TCP : BH_NET_TCP | BH_NET_HTTP;
	if (e->protocol->type != BH_TOML_ARRAY)
		return read_protocol(r, e, e->protocol);
	int bits = 0;
	for (size_t i = 0; i < e->protocol->count && bh_reader_goes_on(r); i++)
		bits |= read_protocol(r, e, &e->protocol->children[i]);
	if (!bits && !e->wrong)
		complain(r, e, e->protocol, "no protocol", "Name one, or leave the key out.", "[\"tcp\"]");
	return bits;
}

/* Sort an entry's keys out; `host_key` is "host", or "address" for listening. */
static void read_keys(bh_reader *r, entry *e, const bh_toml_node *node, const char *host_key)
{
	const char *const names[] = {host_key, "port", "protocol"};
	const bh_toml_node **const places[] = {&e->host, &e->port, &e->protocol};
	for (size_t i = 0; i < node->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *child = &node->children[i];
		size_t row = bh_toml_key_among(child, names, BH_COUNT(names));
		if (row < BH_COUNT(names))
			*places[row] = child;
		else
			bh_warn_unknown(r, child, bh_text_nearest(child->key, names, BH_COUNT(names)));
	}
}

/* What a peer looks like: "HOST:PORT" rewritten, or an example. */
static void show_peer(char *out, size_t size, const bh_toml_node *node)
{
	const char *text = node->type == BH_TOML_STRING ? node->as.text.data : "";
	const char *colon = strrchr(text, ':');
	size_t host = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:");
	bool plain = colon && colon > text && colon[1] && host == strlen(text) && host < size / 2 &&
	             strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon) <= 6;
	if (plain)
		snprintf(out, size, "{ host = \"%.*s\", port = %s }", (int)(colon - text), text, colon + 1);
	else
		snprintf(out, size, "{ host = \"api.example.com\", port = 443 }");
}

static void read_outbound(bh_reader *r, const bh_toml_node *node)
{
	entry e = {.listen = false};
	char example[256];
	show_peer(example, sizeof example, node);
	if (node->type != BH_TOML_TABLE) {
		complain(r, &e, node, "not a peer", "A peer is a table with host and port, and protocol if need be.", example);
		return;
	}
	read_keys(r, &e, node, "host");
	if (!e.host || !e.port) {
		complain(r, &e, node, e.host ? "a peer without a port" : "a peer without a host",
		         "Both must be said; port = \"any\" grants all ports.", e.host ? NULL : example);
		return;
	}
	uint16_t port = read_port(r, &e, e.port);
	int bits = read_protocols(r, &e);
	if (!bh_reader_plain(r, e.host) || e.wrong)
		return;
	bh_error *err = NULL;
	if (bh_permissions_allow_net(r->manifest->permissions, e.host->as.text.data, port, bits, &err))
		bh_reader_refused(r, e.host, err, NULL, NULL);
}

/* A port, or a table that says more. */
static void read_inbound(bh_reader *r, const bh_toml_node *node)
{
	entry e = {.listen = true, .port = node};
	if (node->type == BH_TOML_TABLE) {
		e.port = NULL;
		read_keys(r, &e, node, "address");
	}
	if (!e.port) {
		complain(r, &e, node, "no port to listen on", "port must be said; port = \"any\" grants all ports.", NULL);
		return;
	}
	uint16_t port = read_port(r, &e, e.port);
	int bits = read_protocols(r, &e);
	if ((e.host && !bh_reader_plain(r, e.host)) || e.wrong)
		return;
	bh_error *err = NULL;
	const char *address = e.host ? e.host->as.text.data : "*";
	if (bh_permissions_allow_listen(r->manifest->permissions, address, port, bits, &err))
		bh_reader_refused(r, e.host ? e.host : e.port, err, NULL, NULL);
}

void bh_read_network(bh_reader *r, const bh_toml_node *table)
{
	static const char *const names[] = {"outbound", "inbound"};
	static void (*const readers[])(bh_reader *, const bh_toml_node *) = {read_outbound, read_inbound};
	static const char *const examples[] = {"[{ host = \"api.example.com\", port = 443 }]", "[8080]"};
	for (size_t i = 0; i < table->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *node = &table->children[i];
		entry e = {.listen = false};
		size_t row = bh_toml_key_among(node, names, BH_COUNT(names));
		if (row == BH_COUNT(names)) {
			bh_warn_unknown(r, node, bh_text_nearest(node->key, names, BH_COUNT(names)));
		} else if (node->type != BH_TOML_ARRAY) {
			complain(r, &e, node, "not a list",
			         row ? "A list of ports is wanted here." : "A list of peers is wanted here.", examples[row]);
		} else {
			for (size_t j = 0; j < node->count && bh_reader_goes_on(r); j++)
				readers[row](r, &node->children[j]);
		}
	}
}
