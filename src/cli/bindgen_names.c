/*
 * What everything in a generated header is called. Names are given out in the order of the world, those of types first, and
 * none twice: where two would be the same the later one gets a number.
 */
#include <string.h>

#include "bindgen.h"
#include "text.h"

enum { LONGEST = 100 }; /* names made of other names are cut there */

static const char *const type_endings[] = {"",      "_from", "_to",   "_free",          "_names",
                                           "_tag",  "_name", "_has",  "_set",           "_make",
                                           "_read", "_take", "_drop", "_destroy_thunk", NULL};
static const char *const one_ending[] = {"", NULL};
static const char *const import_endings[] = {"_answer", "_finish", "_fail", "_drop", "_thunk", NULL};

/* Interfaces: "acme:math/calc@1.0.0" is calc; acme_math_calc where two are; acme_math_calc_1_0_0 where even these are. */

static char *short_name(const char *interface, int level)
{
	const char *slash = strrchr(interface, '/'), *from = slash && level == 0 ? slash + 1 : interface;
	size_t length = level < 2 ? strcspn(from, "@") : strlen(from);
	X_AUTO char *part = x_copy_n(from, length);
	return c_snake(part);
}

static void note_interface(bindgen *g, const char *interface)
{
	if (!interface || !names_add(&g->interfaces, interface, g->short_count, NULL))
		return;
	g->shorts = x_grow(g->shorts, g->short_count, &g->short_capacity, sizeof *g->shorts);
	g->shorts[g->short_count++] = x_copy(interface);
}

static void note_interfaces(bindgen *g)
{
	for (size_t i = 0; i < g->wit->type_count; i++)
		note_interface(g, g->wit->types[i].interface);
	for (size_t i = 0; i < g->wit->import_count; i++)
		note_interface(g, g->wit->imports[i].interface);
	for (size_t i = 0; i < g->wit->export_count; i++)
		note_interface(g, g->wit->exports[i].interface);
}

static void shorten_interfaces(bindgen *g)
{
	name_set seen[2] = {{0}, {0}}, twice[2] = {{0}, {0}};
	for (size_t i = 0; i < g->short_count; i++)
		for (int level = 0; level < 2; level++) {
			X_AUTO char *name = short_name(g->shorts[i], level);
			if (!names_add(&seen[level], name, 0, NULL))
				names_add(&twice[level], name, 0, NULL);
		}
	for (size_t i = 0; i < g->short_count; i++) {
		char *name = NULL;
		for (int level = 0; level < 3; level++) {
			x_free(name);
			name = short_name(g->shorts[i], level);
			if (level == 2 || !names_have(&twice[level], name))
				break;
		}
		x_free(g->shorts[i]);
		g->shorts[i] = name;
	}
	for (int level = 0; level < 2; level++) {
		names_deinit(&seen[level]);
		names_deinit(&twice[level]);
	}
}

const char *bindgen_short(const bindgen *g, const char *interface)
{
	size_t number = 0;
	return interface && names_find(&g->interfaces, interface, &number) ? g->shorts[number] : NULL;
}

/* "math_" or "" before a name of an interface's. */
static char *within(const bindgen *g, const char *interface, const char *name)
{
	const char *called = bindgen_short(g, interface);
	return x_format("%s%s%s", called ? called : "", called ? "_" : "", name);
}

/* Types. */

const c_type *bindgen_type(const bindgen *g, size_t number)
{
	return number == BH_WIT_NO_TYPE ? NULL : &g->types[number];
}

typedef struct {
	bh_kind kind;
	const char *name, *base, *part;
} simple_type;

static const simple_type simple_types[] = {
	{BH_KIND_BOOL, "bool", "bh_bool", "bool"},
	{BH_KIND_S8, "int8_t", "bh_s8", "s8"},
	{BH_KIND_U8, "uint8_t", "bh_u8", "u8"},
	{BH_KIND_S16, "int16_t", "bh_s16", "s16"},
	{BH_KIND_U16, "uint16_t", "bh_u16", "u16"},
	{BH_KIND_S32, "int32_t", "bh_s32", "s32"},
	{BH_KIND_U32, "uint32_t", "bh_u32", "u32"},
	{BH_KIND_S64, "int64_t", "bh_s64", "s64"},
	{BH_KIND_U64, "uint64_t", "bh_u64", "u64"},
	{BH_KIND_F32, "float", "bh_f32", "f32"},
	{BH_KIND_F64, "double", "bh_f64", "f64"},
	{BH_KIND_CHAR, "uint32_t", "bh_char", "char"},
	{BH_KIND_STRING, "bh_string", "bh_string", "string"},
	{BH_KIND_BYTES, "bh_bytes", "bh_bytes", "bytes"},
};

static const simple_type *simple_of(bh_kind kind)
{
	for (size_t i = 0; i < X_COUNT(simple_types); i++)
		if (simple_types[i].kind == kind)
			return &simple_types[i];
	return NULL;
}

static void like(c_type *t, const bindgen *g, size_t number)
{
	const c_type *other = &g->types[g->types[number].same];
	t->same = g->types[number].same;
	t->base = x_copy(other->base);
	t->owns = other->owns;
	t->by_value = other->by_value;
	t->simple = other->simple;
}

static bool is_named(const bh_wit_type *type)
{
	return type->form != BH_WIT_VALUE || type->kind == BH_KIND_RECORD || type->kind == BH_KIND_VARIANT ||
	       type->kind == BH_KIND_ENUM || type->kind == BH_KIND_FLAGS;
}

/* "list_string" of list<string>. */
static char *part_of(const bindgen *g, const bh_wit_type *type)
{
	x_writer made;
	x_text_begin(&made);
	fputs(bh_kind_name(type->kind), made.stream);
	for (size_t i = 0, written = 0; i < type->part_count && written < LONGEST; i++) {
		const c_type *part = bindgen_type(g, type->parts[i].type);
		written += (size_t)fprintf(made.stream, "_%s", part ? part->part : "none");
	}
	char *name = x_text_end(&made);
	if (strlen(name) > LONGEST)
		name[LONGEST] = '\0';
	return name;
}

/* What a type without a name is made of, as a text that is the same for the same. */
static char *structure_of(const bindgen *g, const bh_wit_type *type)
{
	x_writer made;
	x_text_begin(&made);
	fprintf(made.stream, "%d", type->kind);
	for (size_t i = 0; i < type->part_count; i++) {
		const c_type *part = bindgen_type(g, type->parts[i].type);
		if (part)
			fprintf(made.stream, " %zu", part->same);
		else
			fputs(" -", made.stream);
	}
	return x_text_end(&made);
}

static bool holds_memory(const bindgen *g, const bh_wit_type *type)
{
	if (type->form == BH_WIT_RESOURCE || type->kind == BH_KIND_LIST)
		return true;
	for (size_t i = 0; i < type->part_count; i++)
		if (type->parts[i].type != BH_WIT_NO_TYPE && g->types[type->parts[i].type].owns)
			return true;
	return false;
}

static void name_parts(bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	c_type *t = &g->types[number];
	bool constants = type->kind == BH_KIND_VARIANT || type->kind == BH_KIND_ENUM || type->kind == BH_KIND_FLAGS;
	name_set taken = {0};
	t->parts = x_alloc((type->part_count + 1) * sizeof *t->parts);
	t->constants = x_alloc((type->part_count + 1) * sizeof *t->constants);
	for (size_t i = 0; i < type->part_count && type->parts[i].name; i++) {
		X_AUTO char *local = c_local(type->parts[i].name, g->prefix);
		t->parts[i] = names_claim(&taken, local, one_ending);
		X_AUTO char *whole = x_format("%s_%s", t->name, type->parts[i].name);
		X_AUTO char *upper = c_upper(whole);
		t->constants[i] = constants ? names_claim(&g->names, upper, one_ending) : NULL;
	}
	names_deinit(&taken);
}

static void name_value(bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	c_type *t = &g->types[number];
	size_t known = number;
	X_AUTO char *structure = is_named(type) ? NULL : structure_of(g, type);
	if (structure && !names_add(&g->structures, structure, number, &known)) {
		t->name = x_copy(g->types[known].name);
		t->part = x_copy(g->types[known].part);
		like(t, g, known);
		return;
	}
	X_AUTO char *snake = type->name ? c_snake(type->name) : NULL;
	t->part = is_named(type) ? within(g, type->interface, snake) : part_of(g, type);
	X_AUTO char *whole = x_format("%s_%s", g->prefix, t->part);
	t->name = names_claim(&g->names, whole, type_endings);
	t->base = x_copy(t->name);
	t->owns = holds_memory(g, type);
	bool bits = type->form == BH_WIT_VALUE && type->kind == BH_KIND_FLAGS && type->part_count <= 64;
	t->by_value = type->form == BH_WIT_RESOURCE || bits || type->kind == BH_KIND_ENUM;
	name_parts(g, number);
}

static void name_type(bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	c_type *t = &g->types[number];
	const simple_type *simple = type->form == BH_WIT_VALUE ? simple_of(type->kind) : NULL;
	t->same = number;
	if (simple) {
		t->name = x_copy(simple->name);
		t->base = x_copy(simple->base);
		t->part = x_copy(simple->part);
		t->owns = type->kind == BH_KIND_STRING || type->kind == BH_KIND_BYTES;
		t->by_value = t->simple = true;
	} else if (type->form == BH_WIT_ALIAS) {
		X_AUTO char *snake = c_snake(type->name ? type->name : "unnamed");
		t->part = within(g, type->interface, snake);
		X_AUTO char *whole = x_format("%s_%s", g->prefix, t->part);
		t->name = names_claim(&g->names, whole, one_ending);
		like(t, g, type->parts[0].type);
	} else if (type->form == BH_WIT_VALUE && (type->kind == BH_KIND_OWN || type->kind == BH_KIND_BORROW)) {
		const c_type *resource = &g->types[type->parts[0].type];
		t->name = x_copy(resource->name);
		t->part = x_copy(resource->part);
		like(t, g, type->parts[0].type);
	} else {
		name_value(g, number);
	}
}

/* Functions. */

/* "[method]bag.add" is bag_add, "[constructor]bag" bag_new. */
static char *function_word(const char *name)
{
	const char *rest = name[0] == '[' && strchr(name, ']') ? strchr(name, ']') + 1 : name;
	X_AUTO char *snake = c_snake(rest);
	return x_format("%s%s", snake, !strncmp(name, "[constructor]", 13) ? "_new" : "");
}

static void name_params(const bindgen *g, c_function *f)
{
	static const char *const ours[] = {"x", "on", "host", "answer", "result", "err"};
	name_set taken = {0};
	for (size_t i = 0; i < X_COUNT(ours); i++)
		names_add(&taken, ours[i], 0, NULL);
	f->params = x_alloc((f->wit->param_count + 1) * sizeof *f->params);
	for (size_t i = 0; i < f->wit->param_count; i++) {
		X_AUTO char *local = c_local(f->wit->params[i].name, g->prefix);
		X_AUTO char *other = x_format("%s_", local);
		f->params[i] = names_claim(&taken, names_have(&taken, local) ? other : local, one_ending);
	}
	names_deinit(&taken);
}

static bool is_async(const bh_wit_function *f, const text_list *async)
{
	X_AUTO char *whole = x_format("%s#%s", f->interface ? f->interface : "", f->name);
	for (size_t i = 0; i < async->count; i++)
		if (!strcmp(async->items[i], "all") || !strcmp(async->items[i], f->name) || !strcmp(async->items[i], whole))
			return true;
	return false;
}

static void name_functions(bindgen *g, const text_list *async)
{
	g->exports = x_alloc((g->wit->export_count + 1) * sizeof *g->exports);
	for (size_t i = 0; i < g->wit->export_count; i++) {
		c_function *f = &g->exports[i];
		f->wit = &g->wit->exports[i];
		X_AUTO char *word = function_word(f->wit->name);
		X_AUTO char *part = within(g, f->wit->interface, word);
		X_AUTO char *whole = x_format("%s_%s", g->prefix, part);
		f->name = names_claim(&g->names, whole, one_ending);
		name_params(g, f);
	}
	g->imports = x_alloc((g->wit->import_count + 1) * sizeof *g->imports);
	for (size_t i = 0; i < g->wit->import_count; i++) {
		c_function *f = &g->imports[i];
		f->wit = &g->wit->imports[i];
		f->async = is_async(f->wit, async);
		X_AUTO char *word = function_word(f->wit->name);
		X_AUTO char *part = within(g, f->wit->interface, word);
		X_AUTO char *local = c_local(part, g->prefix);
		f->member = names_claim(&g->members, local, one_ending);
		X_AUTO char *whole = x_format("%s_%s", g->prefix, part);
		f->name = names_claim(&g->names, whole, import_endings);
		name_params(g, f);
	}
}

/* Members of the struct of imports that are no functions. */
static void name_members(bindgen *g)
{
	static const char *const resource_endings[] = {"_type", "_destroy", NULL};
	g->capabilities = x_alloc((g->short_count + 1) * sizeof *g->capabilities);
	for (size_t i = 0; i < g->wit->import_count; i++) {
		size_t at = g->short_count;
		if (g->wit->imports[i].interface)
			names_find(&g->interfaces, g->wit->imports[i].interface, &at);
		if (g->capabilities[at])
			continue;
		X_AUTO char *name = within(g, g->wit->imports[i].interface, "capability");
		g->capabilities[at] = names_claim(&g->members, name, one_ending);
	}
	g->resources = x_alloc((g->wit->resource_count + 1) * sizeof *g->resources);
	for (size_t i = 0; i < g->wit->resource_count; i++)
		g->resources[i] = names_claim(&g->members, g->types[g->wit->resources[i]].part, resource_endings);
}

void bindgen_name(bindgen *g, const text_list *async)
{
	static const char *const fixed[] = {"exports", "exports_prepare", "exports_release", "imports", "imports_define"};
	for (size_t i = 0; i < X_COUNT(fixed); i++) {
		X_AUTO char *name = x_format("%s_%s", g->prefix, fixed[i]);
		names_add(&g->names, name, 0, NULL);
	}
	names_add(&g->members, "data", 0, NULL);
	note_interfaces(g);
	shorten_interfaces(g);
	g->types = x_alloc((g->wit->type_count + 1) * sizeof *g->types);
	for (size_t i = 0; i < g->wit->type_count; i++)
		name_type(g, i);
	name_members(g);
	name_functions(g, async);
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; texts && i < count; i++)
		x_free(texts[i]);
	x_free(texts);
}

static void free_functions(c_function *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		x_free(functions[i].name);
		x_free(functions[i].member);
		free_texts(functions[i].params, functions[i].wit->param_count);
	}
	x_free(functions);
}

void bindgen_deinit(bindgen *g)
{
	for (size_t i = 0; i < g->wit->type_count; i++) {
		c_type *t = &g->types[i];
		x_free(t->name);
		x_free(t->base);
		x_free(t->part);
		free_texts(t->parts, g->wit->types[i].part_count);
		free_texts(t->constants, g->wit->types[i].part_count);
	}
	x_free(g->types);
	free_functions(g->exports, g->wit->export_count);
	free_functions(g->imports, g->wit->import_count);
	free_texts(g->resources, g->wit->resource_count);
	free_texts(g->capabilities, g->short_count + 1);
	free_texts(g->shorts, g->short_count);
	x_free(g->upper);
	names_deinit(&g->names);
	names_deinit(&g->structures);
	names_deinit(&g->members);
	names_deinit(&g->interfaces);
}
