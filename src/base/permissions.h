/* Permissions as data: what the engine room reads when it makes an instance. */
#ifndef BH_BASE_PERMISSIONS_H
#define BH_BASE_PERMISSIONS_H

#include "base/net_rule.h"
#include "bulkhead/permissions.h"

/* A granted folder. */
typedef struct {
	char *host;  /* as given: absolute, or relative to the working directory */
	char *guest; /* what the guest calls it */
	char *text;  /* the grant in words */
	bool read_write;
} bh_dir_grant;

/* A granted peer, or a local address to listen on. */
typedef struct {
	char *host;        /* as given */
	char *text;        /* the grant in words */
	bh_net_host where; /* what it means */
	uint16_t port;     /* 0: any */
	uint8_t protocols; /* bh_net_protocol, or-ed */
	bool listen;
} bh_net_grant;

/* All NULL past the end. Pointers live until the set is changed or freed. */
size_t bh_permissions_dir_count(const bh_permissions *permissions);
const bh_dir_grant *bh_permissions_dir_at(const bh_permissions *permissions, size_t index);
size_t bh_permissions_net_count(const bh_permissions *permissions);
const bh_net_grant *bh_permissions_net_at(const bh_permissions *permissions, size_t index);

/* The granted capabilities one by one; and whether one is among them. */
size_t bh_permissions_capability_count(const bh_permissions *permissions);
const char *bh_permissions_capability_at(const bh_permissions *permissions, size_t index);
bool bh_permissions_capable(const bh_permissions *permissions, const char *capability);

/* A copy with only some of the capabilities; those that are not granted are not in it either. */
bh_status bh_permissions_copy_with(bh_permissions **out, const bh_permissions *from, const char *const *capabilities,
                                   size_t count, bh_error **err);

/* Whether a text can name a capability; BH_E_INVALID. */
bh_status bh_capability_check(const char *capability, bh_error **err);

/* What a folder is called if nobody names it (see bh_permissions_allow_dir); to be freed, NULL without memory. */
char *bh_permissions_guest_name(const char *host) __attribute__((warn_unused_result));

BH_DEFINE_AUTO(bh_permissions *, bh_permissions_free)

#endif
