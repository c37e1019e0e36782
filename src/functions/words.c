#include "functions/words.h"

#include "base/alloc.h"

const char *bh_outcome_case(bh_fetch_outcome outcome)
{
	switch (outcome) {
	case BH_FETCH_INVALID:
		return "invalid";
	case BH_FETCH_DENIED:
		return "denied";
	case BH_FETCH_TLS:
		return "tls";
	case BH_FETCH_TIMEOUT:
		return "timeout";
	case BH_FETCH_TOO_LARGE:
		return "too-large";
	case BH_FETCH_TOO_MANY_REDIRECTS:
		return "too-many-redirects";
	default:
		return "unreachable";
	}
}

/* The length of the UTF-8 character there; 0 if there is none: too long a form, half of a pair, beyond the last. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || left < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool low = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool high = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
	return low || high ? 0 : length;
}

static bool is_utf8(const char *text, size_t length)
{
	const uint8_t *p = (const uint8_t *)text;
	while (length) {
		size_t one = utf8_length(p, length);
		if (!one)
			return false;
		p += one;
		length -= one;
	}
	return true;
}

/* Words of a server's: as they are, or each byte as a character of Latin-1. */
static bool set_text(bh_value *out, const char *text, size_t length)
{
	bool plain = is_utf8(text, length);
	char *copy = bh_alloc(plain ? length + 1 : 2 * length + 1), *p = copy;
	if (!copy)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)text[i];
		if (plain || byte < 0x80) {
			*p++ = (char)byte;
		} else {
			*p++ = (char)(0xc0 | byte >> 6);
			*p++ = (char)(0x80 | (byte & 0x3f));
		}
	}
	*p = '\0';
	*out = bh_of_string_n(copy, (size_t)(p - copy));
	out->owned = true;
	return true;
}

/* A record of so many fields, which are to be filled. */
static bool make_record(bh_value *out, const char *const *names, size_t count)
{
	bh_field *fields = bh_calloc(count, sizeof *fields);
	if (!fields)
		return false;
	*out = bh_of_record(fields, count);
	out->owned = true;
	bool made = true;
	for (size_t i = 0; i < count; i++)
		made = (fields[i].name = bh_strdup(names[i])) && made;
	return made;
}

static bool set_headers(bh_value *out, const bh_net_response *response)
{
	static const char *const names[] = {"name", "value"};
	bh_value *items = bh_calloc(response->header_count + 1, sizeof *items);
	if (!items)
		return false;
	*out = bh_of_list(items, response->header_count);
	out->owned = true;
	bool made = true;
	for (size_t i = 0; i < response->header_count && made; i++) {
		const bh_net_header *h = &response->headers[i];
		made = make_record(&items[i], names, 2) &&
		       set_text(&items[i].as.record.fields[0].value, h->name, h->name_length) &&
		       set_text(&items[i].as.record.fields[1].value, h->value, h->value_length);
	}
	return made;
}

bool bh_response_value(bh_value *out, const bh_net_response *response)
{
	static const char *const names[] = {"status", "headers", "body", "url"};
	if (!make_record(out, names, BH_COUNT(names)))
		return false;
	bh_field *fields = out->as.record.fields;
	fields[0].value = bh_of_u16((uint16_t)response->status);
	uint8_t *body = bh_alloc(response->body_length);
	if (!body)
		return false;
	if (response->body_length)
		memcpy(body, response->body, response->body_length);
	fields[2].value = bh_of_bytes(body, response->body_length);
	fields[2].value.owned = true;
	return set_headers(&fields[1].value, response) && set_text(&fields[3].value, response->url, strlen(response->url));
}
