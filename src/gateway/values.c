/*
 * Messages as values, and verdicts of values: for modules whose calls interceptors see, who look at values. Slower, and
 * otherwise the same.
 */
#include <string.h>

#include "gateway/internal.h"

static bh_value of_string(bh_string text)
{
	return bh_of_string_n(text.data, text.length);
}

/* A list of records of two: a header, or an entry of the context. NULL items: no memory. */
static bh_value of_pairs(bh_exchange *exchange, const char *const *names, const bh_value *seconds,
                         const bh_string *firsts, size_t stride, size_t count)
{
	bh_value *items = bh_exchange_take(exchange, count, sizeof *items);
	bh_field *fields = bh_exchange_take(exchange, count * 2, sizeof *fields);
	if (!items || !fields)
		return (bh_value)BH_VALUE_INIT;
	for (size_t i = 0; i < count; i++) {
		const bh_string *first = (const void *)((const char *)firsts + i * stride);
		fields[2 * i] = (bh_field){names[0], of_string(*first)};
		fields[2 * i + 1] = (bh_field){names[1], seconds[i]};
		items[i] = bh_of_record(&fields[2 * i], 2);
	}
	return bh_of_list(items, count);
}

static bh_value of_headers(bh_exchange *exchange, const bh_header *headers, size_t count)
{
	static const char *const names[] = {"name", "value"};
	bh_value *values = bh_exchange_take(exchange, count, sizeof *values);
	for (size_t i = 0; values && i < count; i++)
		values[i] = of_string(headers[i].value);
	return values ? of_pairs(exchange, names, values, count ? &headers->name : NULL, sizeof *headers, count)
	              : (bh_value)BH_VALUE_INIT;
}

static bh_value of_context(bh_exchange *exchange, const bh_context_entry *context, size_t count)
{
	static const char *const names[] = {"key", "value"};
	bh_value *values = bh_exchange_take(exchange, count, sizeof *values);
	for (size_t i = 0; values && i < count; i++)
		values[i] = bh_of_bytes(context[i].value.data, context[i].value.length);
	return values ? of_pairs(exchange, names, values, count ? &context->key : NULL, sizeof *context, count)
	              : (bh_value)BH_VALUE_INIT;
}

/* In the order of the packages' records. */
static size_t of_message(bh_exchange *exchange, bh_field *fields)
{
	const bh_message *m = &exchange->message;
	const bh_value headers = of_headers(exchange, m->headers, m->header_count);
	const bh_value context = of_context(exchange, m->context, m->context_count);
	size_t count = 0;
	switch ((bh_message_kind)m->kind) {
	case BH_MESSAGE_REQUEST:
	case BH_MESSAGE_SMG_REQUEST:
		fields[count++] = (bh_field){"method", of_string(m->method)};
		fields[count++] = (bh_field){"path", of_string(m->path)};
		fields[count++] = (bh_field){"query", of_string(m->query)};
		fields[count++] = (bh_field){"headers", headers};
		fields[count++] = (bh_field){"body", bh_of_bytes(m->body.data, m->body.length)};
		fields[count++] = (bh_field){"request-id", of_string(m->request_id)};
		fields[count++] = (bh_field){"now-epoch-ms", bh_of_u64(m->now_epoch_ms)};
		break;
	case BH_MESSAGE_RESPONSE:
	case BH_MESSAGE_SMG_RESPONSE:
		fields[count++] = (bh_field){"status", bh_of_u16(m->status)};
		fields[count++] = (bh_field){"headers", headers};
		fields[count++] = (bh_field){"body", bh_of_bytes(m->body.data, m->body.length)};
		if (m->kind == BH_MESSAGE_RESPONSE)
			fields[count++] = (bh_field){"request-id", of_string(m->request_id)};
		break;
	default:
		fields[count++] = (bh_field){"status", bh_of_u16(m->status)};
		fields[count++] = (bh_field){"message", of_string(m->message)};
		fields[count++] = (bh_field){"phase", bh_of_enum(m->phase ? "response" : "request")};
		fields[count++] = (bh_field){"module", of_string(m->module)};
		fields[count++] = (bh_field){"request-id", of_string(m->request_id)};
	}
	if (m->kind != BH_MESSAGE_SMG_REQUEST && m->kind != BH_MESSAGE_SMG_RESPONSE)
		fields[count++] = (bh_field){"context", context};
	return headers.kind && context.kind ? count : 0;
}

bh_status bh_exchange_values(bh_exchange *exchange, bh_value *out)
{
	enum { MOST_FIELDS = 10 };
	bh_field *fields = bh_exchange_take(exchange, MOST_FIELDS, sizeof *fields);
	size_t count = fields ? of_message(exchange, fields) : 0;
	if (!count)
		return BH_E_NO_MEMORY;
	*out = bh_of_record(fields, count);
	return BH_OK;
}

/*
 * Back. The result is of the function's type, also where an interceptor answered: that was checked. What is read here is
 * checked once more where it would cost memory safety.
 */

static bh_string text_of(const bh_value *value)
{
	if (!value || value->kind != BH_KIND_STRING)
		return bh_string_lend("");
	return (bh_string){value->as.string.data ? value->as.string.data : "", value->as.string.length};
}

static bh_bytes bytes_of(const bh_value *value)
{
	if (!value || value->kind != BH_KIND_BYTES)
		return (bh_bytes){0};
	return (bh_bytes){value->as.bytes.data, value->as.bytes.length};
}

static const bh_value *field(const bh_value *record, const char *name)
{
	return record && record->kind == BH_KIND_RECORD ? bh_value_field(record, name) : NULL;
}

static size_t length_of(const bh_value *list)
{
	return list && list->kind == BH_KIND_LIST ? list->as.list.count : 0;
}

static bool take_headers(bh_exchange *exchange, const bh_value *list, bh_header **out, size_t *count)
{
	size_t length = length_of(list);
	bh_header *headers = bh_exchange_take(exchange, length, sizeof *headers);
	if (!headers)
		return false;
	for (size_t i = 0; i < length; i++) {
		const bh_value *item = &list->as.list.items[i];
		headers[i] = (bh_header){text_of(field(item, "name")), text_of(field(item, "value"))};
	}
	*out = headers;
	*count = length;
	return true;
}

static bool take_names(bh_exchange *exchange, const bh_value *list, bh_verdict *out)
{
	size_t length = length_of(list);
	out->remove.data = bh_exchange_take(exchange, length, sizeof *out->remove.data);
	for (size_t i = 0; out->remove.data && i < length; i++)
		out->remove.data[i] = text_of(&list->as.list.items[i]);
	out->remove.count = length;
	return out->remove.data;
}

static bool take_context(bh_exchange *exchange, const bh_value *list, bh_verdict *out)
{
	size_t length = length_of(list);
	out->context.data = bh_exchange_take(exchange, length, sizeof *out->context.data);
	for (size_t i = 0; out->context.data && i < length; i++) {
		const bh_value *item = &list->as.list.items[i];
		out->context.data[i] = (bh_context_entry){text_of(field(item, "key")), bytes_of(field(item, "value"))};
	}
	out->context.count = length;
	return out->context.data;
}

static void take_status(const bh_value *value, bh_verdict *out)
{
	out->has_status = value && value->kind == BH_KIND_U16;
	out->status = out->has_status ? value->as.u16 : 0;
}

static const bh_value *some(const bh_value *option)
{
	return option && option->kind == BH_KIND_OPTION ? option->as.option : NULL;
}

static bool take_action(bh_exchange *exchange, const bh_value *action, bh_verdict *out)
{
	static const char *const names[] = {"continue", "reject", "modify", "respond"};
	if (!action || action->kind != BH_KIND_VARIANT)
		return true;
	const bh_value *with = action->as.variant.payload;
	out->action = (uint32_t)bh_case_find(action->as.variant.name, names, BH_COUNT(names)) % BH_COUNT(names);
	switch (out->action) {
	case BH_VERDICT_REJECT:
		take_status(with, out);
		return true;
	case BH_VERDICT_MODIFY:
		take_status(some(field(with, "status")), out);
		out->has_body = some(field(with, "body-replace"));
		out->body = bytes_of(some(field(with, "body-replace")));
		return take_headers(exchange, field(with, "headers-set"), &out->set.data, &out->set.count) &&
		       take_headers(exchange, field(with, "headers-add"), &out->add.data, &out->add.count) &&
		       take_names(exchange, field(with, "headers-remove"), out);
	case BH_VERDICT_RESPOND:
		take_status(field(with, "status"), out);
		out->has_body = true;
		out->body = bytes_of(field(with, "body"));
		return take_headers(exchange, field(with, "headers"), &out->set.data, &out->set.count);
	default:
		return true;
	}
}

/* Kept by the exchange to its end, as texts of the verdict lie in it. */
static const bh_value *keep(bh_exchange *exchange, bh_value *result)
{
	bh_kept_value *kept = bh_exchange_take(exchange, 1, sizeof *kept);
	if (!kept) {
		bh_value_deinit(result);
		return NULL;
	}
	*kept = (bh_kept_value){exchange->values, *result};
	*result = (bh_value)BH_VALUE_INIT;
	exchange->values = kept;
	return &kept->value;
}

bh_status bh_exchange_judge(bh_exchange *exchange, bh_value *result, bh_error **err)
{
	bh_verdict *out = &exchange->verdict;
	const bh_value *value = keep(exchange, result);
	*out = (bh_verdict){0};
	bool outcome = value && value->kind == BH_KIND_RECORD;
	if (!value || !take_action(exchange, outcome ? field(value, "action") : value, out) ||
	    (outcome && !take_context(exchange, field(value, "context"), out)))
		return bh_fail_memory(err);
	return BH_OK;
}
