/** Permissions: what a component may reach outside itself. Nothing is allowed that was not granted. */
#ifndef BULKHEAD_PERMISSIONS_H
#define BULKHEAD_PERMISSIONS_H

#include "error.h"

BH_BEGIN

/**
 * A set of grants. Built by one thread; once handed to a component it is copied, so it may be changed or
 * freed afterwards.
 */

/**
 * What may be done in a granted folder.
 *
 * WASI knows two grants, reading (files, listings and metadata) and everything. Combinations that it cannot
 * express, such as writing without deleting, are refused with BH_E_UNSUPPORTED and never widened.
 */
typedef enum {
	BH_DIR_READ = 1,
	BH_DIR_LIST = 2,
	BH_DIR_WRITE = 4,
	BH_DIR_DELETE = 8,
	BH_DIR_READ_ONLY = BH_DIR_READ | BH_DIR_LIST,
	BH_DIR_READ_WRITE = BH_DIR_READ | BH_DIR_LIST | BH_DIR_WRITE | BH_DIR_DELETE
} bh_dir_access;

typedef enum { BH_NET_TCP = 1, BH_NET_UDP = 2, BH_NET_HTTP = 4 } bh_net_protocol;

/** An empty set: nothing is allowed. \return BH_OK; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_permissions_new(bh_permissions **out, bh_error **err);

/** A copy. \return BH_OK; BH_E_INVALID (NULL); BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_permissions_copy(bh_permissions **out, const bh_permissions *from, bh_error **err);

/** Release. NULL is allowed. */
BH_API void bh_permissions_free(bh_permissions *permissions);

/**
 * Grant a folder.
 *
 * FIFOs, sockets and devices inside it cannot be opened whatever the access: a blocked open would pin a host
 * thread for ever.
 *
 * Granting a folder again under the same guest name raises its access; another folder under a guest name that
 * is taken is refused.
 *
 * \param host    the folder; it must exist when an instance is made. Relative to the working directory then
 * \param guest   what the guest calls it, such as "/data"; NULL names it after `host`: "./data" and "../data"
 *                are "/data", "." is "/", an absolute path is itself
 * \param access  BH_DIR_READ_ONLY or BH_DIR_READ_WRITE
 *
 * \return BH_OK; BH_E_INVALID; BH_E_UNSUPPORTED (a combination WASI cannot express); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_permissions_allow_dir(bh_permissions *permissions, const char *host, const char *guest,
                                                      int access, bh_error **err);

/**
 * Grant connections to, or datagrams with, a peer.
 *
 * \param host       an address ("10.0.0.1", "::1"), a network ("10.0.0.0/8"), or a name. A name grants the
 *                   addresses it has when the guest connects, and lets the guest resolve that name.
 * \param port       0 for any
 * \param protocols  bh_net_protocol, or-ed
 *
 * \return BH_OK; BH_E_INVALID; BH_E_UNSUPPORTED (a pattern such as "*.example.com"); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_permissions_allow_net(bh_permissions *permissions, const char *host, uint16_t port,
                                                      int protocols, bh_error **err);

/**
 * Grant listening on a local port.
 *
 * \param address    the local address, or "*" for any
 * \param port       0 for any
 * \param protocols  BH_NET_TCP, BH_NET_UDP, or-ed
 *
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_permissions_allow_listen(bh_permissions *permissions, const char *address,
                                                         uint16_t port, int protocols, bh_error **err);

/**
 * Grant a capability: calling the host functions of the program that need it (imports.h).
 *
 * \param capability  what the function was defined with: "kv", "time::sleep"; letters, digits and : - _ . / @
 *
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_permissions_allow_capability(bh_permissions *permissions, const char *capability,
                                                             bh_error **err);

/** How many grants there are, and one of them in words ("read ./data as /data"), NULL past the end. */
BH_API size_t bh_permissions_count(const bh_permissions *permissions);
BH_API const char *bh_permissions_describe(const bh_permissions *permissions, size_t index);

/**
 * Whether everything in `asked` is also in `granted`: a parent's permissions bound a child's.
 *
 * A folder must lie in a granted folder, links followed as they are now, with no more access; guest names do
 * not matter. A peer must be a granted peer or in a granted network, with port and protocols granted; names
 * are compared as names. A capability must be granted itself.
 *
 * \return BH_OK; BH_E_DENIED naming the first grant that is not covered; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_permissions_within(const bh_permissions *asked, const bh_permissions *granted,
                                                   bh_error **err);

BH_END

#endif
