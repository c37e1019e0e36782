/*
 * JSON as values of a type, as json_write.c writes them. The text is read once, along the type, which bounds how deep this
 * goes; what the text makes us allocate is in proportion to its length.
 */
#include <string.h>

#include "base/error.h"
#include "bulkhead/call.h"
#include "host/json_token.h"

static void read_value(bh_json *r, const bh_type *type, bh_value *out);

/* Signed kinds keep their bits. */
#define INTEGER(KIND, field, type_, least, most)                                                                       \
	case BH_KIND_##KIND:                                                                                               \
		bh_json_integer(r, type, least, most, &number);                                                                \
		out->as.field = (type_)number;                                                                                 \
		break;

static bool read_scalar(bh_json *r, const bh_type *type, bh_value *out)
{
	uint64_t number = 0;
	double real = 0;
	switch (bh_type_kind(type)) {
		INTEGER(S8, s8, int8_t, INT8_MIN, INT8_MAX)
		INTEGER(U8, u8, uint8_t, 0, UINT8_MAX)
		INTEGER(S16, s16, int16_t, INT16_MIN, INT16_MAX)
		INTEGER(U16, u16, uint16_t, 0, UINT16_MAX)
		INTEGER(S32, s32, int32_t, INT32_MIN, INT32_MAX)
		INTEGER(U32, u32, uint32_t, 0, UINT32_MAX)
		INTEGER(S64, s64, int64_t, INT64_MIN, INT64_MAX)
		INTEGER(U64, u64, uint64_t, 0, UINT64_MAX)
	case BH_KIND_F32:
		bh_json_real(r, type, true, &real);
		out->as.f32 = (float)real;
		break;
	case BH_KIND_F64:
		bh_json_real(r, type, false, &real);
		out->as.f64 = real;
		break;
	case BH_KIND_BOOL:
		out->as.boolean = bh_json_took_word(r, "true");
		if (!out->as.boolean && !bh_json_took_word(r, "false"))
			bh_json_wrong(r, type, "true or false is wanted here");
		break;
	default:
		return false;
	}
	return true;
}

/* What is text in JSON. */

static void read_string(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	out->as.string.data = bh_json_text(r, &length, type);
	out->as.string.length = length;
}

static void read_character(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	BH_AUTO(bh_free) char *text = bh_json_text(r, &length, type);
	if (!text)
		return;
	const unsigned char *p = (const unsigned char *)text;
	size_t wanted = !length ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = wanted < 2 ? p[0] : p[0] & (0x7fU >> wanted);
	for (size_t i = 1; i < wanted && i < length; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (!length || wanted != length)
		bh_json_wrong(r, type, "one character is wanted here");
	out->as.character = c;
}

static size_t part_named(const bh_type *type, const char *name)
{
	size_t count = bh_type_count(type), i = 0;
	while (i < count && strcmp(bh_type_name(type, i) ? bh_type_name(type, i) : "", name) != 0)
		i++;
	return i;
}

/* A name that the type has: its place. The text belongs to the caller. */
static char *read_part_name(bh_json *r, const bh_type *type, size_t *index)
{
	size_t length;
	const char *from = r->at;
	char *name = bh_json_text(r, &length, type);
	if (name && (strlen(name) != length || (*index = part_named(type, name)) == bh_type_count(type))) {
		r->at = from;
		bh_json_wrong(r, type, "the type has nothing of this name");
	}
	return name;
}

static void read_enum(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t index;
	out->as.variant.name = read_part_name(r, type, &index);
}

static void read_flags(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0, index;
	if (!bh_json_took(r, '['))
		bh_json_wrong(r, type, "an array of names is wanted here");
	bool more = !bh_json_took(r, ']');
	while (more && !r->status) {
		const char **names = bh_grow(out->as.flags.names, out->as.flags.count, &capacity, sizeof *names);
		if (!names) {
			bh_json_no_memory(r);
			return;
		}
		out->as.flags.names = names;
		char *name = read_part_name(r, type, &index);
		if (!name)
			return;
		names[out->as.flags.count++] = name;
		more = bh_json_took(r, ',');
		if (!more && !bh_json_took(r, ']'))
			bh_json_wrong(r, type, "',' or ']' is wanted here");
	}
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
	                              : -1;
}

/* In place: what it means is shorter. */
static bool decode_base64(uint8_t *data, size_t *length)
{
	size_t n = 0, padding = 0;
	uint32_t group = 0;
	if (*length % 4)
		return false;
	for (size_t i = 0; i < *length; i++) {
		bool is_padding = data[i] == '=' && i + 2 >= *length;
		int digit = is_padding ? 0 : base64_digit((char)data[i]);
		if (digit < 0 || (padding && !is_padding))
			return false;
		padding += is_padding;
		group = group << 6 | (uint32_t)digit;
		if (i % 4 != 3)
			continue;
		data[n++] = (uint8_t)(group >> 16);
		data[n++] = (uint8_t)(group >> 8);
		data[n++] = (uint8_t)group;
		group = 0;
	}
	*length = n - padding;
	return true;
}

static void read_byte_array(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0;
	uint64_t number = 0;
	bool more = !bh_json_took(r, ']');
	while (more && !r->status) {
		uint8_t *data = bh_grow((void *)out->as.bytes.data, out->as.bytes.length, &capacity, 1);
		if (!data) {
			bh_json_no_memory(r);
			return;
		}
		out->as.bytes.data = data;
		bh_json_integer(r, type, 0, UINT8_MAX, &number);
		data[out->as.bytes.length++] = (uint8_t)number;
		more = bh_json_took(r, ',');
		if (!more && !bh_json_took(r, ']'))
			bh_json_wrong(r, type, "',' or ']' is wanted here");
	}
}

static void read_bytes(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	if (bh_json_took(r, '[')) {
		read_byte_array(r, type, out);
		return;
	}
	bool opened = bh_json_took(r, '{') && bh_json_took_word(r, "\"base64\"") && bh_json_took(r, ':');
	char *text = opened ? bh_json_text(r, &length, type) : NULL;
	out->as.bytes.data = (uint8_t *)text;
	out->as.bytes.length = length;
	if (!text || !decode_base64((uint8_t *)text, &out->as.bytes.length) || !bh_json_took(r, '}'))
		bh_json_wrong(r, type, "{\"base64\": \"...\"} or an array of numbers is wanted here");
}

/* What holds other values. */

static void read_boxed(bh_json *r, const bh_type *type, bh_value **out)
{
	*out = bh_calloc(1, sizeof **out);
	if (*out)
		read_value(r, type, *out);
	else
		bh_json_no_memory(r);
}

static void read_list(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0;
	if (!bh_json_took(r, '['))
		bh_json_wrong(r, type, "an array is wanted here");
	bool more = !bh_json_took(r, ']');
	while (more && !r->status) {
		bh_value *items = bh_grow(out->as.list.items, out->as.list.count, &capacity, sizeof *items);
		if (!items) {
			bh_json_no_memory(r);
			return;
		}
		out->as.list.items = items;
		items[out->as.list.count] = (bh_value)BH_VALUE_INIT;
		read_value(r, bh_type_at(type, 0), &items[out->as.list.count++]);
		more = bh_json_took(r, ',');
		if (!more && !bh_json_took(r, ']'))
			bh_json_wrong(r, type, "',' or ']' is wanted here");
	}
}

static void read_items(bh_json *r, const bh_type *type, size_t count,
                       const bh_type *(*at)(const void *of, size_t index), const void *of, bh_value *items)
{
	if (!bh_json_took(r, '['))
		bh_json_wrong(r, type, "an array is wanted here");
	for (size_t i = 0; i < count && !r->status; i++) {
		if (i && !bh_json_took(r, ','))
			bh_json_wrong(r, type, "there are too few values, or a ',' is missing");
		else
			read_value(r, at(of, i), &items[i]);
	}
	if (!bh_json_took(r, ']'))
		bh_json_wrong(r, type, "there are too many values, or a ']' is missing");
}

static const bh_type *tuple_part(const void *of, size_t index)
{
	return bh_type_at(of, index);
}

static void read_tuple(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t count = bh_type_count(type);
	out->as.list.items = bh_calloc(count, sizeof *out->as.list.items);
	if (!out->as.list.items) {
		bh_json_no_memory(r);
		return;
	}
	out->as.list.count = count;
	read_items(r, type, count, tuple_part, type, out->as.list.items);
}

/* A field that is an option may be left out. */
static void read_missing_fields(bh_json *r, const bh_type *type, bh_value *out)
{
	for (size_t i = 0; i < out->as.record.count && !r->status; i++) {
		bh_field *field = &out->as.record.fields[i];
		if (field->name)
			continue;
		if (bh_type_kind(bh_type_at(type, i)) != BH_KIND_OPTION) {
			bh_json_wrong(r, type, "a field is missing");
			return;
		}
		field->value = bh_of_option(NULL);
		field->name = bh_strdup(bh_type_name(type, i));
		if (!field->name)
			bh_json_no_memory(r);
	}
}

static void read_field(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t index = 0;
	BH_AUTO(bh_free) char *name = read_part_name(r, type, &index);
	if (r->status)
		return;
	bh_field *field = &out->as.record.fields[index];
	if (field->name) {
		bh_json_wrong(r, type, "a field is there twice");
		return;
	}
	field->name = BH_TAKE(name);
	if (bh_json_took(r, ':'))
		read_value(r, bh_type_at(type, index), &field->value);
	else
		bh_json_wrong(r, type, "':' is wanted here");
}

static void read_record(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t count = bh_type_count(type);
	out->as.record.fields = bh_calloc(count, sizeof *out->as.record.fields);
	if (!out->as.record.fields) {
		bh_json_no_memory(r);
		return;
	}
	out->as.record.count = count;
	if (!bh_json_took(r, '{'))
		bh_json_wrong(r, type, "an object is wanted here");
	bool more = !bh_json_took(r, '}');
	while (more && !r->status) {
		read_field(r, type, out);
		more = bh_json_took(r, ',');
		if (!more && !bh_json_took(r, '}'))
			bh_json_wrong(r, type, "',' or '}' is wanted here");
	}
	read_missing_fields(r, type, out);
}

/* {"name": payload}; null where the case has none. */
static void read_payload(bh_json *r, const bh_type *type, const bh_type *payload, bh_value **out)
{
	if (!bh_json_took(r, ':'))
		bh_json_wrong(r, type, "':' is wanted here");
	else if (payload)
		read_boxed(r, payload, out);
	else if (!bh_json_took_word(r, "null"))
		bh_json_wrong(r, type, "null is wanted here: the case has no payload");
	if (!bh_json_took(r, '}'))
		bh_json_wrong(r, type, "'}' is wanted here");
}

static void read_variant(bh_json *r, const bh_type *type, bh_value *out)
{
	size_t index = 0;
	bool wrapped = bh_json_took(r, '{');
	out->as.variant.name = read_part_name(r, type, &index);
	if (r->status)
		return;
	const bh_type *payload = bh_type_at(type, index);
	if (wrapped)
		read_payload(r, type, payload, &out->as.variant.payload);
	else if (payload)
		bh_json_wrong(r, type, "the case has a payload: {\"case\": ...}");
}

static void read_result(bh_json *r, const bh_type *type, bh_value *out)
{
	bool opened = bh_json_took(r, '{'), is_ok = opened && bh_json_took_word(r, "\"ok\"");
	if (!is_ok && !bh_json_took_word(r, "\"err\"")) {
		bh_json_wrong(r, type, "{\"ok\": ...} or {\"err\": ...} is wanted here");
		return;
	}
	out->as.result.is_err = !is_ok;
	read_payload(r, type, bh_type_at(type, !is_ok), &out->as.result.payload);
}

static void read_option(bh_json *r, const bh_type *type, bh_value *out)
{
	const bh_type *inner = bh_type_at(type, 0);
	if (bh_json_took_word(r, "null"))
		return;
	if (bh_type_kind(inner) != BH_KIND_OPTION) {
		read_boxed(r, inner, &out->as.option);
		return;
	}
	if (bh_json_took(r, '{') && bh_json_took_word(r, "\"some\""))
		read_payload(r, type, inner, &out->as.option);
	else
		bh_json_wrong(r, type, "null or {\"some\": ...} is wanted here");
}

static void read_compound(bh_json *r, const bh_type *type, bh_value *out)
{
	static void (*const readers[BH_KIND_COUNT])(bh_json *, const bh_type *, bh_value *) = {
		[BH_KIND_CHAR] = read_character,  [BH_KIND_STRING] = read_string, [BH_KIND_BYTES] = read_bytes,
		[BH_KIND_LIST] = read_list,       [BH_KIND_RECORD] = read_record, [BH_KIND_TUPLE] = read_tuple,
		[BH_KIND_VARIANT] = read_variant, [BH_KIND_ENUM] = read_enum,     [BH_KIND_OPTION] = read_option,
		[BH_KIND_RESULT] = read_result,   [BH_KIND_FLAGS] = read_flags,
	};
	bh_kind kind = bh_type_kind(type);
	out->owned = kind != BH_KIND_CHAR;
	if (readers[kind])
		readers[kind](r, type, out);
	else
		bh_json_wrong(r, type, "a handle has no text");
}

static void read_value(bh_json *r, const bh_type *type, bh_value *out)
{
	*out = bh_value_of(bh_type_kind(type));
	if (!read_scalar(r, type, out))
		read_compound(r, type, out);
}

static void read_end(bh_json *r, const bh_type *type)
{
	if (!r->status && bh_json_next(r))
		bh_json_wrong(r, type, "there is more text than one value");
}

bh_status bh_value_parse_json(bh_value *out, const bh_type *type, const char *text, bh_error **err)
{
	if (!type || !text)
		return bh_fail(err, BH_E_INVALID, "bh_value_parse_json: no type or no text");
	bh_json r = {.start = text, .at = text, .err = err};
	bh_value value = BH_VALUE_INIT;
	read_value(&r, type, &value);
	read_end(&r, type);
	if (r.status)
		bh_value_deinit(&value);
	else
		*out = value;
	return r.status;
}

static const bh_type *param_type(const void *of, size_t index)
{
	return bh_export_param_type(of, index);
}

bh_status bh_export_parse_json_args(bh_value *out, const bh_export *export_, const char *text, bh_error **err)
{
	size_t count = bh_export_param_count(export_);
	bh_json r = {.start = text, .at = text, .err = err};
	for (size_t i = 0; i < count; i++)
		out[i] = (bh_value)BH_VALUE_INIT;
	read_items(&r, NULL, count, param_type, export_, out);
	read_end(&r, NULL);
	if (!r.status)
		return BH_OK;
	for (size_t i = 0; i < count; i++)
		bh_value_deinit(&out[i]);
	if (err && *err && r.status == BH_E_TYPE)
		bh_error_hint_set(*err, "It takes an array of %zu: %s", count, bh_export_signature(export_));
	return r.status;
}
