/* Network rules: which peers, or local addresses, a grant stands for, and whether one grant covers another. */
#ifndef BH_BASE_NET_RULE_H
#define BH_BASE_NET_RULE_H

#include "base/error.h"

typedef enum {
	BH_NET_ANY,     /* "*": every local address; listening only */
	BH_NET_ADDRESS, /* "10.0.0.1", "::1" */
	BH_NET_NETWORK, /* "10.0.0.0/8" */
	BH_NET_NAME     /* "api.example.com" */
} bh_net_kind;

/* What a host text means. An IPv4 address that is mapped into IPv6 counts as the IPv4 address it is. */
typedef struct {
	bh_net_kind kind;
	uint8_t bits;        /* of an address: 32 or 128; 0 for the other kinds */
	uint8_t prefix;      /* of a network; of an address all its bits */
	uint8_t address[16]; /* in network order; the first 4 for IPv4 */
} bh_net_host;

/*
 * Read a host as people write it, IPv6 in brackets or not. BH_OK; BH_E_INVALID with what is allowed;
 * BH_E_UNSUPPORTED for patterns of names, which cannot be told from an address.
 */
bh_status bh_net_host_parse(bh_net_host *out, const char *text, bool listen, bh_error **err);

/* Whether `address` (4 or 16 bytes) is the rule's address or in its network. Names are not looked at. */
bool bh_net_host_has(const bh_net_host *rule, const uint8_t *address, size_t bytes);

/* Whether every address of `asked` is one of `granted`; names are compared as text. */
bool bh_net_host_covers(const bh_net_host *granted, const char *granted_text, const bh_net_host *asked,
                        const char *asked_text);

#endif
