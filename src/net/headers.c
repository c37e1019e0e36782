/* The headers of a request: what a guest may say, and what libcurl would say by itself and shall not. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "net/fetch.h"

bool bh_is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !(text[i] && strchr("!#$%&'*+-.^_`|~", text[i])))
			return false;
	return length;
}

static bool is(const bh_net_header *header, const char *name)
{
	return strlen(name) == header->name_length && !strncasecmp(header->name, name, header->name_length);
}

static bool among(const bh_net_header *header, const char *const *names)
{
	while (*names && !is(header, *names))
		names++;
	return *names;
}

/* How a message is carried, and to whom: not the guest's to say. Another Host would be another peer behind an address. */
static bool is_ours(const bh_net_header *header)
{
	static const char *const names[] = {
		"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect",
		NULL};
	return among(header, names) || (header->name_length >= 6 && !strncasecmp(header->name, "proxy-", 6));
}

static bool is_secret(const bh_net_header *header)
{
	static const char *const names[] = {"authorization", "cookie", "cookie2", NULL};
	return among(header, names);
}

static bool is_value(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\t')
			return false;
	return true;
}

static bool append(struct curl_slist **list, const char *line)
{
	struct curl_slist *grown = line ? curl_slist_append(*list, line) : NULL;
	if (grown)
		*list = grown;
	return grown;
}

/* libcurl sends a header without a value where a semicolon ends its name. */
static bool append_header(struct curl_slist **list, const bh_net_header *h)
{
	BH_AUTO(bh_free) char *line = NULL;
	if (strspn(h->value, " \t") >= h->value_length)
		line = bh_format("%.*s;", (int)h->name_length, h->name);
	else
		line = bh_format("%.*s: %.*s", (int)h->name_length, h->name, (int)h->value_length, h->value);
	return append(list, line);
}

bh_fetch_outcome bh_headers_make(struct curl_slist **out, const bh_fetch *fetch, bool same_origin, char why[160])
{
	struct curl_slist *list = NULL;
	bool typed = false, made = append(&list, "Expect:");
	const char *wrong = NULL;
	for (size_t i = 0; i < fetch->request.header_count && made && !wrong; i++) {
		const bh_net_header *h = &fetch->request.headers[i];
		if (!bh_is_token(h->name, h->name_length) || !is_value(h->value, h->value_length))
			wrong = "a header that is none";
		else if (is_ours(h))
			wrong = "a header that is not the guest's to say";
		if (wrong || (is_secret(h) && !same_origin) ||
		    (fetch->bodiless && h->name_length >= 8 && !strncasecmp(h->name, "content-", 8)))
			continue;
		typed |= is(h, "content-type");
		made = append_header(&list, h);
	}
	if (made && !wrong && !typed)
		made = append(&list, "Content-Type:");
	if (made && !wrong) {
		*out = list;
		return BH_FETCH_OK;
	}
	curl_slist_free_all(list);
	if (wrong)
		snprintf(why, 160, "%s", wrong);
	return wrong ? BH_FETCH_INVALID : BH_FETCH_NO_MEMORY;
}
