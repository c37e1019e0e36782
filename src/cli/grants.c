#include "grants.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exit_code.h"
#include "memory.h"
#include "output.h"

/* The library's opinion on a value we could read; frees the error. */
static int refused(const char *option, const char *value, bh_status status, bh_error *err)
{
	say_error(NULL, "%s %s: %s", option, value, err ? bh_error_message(err) : bh_status_text(status));
	if (err && bh_error_hint(err))
		say_more("%s", bh_error_hint(err));
	bh_error_free(err);
	return status == BH_E_INVALID ? EXIT_USAGE : exit_code_of(status);
}

/* HOST[::GUEST][:ro|:rw]. Text behind the last colon that is neither belongs to the path. */
static int add_dir(bh_permissions *permissions, const char *value)
{
	X_AUTO char *host = x_copy(value);
	int access = BH_DIR_READ_WRITE;
	char *colon = strrchr(host, ':');
	if (colon && (!strcmp(colon, ":ro") || !strcmp(colon, ":rw"))) {
		access = !strcmp(colon, ":ro") ? BH_DIR_READ_ONLY : BH_DIR_READ_WRITE;
		*colon = '\0';
	}
	const char *guest = host;
	char *separator = strstr(host, "::");
	if (separator) {
		*separator = '\0';
		guest = separator + 2;
	}
	if (!*host || !*guest)
		return say_usage_error(
			NULL, "--dir %s: it takes HOST, HOST::GUEST or either with :ro, such as ./data::/data:ro", value);
	struct stat info;
	if (stat(host, &info) < 0 || !S_ISDIR(info.st_mode)) {
		say_error(NULL, "--dir %s: %s: no such folder", value, host);
		return EXIT_NO_FILE;
	}
	bh_error *err = NULL;
	bh_status status = bh_permissions_allow_dir(permissions, host, guest, access, &err);
	return status ? refused("--dir", value, status, err) : 0;
}

/* A socket address as people write it. */
typedef struct {
	char *host;
	uint16_t port; /* 0: any */
	int protocols;
} peer;

/* "/udp" behind a port; false if it is none of the protocols in `allowed`. */
static bool read_protocol(const char *text, int allowed, int *out)
{
	static const struct {
		const char *name;
		int bit;
	} rows[] = {{"/tcp", BH_NET_TCP}, {"/udp", BH_NET_UDP}, {"/http", BH_NET_HTTP}};
	for (size_t i = 0; i < X_COUNT(rows); i++)
		if (!strcmp(text, rows[i].name) && rows[i].bit & allowed) {
			*out = rows[i].bit;
			return true;
		}
	return false;
}

/* "443", "*", "53/udp"; false if it is none of these. */
static bool read_port(const char *text, int allowed, peer *out)
{
	char *end = (char *)text + 1;
	unsigned long port = 0;
	if (*text != '*') {
		port = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || !port || port > UINT16_MAX)
			return false;
	}
	out->port = (uint16_t)port;
	return !*end || read_protocol(end, allowed, &out->protocols);
}

/* Read "host:port", "[::1]:port", which is cut up; false if it is neither. */
static bool read_peer(char *text, int allowed, peer *out)
{
	char *colon = strrchr(text, ':');
	if (!colon || !read_port(colon + 1, allowed, out))
		return false;
	*colon = '\0';
	out->host = text;
	size_t length = strlen(text);
	if (text[0] == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		out->host = text + 1;
	} else if (strchr(text, ':')) {
		return false; /* an IPv6 address without brackets: its last group is no port */
	}
	return *out->host != '\0';
}

static int add_net(bh_permissions *permissions, const char *value)
{
	X_AUTO char *text = x_copy(value);
	peer to = {.protocols = BH_NET_TCP | BH_NET_HTTP};
	if (!read_peer(text, BH_NET_TCP | BH_NET_UDP | BH_NET_HTTP, &to))
		return say_usage_error(
			NULL,
			"--allow-net %s: it takes HOST:PORT, such as example.com:443, 10.0.0.0/8:*, [::1]:80 or 10.0.0.1:53/udp",
			value);
	bh_error *err = NULL;
	bh_status status = bh_permissions_allow_net(permissions, to.host, to.port, to.protocols, &err);
	return status ? refused("--allow-net", value, status, err) : 0;
}

static int add_listen(bh_permissions *permissions, const char *value)
{
	X_AUTO char *text = x_copy(value);
	char any[] = "*";
	peer on = {.host = any, .protocols = BH_NET_TCP};
	int allowed = BH_NET_TCP | BH_NET_UDP;
	if (!read_port(text, allowed, &on) && !read_peer(text, allowed, &on))
		return say_usage_error(
			NULL, "--allow-listen %s: it takes PORT or ADDRESS:PORT, such as 8080, 127.0.0.1:8080 or 5353/udp", value);
	bh_error *err = NULL;
	bh_status status = bh_permissions_allow_listen(permissions, on.host, on.port, on.protocols, &err);
	return status ? refused("--allow-listen", value, status, err) : 0;
}

static int add_capability(bh_permissions *permissions, const char *option, const char *value)
{
	bh_error *err = NULL;
	bh_status status = bh_permissions_allow_capability(permissions, value, &err);
	return status ? refused(option, value, status, err) : 0;
}

/* Who may use a folder or a peer may do so by way of bulkhead:host too. */
static int add_implied(bh_permissions *permissions, const settings *s)
{
	int code = 0;
	if (s->dirs.count)
		code = add_capability(permissions, "--dir", "filesystem::read");
	if (s->nets.count && !code)
		code = add_capability(permissions, "--allow-net", "network::http_fetch");
	return code;
}

int grants_add(bh_permissions *permissions, const settings *s)
{
	int code = 0;
	for (size_t i = 0; i < s->dirs.count && !code; i++)
		code = add_dir(permissions, s->dirs.items[i]);
	for (size_t i = 0; i < s->nets.count && !code; i++)
		code = add_net(permissions, s->nets.items[i]);
	for (size_t i = 0; i < s->listens.count && !code; i++)
		code = add_listen(permissions, s->listens.items[i]);
	for (size_t i = 0; i < s->capabilities.count && !code; i++)
		code = add_capability(permissions, "--allow", s->capabilities.items[i]);
	return code ? code : add_implied(permissions, s);
}
