/*
 * JSON as values of a type, as json_write.c writes them. The text is read once, along the type, which bounds how deep this
 * goes; what the text makes us allocate is in proportion to its length.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "bulkhead/call.h"

typedef struct {
	const char *start, *at;
	bh_status status; /* the first thing that went wrong */
	bh_error **err;
} reader;

static void read_value(reader *r, const bh_type *type, bh_value *out);

static void wrong(reader *r, const bh_type *type, const char *what)
{
	if (r->status)
		return;
	char wanted[160] = "";
	if (type)
		bh_type_format(wanted, sizeof wanted, type);
	bh_error *e = bh_error_begin(r->err, BH_E_TYPE, "at byte %zu: %s", (size_t)(r->at - r->start) + 1, what);
	if (type)
		bh_error_hint_set(e, "A value of %s is wanted.", wanted);
	r->status = BH_E_TYPE;
}

static void no_memory(reader *r)
{
	if (!r->status)
		r->status = bh_fail_memory(r->err);
}

/* Tokens. */

static char next(reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
	return *r->at;
}

static bool took(reader *r, char c)
{
	if (r->status || next(r) != c)
		return false;
	r->at++;
	return true;
}

static bool took_word(reader *r, const char *word)
{
	size_t length = strlen(word);
	if (r->status || !next(r) || strncmp(r->at, word, length) != 0)
		return false;
	r->at += length;
	return true;
}

static int hex4(const char *at)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static size_t put_utf8(char *out, uint32_t c)
{
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	out[0] = (char)c;
	for (size_t i = length; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	if (length > 1)
		out[0] = (char)((0xf00 >> length & 0xff) | c);
	return length;
}

/* What follows "\u", surrogates by twos; -1: no character. */
static int64_t read_unicode(reader *r)
{
	int c = hex4(r->at);
	if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
		return -1;
	r->at += 4;
	if (c < 0xd800 || c > 0xdbff)
		return c;
	int low = r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	r->at += 6;
	return 0x10000 + (((int64_t)c - 0xd800) << 10) + (low - 0xdc00);
}

/* One escape, its backslash read. */
static size_t read_escape(reader *r, char *out)
{
	static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	char c = *r->at;
	const char *found = c ? strchr(letters, c) : NULL;
	if (found) {
		r->at++;
		*out = plain[found - letters];
		return 1;
	}
	int64_t code = -1;
	if (c == 'u') {
		r->at++;
		code = read_unicode(r);
	}
	if (code < 0) {
		wrong(r, NULL, "an escape that is none");
		return 0;
	}
	return put_utf8(out, (uint32_t)code);
}

/* A text, which belongs to the caller; NULL where there is none, and something is wrong then. */
static char *read_text(reader *r, size_t *length, const bh_type *type)
{
	if (!took(r, '"')) {
		wrong(r, type, "a text is wanted here");
		return NULL;
	}
	const char *end = r->at;
	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	BH_AUTO(bh_free) char *text = bh_alloc((size_t)(end - r->at) + 1); /* escapes are longer than what they mean */
	size_t n = 0;
	if (!text)
		no_memory(r);
	while (!r->status && *r->at != '"') {
		unsigned char c = (unsigned char)*r->at;
		if (c < ' ') {
			wrong(r, NULL, c ? "a control character in a text" : "a text without its end");
		} else if (c == '\\') {
			r->at++;
			n += read_escape(r, text + n);
		} else {
			text[n++] = *r->at++;
		}
	}
	if (r->status)
		return NULL;
	r->at++;
	text[n] = '\0';
	*length = n;
	return BH_TAKE(text);
}

/* Numbers. */

/* JSON's form, as a copy that strto*() reads: in quotes too, as numbers are written that are too long for some. */
static bool read_number(reader *r, char out[64], const bh_type *type)
{
	bool quoted = took(r, '"');
	next(r);
	size_t length = strspn(r->at, "+-.0123456789eE");
	if (!length || length > 62 || (quoted && r->at[length] != '"')) {
		wrong(r, type, "a number is wanted here");
		return false;
	}
	memcpy(out, r->at, length);
	out[length] = '\0';
	r->at += length + quoted;
	return true;
}

static const char *digits_of(const char *text)
{
	return text + (*text == '-');
}

static void read_integer(reader *r, const bh_type *type, int64_t least, uint64_t most, uint64_t *out)
{
	char text[64], *end = NULL;
	const char *from = r->at;
	if (!read_number(r, text, type))
		return;
	const char *digits = digits_of(text);
	errno = 0;
	unsigned long long size = strtoull(digits, &end, 10);
	bool negative = digits != text && size;
	bool fits = negative ? least < 0 && size <= (uint64_t) - (least + 1) + 1 : size <= most;
	if (errno || *end || *digits < '0' || *digits > '9' || (*digits == '0' && digits[1]) || !fits) {
		r->at = from;
		wrong(r, type, "this is no whole number, or not within the type's range");
		return;
	}
	*out = negative ? 0 - (uint64_t)size : (uint64_t)size;
}

/* strtod() reads the point that the program's locale has. */
static double to_real(const char *text, bool is_single, char **end)
{
	char local[72], point[4];
	snprintf(point, sizeof point, "%.1f", 0.0);
	snprintf(local, sizeof local, "%s", text);
	char *sign = strchr(local, '.');
	if (sign)
		*sign = point[1];
	double number = is_single ? (double)strtof(local, end) : strtod(local, end);
	*end = **end ? *end : NULL;
	return number;
}

static void read_real(reader *r, const bh_type *type, bool is_single, double *out)
{
	static const char *const names[] = {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};
	static const double numbers[] = {__builtin_nan(""), __builtin_inf(), -__builtin_inf()};
	for (size_t i = 0; i < BH_COUNT(names); i++)
		if (took_word(r, names[i])) {
			*out = numbers[i];
			return;
		}
	char text[64], *rest;
	const char *from = r->at;
	if (!read_number(r, text, type))
		return;
	*out = to_real(text, is_single, &rest);
	const char *digits = digits_of(text);
	if (rest || *digits < '0' || *digits > '9' || __builtin_isinf(*out)) {
		r->at = from;
		wrong(r, type, "this is no number, or none that the type can hold");
	}
}

/* Signed kinds keep their bits. */
#define INTEGER(KIND, field, type_, least, most)                                                                       \
	case BH_KIND_##KIND:                                                                                               \
		read_integer(r, type, least, most, &number);                                                                   \
		out->as.field = (type_)number;                                                                                 \
		break;

static bool read_scalar(reader *r, const bh_type *type, bh_value *out)
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
		read_real(r, type, true, &real);
		out->as.f32 = (float)real;
		break;
	case BH_KIND_F64:
		read_real(r, type, false, &real);
		out->as.f64 = real;
		break;
	case BH_KIND_BOOL:
		out->as.boolean = took_word(r, "true");
		if (!out->as.boolean && !took_word(r, "false"))
			wrong(r, type, "true or false is wanted here");
		break;
	default:
		return false;
	}
	return true;
}

/* What is text in JSON. */

static void read_string(reader *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	out->as.string.data = read_text(r, &length, type);
	out->as.string.length = length;
}

static void read_character(reader *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	BH_AUTO(bh_free) char *text = read_text(r, &length, type);
	if (!text)
		return;
	const unsigned char *p = (const unsigned char *)text;
	size_t wanted = !length ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = wanted < 2 ? p[0] : p[0] & (0x7fU >> wanted);
	for (size_t i = 1; i < wanted && i < length; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (!length || wanted != length)
		wrong(r, type, "one character is wanted here");
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
static char *read_part_name(reader *r, const bh_type *type, size_t *index)
{
	size_t length;
	const char *from = r->at;
	char *name = read_text(r, &length, type);
	if (name && (strlen(name) != length || (*index = part_named(type, name)) == bh_type_count(type))) {
		r->at = from;
		wrong(r, type, "the type has nothing of this name");
	}
	return name;
}

static void read_enum(reader *r, const bh_type *type, bh_value *out)
{
	size_t index;
	out->as.variant.name = read_part_name(r, type, &index);
}

static void read_flags(reader *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0, index;
	if (!took(r, '['))
		wrong(r, type, "an array of names is wanted here");
	bool more = !took(r, ']');
	while (more && !r->status) {
		const char **names = bh_grow(out->as.flags.names, out->as.flags.count, &capacity, sizeof *names);
		if (!names) {
			no_memory(r);
			return;
		}
		out->as.flags.names = names;
		char *name = read_part_name(r, type, &index);
		if (!name)
			return;
		names[out->as.flags.count++] = name;
		more = took(r, ',');
		if (!more && !took(r, ']'))
			wrong(r, type, "',' or ']' is wanted here");
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

static void read_byte_array(reader *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0;
	uint64_t number = 0;
	bool more = !took(r, ']');
	while (more && !r->status) {
		uint8_t *data = bh_grow((void *)out->as.bytes.data, out->as.bytes.length, &capacity, 1);
		if (!data) {
			no_memory(r);
			return;
		}
		out->as.bytes.data = data;
		read_integer(r, type, 0, UINT8_MAX, &number);
		data[out->as.bytes.length++] = (uint8_t)number;
		more = took(r, ',');
		if (!more && !took(r, ']'))
			wrong(r, type, "',' or ']' is wanted here");
	}
}

static void read_bytes(reader *r, const bh_type *type, bh_value *out)
{
	size_t length = 0;
	if (took(r, '[')) {
		read_byte_array(r, type, out);
		return;
	}
	bool opened = took(r, '{') && took_word(r, "\"base64\"") && took(r, ':');
	char *text = opened ? read_text(r, &length, type) : NULL;
	out->as.bytes.data = (uint8_t *)text;
	out->as.bytes.length = length;
	if (!text || !decode_base64((uint8_t *)text, &out->as.bytes.length) || !took(r, '}'))
		wrong(r, type, "{\"base64\": \"...\"} or an array of numbers is wanted here");
}

/* What holds other values. */

static void read_boxed(reader *r, const bh_type *type, bh_value **out)
{
	*out = bh_calloc(1, sizeof **out);
	if (*out)
		read_value(r, type, *out);
	else
		no_memory(r);
}

static void read_list(reader *r, const bh_type *type, bh_value *out)
{
	size_t capacity = 0;
	if (!took(r, '['))
		wrong(r, type, "an array is wanted here");
	bool more = !took(r, ']');
	while (more && !r->status) {
		bh_value *items = bh_grow(out->as.list.items, out->as.list.count, &capacity, sizeof *items);
		if (!items) {
			no_memory(r);
			return;
		}
		out->as.list.items = items;
		items[out->as.list.count] = (bh_value)BH_VALUE_INIT;
		read_value(r, bh_type_at(type, 0), &items[out->as.list.count++]);
		more = took(r, ',');
		if (!more && !took(r, ']'))
			wrong(r, type, "',' or ']' is wanted here");
	}
}

static void read_items(reader *r, const bh_type *type, size_t count, const bh_type *(*at)(const void *of, size_t index),
                       const void *of, bh_value *items)
{
	if (!took(r, '['))
		wrong(r, type, "an array is wanted here");
	for (size_t i = 0; i < count && !r->status; i++) {
		if (i && !took(r, ','))
			wrong(r, type, "there are too few values, or a ',' is missing");
		else
			read_value(r, at(of, i), &items[i]);
	}
	if (!took(r, ']'))
		wrong(r, type, "there are too many values, or a ']' is missing");
}

static const bh_type *tuple_part(const void *of, size_t index)
{
	return bh_type_at(of, index);
}

static void read_tuple(reader *r, const bh_type *type, bh_value *out)
{
	size_t count = bh_type_count(type);
	out->as.list.items = bh_calloc(count, sizeof *out->as.list.items);
	if (!out->as.list.items) {
		no_memory(r);
		return;
	}
	out->as.list.count = count;
	read_items(r, type, count, tuple_part, type, out->as.list.items);
}

/* A field that is an option may be left out. */
static void read_missing_fields(reader *r, const bh_type *type, bh_value *out)
{
	for (size_t i = 0; i < out->as.record.count && !r->status; i++) {
		bh_field *field = &out->as.record.fields[i];
		if (field->name)
			continue;
		if (bh_type_kind(bh_type_at(type, i)) != BH_KIND_OPTION) {
			wrong(r, type, "a field is missing");
			return;
		}
		field->value = bh_of_option(NULL);
		field->name = bh_strdup(bh_type_name(type, i));
		if (!field->name)
			no_memory(r);
	}
}

static void read_field(reader *r, const bh_type *type, bh_value *out)
{
	size_t index = 0;
	BH_AUTO(bh_free) char *name = read_part_name(r, type, &index);
	if (r->status)
		return;
	bh_field *field = &out->as.record.fields[index];
	if (field->name) {
		wrong(r, type, "a field is there twice");
		return;
	}
	field->name = BH_TAKE(name);
	if (took(r, ':'))
		read_value(r, bh_type_at(type, index), &field->value);
	else
		wrong(r, type, "':' is wanted here");
}

static void read_record(reader *r, const bh_type *type, bh_value *out)
{
	size_t count = bh_type_count(type);
	out->as.record.fields = bh_calloc(count, sizeof *out->as.record.fields);
	if (!out->as.record.fields) {
		no_memory(r);
		return;
	}
	out->as.record.count = count;
	if (!took(r, '{'))
		wrong(r, type, "an object is wanted here");
	bool more = !took(r, '}');
	while (more && !r->status) {
		read_field(r, type, out);
		more = took(r, ',');
		if (!more && !took(r, '}'))
			wrong(r, type, "',' or '}' is wanted here");
	}
	read_missing_fields(r, type, out);
}

/* {"name": payload}; null where the case has none. */
static void read_payload(reader *r, const bh_type *type, const bh_type *payload, bh_value **out)
{
	if (!took(r, ':'))
		wrong(r, type, "':' is wanted here");
	else if (payload)
		read_boxed(r, payload, out);
	else if (!took_word(r, "null"))
		wrong(r, type, "null is wanted here: the case has no payload");
	if (!took(r, '}'))
		wrong(r, type, "'}' is wanted here");
}

static void read_variant(reader *r, const bh_type *type, bh_value *out)
{
	size_t index = 0;
	bool wrapped = took(r, '{');
	out->as.variant.name = read_part_name(r, type, &index);
	if (r->status)
		return;
	const bh_type *payload = bh_type_at(type, index);
	if (wrapped)
		read_payload(r, type, payload, &out->as.variant.payload);
	else if (payload)
		wrong(r, type, "the case has a payload: {\"case\": ...}");
}

static void read_result(reader *r, const bh_type *type, bh_value *out)
{
	bool opened = took(r, '{'), is_ok = opened && took_word(r, "\"ok\"");
	if (!is_ok && !took_word(r, "\"err\"")) {
		wrong(r, type, "{\"ok\": ...} or {\"err\": ...} is wanted here");
		return;
	}
	out->as.result.is_err = !is_ok;
	read_payload(r, type, bh_type_at(type, !is_ok), &out->as.result.payload);
}

static void read_option(reader *r, const bh_type *type, bh_value *out)
{
	const bh_type *inner = bh_type_at(type, 0);
	if (took_word(r, "null"))
		return;
	if (bh_type_kind(inner) != BH_KIND_OPTION) {
		read_boxed(r, inner, &out->as.option);
		return;
	}
	if (took(r, '{') && took_word(r, "\"some\""))
		read_payload(r, type, inner, &out->as.option);
	else
		wrong(r, type, "null or {\"some\": ...} is wanted here");
}

static void read_compound(reader *r, const bh_type *type, bh_value *out)
{
	static void (*const readers[BH_KIND_COUNT])(reader *, const bh_type *, bh_value *) = {
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
		wrong(r, type, "a handle has no text");
}

static void read_value(reader *r, const bh_type *type, bh_value *out)
{
	*out = bh_value_of(bh_type_kind(type));
	if (!read_scalar(r, type, out))
		read_compound(r, type, out);
}

static void read_end(reader *r, const bh_type *type)
{
	if (!r->status && next(r))
		wrong(r, type, "there is more text than one value");
}

bh_status bh_value_parse_json(bh_value *out, const bh_type *type, const char *text, bh_error **err)
{
	if (!type || !text)
		return bh_fail(err, BH_E_INVALID, "bh_value_parse_json: no type or no text");
	reader r = {.start = text, .at = text, .err = err};
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
	reader r = {.start = text, .at = text, .err = err};
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
