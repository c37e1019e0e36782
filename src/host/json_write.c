/*
 * Values as JSON. What JSON cannot say is said with a member's name: {"ok": v} and {"err": v}, {"case": payload},
 * {"base64": "..."}, {"some": v} for an option in an option; integers that readers of JSON cannot hold, and floats that are no
 * numbers, are texts. json_read.c reads it again.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "bulkhead/value.h"

static void put(bh_text *out, const bh_value *value);

static void put_string(bh_text *out, const char *data, size_t length)
{
	size_t from = 0;
	bh_text_add_n(out, "\"", 1);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
			continue;
		bh_text_add_n(out, data + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\')
			bh_text_add(out, "\\%c", c);
		else
			bh_text_add(out, "\\u%04x", c);
	}
	bh_text_add_n(out, data + from, length - from);
	bh_text_add_n(out, "\"", 1);
}

static void put_name(bh_text *out, const char *name)
{
	put_string(out, name ? name : "", name ? strlen(name) : 0);
}

/*
 * A number as the shortest text that it is read back from: 0.1, not 0.10000000149011612. The program's locale may write it
 * with another sign than a point, and reads it back so.
 */
static void put_real(bh_text *out, double number, bool is_single)
{
	char text[40];
	if (!isfinite(number)) {
		bh_text_add(out, isnan(number) ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\"");
		return;
	}
	for (int digits = is_single ? 6 : 15; digits <= (is_single ? 9 : 17); digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (is_single ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number)
			break;
	}
	bool whole = !text[strspn(text, "-0123456789")];
	char *strange = text + strspn(text, "-+0123456789eE");
	if (*strange)
		*strange = '.';
	bh_text_add(out, whole ? "%s.0" : "%s", text);
}

static void put_unsigned(bh_text *out, uint64_t number)
{
	bh_text_add(out, number <= INT64_MAX ? "%llu" : "\"%llu\"", (unsigned long long)number);
}

static void put_character(bh_text *out, uint32_t c)
{
	char text[4];
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	text[0] = (char)c;
	for (size_t i = length; i-- > 1; c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	if (length > 1)
		text[0] = (char)((0xf00 >> length & 0xff) | c);
	put_string(out, text, length);
}

static void put_base64(bh_text *out, const uint8_t *data, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	bh_text_add(out, "{\"base64\":\"");
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group =
			(uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
		const char four[] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
		                     left > 2 ? digits[group & 63] : '='};
		bh_text_add_n(out, four, sizeof four);
	}
	bh_text_add(out, "\"}");
}

static void put_wrapped(bh_text *out, const char *key, const bh_value *payload)
{
	bh_text_add_n(out, "{", 1);
	put_name(out, key);
	bh_text_add_n(out, ":", 1);
	if (payload)
		put(out, payload);
	else
		bh_text_add(out, "null");
	bh_text_add_n(out, "}", 1);
}

static void put_option(bh_text *out, const bh_value *some)
{
	if (!some)
		bh_text_add(out, "null");
	else if (some->kind == BH_KIND_OPTION)
		put_wrapped(out, "some", some);
	else
		put(out, some);
}

static void put_list(bh_text *out, const bh_value *value)
{
	bh_text_add_n(out, "[", 1);
	for (size_t i = 0; i < value->as.list.count; i++) {
		if (i)
			bh_text_add_n(out, ",", 1);
		put(out, &value->as.list.items[i]);
	}
	bh_text_add_n(out, "]", 1);
}

static void put_record(bh_text *out, const bh_value *value)
{
	bh_text_add_n(out, "{", 1);
	for (size_t i = 0; i < value->as.record.count; i++) {
		if (i)
			bh_text_add_n(out, ",", 1);
		put_name(out, value->as.record.fields[i].name);
		bh_text_add_n(out, ":", 1);
		put(out, &value->as.record.fields[i].value);
	}
	bh_text_add_n(out, "}", 1);
}

static void put_flags(bh_text *out, const bh_value *value)
{
	bh_text_add_n(out, "[", 1);
	for (size_t i = 0; i < value->as.flags.count; i++) {
		if (i)
			bh_text_add_n(out, ",", 1);
		put_name(out, value->as.flags.names[i]);
	}
	bh_text_add_n(out, "]", 1);
}

/* What holds other values, or has no number to it. */
static void put_compound(bh_text *out, const bh_value *value)
{
	switch ((bh_kind)value->kind) {
	case BH_KIND_STRING:
		put_string(out, value->as.string.data, value->as.string.length);
		break;
	case BH_KIND_BYTES:
		put_base64(out, value->as.bytes.data, value->as.bytes.length);
		break;
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		put_list(out, value);
		break;
	case BH_KIND_RECORD:
		put_record(out, value);
		break;
	case BH_KIND_VARIANT:
		put_wrapped(out, value->as.variant.name, value->as.variant.payload);
		break;
	case BH_KIND_ENUM:
		put_name(out, value->as.variant.name);
		break;
	case BH_KIND_OPTION:
		put_option(out, value->as.option);
		break;
	case BH_KIND_RESULT:
		put_wrapped(out, value->as.result.is_err ? "err" : "ok", value->as.result.payload);
		break;
	case BH_KIND_FLAGS:
		put_flags(out, value);
		break;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		bh_text_add(out, "{\"resource\":true}");
		break;
	default:
		bh_text_add(out, "null");
	}
}

static void put(bh_text *out, const bh_value *value)
{
	switch ((bh_kind)value->kind) {
	case BH_KIND_BOOL:
		bh_text_add(out, value->as.boolean ? "true" : "false");
		break;
	case BH_KIND_S8:
		bh_text_add(out, "%d", value->as.s8);
		break;
	case BH_KIND_U8:
		bh_text_add(out, "%u", value->as.u8);
		break;
	case BH_KIND_S16:
		bh_text_add(out, "%d", value->as.s16);
		break;
	case BH_KIND_U16:
		bh_text_add(out, "%u", value->as.u16);
		break;
	case BH_KIND_S32:
		bh_text_add(out, "%d", value->as.s32);
		break;
	case BH_KIND_U32:
		bh_text_add(out, "%u", value->as.u32);
		break;
	case BH_KIND_S64:
		bh_text_add(out, "%lld", (long long)value->as.s64);
		break;
	case BH_KIND_U64:
		put_unsigned(out, value->as.u64);
		break;
	case BH_KIND_F32:
		put_real(out, (double)value->as.f32, true);
		break;
	case BH_KIND_F64:
		put_real(out, value->as.f64, false);
		break;
	case BH_KIND_CHAR:
		put_character(out, value->as.character);
		break;
	default:
		put_compound(out, value);
	}
}

bh_status bh_value_to_json(char **out, const bh_value *value, bh_error **err)
{
	bh_text text = {0};
	put(&text, value);
	char *made = bh_text_take(&text);
	if (!made)
		return bh_fail_memory(err);
	*out = made;
	return BH_OK;
}
