#include "engine/type.h"

#include <string.h>

/* Engine and validator bound the depth of a type to 100 and its size to a million; this is ample for people. */
enum { MAX_DEPTH = 110, MAX_NODES = 100000 };

static const char *const kind_names[BH_KIND_COUNT] = {
	"none",    "bool", "s8",     "u8",     "s16",    "u16",      "s32",    "u32",    "s64",
	"u64",     "f32",  "f64",    "char",   "string", "list<u8>", "list",   "record", "tuple",
	"variant", "enum", "option", "result", "flags",  "own",      "borrow",
};

const char *bh_kind_name(bh_kind kind)
{
	return (unsigned)kind < BH_KIND_COUNT ? kind_names[kind] : "unknown";
}

bh_kind bh_type_kind(const bh_type *type)
{
	return type->kind;
}

size_t bh_type_count(const bh_type *type)
{
	return type->count;
}

const char *bh_type_name(const bh_type *type, size_t index)
{
	return index < type->count ? type->parts[index]->name : NULL;
}

const bh_type *bh_type_at(const bh_type *type, size_t index)
{
	if (index >= type->count || type->parts[index]->kind == BH_KIND_NONE)
		return NULL;
	return type->parts[index];
}

void bh_type_free(bh_type *type)
{
	if (!type)
		return;
	for (size_t i = 0; i < type->count; i++)
		bh_type_free(type->parts[i]);
	bh_free(type->parts);
	bh_free(type->name);
	bh_free(type);
}

typedef struct {
	bh_type *path[MAX_DEPTH + 1]; /* path[d]: where nodes of depth d are added */
	size_t nodes;
	bool no_memory;
} build;

static bool add_node(void *data, const bhx_node_t *node)
{
	build *b = data;
	if (node->depth >= MAX_DEPTH || ++b->nodes > MAX_NODES)
		return false;
	b->no_memory = true; /* until it has worked */
	bh_type *parent = b->path[node->depth];
	bh_type **parts = bh_grow(parent->parts, parent->count, &parent->capacity, sizeof *parent->parts);
	if (!parts)
		return false;
	parent->parts = parts;
	bh_type *type = bh_calloc(1, sizeof *type);
	if (!type)
		return false;
	parts[parent->count++] = type;
	type->kind = (bh_kind)node->kind;
	type->name = node->name.data ? bh_strndup(node->name.data, node->name.length) : NULL;
	if (node->name.data && !type->name)
		return false;
	b->path[node->depth + 1] = type;
	b->no_memory = false;
	return true;
}

BH_DEFINE_AUTO(bh_type *, bh_type_free)

bh_status bh_type_of_function(bh_type **out, const wasmtime_component_func_type_t *type, bh_error **err)
{
	BH_AUTO(bh_type_free) bh_type *root = bh_calloc(1, sizeof *root);
	if (!root)
		return bh_fail_memory(err);
	build b = {.path = {root}};
	wasmtime_error_t *failed = bhx_func_walk(type, add_node, &b);
	if (failed && b.no_memory) {
		wasmtime_error_delete(failed);
		return bh_fail_memory(err);
	}
	if (failed)
		return bh_engine_fail(err, BH_E_UNSUPPORTED, failed, "the function's type cannot be handled");
	*out = BH_TAKE(root);
	return BH_OK;
}

static void write_parts(bh_text *text, const bh_type *type, const char *open, const char *close)
{
	bh_text_add(text, "%s", open);
	for (size_t i = 0; i < type->count; i++) {
		const bh_type *part = type->parts[i];
		bh_text_add(text, "%s", i ? ", " : "");
		if (part->name)
			bh_text_add(text, "%s", part->name);
		if (part->kind == BH_KIND_NONE)
			continue;
		bool payload = part->name && type->kind == BH_KIND_VARIANT;
		bh_text_add(text, "%s", payload ? "(" : part->name ? ": " : "");
		bh_type_write(text, part);
		bh_text_add(text, "%s", payload ? ")" : "");
	}
	bh_text_add(text, "%s", close);
}

static void write_result(bh_text *text, const bh_type *type)
{
	const bh_type *ok = bh_type_at(type, 0), *bad = bh_type_at(type, 1);
	bh_text_add(text, "result");
	if (!ok && !bad)
		return;
	bh_text_add(text, "<");
	if (ok)
		bh_type_write(text, ok);
	else
		bh_text_add(text, "_");
	if (bad) {
		bh_text_add(text, ", ");
		bh_type_write(text, bad);
	}
	bh_text_add(text, ">");
}

void bh_type_write(bh_text *text, const bh_type *type)
{
	switch (type->kind) {
	case BH_KIND_LIST:
	case BH_KIND_OPTION:
	case BH_KIND_TUPLE:
		bh_text_add(text, "%s", bh_kind_name(type->kind));
		write_parts(text, type, "<", ">");
		break;
	case BH_KIND_RECORD:
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
	case BH_KIND_FLAGS:
		bh_text_add(text, "%s", bh_kind_name(type->kind));
		write_parts(text, type, " { ", " }");
		break;
	case BH_KIND_RESULT:
		write_result(text, type);
		break;
	default:
		bh_text_add(text, "%s", bh_kind_name(type->kind));
	}
}

void bh_type_write_function(bh_text *text, const bh_type *root)
{
	bh_text_add(text, "func(");
	size_t params = root->count - 1;
	for (size_t i = 0; i < params; i++) {
		bh_text_add(text, "%s%s: ", i ? ", " : "", root->parts[i]->name);
		bh_type_write(text, root->parts[i]);
	}
	bh_text_add(text, ")");
	if (root->parts[params]->kind == BH_KIND_NONE)
		return;
	bh_text_add(text, " -> ");
	bh_type_write(text, root->parts[params]);
}

static void write_example_parts(bh_text *text, const bh_type *type, const char *open, const char *close)
{
	bh_text_add(text, "%s", open);
	for (size_t i = 0; i < type->count; i++) {
		bh_text_add(text, "%s", i ? ", " : "");
		if (type->kind == BH_KIND_RECORD)
			bh_text_add(text, "%s: ", type->parts[i]->name);
		bh_type_write_example(text, type->parts[i]);
	}
	bh_text_add(text, "%s", close);
}

static void write_example_case(bh_text *text, const char *name, const bh_type *payload)
{
	bh_text_add(text, "%s", name);
	if (!payload || payload->kind == BH_KIND_NONE)
		return;
	bh_text_add(text, "(");
	bh_type_write_example(text, payload);
	bh_text_add(text, ")");
}

void bh_type_write_example(bh_text *text, const bh_type *type)
{
	switch (type->kind) {
	case BH_KIND_BOOL:
		bh_text_add(text, "true");
		break;
	case BH_KIND_F32:
	case BH_KIND_F64:
		bh_text_add(text, "0.5");
		break;
	case BH_KIND_CHAR:
		bh_text_add(text, "'x'");
		break;
	case BH_KIND_STRING:
		bh_text_add(text, "\"text\"");
		break;
	case BH_KIND_BYTES:
		bh_text_add(text, "[0, 1]");
		break;
	case BH_KIND_LIST:
		write_example_parts(text, type, "[", "]");
		break;
	case BH_KIND_RECORD:
		write_example_parts(text, type, "{", "}");
		break;
	case BH_KIND_TUPLE:
		write_example_parts(text, type, "(", ")");
		break;
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		write_example_case(text, type->parts[0]->name, type->parts[0]);
		break;
	case BH_KIND_OPTION:
		write_example_case(text, "some", type->parts[0]);
		break;
	case BH_KIND_RESULT:
		write_example_case(text, "ok", type->parts[0]);
		break;
	case BH_KIND_FLAGS:
		bh_text_add(text, "{%s}", type->count ? type->parts[0]->name : "");
		break;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		bh_text_add(text, "<handle>");
		break;
	default:
		bh_text_add(text, "0");
	}
}

size_t bh_type_format(char *out, size_t size, const bh_type *type)
{
	bh_text text = {0};
	bh_type_write(&text, type);
	size_t length = text.length;
	if (size) {
		size_t kept = length < size ? length : size - 1;
		if (kept)
			memcpy(out, text.data, kept);
		out[kept] = '\0';
	}
	bh_text_deinit(&text);
	return length;
}
