/*
 * The head of a request: what is not allowed is refused here, before anything is sent on. Two servers that read one request
 * differently are how one is smuggled past the first: what can be read in two ways is refused, not repaired.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flow.h"
#include "memory.h"

enum { MOST_HEADERS = 256, MOST_ID = 128 };

/* Headers, as libmicrohttpd read them. */

typedef struct {
	flow *f;
	bool failed, unsound;
} collector;

static enum MHD_Result collect(void *data, enum MHD_ValueKind kind, const char *name, size_t name_length,
                               const char *value, size_t value_length)
{
	(void)kind;
	collector *c = data;
	const bh_header header = {{name, name_length}, {value ? value : "", value ? value_length : 0}};
	c->unsound = c->unsound || !header_is_sound(&header);
	c->failed = c->failed || !heads_add(&c->f->headers, &c->f->store, header.name, header.value);
	return c->failed || c->unsound || c->f->headers.count > MOST_HEADERS ? MHD_NO : MHD_YES;
}

/* The target: "/path?query", which keeps its bytes; "http://host/path" is the same with the host before it. */

static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 127 || *text == '#')
			return false;
	return true;
}

static unsigned read_target(flow *f, const char **why)
{
	const char *at = f->uri;
	*why = "the target is not written as it should be";
	if (!is_clean(at))
		return MHD_HTTP_BAD_REQUEST;
	if (!strncasecmp(at, "http://", 7) || !strncasecmp(at, "https://", 8)) {
		const char *host = strchr(at, ':') + 3;
		size_t length = strcspn(host, "/?");
		const bh_header *named = heads_find(&f->headers, "host");
		*why = "the target names another host than the Host header";
		if (!named || named->value.length != length || strncasecmp(named->value.data, host, length) != 0)
			return MHD_HTTP_BAD_REQUEST;
		at = host + length;
		if (*at != '/') { /* "http://host", "http://host?query" */
			char *made = store_take(&f->store, strlen(at) + 2);
			if (!made)
				return MHD_HTTP_SERVICE_UNAVAILABLE;
			made[0] = '/';
			memcpy(made + 1, at, strlen(at) + 1);
			at = made;
		}
	} else if (*at != '/' && (strcmp(at, "*") != 0 || f->method.length != 7 || memcmp(f->method.data, "OPTIONS", 7))) {
		return MHD_HTTP_BAD_REQUEST;
	}
	size_t path = strcspn(at, "?");
	f->path = (bh_string){at, path};
	f->query = at[path] ? (bh_string){at + path + 1, strlen(at + path + 1)} : (bh_string){"", 0};
	return 0;
}

/* The body's length: one of both ways to say it, once. */

bool header_length(bh_string text, int64_t *out)
{
	int64_t value = 0;
	for (size_t i = 0; i < text.length; i++) {
		int digit = text.data[i] - '0';
		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return text.length > 0;
}

static unsigned read_framing(flow *f, bool old, const char **why)
{
	const bh_header *length = heads_find(&f->headers, "content-length"),
					*encoding = heads_find(&f->headers, "transfer-encoding");
	size_t lengths = heads_count(&f->headers, "content-length"),
		   encodings = heads_count(&f->headers, "transfer-encoding");
	*why = "Content-Length and Transfer-Encoding together, or twice";
	if ((length && encoding) || lengths > 1 || encodings > 1)
		return MHD_HTTP_BAD_REQUEST;
	*why = "a Transfer-Encoding that is not chunked";
	if (encoding && (old || encoding->value.length != 7 || strncasecmp(encoding->value.data, "chunked", 7) != 0))
		return old ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_NOT_IMPLEMENTED;
	*why = "a Content-Length that is no number";
	if (length && !header_length(length->value, &f->length))
		return MHD_HTTP_BAD_REQUEST;
	if (encoding)
		f->length = -1;
	f->has_body = encoding || (length && f->length > 0);
	return 0;
}

static unsigned read_expectations(flow *f, const char **why)
{
	const bh_header *upgrade = heads_find(&f->headers, "upgrade"), *expect = heads_find(&f->headers, "expect");
	*why = "this gateway passes on no upgrades, WebSocket included";
	if (upgrade && !header_has_token(upgrade->value, "h2c"))
		return MHD_HTTP_NOT_IMPLEMENTED;
	*why = "nothing is expected here but 100-continue";
	if (expect && (expect->value.length != 12 || strncasecmp(expect->value.data, "100-continue", 12) != 0))
		return MHD_HTTP_EXPECTATION_FAILED;
	*why = "one Host header is needed";
	if (heads_count(&f->headers, "host") > 1)
		return MHD_HTTP_BAD_REQUEST;
	*why = "this gateway is no tunnel";
	return f->method.length == 7 && !memcmp(f->method.data, "CONNECT", 7) ? MHD_HTTP_NOT_IMPLEMENTED : 0;
}

/* What the upstream is told besides. */

static void name_client(const flow *f, char out[INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(f->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *from = info ? info->client_addr : NULL;
	const char *done = NULL;
	if (from && from->sa_family == AF_INET)
		done = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, out, INET6_ADDRSTRLEN);
	else if (from && from->sa_family == AF_INET6)
		done =
			inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, out, INET6_ADDRSTRLEN);
	if (!done)
		memcpy(out, "unknown", sizeof "unknown");
}

/* One header, which has what came behind commas, and ours last. */
static bool append(flow *f, const char *name, bh_string ours)
{
	sv_text all = {0};
	for (size_t i = 0; i < f->headers.count; i++)
		if (header_is(&f->headers.items[i], name)) {
			sv_text_add_n(&all, f->headers.items[i].value.data, f->headers.items[i].value.length);
			sv_text_add(&all, ", ");
		}
	sv_text_add_n(&all, ours.data, ours.length);
	heads_remove(&f->headers, name);
	bool good = !all.failed &&
	            heads_add(&f->headers, &f->store, (bh_string){name, strlen(name)}, (bh_string){all.data, all.length});
	sv_text_deinit(&all);
	return good;
}

static bool add_forwarded(flow *f)
{
	char address[INET6_ADDRSTRLEN];
	name_client(f, address);
	const bh_header *host = heads_find(&f->headers, "host");
	bh_string named = host ? host->value : (bh_string){"", 0};
	const char *scheme = f->lane->proxy->tls ? "https" : "http";
	return append(f, "x-forwarded-for", (bh_string){address, strlen(address)}) &&
	       append(f, "x-forwarded-proto", (bh_string){scheme, strlen(scheme)}) &&
	       (!named.length || append(f, "x-forwarded-host", named));
}

/* A client's own is kept where it is fit for logs. */
static bool add_request_id(flow *f)
{
	const bh_header *given = heads_find(&f->headers, "x-request-id");
	bool good =
		given && given->value.length && given->value.length <= MOST_ID && heads_count(&f->headers, "x-request-id") == 1;
	for (size_t i = 0; good && i < given->value.length; i++)
		good = given->value.data[i] > ' ' && given->value.data[i] < 127;
	if (good) {
		memcpy(f->request_id, given->value.data, given->value.length);
		f->request_id[given->value.length] = '\0';
		return true;
	}
	uuid7(f->request_id, &f->lane->chance);
	heads_remove(&f->headers, "x-request-id");
	return heads_add(&f->headers, &f->store, (bh_string){"x-request-id", 12},
	                 (bh_string){f->request_id, strlen(f->request_id)});
}

static unsigned without_memory(const char **why)
{
	*why = "out of memory";
	return MHD_HTTP_SERVICE_UNAVAILABLE;
}

unsigned head_read(flow *f, const char *method, const char *version, const char **why)
{
	collector c = {.f = f};
	bool old = !strcmp(version, MHD_HTTP_VERSION_1_0);
	const char *copy = store_copy(&f->store, method, strlen(method));
	MHD_get_connection_values_n(f->connection, MHD_HEADER_KIND, collect, &c);
	if (!copy || c.failed || !f->uri)
		return without_memory(why);
	f->method = (bh_string){copy, strlen(copy)};
	f->head = !strcmp(copy, MHD_HTTP_METHOD_HEAD);
	const bh_header as_name = {f->method, {"", 0}};
	*why = "this is not HTTP/1.1";
	if (!old && strcmp(version, MHD_HTTP_VERSION_1_1) != 0)
		return MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED;
	*why = "a header, or the method, that is not allowed";
	if (c.unsound || !header_is_sound(&as_name))
		return MHD_HTTP_BAD_REQUEST;
	*why = "too many headers, or too large";
	if (f->headers.count > MOST_HEADERS || f->headers.bytes > f->terms->is.max_header)
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	unsigned status = read_framing(f, old, why);
	if (!status)
		status = read_expectations(f, why);
	if (!status)
		status = read_target(f, why);
	if (status)
		return status;
	heads_drop_hops(&f->headers);
	heads_remove(&f->headers, "expect");
	heads_remove(&f->headers, "content-length");
	return add_forwarded(f) && add_request_id(f) ? 0 : without_memory(why);
}
