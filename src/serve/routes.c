/*
 * The table of routes, and finding the one that a URL means. A child's path is one segment, its '/' written as %2F: so the
 * name of a child is never taken for what is asked of its parent. openapi.json has the same routes; a test compares the two.
 */
#include <string.h>

#include "http.h"
#include "memory.h"

static const route routes[] = {
	{"GET", "/v1/children", route_children, false, false},
	{"GET", "/v1/children/{path}", route_inspect, false, false},
	{"POST", "/v1/children/{path}/call", route_call, true, false},
	{"POST", "/v1/children/{path}/start", route_start, false, false},
	{"POST", "/v1/children/{path}/stop", route_stop, false, false},
	{"POST", "/v1/children/{path}/restart", route_restart, false, false},
	{"POST", "/v1/children/{path}/reset", route_reset, false, false},
	{"POST", "/v1/children/{path}/upgrade", route_upgrade, true, false},
	{"GET", "/v1/children/{path}/logs", route_logs, false, false},
	{"GET", "/v1/events", route_events, false, false},
	{"GET", "/v1/stats", route_stats, false, false},
	{"POST", "/v1/reload", route_reload, false, false},
	{"GET", "/metrics", route_metrics, false, false},
	{"GET", "/healthz", route_healthz, false, false},
	{"GET", "/readyz", route_readyz, false, false},
	{"GET", "/v1/openapi.json", route_openapi, false, false},
	{"GET", "/v1/version", route_version, false, false},
	{"GET", "/v1/gateway", route_gateway, false, false},
	{"POST", "/v1/gateway/order", route_gateway_order, true, false},
	{"POST", "/v1/gateway/modules/{path}/replace", route_gateway_replace, true, false},
	{"POST", "/wasm", route_wasm_add, true, true},
	{"GET", "/wasm", route_wasm_list, false, true},
	{"DELETE", "/wasm/{path}", route_wasm_remove, false, true},
};

const route *route_at(size_t index)
{
	return index < SV_COUNT(routes) ? &routes[index] : NULL;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* BH_E_INVALID: %xx that is none, or a NUL byte. */
static bh_status decode(char **decoded, const char *text, size_t length)
{
	char *out = sv_copy_n(text, length), *to = out;
	for (size_t i = 0; out && i < length; i++) {
		int high = text[i] == '%' && i + 2 < length ? hex(text[i + 1]) : -1;
		int low = high >= 0 ? hex(text[i + 2]) : -1;
		if (text[i] != '%') {
			*to++ = text[i];
		} else if (low < 0 || high * 16 + low == 0) {
			sv_free(out);
			return BH_E_INVALID;
		} else {
			*to++ = (char)(high * 16 + low);
			i += 2;
		}
	}
	if (!out)
		return BH_E_NO_MEMORY;
	*to = '\0';
	*decoded = out;
	return BH_OK;
}

/* Whether the path is one of the pattern, and where its variable segment lies. */
static bool matches(const char *pattern, const char *path, const char **from, size_t *length)
{
	static const char variable[] = "{path}";
	const char *at = strstr(pattern, variable);
	*from = NULL;
	if (!at)
		return !strcmp(pattern, path);
	size_t before = (size_t)(at - pattern);
	if (strncmp(pattern, path, before) != 0)
		return false;
	*from = path + before;
	*length = strcspn(*from, "/");
	return *length && !strcmp(at + sizeof variable - 1, *from + *length);
}

const route *route_find(const char *method, const char *path, bool compat, char **child, const char **allow,
                        bh_status *wrong)
{
	for (size_t i = 0; i < SV_COUNT(routes); i++) {
		const char *from;
		size_t length = 0;
		if ((compat && !routes[i].compat) || !matches(routes[i].pattern, path, &from, &length))
			continue;
		if (strcmp(routes[i].method, method) != 0) {
			*allow = !strcmp(routes[i].method, "GET") ? "GET, HEAD" : routes[i].method;
			continue;
		}
		*wrong = from ? decode(child, from, length) : BH_OK;
		return *wrong ? NULL : &routes[i];
	}
	return NULL;
}

bh_child *route_child(exchange *self)
{
	bh_child *child = bh_supervisor_find(self->server->daemon.tree, self->child);
	if (!child)
		answer_problem(self, MHD_HTTP_NOT_FOUND, "there is no child %s", self->child);
	return child;
}
