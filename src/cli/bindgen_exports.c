/* Exports in a generated header: the struct that holds them prepared, and a function to call each. */
#include <string.h>

#include "bindgen.h"

void bindgen_write_params(const bindgen *g, const c_function *f)
{
	for (size_t i = 0; i < f->wit->param_count; i++) {
		const c_type *type = &g->types[f->wit->params[i].type];
		fprintf(g->out, type->by_value ? ", %s %s" : ", const %s *%s", type->name, f->params[i]);
	}
}

static void write_wanted(const bindgen *g)
{
	fputs("\tstatic const bh_typed_export wanted[] = {\n", g->out);
	for (size_t i = 0; i < g->wit->export_count; i++) {
		const bh_wit_function *f = g->exports[i].wit;
		X_AUTO char *whole = x_format("%s%s%s", f->interface ? f->interface : "", f->interface ? "#" : "", f->name);
		fputs("\t\t{", g->out);
		c_string(g->out, whole);
		fputs(", ", g->out);
		c_string(g->out, f->signature);
		fputs("},\n", g->out);
	}
	fputs("\t};\n", g->out);
}

static void write_struct(const bindgen *g)
{
	const char *p = g->prefix;
	size_t count = g->wit->export_count;
	fprintf(
		g->out,
		"\n/**\n * The exports of a component, looked up once. Any number of threads may call with it. To call with options, or to\n"
		" * know what a call took, call with a copy that has them: the copy is not released.\n */\n"
		"typedef struct {\n"
		"\tbh_export *at[%zu];\n"
		"\tconst bh_call_options *options; /**< of every call; NULL: the default */\n"
		"\tbh_usage *usage; /**< receives what the last call took, on one thread at a time; NULL: not wanted */\n"
		"} %s_exports;\n",
		count, p);
	fprintf(
		g->out,
		"\n/**\n * Look the exports up, and see that they are of the types that this header was made for. The component is kept alive.\n"
		" *\n * \\return BH_OK; BH_E_NO_EXPORT; BH_E_TYPE; BH_E_NO_MEMORY\n */\n"
		"static inline BH_MUST_USE bh_status %s_exports_prepare(%s_exports *out, bh_component *component, bh_error **err)\n"
		"{\n",
		p, p);
	write_wanted(g);
	fprintf(g->out,
	        "\tmemset(out, 0, sizeof *out);\n"
	        "\treturn bh_typed_prepare(out->at, component, wanted, %zu, err);\n}\n"
	        "\n/** Release what was looked up. What is all zero may be released. */\n"
	        "static inline void %s_exports_release(%s_exports *x)\n{\n\tbh_typed_release(x->at, %zu);\n}\n",
	        count, p, p, count);
}

/* Arguments as values: what the library converts itself is no more than a copy of it, and cannot fail. */
static void write_args(const bindgen *g, const c_function *f, bool *scope)
{
	for (size_t i = 0; i < f->wit->param_count; i++)
		*scope |= !g->types[f->wit->params[i].type].simple;
	if (f->wit->param_count)
		fprintf(g->out, "\tbh_value bh_args[%zu];\n", f->wit->param_count);
	if (*scope)
		fputs("\tbh_value bh_room[BH_SCOPE_ROOM];\n\tbh_scope bh_kept = bh_scope_on(bh_room, BH_SCOPE_ROOM);\n",
		      g->out);
	fputs("\tbh_status bh_ended = BH_OK;\n", g->out);
	for (size_t i = 0; i < f->wit->param_count; i++) {
		const c_type *type = &g->types[f->wit->params[i].type];
		const char *name = f->params[i];
		if (!strcmp(type->base, "bh_string"))
			fprintf(g->out, "\tbh_args[%zu] = bh_of_string_n(%s.data, %s.length);\n", i, name, name);
		else if (!strcmp(type->base, "bh_bytes"))
			fprintf(g->out, "\tbh_args[%zu] = bh_of_bytes(%s.data, %s.length);\n", i, name, name);
		else if (type->simple)
			fprintf(g->out, "\tbh_args[%zu] = bh_of_%s(%s);\n", i, type->base + strlen("bh_"), name);
		else
			fprintf(g->out, "\tif (!bh_ended)\n\t\tbh_ended = %s_to(&bh_args[%zu], %s%s, &bh_kept);\n", type->base, i,
			        type->by_value ? "&" : "", name);
	}
}

static void write_result(const bindgen *g, const c_function *f)
{
	const c_type *type = bindgen_type(g, f->wit->result);
	if (!type)
		return;
	fprintf(g->out, "\tif (!bh_ended && result) {\n\t\t%s bh_made;\n", type->name);
	fprintf(g->out,
	        "\t\tbh_ended = %s_from(&bh_made, &bh_result, NULL);\n\t\tif (!bh_ended)\n\t\t\t*result = bh_made;\n",
	        type->base);
	fputs("\t\telse {\n", g->out);
	if (type->owns && !type->simple)
		fprintf(g->out, "\t\t\t%s_free(&bh_made);\n", type->base);
	fputs("\t\t\tbh_ended = bh_typed_fail(err, bh_ended, ", g->out);
	c_string(g->out, f->wit->name);
	fputs(");\n\t\t}\n\t}\n\tbh_value_deinit(&bh_result);\n", g->out);
}

static void write_docs(const bindgen *g, const bh_wit_function *f)
{
	X_AUTO char *text =
		x_format("%s%s%s: %s%s%s", f->interface ? f->interface : "", f->interface ? "#" : "", f->name,
	             strlen(f->signature) < 400 ? f->signature : "", f->docs ? "\n" : "", f->docs ? f->docs : "");
	fputs("\n/**\n", g->out);
	c_comment(g->out, " * ", text);
	fputs(" */\n", g->out);
}

static void write_call(const bindgen *g, size_t index)
{
	const c_function *f = &g->exports[index];
	const c_type *result = bindgen_type(g, f->wit->result);
	bool scope = false;
	write_docs(g, f->wit);
	fprintf(g->out, "static inline BH_MUST_USE bh_status %s(const %s_exports *x, bh_instance *on", f->name, g->prefix);
	bindgen_write_params(g, f);
	if (result)
		fprintf(g->out, ", %s *result", result->name);
	fputs(", bh_error **err)\n{\n", g->out);
	write_args(g, f, &scope);
	if (result)
		fputs("\tbh_value bh_result = bh_value_of(BH_KIND_NONE);\n", g->out);
	if (scope) {
		fputs("\tif (bh_ended)\n\t\tbh_typed_fail(err, bh_ended, ", g->out);
		c_string(g->out, f->wit->name);
		fputs(");\n\telse\n\t", g->out);
	}
	fprintf(g->out, "\tbh_ended = bh_typed_call(x->at[%zu], on, %s, %zu, %s, x->options, x->usage, err);\n", index,
	        f->wit->param_count ? "bh_args" : "NULL", f->wit->param_count,
	        result ? "result ? &bh_result : NULL" : "NULL");
	if (scope)
		fputs("\tbh_scope_end(&bh_kept);\n", g->out);
	write_result(g, f);
	fputs("\treturn bh_ended;\n}\n", g->out);
}

void bindgen_write_exports(const bindgen *g)
{
	if (!g->wit->export_count)
		return;
	fputs(
		"\n/*\n * Exports. `on`: the instance to call; NULL: a fresh one, which is gone afterwards. `result`: NULL where it is not\n"
		" * wanted. What a call can end with is in bulkhead/call.h.\n */\n",
		g->out);
	write_struct(g);
	for (size_t i = 0; i < g->wit->export_count; i++)
		write_call(g, i);
}
