/*
 * Typed calls: `bulkhead bindgen shop.wit` writes shop.h, which has the types of the world shop, shop_quote() to call the
 * plugin, and shop_imports for what the plugin asks of this program.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop.h"

static const struct {
	const char *name;
	shop_stock_item item;
} shelf[] = {
	{"apple", {25, 100}},
	{"melon", {340, 2}},
	{"pear", {30, 0}},
};

static int report(bh_error *err)
{
	fprintf(stderr, "%s\n", bh_error_message(err));
	if (bh_error_hint(err))
		fprintf(stderr, "%s\n", bh_error_hint(err));
	bh_error_free(err);
	return 1;
}

/* What the plugin imports. `name` is lent; `result` is none as long as nobody touches it. */
static bh_status find(const shop_imports *host, bh_string name, shop_option_stock_item *result, bh_error **err)
{
	(void)host, (void)err;
	for (size_t i = 0; i < sizeof shelf / sizeof *shelf; i++)
		if (strlen(shelf[i].name) == name.length && !memcmp(shelf[i].name, name.data, name.length)) {
			result->some = true;
			result->value = shelf[i].item;
		}
	return BH_OK;
}

/* "apple=3" as a line of an order, which borrows from the word. */
static shop_line line_of(const char *word)
{
	const char *sign = strchr(word, '=');
	shop_line line = {{word, sign ? (size_t)(sign - word) : strlen(word)}, 1};
	if (sign)
		line.count = (uint32_t)strtoul(sign + 1, NULL, 10);
	return line;
}

static void show(const shop_result_u32_refusal *answer)
{
	const shop_refusal *refusal = &answer->as.err;
	if (!answer->is_err)
		printf("%" PRIu32 ".%02" PRIu32 "\n", answer->as.ok / 100, answer->as.ok % 100);
	else if (refusal->tag == SHOP_REFUSAL_UNKNOWN)
		printf("there is no %s\n", refusal->as.unknown.data);
	else
		printf("there are no %" PRIu32 " of %s\n", refusal->as.sold_out.count, refusal->as.sold_out.name.data);
}

static bh_status quote(bh_component *plugin, const shop_list_line *order, bh_error **err)
{
	shop_exports exports;
	shop_result_u32_refusal answer;
	bh_status status = shop_exports_prepare(&exports, plugin, err);
	if (!status)
		status = shop_quote(&exports, NULL, order, &answer, err);
	if (!status) {
		show(&answer);
		shop_result_u32_refusal_free(&answer); /* a result is given: it is this program's to free */
	}
	shop_exports_release(&exports);
	return status;
}

int main(int argc, char **argv)
{
	shop_line lines[16];
	shop_list_line order = {lines, 0};
	if (argc < 3 || argc > 17) {
		fprintf(stderr, "usage: typed-calls COMPONENT NAME[=COUNT]...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		lines[order.count++] = line_of(argv[i]);

	static shop_imports functions = {.stock_find = find};
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_component *plugin = NULL;
	bh_imports *imports = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(16);
	int code = 0;
	if (bh_host_new(&host, NULL, &err) || bh_imports_new(&imports, &err) ||
	    shop_imports_define(imports, &functions, &err) || !(options.imports = imports) ||
	    bh_component_load_file(&plugin, host, argv[1], &options, &err) || quote(plugin, &order, &err))
		code = report(err);
	bh_component_unref(plugin);
	bh_imports_free(imports);
	bh_host_free(host);
	return code;
}
