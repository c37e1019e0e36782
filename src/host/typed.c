/* What generated headers are made of: memory for conversions, and exports looked up together. */
#include "bulkhead/typed.h"

#include <string.h>

#include "base/error.h"

bh_status bh_string_copy(bh_string *out, const char *data, size_t length, bh_error **err)
{
	char *copy = bh_strndup(data ? data : "", length);
	if (!copy)
		return bh_fail_memory(err);
	out->data = copy;
	out->length = length;
	return BH_OK;
}

bh_status bh_bytes_copy(bh_bytes *out, const void *data, size_t length, bh_error **err)
{
	uint8_t *copy = bh_memdup(data ? data : "", length);
	if (!copy)
		return bh_fail_memory(err);
	out->data = copy;
	out->length = length;
	return BH_OK;
}

void *bh_items_new(size_t count, size_t size)
{
	size_t whole;
	return __builtin_mul_overflow(count, size, &whole) || whole > PTRDIFF_MAX ? NULL : bh_calloc(count, size);
}

void bh_items_free(void *items)
{
	bh_free(items);
}

/* A block of a scope: the room follows it. */
typedef struct block block;
struct block {
	block *next;
	size_t size;
};

enum { FIRST_BLOCK = 1024, ALIGNMENT = 8 };

_Static_assert(_Alignof(bh_value) <= ALIGNMENT && sizeof(block) % ALIGNMENT == 0, "what scopes hold lies as it should");

static bool add_block(bh_scope *scope, size_t wanted)
{
	const block *last = scope->blocks;
	size_t size = last && last->size < SIZE_MAX / 4 ? last->size * 2 : FIRST_BLOCK, whole;
	if (size < wanted)
		size = wanted;
	block *made = __builtin_add_overflow(size, sizeof *made, &whole) ? NULL : bh_alloc(whole);
	if (!made)
		return false;
	*made = (block){scope->blocks, size};
	scope->blocks = made;
	scope->at = (char *)(made + 1);
	scope->left = size;
	return true;
}

void *bh_scope_take(bh_scope *scope, size_t count, size_t size)
{
	size_t wanted;
	if (__builtin_mul_overflow(count, size, &wanted) || __builtin_add_overflow(wanted, ALIGNMENT - 1, &wanted))
		return NULL;
	wanted = wanted < ALIGNMENT ? ALIGNMENT : wanted & ~(size_t)(ALIGNMENT - 1);
	if (wanted > scope->left && !add_block(scope, wanted))
		return NULL;
	void *taken = scope->at;
	scope->at += wanted;
	scope->left -= wanted;
	return taken;
}

void bh_scope_end(bh_scope *scope)
{
	for (block *next, *at = scope->blocks; at; at = next) {
		next = at->next;
		bh_free(at);
	}
	memset(scope, 0, sizeof *scope);
}

bh_status bh_string_from(bh_string *out, bh_value *in, bh_scope *scope)
{
	if (in->kind != BH_KIND_STRING)
		return BH_E_TYPE;
	if (!scope && !in->owned)
		return bh_string_copy(out, in->as.string.data, in->as.string.length, NULL);
	out->data = in->as.string.data;
	out->length = in->as.string.length;
	if (!scope)
		*in = (bh_value)BH_VALUE_INIT;
	return BH_OK;
}

bh_status bh_bytes_from(bh_bytes *out, bh_value *in, bh_scope *scope)
{
	if (in->kind != BH_KIND_BYTES)
		return BH_E_TYPE;
	if (!scope && !in->owned)
		return bh_bytes_copy(out, in->as.bytes.data, in->as.bytes.length, NULL);
	out->data = in->as.bytes.data;
	out->length = in->as.bytes.length;
	if (!scope)
		*in = (bh_value)BH_VALUE_INIT;
	return BH_OK;
}

bh_status bh_handle_from(bh_resource **out, bh_value *in, bh_scope *scope)
{
	if ((in->kind != BH_KIND_OWN && in->kind != BH_KIND_BORROW) || !in->as.resource)
		return BH_E_TYPE;
	*out = scope || in->owned ? in->as.resource : bh_resource_ref(in->as.resource);
	if (!scope)
		*in = (bh_value)BH_VALUE_INIT;
	return BH_OK;
}

bool bh_is_record(const bh_value *value, const char *const *names, size_t count)
{
	if (value->kind != BH_KIND_RECORD || value->as.record.count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!value->as.record.fields[i].name || strcmp(value->as.record.fields[i].name, names[i]) != 0)
			return false;
	return true;
}

size_t bh_case_find(const char *name, const char *const *names, size_t count)
{
	size_t at = 0;
	while (name && at < count && strcmp(names[at], name) != 0)
		at++;
	return name ? at : count;
}

bh_status bh_flags_from(uint64_t *bits, const bh_value *in, const char *const *names, size_t count)
{
	if (in->kind != BH_KIND_FLAGS || in->as.flags.count > count)
		return BH_E_TYPE;
	for (size_t i = 0; i < in->as.flags.count; i++) {
		size_t at = bh_case_find(in->as.flags.names[i], names, count);
		if (at == count)
			return BH_E_TYPE;
		bits[at / 64] |= UINT64_C(1) << at % 64;
	}
	return BH_OK;
}

bh_status bh_flags_to(bh_value *out, const uint64_t *bits, const char *const *names, size_t count, bh_scope *scope)
{
	const char **set = bh_scope_take(scope, count, sizeof *set);
	size_t number = 0;
	if (!set)
		return BH_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		if (bits[i / 64] >> i % 64 & 1)
			set[number++] = names[i];
	*out = bh_of_flags(set, number);
	return count % 64 && bits[count / 64] >> count % 64 ? BH_E_TYPE : BH_OK;
}

bh_status bh_typed_fail(bh_error **err, bh_status status, const char *function)
{
	if (status == BH_E_NO_MEMORY)
		return bh_fail_memory(err);
	return bh_fail(err, status, "%s: a value does not fit the type that the header was made for", function);
}

/* "add: func(a: s32)" without its name, which may be "[method]bag.add". */
static const char *type_in(const char *signature)
{
	const char *found = strstr(signature, ": func(");
	return found ? found + 2 : signature;
}

static bh_status check_type(const bh_export *found, const bh_typed_export *wanted, bh_error **err)
{
	const char *type = type_in(bh_export_signature(found));
	if (!strcmp(type, wanted->signature))
		return BH_OK;
	bh_error *e = bh_error_begin(err, BH_E_TYPE, "%s is of another type than the header was made for", wanted->name);
	bh_error_hint_set(e, "component: %s\nheader:    %s", type, wanted->signature);
	return BH_E_TYPE;
}

bh_status bh_typed_prepare(bh_export **out, bh_component *component, const bh_typed_export *wanted, size_t count,
                           bh_error **err)
{
	for (size_t i = 0; i < count; i++) {
		out[i] = NULL;
		bh_status status = bh_export_find(&out[i], component, wanted[i].name, err);
		if (!status)
			status = check_type(out[i], &wanted[i], err);
		if (status) {
			bh_typed_release(out, i + 1);
			return status;
		}
	}
	return BH_OK;
}

void bh_typed_release(bh_export **exports_, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bh_export_free(exports_[i]);
		exports_[i] = NULL;
	}
}
