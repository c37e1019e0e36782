/*
 * Whether grants reach a peer: by what it is called, and by the address that it is then connected to. One table of
 * networks that a name must not lead to by itself.
 */
#ifndef BH_BASE_REACH_H
#define BH_BASE_REACH_H

#include "base/permissions.h"

/*
 * Whether a peer may be asked for by this name or address, as text without brackets: a name must be granted as that
 * name, an address as itself or with a network.
 */
bool bh_reach_host(const bh_permissions *permissions, int protocol, const char *host, size_t length, uint16_t port);

/*
 * Whether such a peer may be connected to at this address (4 or 16 bytes). Anybody may at a public one. One of a private
 * or special network must be granted itself, or with a network within that one.
 */
bool bh_reach_address(const bh_permissions *permissions, int protocol, const uint8_t *address, size_t bytes,
                      uint16_t port);

#endif
