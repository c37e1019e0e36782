/*
 * Worlds, as the archive's WIT reader tells of them: node by node. What comes from there is checked as if a guest had sent
 * it: numbers refer to what was told before, kinds have the parts that they need, and everything has a bound.
 */
#include "bulkhead/wit.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "engine/type.h"
#include "engine/wit_error.h"

enum {
	MAX_FUNCTIONS = 10000,
	MAX_TYPES = 50000,
	MAX_PARTS = 500000,
	MAX_NAME = 255,
	MAX_DOCS = 64 << 10,
	MAX_DEPTH = 100,               /* as for the types of components */
	MAX_FUNCTION_NODES = 10000,    /* of one signature, written out */
	MAX_SIGNATURE_NODES = 2000000, /* of all of them */
};

#define READER_STACK BH_MIB(64)

/* What is beside a type. */
typedef struct {
	size_t size; /* itself and its parts, written out; saturates above MAX_FUNCTION_NODES */
	int depth;
} extent;

typedef struct {
	bh_wit_function *items;
	size_t count;
	size_t capacity;
} functions;

/* What the caller has, and what it is made with. `seen` is first, so that one pointer is both. */
typedef struct {
	bh_wit seen;
	bh_wit_type *types;
	extent *extents;
	size_t type_count, type_capacity, extent_capacity;
	functions imports, exports;
	size_t *resources;
	size_t resource_count, resource_capacity;
	/* Where nodes go that belong to the one before: */
	functions *open; /* NULL: to the last type */
	size_t part_capacity;
	size_t parts, nodes; /* in all */
	bh_status status;
	bh_error **err;
} world;

static void free_parts(const bh_wit_part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bh_free((char *)parts[i].name);
	bh_free((bh_wit_part *)parts);
}

static void free_functions(functions *list)
{
	for (size_t i = 0; i < list->count; i++) {
		bh_wit_function *f = &list->items[i];
		bh_free((char *)f->interface);
		bh_free((char *)f->name);
		bh_free((char *)f->docs);
		bh_free((char *)f->signature);
		free_parts(f->params, f->param_count);
	}
	bh_free(list->items);
}

void bh_wit_free(bh_wit *wit)
{
	world *w = (world *)wit;
	if (!w)
		return;
	for (size_t i = 0; i < w->type_count; i++) {
		bh_free((char *)w->types[i].interface);
		bh_free((char *)w->types[i].name);
		bh_free((char *)w->types[i].docs);
		free_parts(w->types[i].parts, w->types[i].part_count);
	}
	bh_free(w->types);
	bh_free(w->extents);
	free_functions(&w->imports);
	free_functions(&w->exports);
	bh_free(w->resources);
	bh_free((char *)w->seen.package);
	bh_free((char *)w->seen.name);
	bh_free((char *)w->seen.docs);
	bh_free(w);
}

static bool no_memory(world *w)
{
	w->status = bh_fail_memory(w->err);
	return false;
}

__attribute__((format(printf, 2, 3))) static bool refuse(world *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	w->status = bh_vfail(w->err, BH_E_UNSUPPORTED, format, args);
	va_end(args);
	return false;
}

/* Text as a string of ours; NUL bytes cannot be in it where it is a name, and end it where it is a comment. */
static bool keep(world *w, const char **out, bhx_text_t text, size_t most)
{
	if (text.length > most)
		return refuse(w, "a name is longer than %zu bytes: %.40s...", most, text.data);
	*out = text.data ? bh_strndup(text.data, text.length) : NULL;
	return !text.data || *out || no_memory(w);
}

static bool keep_docs(world *w, const char **out, bhx_text_t text)
{
	if (text.length > MAX_DOCS)
		return true; /* it is a comment: nobody misses it */
	return keep(w, out, text, MAX_DOCS);
}

static bool check_type(world *w, uint32_t given, size_t known, size_t *out)
{
	*out = given == UINT32_MAX ? BH_WIT_NO_TYPE : given;
	return given == UINT32_MAX || given < known || refuse(w, "a type of a number that is not known yet");
}

/* The type that is being told is over once something else comes. */
static bool has_parts_of_its_kind(const bh_wit_type *type)
{
	size_t named = 0, typed = 0, count = type->part_count;
	for (size_t i = 0; i < count; i++) {
		named += type->parts[i].name != NULL;
		typed += type->parts[i].type != BH_WIT_NO_TYPE;
	}
	if (type->form == BH_WIT_RESOURCE)
		return count == 0 && type->name;
	if (type->form == BH_WIT_ALIAS)
		return count == 1 && typed == 1;
	switch (type->kind) {
	case BH_KIND_LIST:
	case BH_KIND_OPTION:
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return count == 1 && typed == 1;
	case BH_KIND_RESULT:
		return count == 2;
	case BH_KIND_TUPLE:
		return typed == count && count;
	case BH_KIND_RECORD:
		return typed == count && named == count && type->name;
	case BH_KIND_VARIANT:
		return named == count && count && type->name;
	case BH_KIND_ENUM:
		return named == count && !typed && count && type->name;
	case BH_KIND_FLAGS:
		return named == count && !typed && type->name;
	default:
		return count == 0;
	}
}

static bool handles_a_resource(const world *w, const bh_wit_type *type)
{
	if (type->form != BH_WIT_VALUE || (type->kind != BH_KIND_OWN && type->kind != BH_KIND_BORROW))
		return true;
	const bh_wit_type *of = &w->types[type->parts[0].type];
	while (of->form == BH_WIT_ALIAS)
		of = &w->types[of->parts[0].type];
	return of->form == BH_WIT_RESOURCE;
}

/* A resource is no type of values: only handles and other names are made of it. */
static bool made_of_values(const world *w, const bh_wit_type *type)
{
	bool handle = type->form == BH_WIT_ALIAS || type->kind == BH_KIND_OWN || type->kind == BH_KIND_BORROW;
	for (size_t i = 0; i < type->part_count && !handle; i++) {
		size_t number = type->parts[i].type;
		while (number != BH_WIT_NO_TYPE && w->types[number].form == BH_WIT_ALIAS)
			number = w->types[number].parts[0].type;
		if (number != BH_WIT_NO_TYPE && w->types[number].form == BH_WIT_RESOURCE)
			return false;
	}
	return true;
}

static bool close_type(world *w)
{
	if (w->open || !w->type_count)
		return true;
	const bh_wit_type *type = &w->types[w->type_count - 1];
	extent *e = &w->extents[w->type_count - 1];
	const char *name = type->name ? type->name : bh_kind_name(type->kind);
	if (!has_parts_of_its_kind(type) || !handles_a_resource(w, type) || !made_of_values(w, type))
		return refuse(w, "the type %s has parts that it cannot have", name);
	bool bare = type->form == BH_WIT_ALIAS;
	*e = (extent){.size = bare ? 0 : 1, .depth = bare ? 0 : 1};
	for (size_t i = 0; i < type->part_count; i++) {
		extent part = {1, 0};
		if (type->parts[i].type != BH_WIT_NO_TYPE)
			part = w->extents[type->parts[i].type];
		e->size = e->size + part.size > MAX_FUNCTION_NODES ? MAX_FUNCTION_NODES + 1 : e->size + part.size;
		if (e->depth < part.depth + !bare)
			e->depth = part.depth + !bare;
	}
	return e->depth <= MAX_DEPTH || refuse(w, "the type %s is nested deeper than %d", name, MAX_DEPTH);
}

/* Whether a type, which is over, may be what a function takes or returns. */
static bool is_of_values(world *w, size_t number)
{
	while (number != BH_WIT_NO_TYPE && w->types[number].form == BH_WIT_ALIAS)
		number = w->types[number].parts[0].type;
	return number == BH_WIT_NO_TYPE || w->types[number].form == BH_WIT_VALUE ||
	       refuse(w, "a resource is passed without own or borrow");
}

static bool add_type(world *w, const bhx_wit_node_t *node)
{
	if (w->type_count == MAX_TYPES)
		return refuse(w, "more than %d types", MAX_TYPES);
	if (node->kind != BHX_WIT_KIND_RESOURCE && node->kind != BHX_WIT_KIND_ALIAS &&
	    (node->kind == BH_KIND_NONE || node->kind >= BH_KIND_COUNT))
		return refuse(w, "a type of kind %u", node->kind);
	bh_wit_type *types = bh_grow(w->types, w->type_count, &w->type_capacity, sizeof *types);
	if (!types)
		return no_memory(w);
	w->types = types;
	extent *extents = bh_grow(w->extents, w->type_count, &w->extent_capacity, sizeof *extents);
	if (!extents)
		return no_memory(w);
	w->extents = extents;
	bh_wit_type *type = &types[w->type_count];
	*type = (bh_wit_type){0};
	extents[w->type_count++] = (extent){0};
	type->form = node->kind == BHX_WIT_KIND_RESOURCE ? BH_WIT_RESOURCE
	             : node->kind == BHX_WIT_KIND_ALIAS  ? BH_WIT_ALIAS
	                                                 : BH_WIT_VALUE;
	type->kind = type->form == BH_WIT_VALUE ? (bh_kind)node->kind : BH_KIND_NONE;
	w->open = NULL;
	w->part_capacity = 0;
	return keep(w, &type->interface, node->interface, 4 * (size_t)MAX_NAME) &&
	       keep(w, &type->name, node->name, MAX_NAME) && keep_docs(w, &type->docs, node->docs);
}

static bool add_part(world *w, const bhx_wit_node_t *node, const bh_wit_part **parts, size_t *count, size_t known)
{
	bh_wit_part part = {0};
	if (++w->parts > MAX_PARTS)
		return refuse(w, "more than %d fields, cases and parameters", MAX_PARTS);
	if (!check_type(w, node->type, known, &part.type))
		return false;
	bh_wit_part *grown = bh_grow((bh_wit_part *)*parts, *count, &w->part_capacity, sizeof *grown);
	if (!grown)
		return no_memory(w);
	*parts = grown;
	grown[(*count)++] = part;
	return keep(w, &grown[*count - 1].name, node->name, MAX_NAME);
}

static bool add_function(world *w, functions *list, const bhx_wit_node_t *node)
{
	if (w->imports.count + w->exports.count == MAX_FUNCTIONS)
		return refuse(w, "more than %d functions", MAX_FUNCTIONS);
	bh_wit_function *grown = bh_grow(list->items, list->count, &list->capacity, sizeof *grown);
	if (!grown)
		return no_memory(w);
	list->items = grown;
	bh_wit_function *f = &grown[list->count++];
	*f = (bh_wit_function){.result = BH_WIT_NO_TYPE};
	w->open = list;
	w->part_capacity = 0;
	return check_type(w, node->type, w->type_count, &f->resource) &&
	       keep(w, &f->interface, node->interface, 4 * (size_t)MAX_NAME) &&
	       keep(w, &f->name, node->name, 3 * (size_t)MAX_NAME) && keep_docs(w, &f->docs, node->docs);
}

/* Signatures: the type as a tree, which is what the rest of the room writes and reads. */

static bh_type *tree_of(const world *w, size_t number, const char *name);

static bool hang_in(const world *w, bh_type *tree, size_t number, const char *name)
{
	bh_type **parts = bh_grow(tree->parts, tree->count, &tree->capacity, sizeof *parts);
	if (!parts)
		return false;
	tree->parts = parts;
	parts[tree->count] = tree_of(w, number, name);
	return parts[tree->count] && ++tree->count;
}

BH_DEFINE_AUTO(bh_type *, bh_type_free)

static bh_type *tree_of(const world *w, size_t number, const char *name)
{
	while (number != BH_WIT_NO_TYPE && w->types[number].form == BH_WIT_ALIAS)
		number = w->types[number].parts[0].type;
	const bh_wit_type *type = number == BH_WIT_NO_TYPE ? NULL : &w->types[number];
	BH_AUTO(bh_type_free) bh_type *tree = bh_calloc(1, sizeof *tree);
	if (!tree || (name && !(tree->name = bh_strdup(name))))
		return NULL;
	tree->kind = type ? type->kind : BH_KIND_NONE;
	bool handle = tree->kind == BH_KIND_OWN || tree->kind == BH_KIND_BORROW;
	for (size_t i = 0; type && i < type->part_count && !handle; i++)
		if (!hang_in(w, tree, type->parts[i].type, type->parts[i].name))
			return NULL;
	return BH_TAKE(tree);
}

static size_t size_of(const world *w, size_t number)
{
	return number == BH_WIT_NO_TYPE ? 1 : w->extents[number].size;
}

static bool close_function(world *w, bh_wit_function *f)
{
	size_t nodes = size_of(w, f->result);
	if (!is_of_values(w, f->result))
		return false;
	for (size_t i = 0; i < f->param_count; i++) {
		nodes += size_of(w, f->params[i].type);
		if (!f->params[i].name || f->params[i].type == BH_WIT_NO_TYPE)
			return refuse(w, "%s: a parameter without name or type", f->name);
		if (!is_of_values(w, f->params[i].type))
			return false;
	}
	w->nodes += nodes;
	if (nodes > MAX_FUNCTION_NODES || w->nodes > MAX_SIGNATURE_NODES)
		return refuse(w, "%s: its type, written out, has more than %d parts", f->name,
		              nodes > MAX_FUNCTION_NODES ? MAX_FUNCTION_NODES : MAX_SIGNATURE_NODES);
	BH_AUTO(bh_type_free) bh_type *root = bh_calloc(1, sizeof *root);
	if (!root)
		return no_memory(w);
	for (size_t i = 0; i < f->param_count; i++)
		if (!hang_in(w, root, f->params[i].type, f->params[i].name))
			return no_memory(w);
	if (!hang_in(w, root, f->result, NULL))
		return no_memory(w);
	bh_text text = {0};
	bh_type_write_function(&text, root);
	f->signature = bh_text_take(&text);
	return f->signature || no_memory(w);
}

static bool add_resource(world *w, const bhx_wit_node_t *node)
{
	size_t number;
	if (!check_type(w, node->type, w->type_count, &number))
		return false;
	if (number == BH_WIT_NO_TYPE || w->types[number].form != BH_WIT_RESOURCE)
		return refuse(w, "a resource that is none");
	size_t *grown = bh_grow(w->resources, w->resource_count, &w->resource_capacity, sizeof *grown);
	if (!grown)
		return no_memory(w);
	w->resources = grown;
	grown[w->resource_count++] = number;
	return true;
}

static bh_wit_function *open_function(world *w)
{
	return w->open && w->open->count ? &w->open->items[w->open->count - 1] : NULL;
}

static bool note(void *data, const bhx_wit_node_t *node)
{
	world *w = data;
	bh_wit_function *f = open_function(w);
	bh_wit_type *type = f || !w->type_count ? NULL : &w->types[w->type_count - 1];
	bool belongs = node->what == BHX_WIT_PART || node->what == BHX_WIT_PARAM || node->what == BHX_WIT_RESULT;
	if (!belongs && !close_type(w))
		return false;
	switch (node->what) {
	case BHX_WIT_WORLD:
		return !w->seen.name && keep(w, &w->seen.package, node->interface, 4 * (size_t)MAX_NAME) &&
		       keep(w, &w->seen.name, node->name, MAX_NAME) && keep_docs(w, &w->seen.docs, node->docs);
	case BHX_WIT_TYPE:
		return add_type(w, node);
	case BHX_WIT_PART:
		return type && add_part(w, node, &type->parts, &type->part_count, w->type_count - 1);
	case BHX_WIT_IMPORT:
		return add_function(w, &w->imports, node);
	case BHX_WIT_EXPORT:
		return add_function(w, &w->exports, node);
	case BHX_WIT_PARAM:
		return f && add_part(w, node, &f->params, &f->param_count, w->type_count);
	case BHX_WIT_RESULT:
		return f && check_type(w, node->type, w->type_count, &f->result) && close_function(w, f);
	case BHX_WIT_RESOURCE:
		return add_resource(w, node);
	default:
		return false;
	}
}

static bool is_provided(void *data, const char *name, size_t length)
{
	char text[64];
	uint32_t package;
	size_t kept = length < sizeof text ? length : sizeof text - 1;
	memcpy(text, name, kept);
	text[kept] = '\0';
	(void)data;
	return bh_wasi_package(text, &package);
}

typedef struct {
	world *world;
	const char *path;
	const char *name;
} reading;

static void *read_on_thread(void *data)
{
	reading *r = data;
	world *w = r->world;
	bhx_text_t path = {r->path, strlen(r->path)}, name = {r->name, r->name ? strlen(r->name) : 0};
	wasmtime_error_t *failed = bhx_wit_read(path, name, is_provided, note, w);
	if (!failed)
		close_type(w);
	else if (w->status)
		wasmtime_error_delete(failed);
	else
		w->status = bh_wit_not_read(failed, w->err);
	return NULL;
}

static void show(world *w)
{
	w->seen.types = w->types;
	w->seen.type_count = w->type_count;
	w->seen.imports = w->imports.items;
	w->seen.import_count = w->imports.count;
	w->seen.exports = w->exports.items;
	w->seen.export_count = w->exports.count;
	w->seen.resources = w->resources;
	w->seen.resource_count = w->resource_count;
	w->err = NULL;
}

bh_status bh_wit_read(bh_wit **out, const char *path, const char *name, bh_error **err)
{
	struct stat seen;
	if (!path)
		return bh_fail(err, BH_E_INVALID, "bh_wit_read: no path");
	if (stat(path, &seen) < 0)
		return bh_fail_errno(err, BH_E_NOT_FOUND, errno, "it cannot be read");
	world *w = bh_calloc(1, sizeof *w);
	if (!w)
		return bh_fail_memory(err);
	w->err = err;
	reading r = {w, path, name};
	pthread_t thread;
	int failed = bh_thread_start(&thread, READER_STACK, read_on_thread, &r);
	if (failed)
		w->status = bh_fail_errno(err, BH_E_SYSTEM, failed, "no thread to read WIT on");
	else
		pthread_join(thread, NULL);
	bh_status status = w->status;
	if (!status && !w->seen.name)
		status = bh_fail(err, BH_E_PARSE, "no world");
	if (status) {
		bh_wit_free(&w->seen);
		return status;
	}
	show(w);
	*out = &w->seen;
	return BH_OK;
}
