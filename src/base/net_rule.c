#include "base/net_rule.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum { MAX_NAME = 253, MAX_LABEL = 63 };

static bh_status refuse(const char *text, bool listen, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_INVALID, "\"%s\": not a%s", text,
	                             listen ? " local address" : "n address, a network or a name");
	bh_error_hint_set(e, listen ? "Write an address such as \"127.0.0.1\" or \"::1\", or \"*\" for all of them."
	                            : "Write an address (\"10.0.0.1\", \"::1\"), a network (\"10.0.0.0/8\") or a name "
	                              "(\"api.example.com\").");
	return BH_E_INVALID;
}

static bh_status refuse_pattern(const char *text, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_UNSUPPORTED, "\"%s\": patterns cannot be granted", text);
	bh_error_hint_set(e, "A connection is made to an address, which does not tell what names it has. Name each host; "
	                     "or grant every address with \"0.0.0.0/0\" and \"::/0\".");
	return BH_E_UNSUPPORTED;
}

/* "10.0.0.1" or "::1", without prefix; false for anything else. */
static bool read_address(bh_net_host *out, const char *text)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t address[16] = {0};
	uint8_t bits = 128;
	if (inet_pton(AF_INET, text, address) == 1)
		bits = 32;
	else if (inet_pton(AF_INET6, text, address) != 1)
		return false;
	if (bits == 128 && !memcmp(address, mapped, sizeof mapped)) {
		memmove(address, address + sizeof mapped, 4);
		memset(address + 4, 0, 12);
		bits = 32;
	}
	*out = (bh_net_host){.kind = BH_NET_ADDRESS, .bits = bits, .prefix = bits};
	memcpy(out->address, address, sizeof address);
	return true;
}

/* Whether the bits behind the prefix are all zero; clears them. */
static bool clear_host_bits(bh_net_host *net)
{
	bool clean = true;
	for (unsigned i = 0; i < net->bits / 8; i++) {
		unsigned kept = i * 8 >= net->prefix ? 0 : net->prefix - i * 8 >= 8 ? 8 : net->prefix - i * 8;
		uint8_t mask = (uint8_t)(0xff00 >> kept);
		clean = clean && !(net->address[i] & (uint8_t)~mask);
		net->address[i] &= mask;
	}
	return clean;
}

/* `address`/`prefix`, given apart. */
static bh_status read_network(bh_net_host *out, const char *text, const char *address, const char *prefix,
                              bh_error **err)
{
	bh_net_host net;
	bool v6 = strchr(address, ':') != NULL;
	if (!read_address(&net, address) || !isdigit((unsigned char)*prefix) || strlen(prefix) > 3)
		return refuse(text, false, err);
	unsigned length = 0;
	for (const char *p = prefix; *p; p++) {
		if (!isdigit((unsigned char)*p))
			return refuse(text, false, err);
		length = length * 10 + (unsigned)(*p - '0');
	}
	/* A network of mapped addresses is an IPv4 network; a wider one has no IPv4 form. */
	unsigned shift = v6 && net.bits == 32 ? 96 : 0;
	if (length < shift || length - shift > net.bits)
		return refuse(text, false, err);
	net.kind = BH_NET_NETWORK;
	net.prefix = (uint8_t)(length - shift);
	if (!clear_host_bits(&net)) {
		char clean[INET6_ADDRSTRLEN] = "";
		inet_ntop(net.bits == 32 ? AF_INET : AF_INET6, net.address, clean, sizeof clean);
		bh_error *e = bh_error_begin(err, BH_E_INVALID, "\"%s\": the address has bits behind its prefix", text);
		bh_error_hint_set(e, "Write \"%s/%u\" for the network, or the address alone.", clean, net.prefix);
		return BH_E_INVALID;
	}
	*out = net;
	return BH_OK;
}

static bool is_label(const char *label, size_t length)
{
	if (!length || length > MAX_LABEL || label[0] == '-' || label[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

/* Decimal, or hexadecimal behind 0x. */
static bool is_number(const char *label, size_t length)
{
	bool hex = length >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
	for (size_t i = hex ? 2 : 0; i < length; i++)
		if (hex ? !isxdigit((unsigned char)label[i]) : !isdigit((unsigned char)label[i]))
			return false;
	return true;
}

/*
 * Whether it is a host name. One whose last label is a number is none: resolvers take such text for an address
 * in one of its old spellings.
 */
static bool is_name(const char *text)
{
	if (strlen(text) > MAX_NAME)
		return false;
	for (;;) {
		size_t length = strcspn(text, ".");
		if (!is_label(text, length))
			return false;
		if (!text[length] || !text[length + 1])
			return !is_number(text, length);
		text += length + 1;
	}
}

bh_status bh_net_host_parse(bh_net_host *out, const char *text, bool listen, bh_error **err)
{
	char plain[128];
	size_t length = strlen(text);
	if (listen && !strcmp(text, "*")) {
		*out = (bh_net_host){.kind = BH_NET_ANY};
		return BH_OK;
	}
	if (!listen && strchr(text, '*'))
		return refuse_pattern(text, err);
	if (!listen && is_name(text)) {
		*out = (bh_net_host){.kind = BH_NET_NAME};
		return BH_OK;
	}

	/* What is left is an address or a network, perhaps "[::1]" or "[fe80::]/10". */
	if (length >= sizeof plain)
		return refuse(text, listen, err);
	memcpy(plain, text, length + 1);
	char *slash = strchr(plain, '/');
	if (slash)
		*slash = '\0';
	char *address = plain;
	size_t end = strlen(plain);
	if (end > 2 && plain[0] == '[' && plain[end - 1] == ']' && strchr(plain, ':')) {
		plain[end - 1] = '\0';
		address = plain + 1;
	}
	if (slash && !listen)
		return read_network(out, text, address, slash + 1, err);
	if (slash || !read_address(out, address))
		return refuse(text, listen, err);
	return BH_OK;
}

bool bh_net_host_has(const bh_net_host *rule, const uint8_t *address, size_t bytes)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	if (rule->kind == BH_NET_ANY)
		return true;
	if (bytes == 16 && !memcmp(address, mapped, sizeof mapped)) {
		address += sizeof mapped;
		bytes = 4;
	}
	if (rule->kind == BH_NET_NAME || rule->bits != bytes * 8)
		return false;
	unsigned whole = rule->prefix / 8, rest = rule->prefix % 8;
	if (memcmp(rule->address, address, whole) != 0)
		return false;
	return !rest || ((rule->address[whole] ^ address[whole]) & (uint8_t)(0xff00 >> rest)) == 0;
}

/* Names are equal whatever their case and whether or not they end in a dot. */
static bool same_name(const char *a, const char *b)
{
	size_t m = strlen(a), n = strlen(b);
	m -= m && a[m - 1] == '.';
	n -= n && b[n - 1] == '.';
	return m == n && !strncasecmp(a, b, m);
}

bool bh_net_host_covers(const bh_net_host *granted, const char *granted_text, const bh_net_host *asked,
                        const char *asked_text)
{
	if (granted->kind == BH_NET_ANY)
		return true;
	if (granted->kind == BH_NET_NAME || asked->kind == BH_NET_NAME || asked->kind == BH_NET_ANY)
		return granted->kind == asked->kind && same_name(granted_text, asked_text);
	return granted->prefix <= asked->prefix && bh_net_host_has(granted, asked->address, asked->bits / 8);
}
