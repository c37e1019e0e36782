/*
 * What modules answer: looked at first, all of it, and done after that, so that what is not allowed changes nothing.
 * A message keeps the views it came with until something is changed: then it has an array of its own, and texts that lie
 * in the verdict's block.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "gateway/internal.h"

enum { MOST_ENTRIES = 256 };

/* The server frames messages: of this modules say nothing, and what they say is not heard. */
static bool is_framing(bh_string name)
{
	static const char *const names[] = {
		"content-length", "transfer-encoding", "connection",       "keep-alive", "te",
		"trailer",        "upgrade",           "proxy-connection",
	};
	for (size_t i = 0; i < BH_COUNT(names); i++)
		if (bh_same_name(name, bh_string_lend(names[i])))
			return true;
	return false;
}

/* What says how long a body is, or how it lies. */
static bool is_about_body(bh_string name)
{
	return bh_same_name(name, bh_string_lend("content-length")) ||
	       bh_same_name(name, bh_string_lend("transfer-encoding")) || bh_same_name(name, bh_string_lend("trailer"));
}

/* RFC 9110, 5.6.2: a token. */
static bool is_name(bh_string name)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char c = (unsigned char)name.data[i];
		bool alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!alphanumeric && !(c && strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return name.length;
}

/* RFC 9110, 5.5: no control characters but the tab. */
static bool is_value(bh_string value)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Spaces around a value are not part of it. */
static bh_string trimmed(bh_string value)
{
	while (value.length && (value.data[0] == ' ' || value.data[0] == '\t')) {
		value.data++;
		value.length--;
	}
	while (value.length && (value.data[value.length - 1] == ' ' || value.data[value.length - 1] == '\t'))
		value.length--;
	return value;
}

/* The message that a verdict is about. */
typedef struct {
	const bh_header **headers;
	size_t *count;
	bh_bytes *body;
} target;

static target target_of(bh_exchange *exchange)
{
	if (exchange->point == BH_POINT_REQUEST)
		return (target){&exchange->request.headers, &exchange->request.header_count, &exchange->request.body};
	return (target){&exchange->response.headers, &exchange->response.header_count, &exchange->response.body};
}

static uint64_t header_bytes(const bh_header *headers, size_t count)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += headers[i].name.length + headers[i].value.length;
	return bytes;
}

static bh_status check_headers(const bh_header *headers, size_t count, bh_error **err)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_name(headers[i].name))
			return bh_fail(err, BH_E_BAD_RESULT, "a header's name is no token (%zu bytes)", headers[i].name.length);
		if (!is_value(headers[i].value))
			return bh_fail(err, BH_E_BAD_RESULT, "the value of header %.64s has a character that is not allowed",
			               headers[i].name.data);
	}
	return BH_OK;
}

static bh_status check_names(const bh_verdict *verdict, bh_error **err)
{
	for (size_t i = 0; i < verdict->remove.count; i++)
		if (!is_name(verdict->remove.data[i]))
			return bh_fail(err, BH_E_BAD_RESULT, "the name of a header to remove is no token (%zu bytes)",
			               verdict->remove.data[i].length);
	return BH_OK;
}

/* Counted before anything is compared with anything: guests may return very many. */
static bh_status check_amounts(const bh_exchange *exchange, const bh_verdict *verdict, bh_error **err)
{
	const bh_chain_options *bounds = &exchange->chain->options;
	if (verdict->set.count + verdict->add.count > bounds->max_headers || verdict->remove.count > bounds->max_headers)
		return bh_fail(err, BH_E_BAD_RESULT, "%zu headers; max_headers is %u",
		               verdict->set.count + verdict->add.count + verdict->remove.count, (unsigned)bounds->max_headers);
	uint64_t bytes =
		header_bytes(verdict->set.data, verdict->set.count) + header_bytes(verdict->add.data, verdict->add.count);
	for (size_t i = 0; i < verdict->remove.count; i++)
		bytes += verdict->remove.data[i].length;
	if (bytes > bounds->max_header_bytes)
		return bh_fail(err, BH_E_BAD_RESULT, "%" PRIu64 " bytes of headers; max_header_bytes is %" PRIu64, bytes,
		               bounds->max_header_bytes);
	if (verdict->has_body && verdict->body.length > bounds->max_body_size)
		return bh_fail(err, BH_E_BAD_RESULT, "a body of %zu bytes; max_body_size is %" PRIu64, verdict->body.length,
		               bounds->max_body_size);
	return BH_OK;
}

static bh_status check_context(const bh_exchange *exchange, const bh_verdict *verdict, bh_error **err)
{
	uint64_t bytes = exchange->context_bytes;
	for (size_t i = 0; i < verdict->context.count; i++) {
		bytes += verdict->context.data[i].key.length + verdict->context.data[i].value.length;
		if (!verdict->context.data[i].key.length)
			return bh_fail(err, BH_E_BAD_RESULT, "an entry of the context has no key");
	}
	if (bytes > exchange->chain->options.max_context || verdict->context.count > MOST_ENTRIES ||
	    exchange->context_count + verdict->context.count > MOST_ENTRIES)
		return bh_fail(err, BH_E_BAD_RESULT, "more context than there may be (max_context, %d entries)", MOST_ENTRIES);
	return BH_OK;
}

bh_status bh_exchange_check(const bh_exchange *exchange, bh_error **err)
{
	const bh_verdict *verdict = &exchange->verdict;
	/* Of a request there is none to change. */
	bool looked_at = verdict->action != BH_VERDICT_MODIFY || exchange->point != BH_POINT_REQUEST;
	if (verdict->has_status && looked_at && (verdict->status < 200 || verdict->status > 599))
		return bh_fail(err, BH_E_BAD_RESULT, "status %u; 200 to 599 are allowed", verdict->status);
	bh_status status = check_amounts(exchange, verdict, err);
	if (!status)
		status = check_headers(verdict->set.data, verdict->set.count, err);
	if (!status)
		status = check_headers(verdict->add.data, verdict->add.count, err);
	if (!status)
		status = check_names(verdict, err);
	if (!status)
		status = check_context(exchange, verdict, err);
	return status;
}

/* Editing. */

static size_t without(bh_header *headers, size_t count, bh_string name, size_t from)
{
	size_t kept = from;
	for (size_t i = from; i < count; i++)
		if (!bh_same_name(headers[i].name, name))
			headers[kept++] = headers[i];
	return kept;
}

/* The first of that name gets the value, the others go; where there is none it comes last. */
static size_t set_one(bh_header *headers, size_t count, bh_header header)
{
	size_t at = 0;
	while (at < count && !bh_same_name(headers[at].name, header.name))
		at++;
	headers[at] = header;
	return at == count ? count + 1 : without(headers, count, header.name, at + 1);
}

/* How long a body was does not hold for another one. */
static size_t without_framing(bh_header *headers, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (!is_about_body(headers[i].name))
			headers[kept++] = headers[i];
	return kept;
}

static bh_header heard(const bh_header *header)
{
	return (bh_header){header->name, trimmed(header->value)};
}

/* In this order: set, add, remove. There is room for all that are set and added. */
static size_t edit(bh_header *headers, size_t count, const bh_verdict *verdict, bool body_changed)
{
	if (body_changed)
		count = without_framing(headers, count);
	for (size_t i = 0; i < verdict->set.count; i++)
		if (!is_framing(verdict->set.data[i].name))
			count = set_one(headers, count, heard(&verdict->set.data[i]));
	for (size_t i = 0; i < verdict->add.count; i++)
		if (!is_framing(verdict->add.data[i].name))
			headers[count++] = heard(&verdict->add.data[i]);
	for (size_t i = 0; i < verdict->remove.count; i++)
		if (!is_framing(verdict->remove.data[i]))
			count = without(headers, count, verdict->remove.data[i], 0);
	return count;
}

/* A message that came with more than the bounds may keep it, and only become smaller. */
static bh_status within_bounds(const bh_exchange *exchange, const target *t, const bh_header *headers, size_t count,
                               bh_error **err)
{
	const bh_chain_options *bounds = &exchange->chain->options;
	uint64_t bytes = header_bytes(headers, count);
	if ((count > bounds->max_headers && count > *t->count) ||
	    (bytes > bounds->max_header_bytes && bytes > header_bytes(*t->headers, *t->count)))
		return bh_fail(err, BH_E_BAD_RESULT, "%zu headers of %" PRIu64 " bytes in all (max_headers, max_header_bytes)",
		               count, bytes);
	return BH_OK;
}

static bool has_no_body(uint16_t status)
{
	return status == 204 || status == 304;
}

static bh_status modify(bh_exchange *exchange, bh_error **err)
{
	const bh_verdict *verdict = &exchange->verdict;
	target t = target_of(exchange);
	bool response = exchange->point != BH_POINT_REQUEST, restated = response && verdict->has_status;
	bool emptied = restated && has_no_body(verdict->status), body_changed = verdict->has_body || emptied;
	size_t count = *t.count;
	if (verdict->set.count || verdict->add.count || verdict->remove.count || body_changed) {
		bh_header *headers =
			bh_exchange_take(exchange, count + verdict->set.count + verdict->add.count, sizeof *headers);
		if (!headers)
			return bh_fail_memory(err);
		if (count)
			memcpy(headers, *t.headers, count * sizeof *headers);
		count = edit(headers, count, verdict, body_changed);
		bh_status status = within_bounds(exchange, &t, headers, count, err);
		if (status)
			return status;
		*t.headers = headers;
		*t.count = count;
	}
	if (emptied)
		*t.body = (bh_bytes){0};
	else if (body_changed)
		*t.body = verdict->body;
	if (restated)
		exchange->response.status = verdict->status;
	return BH_OK;
}

/* A whole response, with the headers of the verdict; of a rejection there are none. */
static bh_status answer(bh_exchange *exchange, bh_error **err)
{
	const bh_verdict *verdict = &exchange->verdict;
	bh_header *headers = bh_exchange_take(exchange, verdict->set.count, sizeof *headers);
	size_t count = 0;
	if (!headers)
		return bh_fail_memory(err);
	for (size_t i = 0; i < verdict->set.count; i++)
		if (!is_framing(verdict->set.data[i].name))
			headers[count++] = heard(&verdict->set.data[i]);
	exchange->response = (bh_http_response){
		.struct_size = sizeof exchange->response,
		.status = verdict->status,
		.headers = headers,
		.header_count = count,
	};
	if (!has_no_body(verdict->status))
		exchange->response.body = verdict->body;
	exchange->replies = true;
	/* Errors are looked at by all. */
	exchange->settled = exchange->point != BH_POINT_ERROR;
	return BH_OK;
}

static bool same_key(bh_string a, bh_string b)
{
	return a.length == b.length && !memcmp(a.data, b.data, a.length);
}

static bh_status note(bh_exchange *exchange, bh_error **err)
{
	const bh_verdict *verdict = &exchange->verdict;
	size_t count = exchange->context_count;
	bh_context_entry *context = bh_exchange_take(exchange, count + verdict->context.count, sizeof *context);
	if (!context)
		return bh_fail_memory(err);
	if (count)
		memcpy(context, exchange->context, count * sizeof *context);
	for (size_t i = 0; i < verdict->context.count; i++) {
		size_t at = 0;
		while (at < count && !same_key(context[at].key, verdict->context.data[i].key))
			at++;
		context[at] = verdict->context.data[i];
		count += at == count;
	}
	exchange->context = context;
	exchange->context_count = count;
	exchange->context_bytes = 0;
	for (size_t i = 0; i < count; i++)
		exchange->context_bytes += context[i].key.length + context[i].value.length;
	return BH_OK;
}

/* The block lives as long as the exchange, which may point into it. */
static bh_status keep_block(bh_exchange *exchange, bh_error **err)
{
	if (!exchange->verdict.block)
		return BH_OK;
	bh_block *block = bh_exchange_take(exchange, 1, sizeof *block);
	if (!block)
		return bh_fail_memory(err);
	block->next = exchange->blocks;
	block->data = BH_TAKE(exchange->verdict.block);
	exchange->blocks = block;
	return BH_OK;
}

bh_status bh_exchange_apply(bh_exchange *exchange, bh_error **err)
{
	bh_status status = keep_block(exchange, err);
	if (!status && exchange->verdict.action == BH_VERDICT_MODIFY)
		status = modify(exchange, err);
	else if (!status && exchange->verdict.action != BH_VERDICT_CONTINUE)
		status = answer(exchange, err);
	if (!status && exchange->verdict.context.count)
		status = note(exchange, err);
	return status;
}
