/* Imports in a generated header: a struct of functions for the program to define, and what registers them. */
#include <string.h>

#include "bindgen.h"

/* "const p_imports *host, p_get_answer answer, bh_string key, p_result *result, bh_error **err" */
static void write_head(const bindgen *g, const c_function *f)
{
	const c_type *result = bindgen_type(g, f->wit->result);
	fprintf(g->out, "\t%s (*%s)(const %s_imports *host", f->async ? "void" : "bh_status", f->member, g->prefix);
	if (f->async)
		fprintf(g->out, ", %s_answer answer", f->name);
	bindgen_write_params(g, f);
	if (!f->async && result)
		fprintf(g->out, ", %s *result", result->name);
	fprintf(g->out, "%s);\n", f->async ? "" : ", bh_error **err");
}

static void write_function_docs(const bindgen *g, const bh_wit_function *f)
{
	X_AUTO char *text =
		x_format("%s%s%s: %s%s%s", f->interface ? f->interface : "", f->interface ? "#" : "", f->name,
	             strlen(f->signature) < 400 ? f->signature : "", f->docs ? "\n" : "", f->docs ? f->docs : "");
	fputs("\t/**\n", g->out);
	c_comment(g->out, "\t * ", text);
	fputs("\t */\n", g->out);
}

static size_t capability_of(const bindgen *g, const char *interface)
{
	size_t at = g->short_count;
	if (interface)
		names_find(&g->interfaces, interface, &at);
	return at;
}

static void write_struct(const bindgen *g)
{
	fprintf(g->out, "\ntypedef struct %s_imports %s_imports;\n", g->prefix, g->prefix);
	for (size_t i = 0; i < g->wit->import_count; i++)
		if (g->imports[i].async)
			fprintf(
				g->out,
				"\n/** A call of %s that is to be answered: kept where the program likes, given up exactly once. */\n"
				"typedef struct {\n\tbh_completion *completion; /**< to ask whether anybody still waits, or be told */\n"
				"\tbh_scope kept;\n} %s_answer;\n",
				g->imports[i].name, g->imports[i].name);
	fprintf(g->out, "\nstruct %s_imports {\n\tvoid *data; /**< the program's own */\n", g->prefix);
	for (size_t i = 0; i <= g->short_count; i++)
		if (g->capabilities[i])
			fprintf(g->out, "\tconst char *%s; /**< what a component must be granted to call these; NULL: nothing */\n",
			        g->capabilities[i]);
	for (size_t i = 0; i < g->wit->resource_count; i++)
		fprintf(
			g->out,
			"\tconst bh_resource_type *%s_type; /**< set by %s_imports_define() */\n"
			"\tvoid (*%s_destroy)(const %s_imports *host, uint64_t representation); /**< NULL: nothing is to be done */\n",
			g->resources[i], g->prefix, g->resources[i], g->prefix);
	for (size_t i = 0; i < g->wit->import_count; i++) {
		write_function_docs(g, g->imports[i].wit);
		write_head(g, &g->imports[i]);
	}
	fputs("};\n", g->out);
}

static void write_resource(const bindgen *g, size_t index)
{
	const char *type = g->types[g->wit->resources[index]].name, *member = g->resources[index], *p = g->prefix;
	fprintf(
		g->out,
		"\n/** A handle for a guest to own: in a result, or as an argument. To be freed or given. */\n"
		"static inline BH_MUST_USE bh_status %s_make(%s *out, const %s_imports *host, uint64_t representation, bh_error **err)\n"
		"{\n\tbh_value made;\n\tbh_status status = bh_resource_new(&made, host->%s_type, representation, err);\n"
		"\tif (!status)\n\t\tout->handle = made.as.resource;\n\treturn status;\n}\n",
		type, type, p, member);
	for (int take = 0; take < 2; take++)
		fprintf(g->out,
		        "\n/** The representation behind a handle%s. False: it is none of these. */\n"
		        "static inline bool %s_%s(uint64_t *representation, const %s_imports *host, %s in)\n"
		        "{\n\tbh_value value = bh_of_resource(in.handle);\n"
		        "\treturn in.handle && bh_resource_%s(representation, &value, host->%s_type);\n}\n",
		        take ? " that is owned, which is the program's from now on: nothing destroys it" : "", type,
		        take ? "take" : "read", p, type, take ? "take" : "read", member);
	fprintf(g->out,
	        "\nstatic inline void %s_destroy_thunk(void *data, uint64_t representation)\n{\n"
	        "\tconst %s_imports *host = (const %s_imports *)data;\n"
	        "\tif (host->%s_destroy)\n\t\thost->%s_destroy(host, representation);\n}\n",
	        type, p, p, member, member);
}

/* The arguments of a thunk, from values. */
static void write_arguments(const bindgen *g, const c_function *f)
{
	for (size_t i = 0; i < f->wit->param_count; i++)
		fprintf(g->out, "\t%s bh_a%zu;\n", g->types[f->wit->params[i].type].name, i);
	fprintf(g->out, "\tbh_status bh_ended = bh_count == %zu ? BH_OK : BH_E_TYPE;\n", f->wit->param_count);
	if (!f->wit->param_count)
		fputs("\t(void)bh_args;\n", g->out);
	/* All of them before the first failure leaves: compilers see that each is set where it is used. */
	for (size_t i = 0; i < f->wit->param_count; i++)
		fprintf(g->out, "\tmemset(&bh_a%zu, 0, sizeof bh_a%zu);\n", i, i);
	for (size_t i = 0; i < f->wit->param_count; i++)
		fprintf(g->out, "\tif (!bh_ended)\n\t\tbh_ended = %s_from(&bh_a%zu, (bh_value *)&bh_args[%zu], &bh_kept);\n",
		        g->types[f->wit->params[i].type].base, i, i);
}

static void write_passing(const bindgen *g, const c_function *f)
{
	for (size_t i = 0; i < f->wit->param_count; i++)
		fprintf(g->out, ", %sbh_a%zu", g->types[f->wit->params[i].type].by_value ? "" : "&", i);
}

static void write_name(const bindgen *g, const c_function *f)
{
	X_AUTO char *whole =
		x_format("%s%s%s", f->wit->interface ? f->wit->interface : "", f->wit->interface ? "#" : "", f->wit->name);
	c_string(g->out, whole);
}

/* Frees a result that was given, at `place`. */
static void write_give_up(const bindgen *g, const c_type *type, const char *indent, const char *place)
{
	if (type->owns)
		fprintf(g->out, "%s%s_%s(%s);\n", indent, type->base, type->simple ? "deinit" : "free", place);
}

static void write_sync_result(const bindgen *g, const c_function *f, const c_type *type)
{
	if (type->simple) { /* what it owns is handed over as it is */
		fprintf(g->out, "\tif (!bh_ended) {\n\t\tbh_ended = %s_to(bh_result, &bh_made, NULL);\n", type->base);
		if (type->owns)
			fprintf(g->out, "\t\tbh_result->owned = true;\n");
		fputs("\t}", g->out);
		if (type->owns) {
			fputs(" else {\n", g->out);
			write_give_up(g, type, "\t\t", "&bh_made");
			fputs("\t}", g->out);
		}
		fputs("\n", g->out);
		return;
	}
	fprintf(g->out,
	        "\tif (!bh_ended) {\n\t\tbh_value bh_answer;\n\t\tbh_ended = %s_to(&bh_answer, &bh_made, &bh_kept);\n"
	        "\t\tif (bh_ended)\n\t\t\tbh_typed_fail(err, bh_ended, ",
	        type->base);
	write_name(g, f);
	fputs(");\n\t\telse\n\t\t\tbh_ended = bh_value_copy(bh_result, &bh_answer, err);\n\t}\n", g->out);
	write_give_up(g, type, "\t", "&bh_made");
}

static void write_sync(const bindgen *g, const c_function *f)
{
	const c_type *result = bindgen_type(g, f->wit->result);
	fprintf(
		g->out,
		"\nstatic inline bh_status %s_thunk(void *bh_data, const bh_value *bh_args, size_t bh_count, bh_value *bh_result,\n"
		"\tbh_error **err)\n{\n"
		"\tconst %s_imports *bh_self = (const %s_imports *)bh_data;\n"
		"\tbh_value bh_room[BH_SCOPE_ROOM];\n\tbh_scope bh_kept = bh_scope_on(bh_room, BH_SCOPE_ROOM);\n",
		f->name, g->prefix, g->prefix);
	write_arguments(g, f);
	if (result)
		fprintf(g->out, "\t%s bh_made;\n\tmemset(&bh_made, 0, sizeof bh_made);\n", result->name);
	else
		fputs("\t(void)bh_result;\n", g->out);
	fputs("\tif (bh_ended)\n\t\tbh_typed_fail(err, bh_ended, ", g->out);
	write_name(g, f);
	fprintf(g->out, ");\n\telse\n\t\tbh_ended = (bh_self->%s)(bh_self", f->member); /* not if it is a macro: minor() */
	write_passing(g, f);
	fprintf(g->out, "%s, err);\n", result ? ", &bh_made" : "");
	if (result)
		write_sync_result(g, f, result);
	fputs("\tbh_scope_end(&bh_kept);\n\treturn bh_ended;\n}\n", g->out);
}

/* Asynchronous functions: arguments that are no plain numbers must lie where they are until the answer. */
static void write_async_arguments(const bindgen *g, const c_function *f)
{
	fputs("\tbh_status bh_ended = BH_OK;\n", g->out);
	for (size_t i = 0; i < f->wit->param_count; i++) {
		const char *type = g->types[f->wit->params[i].type].name;
		fprintf(g->out, "\t%s *bh_a%zu = NULL;\n", type, i);
	}
	if (!f->wit->param_count)
		fputs("\t(void)bh_args;\n\t(void)bh_kept;\n", g->out);
	fprintf(g->out, "\tif (bh_count != %zu)\n\t\tbh_ended = BH_E_TYPE;\n", f->wit->param_count);
	for (size_t i = 0; i < f->wit->param_count; i++) {
		const c_type *type = &g->types[f->wit->params[i].type];
		fprintf(g->out,
		        "\tif (!bh_ended)\n\t\tbh_ended = (bh_a%zu = (%s *)bh_scope_take(bh_kept, 1, sizeof *bh_a%zu))\n"
		        "\t\t\t? %s_from(bh_a%zu, (bh_value *)&bh_args[%zu], bh_kept) : BH_E_NO_MEMORY;\n",
		        i, type->name, i, type->base, i, i);
	}
}

static void write_async_thunk(const bindgen *g, const c_function *f)
{
	fprintf(
		g->out,
		"\nstatic inline void %s_thunk(void *bh_data, bh_completion *bh_completed, const bh_value *bh_args, size_t bh_count)\n"
		"{\n\tconst %s_imports *bh_self = (const %s_imports *)bh_data;\n"
		"\t%s_answer bh_answer;\n\tmemset(&bh_answer, 0, sizeof bh_answer);\n\tbh_answer.completion = bh_completed;\n"
		"\tbh_scope *bh_kept = &bh_answer.kept;\n",
		f->name, g->prefix, g->prefix, f->name);
	write_async_arguments(g, f);
	fprintf(
		g->out,
		"\tif (bh_ended)\n\t\t%s_fail(bh_answer, bh_ended, \"the arguments do not fit\");\n\telse\n\t\t(bh_self->%s)(bh_self, bh_answer",
		f->name, f->member);
	for (size_t i = 0; i < f->wit->param_count; i++)
		fprintf(g->out, ", %sbh_a%zu", g->types[f->wit->params[i].type].by_value ? "*" : "", i);
	fputs(");\n}\n", g->out);
}

static void write_finish(const bindgen *g, const c_function *f)
{
	const c_type *type = bindgen_type(g, f->wit->result);
	fprintf(g->out,
	        "\n/** Answer, and give the call up.%s Any thread. */\nstatic inline void %s_finish(%s_answer answer",
	        type && type->owns ? " The result is given: it is empty afterwards." : "", f->name, f->name);
	if (!type) {
		fputs(")\n{\n\tbh_completion_finish(answer.completion, NULL);\n\tbh_scope_end(&answer.kept);\n}\n", g->out);
		return;
	}
	bool pointer = type->owns || !type->by_value;
	fprintf(g->out, ", %s %sresult)\n{\n", type->name, pointer ? "*" : "");
	fprintf(
		g->out,
		"\tbh_value bh_room[BH_SCOPE_ROOM], bh_made;\n\tbh_scope bh_kept = bh_scope_on(bh_room, BH_SCOPE_ROOM);\n"
		"\tbh_status bh_ended = %s_to(&bh_made, %sresult, &bh_kept);\n"
		"\tif (bh_ended)\n\t\tbh_completion_fail(answer.completion, bh_ended, \"the result does not fit its type\");\n"
		"\telse\n\t\tbh_completion_finish(answer.completion, &bh_made);\n",
		type->base, pointer ? "" : "&");
	write_give_up(g, type, "\t", "result");
	fputs("\tbh_scope_end(&bh_kept);\n\tbh_scope_end(&answer.kept);\n}\n", g->out);
}

static void write_async(const bindgen *g, const c_function *f)
{
	write_finish(g, f);
	fprintf(g->out,
	        "\n/** Fail, and give the call up: the guest's call ends. Any thread. */\n"
	        "static inline void %s_fail(%s_answer answer, bh_status status, const char *message)\n{\n"
	        "\tbh_completion_fail(answer.completion, status, \"%%s\", message);\n\tbh_scope_end(&answer.kept);\n}\n"
	        "\n/** Give the call up without an answer, which fails it. Any thread. */\n"
	        "static inline void %s_drop(%s_answer answer)\n{\n"
	        "\tbh_completion_drop(answer.completion);\n\tbh_scope_end(&answer.kept);\n}\n",
	        f->name, f->name, f->name, f->name);
	write_async_thunk(g, f);
}

static void write_or_null(const bindgen *g, const char *text)
{
	if (text)
		c_string(g->out, text);
	else
		fputs("NULL", g->out);
}

static void write_registration(const bindgen *g, const c_function *f)
{
	fprintf(g->out,
	        "\tif (host->%s) {\n\t\tbh_host_function function = BH_HOST_FUNCTION_INIT;\n\t\tfunction.interface = ",
	        f->member);
	write_or_null(g, f->wit->interface);
	fputs(";\n\t\tfunction.name = ", g->out);
	c_string(g->out, f->wit->name);
	fputs(";\n\t\tfunction.signature = ", g->out);
	c_string(g->out, f->wit->signature);
	fprintf(g->out,
	        ";\n\t\tfunction.capability = host->%s;\n\t\tfunction.%s = %s_thunk;\n\t\tfunction.data = host;\n"
	        "\t\tbh_status status = bh_imports_define_function(into, &function, err);\n"
	        "\t\tif (status)\n\t\t\treturn status;\n\t}\n",
	        g->capabilities[capability_of(g, f->wit->interface)], f->async ? "start" : "call", f->name);
}

static void write_define(const bindgen *g)
{
	fprintf(
		g->out,
		"\n/**\n * Define what is in `host`, of the types that this header was made for, in a set (bulkhead/imports.h). Functions that\n"
		" * are NULL are left out: components that import them are not linked. `host` must stay where it is for as long as the set.\n"
		" * After a failure the set holds a part of it.\n *\n * \\return as bh_imports_define_function()\n */\n"
		"static inline BH_MUST_USE bh_status %s_imports_define(bh_imports *into, %s_imports *host, bh_error **err)\n{\n",
		g->prefix, g->prefix);
	for (size_t i = 0; i < g->wit->resource_count; i++) {
		const bh_wit_type *type = &g->wit->types[g->wit->resources[i]];
		fputs("\t{\n\t\tbh_status status = bh_imports_define_resource(&host->", g->out);
		fprintf(g->out, "%s_type, into, ", g->resources[i]);
		write_or_null(g, type->interface);
		fputs(", ", g->out);
		c_string(g->out, type->name);
		fprintf(g->out, ", %s_destroy_thunk, host, err);\n\t\tif (status)\n\t\t\treturn status;\n\t}\n",
		        g->types[g->wit->resources[i]].name);
	}
	for (size_t i = 0; i < g->wit->import_count; i++)
		write_registration(g, &g->imports[i]);
	fputs("\treturn BH_OK;\n}\n", g->out);
}

void bindgen_write_imports(const bindgen *g)
{
	if (!g->wit->import_count && !g->wit->resource_count)
		return;
	fputs(
		"\n/*\n * Imports: functions for the program to define. They are called as bulkhead/imports.h says of bh_host_fn, and those\n"
		" * with an `answer` as it says of bh_host_async_fn. `host` is the struct they are in. `*result` is all zero at first; what\n"
		" * is in it is taken over whether or not the function fails.\n */\n",
		g->out);
	write_struct(g);
	for (size_t i = 0; i < g->wit->resource_count; i++)
		write_resource(g, i);
	for (size_t i = 0; i < g->wit->import_count; i++) {
		if (g->imports[i].async)
			write_async(g, &g->imports[i]);
		else
			write_sync(g, &g->imports[i]);
	}
	write_define(g);
}
