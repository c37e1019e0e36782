/* A generated header, from its first comment to its last line. */
#include <string.h>

#include "bindgen.h"

static const char rules[] =
	" *\n"
	" * Ownership, the same everywhere: arguments are lent, results are given.\n"
	" *\n"
	" * - What is passed to a function as an argument stays its owner's, and is only needed until the function returns; until\n"
	" *   the answer is given where a function gets an `answer`. A handle that is passed as own<...> stops to be valid, and is\n"
	" *   still to be freed.\n"
	" * - A result belongs to whoever asked for it: free it with TYPE_free(), a string with bh_string_deinit(), a list<u8> with\n"
	" *   bh_bytes_deinit(). Types without such a function hold nothing.\n"
	" * - That is so the other way round as well: what a function of the program's puts into its result is freed by whoever\n"
	" *   asked. So it is memory of the library's: bh_string_copy(), bh_bytes_copy(), bh_items_new(); never a literal.\n"
	" *\n"
	" * Functions may be used from any thread, each value by one at a time. TYPE_from() and TYPE_to(), where bulkhead/typed.h\n"
	" * explains what they do, are for this header's own use, and for programs that have a bh_value.\n";

static void write_begin(const bindgen *g)
{
	const bh_wit *wit = g->wit;
	X_AUTO char *title = x_format("World %s%s%s, in C. Made by `bulkhead bindgen`: changes would be lost.", wit->name,
	                              wit->package ? " of " : "", wit->package ? wit->package : "");
	fputs("/*\n", g->out);
	c_comment(g->out, " * ", title);
	if (wit->docs && *wit->docs) {
		fputs(" *\n", g->out);
		c_comment(g->out, " * ", wit->docs);
	}
	fputs(rules, g->out);
	fprintf(
		g->out,
		" */\n#ifndef %s_BINDINGS_H\n#define %s_BINDINGS_H\n\n#include <bulkhead.h>\n"
		"\n#if BH_TYPED != 1\n#error \"made for another version of bulkhead/typed.h: run bulkhead bindgen again\"\n#endif\n"
		"\nBH_BEGIN\n",
		g->upper, g->upper);
}

char *bindgen_header(const bh_wit *wit, const bindgen_options *options)
{
	x_writer text;
	x_text_begin(&text);
	bindgen g = {.wit = wit, .prefix = options->prefix, .upper = c_upper(options->prefix), .out = text.stream};
	bindgen_name(&g, options->async);
	write_begin(&g);
	bindgen_write_types(&g);
	bindgen_write_exports(&g);
	bindgen_write_imports(&g);
	fputs("\nBH_END\n\n#endif\n", g.out);
	bindgen_deinit(&g);
	return x_text_end(&text);
}
