#include "base/reach.h"

#include <arpa/inet.h>
#include <string.h>

#define V4(prefix_, ...)                                                                                               \
	{                                                                                                                  \
		.kind = BH_NET_NETWORK, .bits = 32, .prefix = (prefix_), .address = { __VA_ARGS__ }                            \
	}
#define V6(prefix_, ...)                                                                                               \
	{                                                                                                                  \
		.kind = BH_NET_NETWORK, .bits = 128, .prefix = (prefix_), .address = { __VA_ARGS__ }                           \
	}

/*
 * What is not the public internet, by the registries of special-purpose addresses (RFC 6890), and where clouds tell
 * machines about themselves. An IPv4 address in IPv6 is looked at as the IPv4 address it is.
 */
static const bh_net_host special[] = {
	V4(8, 0),                          /* this network; 0.0.0.0 is this machine */
	V4(8, 10),                         /* private */
	V4(10, 100, 64),                   /* behind a carrier; a cloud's metadata */
	V4(8, 127),                        /* loopback */
	V4(16, 169, 254),                  /* link-local; clouds' metadata */
	V4(12, 172, 16),                   /* private */
	V4(24, 192, 0, 0),                 /* protocol assignments; a cloud's metadata */
	V4(24, 192, 0, 2),                 /* documentation */
	V4(24, 192, 88, 99),               /* relays of 6to4 */
	V4(16, 192, 168),                  /* private */
	V4(15, 198, 18),                   /* benchmarks */
	V4(24, 198, 51, 100),              /* documentation */
	V4(24, 203, 0, 113),               /* documentation */
	V4(4, 224),                        /* multicast */
	V4(4, 240),                        /* reserved, broadcast */
	V4(32, 168, 63, 129, 16),          /* a cloud's metadata, at a public address */
	V6(96, 0),                         /* unspecified, loopback, IPv4 in its first form */
	V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), /* translation within a network */
	V6(64, 1),                         /* discarded */
	V6(23, 0x20, 1),                   /* protocol assignments, Teredo */
	V6(32, 0x20, 1, 0x0d, 0xb8),       /* documentation */
	V6(16, 0x20, 2),                   /* 6to4 */
	V6(7, 0xfc),                       /* private; a cloud's metadata */
	V6(10, 0xfe, 0x80),                /* link-local */
	V6(10, 0xfe, 0xc0),                /* site-local */
	V6(8, 0xff),                       /* multicast */
};

/* Public IPv4 addresses as networks without IPv4 have them: looked at as those. */
static bool is_translated(const uint8_t *address, size_t bytes)
{
	static const uint8_t prefix[12] = {0, 0x64, 0xff, 0x9b};
	return bytes == 16 && !memcmp(address, prefix, sizeof prefix);
}

static const bh_net_host *special_network(const uint8_t *address, size_t bytes)
{
	for (size_t i = 0; i < BH_COUNT(special); i++)
		if (bh_net_host_has(&special[i], address, bytes))
			return &special[i];
	return NULL;
}

static bool grants(const bh_net_grant *grant, int protocol, uint16_t port)
{
	return !grant->listen && (grant->protocols & protocol) && (!grant->port || grant->port == port);
}

static bool same_text(const char *granted, const char *host, size_t length)
{
	return strlen(granted) == length && !strncasecmp(granted, host, length);
}

/* An address as it is usually written; 0 bytes if it is none. */
static size_t read_address(uint8_t address[16], const char *host, size_t length)
{
	char text[INET6_ADDRSTRLEN] = "";
	if (length >= sizeof text)
		return 0;
	memcpy(text, host, length);
	if (inet_pton(AF_INET, text, address) == 1)
		return 4;
	return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}

bool bh_reach_host(const bh_permissions *permissions, int protocol, const char *host, size_t length, uint16_t port)
{
	uint8_t address[16];
	size_t bytes = read_address(address, host, length);
	const bh_net_grant *grant;
	for (size_t i = 0; permissions && (grant = bh_permissions_net_at(permissions, i)); i++) {
		if (!grants(grant, protocol, port))
			continue;
		if (same_text(grant->host, host, length) || (bytes && bh_net_host_has(&grant->where, address, bytes)))
			return true;
	}
	return false;
}

bool bh_reach_address(const bh_permissions *permissions, int protocol, const uint8_t *address, size_t bytes,
                      uint16_t port)
{
	if (is_translated(address, bytes)) {
		address += 12;
		bytes = 4;
	}
	const bh_net_host *network = special_network(address, bytes);
	const bh_net_grant *grant;
	for (size_t i = 0; network && permissions && (grant = bh_permissions_net_at(permissions, i)); i++)
		if (grants(grant, protocol, port) && bh_net_host_has(&grant->where, address, bytes) &&
		    bh_net_host_covers(network, "", &grant->where, grant->host))
			return true;
	return !network;
}
