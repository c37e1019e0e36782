/* The types of a generated header, each after those it is made of, with its conversions behind it. */
#include <string.h>

#include "bindgen.h"

static void write_docs(const bindgen *g, const char *indent, const char *docs)
{
	if (!docs || !*docs)
		return;
	X_AUTO char *start = x_format("%s * ", indent);
	fprintf(g->out, "%s/**\n", indent);
	c_comment(g->out, start, docs);
	fprintf(g->out, "%s */\n", indent);
}

/* What a type is in WIT, for who reads the header. */
static void write_origin(const bindgen *g, const bh_wit_type *type)
{
	const char *what = type->form == BH_WIT_RESOURCE ? "resource"
	                   : type->form == BH_WIT_ALIAS  ? "type"
	                                                 : bh_kind_name(type->kind);
	X_AUTO char *text = x_format("%s%s%s%s%s%s%s", type->interface ? type->interface : "", type->interface ? ": " : "",
	                             what, type->name ? " " : "", type->name ? type->name : "",
	                             type->docs && *type->docs ? "\n" : "", type->docs ? type->docs : "");
	fputc('\n', g->out);
	write_docs(g, "", text);
}

static void write_member(const bindgen *g, const char *indent, size_t type, const char *name)
{
	fprintf(g->out, "%s%s %s;\n", indent, g->types[type].name, name);
}

static void write_record(const bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	const c_type *t = &g->types[number];
	fprintf(g->out, "typedef struct {\n");
	for (size_t i = 0; i < type->part_count; i++) {
		X_AUTO char *place = t->parts[i] ? NULL : x_format("f%zu", i);
		write_member(g, "\t", type->parts[i].type, place ? place : t->parts[i]);
	}
	if (!type->part_count)
		fprintf(g->out, "\tuint8_t nothing; /* a struct cannot be empty */\n");
	fprintf(g->out, "} %s;\n", t->name);
}

static void write_constants(const bindgen *g, size_t number, const char *name)
{
	const bh_wit_type *type = &g->wit->types[number];
	fprintf(g->out, "%senum {\n", name ? "typedef " : "");
	for (size_t i = 0; i < type->part_count; i++)
		fprintf(g->out, "\t%s,\n", g->types[number].constants[i]);
	fprintf(g->out, "}%s%s;\n", name ? " " : "", name ? name : "");
}

/* The payloads of a variant, or of a result, whose parts have no names. */
static void write_union(const bindgen *g, size_t number, char *const *names)
{
	const bh_wit_type *type = &g->wit->types[number];
	bool any = false;
	for (size_t i = 0; i < type->part_count; i++) {
		if (type->parts[i].type == BH_WIT_NO_TYPE)
			continue;
		if (!any)
			fprintf(g->out, "\tunion {\n");
		any = true;
		write_member(g, "\t\t", type->parts[i].type, names ? names[i] : i ? "err" : "ok");
	}
	if (any)
		fprintf(g->out, "\t} as;\n");
}

static void write_variant(const bindgen *g, size_t number)
{
	const c_type *t = &g->types[number];
	X_AUTO char *tag = x_format("%s_tag", t->name);
	write_constants(g, number, tag);
	fprintf(g->out, "typedef struct {\n\t%s tag;\n", tag);
	write_union(g, number, t->parts);
	fprintf(g->out, "} %s;\n", t->name);
}

static void write_result(const bindgen *g, size_t number)
{
	fprintf(g->out, "typedef struct {\n\tbool is_err;\n");
	write_union(g, number, NULL);
	fprintf(g->out, "} %s;\n", g->types[number].name);
}

static void write_flags(const bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	const c_type *t = &g->types[number];
	size_t count = type->part_count;
	if (count > 64) {
		fprintf(g->out, "typedef struct {\n\tuint64_t bits[%zu];\n} %s;\n", (count + 63) / 64, t->name);
		write_constants(g, number, NULL);
		return;
	}
	fprintf(g->out, "typedef uint%d_t %s;\n", count > 32 ? 64 : 32, t->name);
	for (size_t i = 0; i < count; i++)
		fprintf(g->out, "#define %s ((%s)1 << %zu)\n", t->constants[i], t->name, i);
}

static void write_value(const bindgen *g, size_t number)
{
	const bh_wit_type *type = &g->wit->types[number];
	const c_type *t = &g->types[number];
	switch (type->kind) {
	case BH_KIND_RECORD:
	case BH_KIND_TUPLE:
		write_record(g, number);
		break;
	case BH_KIND_VARIANT:
		write_variant(g, number);
		break;
	case BH_KIND_ENUM:
		write_constants(g, number, t->name);
		break;
	case BH_KIND_FLAGS:
		write_flags(g, number);
		break;
	case BH_KIND_OPTION:
		fprintf(g->out, "typedef struct {\n\tbool some;\n\t%s value;\n} %s;\n", g->types[type->parts[0].type].name,
		        t->name);
		break;
	case BH_KIND_RESULT:
		write_result(g, number);
		break;
	default: /* a list */
		fprintf(g->out, "typedef struct {\n\t%s *items;\n\tsize_t count;\n} %s;\n", g->types[type->parts[0].type].name,
		        t->name);
	}
}

static bool is_handle(const bh_wit_type *type)
{
	return type->form == BH_WIT_VALUE && (type->kind == BH_KIND_OWN || type->kind == BH_KIND_BORROW);
}

void bindgen_write_types(const bindgen *g)
{
	for (size_t i = 0; i < g->wit->type_count; i++) {
		const bh_wit_type *type = &g->wit->types[i];
		const c_type *t = &g->types[i];
		if (type->form == BH_WIT_ALIAS) {
			write_origin(g, type);
			fprintf(g->out, "typedef %s %s;\n", g->types[type->parts[0].type].name, t->name);
			continue;
		}
		if (t->same != i || t->simple || is_handle(type))
			continue;
		write_origin(g, type);
		if (type->form == BH_WIT_RESOURCE)
			fprintf(g->out, "typedef struct {\n\tbh_resource *handle;\n} %s;\n", t->name);
		else
			write_value(g, i);
		bindgen_write_conversions(g, i);
	}
}
