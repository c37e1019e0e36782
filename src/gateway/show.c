/* What modules are shown of an exchange. Texts must be UTF-8 there, which HTTP does not promise. */
#include <string.h>

#include "gateway/internal.h"

/* How many bytes of UTF-8 begin here; 0 if they are none. */
static size_t character_length(const char *text, size_t left)
{
	for (size_t length = 1; length <= 4 && length <= left; length++)
		if (bh_is_utf8(text, length))
			return length;
	return 0;
}

bh_string bh_exchange_text(bh_exchange *exchange, bh_string text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	if (bh_is_utf8(text.data, text.length))
		return text.length ? text : bh_string_lend("");
	char *room = text.length > SIZE_MAX / 3 ? NULL : bh_exchange_take(exchange, text.length, 3), *at = room;
	if (!room)
		return (bh_string){0};
	for (size_t i = 0; i < text.length;) {
		size_t length = character_length(text.data + i, text.length - i);
		memcpy(at, length ? text.data + i : replacement, length ? length : 3);
		at += length ? length : 3;
		i += length ? length : 1;
	}
	return (bh_string){room, (size_t)(at - room)};
}

/* The headers as they are where all is UTF-8, as it is nearly always; otherwise copies of what is not. */
static bh_status show_headers(bh_exchange *exchange, const bh_header *headers, size_t count)
{
	bh_message *message = &exchange->message;
	message->headers = headers;
	message->header_count = count;
	size_t fine = 0;
	while (fine < count && bh_is_utf8(headers[fine].name.data, headers[fine].name.length) &&
	       bh_is_utf8(headers[fine].value.data, headers[fine].value.length))
		fine++;
	if (fine == count)
		return BH_OK;
	bh_header *shown = bh_exchange_take(exchange, count, sizeof *shown);
	if (!shown)
		return BH_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		shown[i].name = bh_exchange_text(exchange, headers[i].name);
		shown[i].value = bh_exchange_text(exchange, headers[i].value);
		if (!shown[i].name.data || !shown[i].value.data)
			return BH_E_NO_MEMORY;
	}
	message->headers = shown;
	return BH_OK;
}

static bh_status show_request(bh_exchange *exchange)
{
	const bh_http_request *request = &exchange->request;
	bh_message *message = &exchange->message;
	message->method = exchange->shown.method;
	message->path = exchange->shown.path;
	message->query = exchange->shown.query;
	message->now_epoch_ms = request->now_epoch_ms;
	message->body = request->body;
	return show_headers(exchange, request->headers, request->header_count);
}

static bh_status show_response(bh_exchange *exchange)
{
	const bh_http_response *response = &exchange->response;
	exchange->message.status = response->status;
	exchange->message.body = response->body;
	return show_headers(exchange, response->headers, response->header_count);
}

static bh_status show_failure(bh_exchange *exchange)
{
	bh_message *message = &exchange->message;
	const char *module = exchange->failure.module;
	message->status = exchange->response.status;
	message->phase = exchange->part == BH_PART_RESPONSE;
	message->message = exchange->error_message;
	message->module = module ? bh_string_lend(module) : bh_string_lend("");
	return BH_OK;
}

bh_status bh_exchange_show(bh_exchange *exchange, const bh_module *module)
{
	exchange->message = (bh_message){
		.kind = module->kinds[exchange->point],
		.request_id = exchange->shown.request_id,
		.context = exchange->context,
		.context_count = exchange->context_count,
	};
	switch (exchange->point) {
	case BH_POINT_REQUEST:
		return show_request(exchange);
	case BH_POINT_RESPONSE:
		return show_response(exchange);
	default:
		return show_failure(exchange);
	}
}
