#include "json_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "memory.h"
#include "text.h"

static json_t *real(double number)
{
	if (isnan(number))
		return json_text("NaN");
	if (isinf(number))
		return json_text(number < 0 ? "-Infinity" : "Infinity");
	return json_made(json_real(number));
}

/* An f32 as the shortest number that it is read back from: 0.1, not 0.10000000149011612. */
static json_t *single(float number)
{
	if (!isfinite(number))
		return real((double)number);
	char text[40];
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)number);
		if (strtof(text, NULL) == number)
			break;
	}
	return real(strtod(text, NULL));
}

static json_t *character(uint32_t c)
{
	char text[5] = {0};
	if (c < 0x80) {
		text[0] = (char)c;
		return json_made(json_stringn(text, 1)); /* NUL is a character too */
	}
	int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (int i = length - 1; i > 0; i--, c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	text[0] = (char)((0xf00 >> length & 0xff) | c);
	return json_text(text);
}

static json_t *base64(const uint8_t *data, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	X_AUTO char *text = x_alloc((length + 2) / 3 * 4 + 1);
	size_t n = 0;
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group =
			(uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
		text[n++] = digits[group >> 18];
		text[n++] = digits[group >> 12 & 63];
		text[n++] = left > 1 ? digits[group >> 6 & 63] : '=';
		text[n++] = left > 2 ? digits[group & 63] : '=';
	}
	json_t *object = json_made(json_object());
	put_member(object, "base64", json_stringn(text, n));
	return object;
}

static json_t *wrapped(const char *key, const bh_value *payload)
{
	json_t *object = json_made(json_object());
	put_member(object, key, payload ? json_value(payload) : json_null());
	return object;
}

static json_t *option(const bh_value *value)
{
	const bh_value *some = value->as.option;
	if (!some)
		return json_null();
	return some->kind == BH_KIND_OPTION ? wrapped("some", some) : json_value(some);
}

static json_t *list(const bh_value *value)
{
	json_t *array = json_made(json_array());
	for (size_t i = 0; i < value->as.list.count; i++)
		put_element(array, json_value(&value->as.list.items[i]));
	return array;
}

static json_t *record(const bh_value *value)
{
	json_t *object = json_made(json_object());
	for (size_t i = 0; i < value->as.record.count; i++)
		put_member(object, value->as.record.fields[i].name, json_value(&value->as.record.fields[i].value));
	return object;
}

static json_t *flags(const bh_value *value)
{
	json_t *array = json_made(json_array());
	for (size_t i = 0; i < value->as.flags.count; i++)
		put_element(array, json_text(value->as.flags.names[i]));
	return array;
}

/* What holds other values, or has no number to it. */
static json_t *compound(const bh_value *value)
{
	switch (value->kind) {
	case BH_KIND_BYTES:
		return base64(value->as.bytes.data, value->as.bytes.length);
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		return list(value);
	case BH_KIND_RECORD:
		return record(value);
	case BH_KIND_VARIANT:
		return wrapped(value->as.variant.name, value->as.variant.payload);
	case BH_KIND_ENUM:
		return json_text(value->as.variant.name);
	case BH_KIND_OPTION:
		return option(value);
	case BH_KIND_RESULT:
		return wrapped(value->as.result.is_err ? "err" : "ok", value->as.result.payload);
	case BH_KIND_FLAGS:
		return flags(value);
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return json_made(json_pack("{sb}", "resource", 1));
	default:
		return json_null();
	}
}

json_t *json_value(const bh_value *value)
{
	switch (value->kind) {
	case BH_KIND_BOOL:
		return json_boolean(value->as.boolean);
	case BH_KIND_S8:
		return json_made(json_integer(value->as.s8));
	case BH_KIND_U8:
		return json_made(json_integer(value->as.u8));
	case BH_KIND_S16:
		return json_made(json_integer(value->as.s16));
	case BH_KIND_U16:
		return json_made(json_integer(value->as.u16));
	case BH_KIND_S32:
		return json_made(json_integer(value->as.s32));
	case BH_KIND_U32:
		return json_made(json_integer(value->as.u32));
	case BH_KIND_S64:
		return json_made(json_integer(value->as.s64));
	case BH_KIND_U64:
		return json_number(value->as.u64);
	case BH_KIND_F32:
		return single(value->as.f32);
	case BH_KIND_F64:
		return real(value->as.f64);
	case BH_KIND_CHAR:
		return character(value->as.character);
	case BH_KIND_STRING:
		return json_made(json_stringn(value->as.string.data, value->as.string.length));
	default:
		return compound(value);
	}
}
