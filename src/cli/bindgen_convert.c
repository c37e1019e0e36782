/*
 * Conversions of a generated header: TYPE_from() reads a value, TYPE_to() makes one, TYPE_free() frees what TYPE_from() made
 * where there is something to free. What they promise is in bulkhead/typed.h.
 */
#include "bindgen.h"

/* One type, with what is written about it again and again. */
typedef struct {
	const bindgen *g;
	FILE *out;
	const bh_wit_type *type;
	const c_type *t;
} subject;

static const c_type *part(const subject *s, size_t index)
{
	return bindgen_type(s->g, s->type->parts[index].type);
}

static bool has_names(const bh_wit_type *type)
{
	return type->form == BH_WIT_VALUE && (type->kind == BH_KIND_RECORD || type->kind == BH_KIND_VARIANT ||
	                                      type->kind == BH_KIND_ENUM || type->kind == BH_KIND_FLAGS);
}

static void write_names(const subject *s)
{
	fprintf(s->out,
	        "\nstatic inline const char *const *%s_names(void)\n{\n"
	        "\tstatic const char *const bh_names[] = {\n",
	        s->t->name);
	for (size_t i = 0; i < s->type->part_count; i++) {
		fputs("\t\t", s->out);
		c_string(s->out, s->type->parts[i].name);
		fputs(",\n", s->out);
	}
	fputs("\t\tNULL};\n\treturn bh_names;\n}\n", s->out);
}

static void begin(const subject *s, bool from)
{
	if (from)
		fprintf(s->out, "\nstatic inline bh_status %s_from(%s *out, bh_value *in, bh_scope *scope)\n{\n", s->t->name,
		        s->t->name);
	else
		fprintf(s->out, "\nstatic inline bh_status %s_to(bh_value *out, const %s *in, bh_scope *scope)\n{\n",
		        s->t->name, s->t->name);
}

/* A part: `BASE_from(&out->x, VALUE, scope)`, left at the first that fails. */
static void convert(const subject *s, const char *indent, const c_type *of, const char *way, const char *to,
                    const char *from)
{
	fprintf(s->out, "%sstatus = %s_%s(%s, %s, scope);\n%sif (status)\n%s\treturn status;\n", indent, of->base, way, to,
	        from, indent, indent);
}

static char *member(const subject *s, size_t index)
{
	return s->t->parts[index] ? x_copy(s->t->parts[index]) : x_format("f%zu", index);
}

/* Records and tuples. */

static void record_from(const subject *s)
{
	size_t count = s->type->part_count;
	bool record = s->type->kind == BH_KIND_RECORD;
	begin(s, true);
	fputs("\tmemset(out, 0, sizeof *out);\n", s->out);
	if (record)
		fprintf(s->out, "\tif (!bh_is_record(in, %s_names(), %zu))\n\t\treturn BH_E_TYPE;\n", s->t->name, count);
	else
		fprintf(s->out, "\tif (in->kind != BH_KIND_TUPLE || in->as.list.count != %zu)\n\t\treturn BH_E_TYPE;\n", count);
	if (count)
		fputs("\tbh_status status;\n", s->out);
	else
		fputs("\t(void)scope;\n", s->out);
	for (size_t i = 0; i < count; i++) {
		X_AUTO char *name = member(s, i);
		X_AUTO char *to = x_format("&out->%s", name);
		X_AUTO char *from = x_format(record ? "&in->as.record.fields[%zu].value" : "&in->as.list.items[%zu]", i);
		convert(s, "\t", part(s, i), "from", to, from);
	}
	fputs("\treturn BH_OK;\n}\n", s->out);
}

static void record_to(const subject *s)
{
	size_t count = s->type->part_count;
	bool record = s->type->kind == BH_KIND_RECORD;
	begin(s, false);
	fprintf(s->out,
	        "\t%s *parts = (%s *)bh_scope_take(scope, %zu, sizeof *parts);\n"
	        "\tif (!parts)\n\t\treturn BH_E_NO_MEMORY;\n",
	        record ? "bh_field" : "bh_value", record ? "bh_field" : "bh_value", count);
	fputs(count ? "\tbh_status status;\n" : "\t(void)in;\n", s->out);
	for (size_t i = 0; i < count; i++) {
		X_AUTO char *name = member(s, i);
		X_AUTO char *from = x_format("&in->%s", name);
		X_AUTO char *to = x_format(record ? "&parts[%zu].value" : "&parts[%zu]", i);
		if (record)
			fprintf(s->out, "\tparts[%zu].name = %s_names()[%zu];\n", i, s->t->name, i);
		convert(s, "\t", part(s, i), "to", to, from);
	}
	fprintf(s->out, "\t*out = bh_of_%s(parts, %zu);\n\treturn BH_OK;\n}\n", record ? "record" : "tuple", count);
}

static void free_member(const subject *s, const char *indent, const c_type *of, const char *place)
{
	if (of && of->owns)
		fprintf(s->out, "%s%s_%s(&%s);\n", indent, of->base, of->simple ? "deinit" : "free", place);
}

static void record_free(const subject *s)
{
	for (size_t i = 0; i < s->type->part_count; i++) {
		X_AUTO char *name = member(s, i);
		X_AUTO char *place = x_format("in->%s", name);
		free_member(s, "\t", part(s, i), place);
	}
}

/* Variants and enums. */

static void write_case_search(const subject *s, const char *kind)
{
	fprintf(s->out,
	        "\tmemset(out, 0, sizeof *out);\n"
	        "\tif (in->kind != BH_KIND_%s)\n\t\treturn BH_E_TYPE;\n"
	        "\tsize_t found = bh_case_find(in->as.variant.name, %s_names(), %zu);\n"
	        "\tif (found == %zu)\n\t\treturn BH_E_TYPE;\n",
	        kind, s->t->name, s->type->part_count, s->type->part_count);
}

static void enum_both(const subject *s)
{
	begin(s, true);
	write_case_search(s, "ENUM");
	fprintf(s->out, "\t(void)scope;\n\t*out = (%s)found;\n\treturn BH_OK;\n}\n", s->t->name);
	begin(s, false);
	fprintf(s->out,
	        "\t(void)scope;\n\tif ((size_t)*in >= %zu)\n\t\treturn BH_E_TYPE;\n"
	        "\t*out = bh_of_enum(%s_names()[*in]);\n\treturn BH_OK;\n}\n",
	        s->type->part_count, s->t->name);
}

static void variant_from(const subject *s)
{
	begin(s, true);
	write_case_search(s, "VARIANT");
	fprintf(s->out,
	        "\tbh_value *payload = in->as.variant.payload;\n\tout->tag = (%s_tag)found;\n\tswitch (out->tag) {\n",
	        s->t->name);
	for (size_t i = 0; i < s->type->part_count; i++)
		if (part(s, i))
			fprintf(s->out, "\tcase %s:\n\t\treturn payload ? %s_from(&out->as.%s, payload, scope) : BH_E_TYPE;\n",
			        s->t->constants[i], part(s, i)->base, s->t->parts[i]);
	fputs("\tdefault:\n\t\t(void)scope;\n\t\treturn payload ? BH_E_TYPE : BH_OK;\n\t}\n}\n", s->out);
}

static void variant_to(const subject *s)
{
	begin(s, false);
	fprintf(s->out,
	        "\tif ((size_t)in->tag >= %zu)\n\t\treturn BH_E_TYPE;\n"
	        "\t*out = bh_of_variant(%s_names()[in->tag], NULL);\n\tbh_value *payload = NULL;\n\tswitch (in->tag) {\n",
	        s->type->part_count, s->t->name);
	for (size_t i = 0; i < s->type->part_count; i++)
		if (part(s, i))
			fprintf(
				s->out,
				"\tcase %s:\n\t\tout->as.variant.payload = payload = (bh_value *)bh_scope_take(scope, 1, sizeof *payload);\n"
				"\t\treturn payload ? %s_to(payload, &in->as.%s, scope) : BH_E_NO_MEMORY;\n",
				s->t->constants[i], part(s, i)->base, s->t->parts[i]);
	fputs("\tdefault:\n\t\t(void)scope;\n\t\t(void)payload;\n\t\treturn BH_OK;\n\t}\n}\n", s->out);
}

static void variant_free(const subject *s)
{
	fputs("\tswitch (in->tag) {\n", s->out);
	for (size_t i = 0; i < s->type->part_count; i++) {
		if (!part(s, i) || !part(s, i)->owns)
			continue;
		X_AUTO char *place = x_format("in->as.%s", s->t->parts[i]);
		fprintf(s->out, "\tcase %s:\n", s->t->constants[i]);
		free_member(s, "\t\t", part(s, i), place);
		fputs("\t\tbreak;\n", s->out);
	}
	fputs("\tdefault:\n\t\tbreak;\n\t}\n", s->out);
}

/* Options and results. */

static void option_both(const subject *s)
{
	const c_type *of = part(s, 0);
	begin(s, true);
	fprintf(s->out,
	        "\tmemset(out, 0, sizeof *out);\n\tif (in->kind != BH_KIND_OPTION)\n\t\treturn BH_E_TYPE;\n"
	        "\tout->some = in->as.option != NULL;\n"
	        "\treturn out->some ? %s_from(&out->value, in->as.option, scope) : BH_OK;\n}\n",
	        of->base);
	begin(s, false);
	fprintf(s->out,
	        "\tbh_value *payload = NULL;\n"
	        "\tif (in->some && !(payload = (bh_value *)bh_scope_take(scope, 1, sizeof *payload)))\n"
	        "\t\treturn BH_E_NO_MEMORY;\n"
	        "\t*out = bh_of_option(payload);\n"
	        "\treturn payload ? %s_to(payload, &in->value, scope) : BH_OK;\n}\n",
	        of->base);
}

static void result_from(const subject *s)
{
	const c_type *ok = part(s, 0), *bad = part(s, 1);
	begin(s, true);
	fputs("\tmemset(out, 0, sizeof *out);\n\tif (in->kind != BH_KIND_RESULT)\n\t\treturn BH_E_TYPE;\n"
	      "\tbh_value *payload = in->as.result.payload;\n\tout->is_err = in->as.result.is_err;\n\t(void)scope;\n",
	      s->out);
	if (bad)
		fprintf(s->out, "\tif (out->is_err)\n\t\treturn payload ? %s_from(&out->as.err, payload, scope) : BH_E_TYPE;\n",
		        bad->base);
	if (ok)
		fprintf(s->out, "\tif (!out->is_err)\n\t\treturn payload ? %s_from(&out->as.ok, payload, scope) : BH_E_TYPE;\n",
		        ok->base);
	fputs("\treturn payload ? BH_E_TYPE : BH_OK;\n}\n", s->out);
}

static void result_to(const subject *s)
{
	static const char *const names[] = {"ok", "err"};
	begin(s, false);
	fputs("\tbh_value *payload = NULL;\n\t(void)payload;\n\t(void)scope;\n"
	      "\t*out = in->is_err ? bh_of_err(NULL) : bh_of_ok(NULL);\n",
	      s->out);
	for (size_t i = 0; i < 2; i++)
		if (part(s, i))
			fprintf(s->out,
			        "\tif (%sin->is_err) {\n"
			        "\t\tout->as.result.payload = payload = (bh_value *)bh_scope_take(scope, 1, sizeof *payload);\n"
			        "\t\treturn payload ? %s_to(payload, &in->as.%s, scope) : BH_E_NO_MEMORY;\n\t}\n",
			        i ? "" : "!", part(s, i)->base, names[i]);
	fputs("\treturn BH_OK;\n}\n", s->out);
}

static void result_free(const subject *s)
{
	for (size_t i = 0; i < 2; i++)
		if (part(s, i) && part(s, i)->owns) {
			fprintf(s->out, "\tif (%sin->is_err)\n", i ? "" : "!");
			free_member(s, "\t\t", part(s, i), i ? "in->as.err" : "in->as.ok");
		}
}

/* Lists. */

static void list_both(const subject *s)
{
	const c_type *of = part(s, 0);
	begin(s, true);
	fprintf(s->out,
	        "\tmemset(out, 0, sizeof *out);\n\tif (in->kind != BH_KIND_LIST)\n\t\treturn BH_E_TYPE;\n"
	        "\tif (!in->as.list.count)\n\t\treturn BH_OK;\n"
	        "\tout->items = (%s *)bh_scope_items(scope, in->as.list.count, sizeof *out->items);\n"
	        "\tif (!out->items)\n\t\treturn BH_E_NO_MEMORY;\n"
	        "\tout->count = in->as.list.count;\n"
	        "\tfor (size_t i = 0; i < out->count; i++) {\n"
	        "\t\tbh_status status = %s_from(&out->items[i], &in->as.list.items[i], scope);\n"
	        "\t\tif (status)\n\t\t\treturn status;\n\t}\n"
	        "\treturn BH_OK;\n}\n",
	        of->name, of->base);
	begin(s, false);
	fprintf(s->out,
	        "\tbh_value *items = (bh_value *)bh_scope_take(scope, in->count, sizeof *items);\n"
	        "\tif (!items)\n\t\treturn BH_E_NO_MEMORY;\n"
	        "\tfor (size_t i = 0; i < in->count; i++) {\n"
	        "\t\tbh_status status = %s_to(&items[i], &in->items[i], scope);\n"
	        "\t\tif (status)\n\t\t\treturn status;\n\t}\n"
	        "\t*out = bh_of_list(items, in->count);\n\treturn BH_OK;\n}\n",
	        of->base);
}

static void list_free(const subject *s)
{
	if (part(s, 0)->owns) {
		fputs("\tfor (size_t i = 0; i < in->count; i++)\n", s->out);
		free_member(s, "\t\t", part(s, 0), "in->items[i]");
	}
	fputs("\tbh_items_free(in->items);\n", s->out);
}

/* Flags, and handles. */

static void flags_both(const subject *s)
{
	size_t count = s->type->part_count;
	const char *name = s->t->name;
	begin(s, true);
	fputs("\t(void)scope;\n\tmemset(out, 0, sizeof *out);\n", s->out);
	if (count > 64) {
		fprintf(s->out, "\treturn bh_flags_from(out->bits, in, %s_names(), %zu);\n}\n", name, count);
	} else {
		fprintf(s->out,
		        "\tuint64_t bits = 0;\n\tbh_status status = bh_flags_from(&bits, in, %s_names(), %zu);\n"
		        "\t*out = (%s)bits;\n\treturn status;\n}\n",
		        name, count, name);
	}
	begin(s, false);
	if (count > 64)
		fprintf(s->out, "\treturn bh_flags_to(out, in->bits, %s_names(), %zu, scope);\n}\n", name, count);
	else
		fprintf(s->out, "\tuint64_t bits = *in;\n\treturn bh_flags_to(out, &bits, %s_names(), %zu, scope);\n}\n", name,
		        count);
}

static void resource_both(const subject *s)
{
	begin(s, true);
	fputs("\tout->handle = NULL;\n\treturn bh_handle_from(&out->handle, in, scope);\n}\n", s->out);
	begin(s, false);
	fputs("\treturn bh_handle_to(out, &in->handle, scope);\n}\n", s->out);
	fprintf(s->out,
	        "\n/** Drop what it stands for: runs the guest's destructor. The handle is still to be freed. */\n"
	        "static inline BH_MUST_USE bh_status %s_drop(%s in, bh_error **err)\n{\n"
	        "\treturn bh_resource_drop(in.handle, err);\n}\n",
	        s->t->name, s->t->name);
}

static void write_free(const subject *s)
{
	fprintf(s->out, "\nstatic inline void %s_free(%s *in)\n{\n", s->t->name, s->t->name);
	if (s->type->form == BH_WIT_RESOURCE)
		fputs("\tbh_resource_unref(in->handle);\n", s->out);
	else if (s->type->kind == BH_KIND_RECORD || s->type->kind == BH_KIND_TUPLE)
		record_free(s);
	else if (s->type->kind == BH_KIND_VARIANT)
		variant_free(s);
	else if (s->type->kind == BH_KIND_RESULT)
		result_free(s);
	else if (s->type->kind == BH_KIND_OPTION)
		free_member(s, "\tif (in->some)\n\t\t", part(s, 0), "in->value");
	else
		list_free(s);
	fputs("\tmemset(in, 0, sizeof *in);\n}\n", s->out);
}

static void write_both(const subject *s)
{
	switch (s->type->kind) {
	case BH_KIND_RECORD:
	case BH_KIND_TUPLE:
		record_from(s);
		record_to(s);
		break;
	case BH_KIND_VARIANT:
		variant_from(s);
		variant_to(s);
		break;
	case BH_KIND_ENUM:
		enum_both(s);
		break;
	case BH_KIND_FLAGS:
		flags_both(s);
		break;
	case BH_KIND_OPTION:
		option_both(s);
		break;
	case BH_KIND_RESULT:
		result_from(s);
		result_to(s);
		break;
	default:
		list_both(s);
	}
}

void bindgen_write_conversions(const bindgen *g, size_t number)
{
	subject s = {g, g->out, &g->wit->types[number], &g->types[number]};
	if (has_names(s.type))
		write_names(&s);
	if (s.type->form == BH_WIT_RESOURCE)
		resource_both(&s);
	else
		write_both(&s);
	if (s.t->owns)
		write_free(&s);
}
