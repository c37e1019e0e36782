/* Which requests a module is asked about. */
#include <string.h>

#include "gateway/internal.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Not strncasecmp(), which goes by the program's locale: in a Turkish one "ID" is not "id". */
bool bh_same_name(bh_string a, bh_string b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

static bool is(bh_string text, const char *wanted)
{
	return strlen(wanted) == text.length && !memcmp(text.data, wanted, text.length);
}

static bool has(bh_string text, const char *part, size_t length)
{
	return memmem(text.data, text.length, part, length);
}

static bool ends_with(bh_string text, const char *end)
{
	size_t length = strlen(end);
	return text.length >= length && !memcmp(text.data + text.length - length, end, length);
}

bool bh_path_is_plain(bh_string path)
{
	return path.length && path.data[0] == '/' && !memchr(path.data, '%', path.length) &&
	       !memchr(path.data, '\\', path.length) && !memchr(path.data, ';', path.length) && !has(path, "//", 2) &&
	       !has(path, "/./", 3) && !has(path, "/../", 4) && !ends_with(path, "/.") && !ends_with(path, "/..");
}

static bool is_under(bh_string path, const char *prefix, size_t length)
{
	if (path.length < length || memcmp(path.data, prefix, length) != 0)
		return false;
	return path.length == length || !length || prefix[length - 1] == '/' || path.data[length] == '/';
}

static bool has_header(const bh_http_request *request, const char *name, const char *value)
{
	bh_string wanted = bh_string_lend(name);
	for (size_t i = 0; i < request->header_count; i++)
		if (bh_same_name(request->headers[i].name, wanted) && (!value || is(request->headers[i].value, value)))
			return true;
	return false;
}

bool bh_rule_holds(const bh_rule *rule, const bh_http_request *request, bool plain)
{
	return (!rule->path_prefix || !plain || is_under(request->path, rule->path_prefix, rule->prefix_length)) &&
	       (!rule->method || is(request->method, rule->method)) &&
	       (!rule->header || has_header(request, rule->header, rule->header_value));
}
