/* Permissions: a set of grants. Whether one set is within another is in within.c. */
#include "base/permissions.h"

#include <string.h>

#include "base/text.h"

/* More grants than anybody reads are a mistake or an attack. */
enum { MAX_GRANTS = 1000 };

/* Longer names of capabilities are a mistake. */
enum { MAX_CAPABILITY = 128 };

/* What a host function asks for, and the grant in words. */
typedef struct {
	char *name;
	char *text;
} capability_grant;

struct bh_permissions {
	bh_dir_grant *dirs;
	size_t dir_count, dir_capacity;
	bh_net_grant *nets;
	size_t net_count, net_capacity;
	capability_grant *capabilities;
	size_t capability_count, capability_capacity;
};

bh_status bh_permissions_new(bh_permissions **out, bh_error **err)
{
	bh_permissions *permissions = bh_calloc(1, sizeof *permissions);
	if (!permissions)
		return bh_fail_memory(err);
	*out = permissions;
	return BH_OK;
}

void bh_permissions_free(bh_permissions *permissions)
{
	if (!permissions)
		return;
	for (size_t i = 0; i < permissions->dir_count; i++) {
		bh_free(permissions->dirs[i].host);
		bh_free(permissions->dirs[i].guest);
		bh_free(permissions->dirs[i].text);
	}
	for (size_t i = 0; i < permissions->net_count; i++) {
		bh_free(permissions->nets[i].host);
		bh_free(permissions->nets[i].text);
	}
	for (size_t i = 0; i < permissions->capability_count; i++) {
		bh_free(permissions->capabilities[i].name);
		bh_free(permissions->capabilities[i].text);
	}
	bh_free(permissions->dirs);
	bh_free(permissions->nets);
	bh_free(permissions->capabilities);
	bh_free(permissions);
}

static bh_status no_set(bh_error **err)
{
	return bh_fail(err, BH_E_INVALID, "no permissions to work on");
}

static bh_status too_many(bh_error **err)
{
	return bh_fail(err, BH_E_INVALID, "more than %d grants", MAX_GRANTS);
}

/* Cut the last part off; nothing is above the root. */
static void pop(bh_text *path)
{
	while (path->length && path->data[--path->length] != '/')
		;
	if (path->data)
		path->data[path->length] = '\0';
}

char *bh_permissions_guest_name(const char *host)
{
	bh_text name = {0};
	for (const char *p = host; *p;) {
		size_t length = strcspn(p, "/");
		if (length == 2 && p[0] == '.' && p[1] == '.')
			pop(&name);
		else if (length && !(length == 1 && p[0] == '.'))
			bh_text_add(&name, "/%.*s", (int)length, p);
		p += length + (p[length] == '/');
	}
	if (!name.length)
		bh_text_add(&name, "/");
	return bh_text_take(&name);
}

static char *describe_dir(const char *host, const char *guest, bool read_write)
{
	return bh_format("%s %s as %s", read_write ? "read and write" : "read", host, guest);
}

/* What is wrong with an access mask; BH_OK if it is one of the two that WASI has. */
static bh_status check_access(const char *host, int access, bh_error **err)
{
	if (access == BH_DIR_READ_ONLY || access == BH_DIR_READ_WRITE)
		return BH_OK;
	if (access & ~BH_DIR_READ_WRITE || !access)
		return bh_fail(err, BH_E_INVALID, "%s: %#x is no access to a folder", host, (unsigned)access);
	bh_error *e = bh_error_begin(err, BH_E_UNSUPPORTED, "%s: WASI cannot grant%s%s%s%s without the rest", host,
	                             access & BH_DIR_READ ? " reading" : "", access & BH_DIR_LIST ? " listing" : "",
	                             access & BH_DIR_WRITE ? " writing" : "", access & BH_DIR_DELETE ? " deleting" : "");
	bh_error_hint_set(e, "There are two grants: BH_DIR_READ_ONLY (reading and listing) and BH_DIR_READ_WRITE "
	                     "(reading, listing, writing and deleting).");
	return BH_E_UNSUPPORTED;
}

/* Raise the access of a folder that is granted already, if more is granted now. */
static bh_status raise_access(bh_permissions *permissions, size_t index, bool read_write, bh_error **err)
{
	bh_dir_grant *dir = &permissions->dirs[index];
	if (!read_write || dir->read_write)
		return BH_OK;
	char *text = describe_dir(dir->host, dir->guest, true);
	if (!text)
		return bh_fail_memory(err);
	bh_free(dir->text);
	dir->text = text;
	dir->read_write = true;
	return BH_OK;
}

/* Put a grant at the end of the set; takes over the guest's name when it succeeds. */
static bh_status add_dir(bh_permissions *permissions, const char *host, char *guest, bool read_write, bh_error **err)
{
	bh_dir_grant *grown = bh_grow(permissions->dirs, permissions->dir_count, &permissions->dir_capacity, sizeof *grown);
	if (!grown)
		return bh_fail_memory(err);
	permissions->dirs = grown;
	BH_AUTO(bh_free) char *copy = bh_strdup(host);
	char *text = copy ? describe_dir(host, guest, read_write) : NULL;
	if (!text)
		return bh_fail_memory(err);
	permissions->dirs[permissions->dir_count++] = (bh_dir_grant){BH_TAKE(copy), guest, text, read_write};
	return BH_OK;
}

bh_status bh_permissions_allow_dir(bh_permissions *permissions, const char *host, const char *guest, int access,
                                   bh_error **err)
{
	if (!permissions)
		return no_set(err);
	if (!host || !*host || (guest && !*guest))
		return bh_fail(err, BH_E_INVALID, "a folder without a name");
	bh_status status = check_access(host, access, err);
	if (status)
		return status;
	BH_AUTO(bh_free) char *name = guest ? bh_strdup(guest) : bh_permissions_guest_name(host);
	if (!name)
		return bh_fail_memory(err);
	for (size_t length = strlen(name); length > 1 && name[length - 1] == '/'; length--)
		name[length - 1] = '\0';

	bool read_write = access == BH_DIR_READ_WRITE;
	for (size_t i = 0; i < permissions->dir_count; i++) {
		const bh_dir_grant *dir = &permissions->dirs[i];
		if (strcmp(dir->guest, name) != 0)
			continue;
		if (strcmp(dir->host, host) != 0)
			return bh_fail(err, BH_E_INVALID, "%s and %s would both be %s for the guest", dir->host, host, name);
		return raise_access(permissions, i, read_write, err);
	}
	if (permissions->dir_count == MAX_GRANTS)
		return too_many(err);
	status = add_dir(permissions, host, name, read_write, err);
	if (!status)
		name = NULL;
	return status;
}

static char *describe_net(const bh_net_grant *rule)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {{BH_NET_TCP, "tcp"}, {BH_NET_UDP, "udp"}, {BH_NET_HTTP, "http"}};
	bool bare_v6 = rule->where.kind == BH_NET_ADDRESS && *rule->host != '[' && strchr(rule->host, ':');
	bh_text text = {0};
	bh_text_add(&text, rule->listen ? "listen on " : "connect to ");
	bh_text_add(&text, bare_v6 ? "[%s]:" : "%s:", rule->host);
	if (rule->port)
		bh_text_add(&text, "%u by", rule->port);
	else
		bh_text_add(&text, "* by");
	const char *separator = " ";
	for (size_t i = 0; i < BH_COUNT(names); i++) {
		if (!(rule->protocols & names[i].bit))
			continue;
		bh_text_add(&text, "%s%s", separator, names[i].name);
		separator = ", ";
	}
	return bh_text_take(&text);
}

static bh_status add_net(bh_permissions *permissions, const bh_net_grant *rule, bh_error **err)
{
	bh_net_grant *grown = bh_grow(permissions->nets, permissions->net_count, &permissions->net_capacity, sizeof *grown);
	if (!grown)
		return bh_fail_memory(err);
	permissions->nets = grown;
	BH_AUTO(bh_free) char *host = bh_strdup(rule->host);
	char *text = host ? describe_net(rule) : NULL;
	if (!text)
		return bh_fail_memory(err);
	bh_net_grant *kept = &permissions->nets[permissions->net_count++];
	*kept = *rule;
	kept->host = BH_TAKE(host);
	kept->text = text;
	return BH_OK;
}

static bh_status allow(bh_permissions *permissions, const char *host, uint16_t port, int protocols, bool listen,
                       bh_error **err)
{
	int known = BH_NET_TCP | BH_NET_UDP | (listen ? 0 : BH_NET_HTTP);
	if (!permissions)
		return no_set(err);
	if (!host)
		return bh_fail(err, BH_E_INVALID, "a rule without a host");
	if (!protocols || protocols & ~known)
		return bh_fail(err, BH_E_INVALID, "%s: %#x is no set of protocols here", host, (unsigned)protocols);
	bh_net_grant rule = {.host = (char *)host, .port = port, .protocols = (uint8_t)protocols, .listen = listen};
	bh_status status = bh_net_host_parse(&rule.where, host, listen, err);
	if (status)
		return status;
	return permissions->net_count == MAX_GRANTS ? too_many(err) : add_net(permissions, &rule, err);
}

bh_status bh_permissions_allow_net(bh_permissions *permissions, const char *host, uint16_t port, int protocols,
                                   bh_error **err)
{
	return allow(permissions, host, port, protocols, false, err);
}

bh_status bh_permissions_allow_listen(bh_permissions *permissions, const char *address, uint16_t port, int protocols,
                                      bh_error **err)
{
	return allow(permissions, address, port, protocols, true, err);
}

bh_status bh_capability_check(const char *capability, bh_error **err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_./@";
	if (!capability || !*capability)
		return bh_fail(err, BH_E_INVALID, "a capability without a name");
	size_t length = strspn(capability, allowed);
	if (!capability[length] && length <= MAX_CAPABILITY)
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_INVALID, "not the name of a capability");
	bh_error_hint_set(e, "Names are of letters, digits and : - _ . / @, and at most %d bytes long.", MAX_CAPABILITY);
	return BH_E_INVALID;
}

bool bh_permissions_capable(const bh_permissions *permissions, const char *capability)
{
	for (size_t i = 0; i < permissions->capability_count; i++)
		if (!strcmp(permissions->capabilities[i].name, capability))
			return true;
	return false;
}

bh_status bh_permissions_allow_capability(bh_permissions *permissions, const char *capability, bh_error **err)
{
	if (!permissions)
		return no_set(err);
	bh_status status = bh_capability_check(capability, err);
	if (status || bh_permissions_capable(permissions, capability))
		return status;
	if (permissions->capability_count == MAX_GRANTS)
		return too_many(err);
	capability_grant *grown = bh_grow(permissions->capabilities, permissions->capability_count,
	                                  &permissions->capability_capacity, sizeof *grown);
	if (!grown)
		return bh_fail_memory(err);
	permissions->capabilities = grown;
	BH_AUTO(bh_free) char *name = bh_strdup(capability);
	char *text = name ? bh_format("call what needs %s", capability) : NULL;
	if (!text)
		return bh_fail_memory(err);
	grown[permissions->capability_count++] = (capability_grant){BH_TAKE(name), text};
	return BH_OK;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bh_status copy(bh_permissions **out, const bh_permissions *from, const char *const *capabilities, size_t count,
                      bh_error **err)
{
	BH_AUTO(bh_permissions_free) bh_permissions *copied = NULL;
	bh_status status = bh_permissions_new(&copied, err);
	for (size_t i = 0; i < from->dir_count && !status; i++) {
		const bh_dir_grant *dir = &from->dirs[i];
		int access = dir->read_write ? BH_DIR_READ_WRITE : BH_DIR_READ_ONLY;
		status = bh_permissions_allow_dir(copied, dir->host, dir->guest, access, err);
	}
	for (size_t i = 0; i < from->net_count && !status; i++) {
		const bh_net_grant *net = &from->nets[i];
		status = allow(copied, net->host, net->port, net->protocols, net->listen, err);
	}
	for (size_t i = 0; i < from->capability_count && !status; i++)
		if (!capabilities || is_among(from->capabilities[i].name, capabilities, count))
			status = bh_permissions_allow_capability(copied, from->capabilities[i].name, err);
	if (!status)
		*out = BH_TAKE(copied);
	return status;
}

bh_status bh_permissions_copy(bh_permissions **out, const bh_permissions *from, bh_error **err)
{
	return from ? copy(out, from, NULL, 0, err) : no_set(err);
}

bh_status bh_permissions_copy_with(bh_permissions **out, const bh_permissions *from, const char *const *capabilities,
                                   size_t count, bh_error **err)
{
	return from ? copy(out, from, capabilities, count, err) : no_set(err);
}

size_t bh_permissions_count(const bh_permissions *permissions)
{
	return permissions->dir_count + permissions->net_count + permissions->capability_count;
}

const char *bh_permissions_describe(const bh_permissions *permissions, size_t index)
{
	if (index < permissions->dir_count)
		return permissions->dirs[index].text;
	index -= permissions->dir_count;
	if (index < permissions->net_count)
		return permissions->nets[index].text;
	index -= permissions->net_count;
	return index < permissions->capability_count ? permissions->capabilities[index].text : NULL;
}

size_t bh_permissions_capability_count(const bh_permissions *permissions)
{
	return permissions->capability_count;
}

const char *bh_permissions_capability_at(const bh_permissions *permissions, size_t index)
{
	return index < permissions->capability_count ? permissions->capabilities[index].name : NULL;
}

size_t bh_permissions_dir_count(const bh_permissions *permissions)
{
	return permissions->dir_count;
}

const bh_dir_grant *bh_permissions_dir_at(const bh_permissions *permissions, size_t index)
{
	return index < permissions->dir_count ? &permissions->dirs[index] : NULL;
}

size_t bh_permissions_net_count(const bh_permissions *permissions)
{
	return permissions->net_count;
}

const bh_net_grant *bh_permissions_net_at(const bh_permissions *permissions, size_t index)
{
	return index < permissions->net_count ? &permissions->nets[index] : NULL;
}
