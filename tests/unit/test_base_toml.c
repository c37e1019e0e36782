/* TOML as a tree: types, values, and the place of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/toml.h"

static bh_toml *parse(const char *text)
{
	bh_toml *document = NULL;
	bh_error *err = NULL;
	if (bh_toml_parse(&document, text, strlen(text), &err))
		fail_msg("%s", bh_error_message(err));
	return document;
}

static void assert_span(bh_toml_span span, const char *text, uint32_t line, uint32_t column, const char *covered)
{
	assert_int_equal(span.line, line);
	assert_int_equal(span.column, column);
	assert_int_equal(span.length, strlen(covered));
	assert_memory_equal(text + span.offset, covered, span.length);
}

static void test_values(void **state)
{
	static const char text[] = "s = \"a\\u00e9\\u0000b\"\ni = -0x_0\n";
	(void)state;
	bh_toml *document = NULL;
	assert_int_equal(bh_toml_parse(&document, text, sizeof text - 1, NULL), BH_E_CONFIG);
	document = parse("s = \"a\\u00e9\\u0000b\"\ni = -9223372036854775808\nf = 2.5\nb = true\nd = 1979-05-27\n"
	                 "l = [1, 'x', []]\nt = { k = 1 }\nn = false\n");
	const bh_toml_node *root = bh_toml_root(document);
	assert_int_equal(root->type, BH_TOML_TABLE);
	assert_int_equal(root->count, 8);
	assert_null(root->parent);
	assert_string_equal(root->key, "");
	const bh_toml_node *s = bh_toml_find(root, "s");
	assert_int_equal(s->type, BH_TOML_STRING);
	assert_int_equal(s->as.text.length, 5);
	assert_memory_equal(s->as.text.data, "a\xc3\xa9\0b\0", 6);
	assert_true(bh_toml_find(root, "i")->as.integer == INT64_MIN);
	assert_true(bh_toml_find(root, "f")->as.real == 2.5);
	assert_true(bh_toml_find(root, "b")->as.boolean);
	assert_false(bh_toml_find(root, "n")->as.boolean);
	assert_int_equal(bh_toml_find(root, "d")->type, BH_TOML_DATETIME);
	const bh_toml_node *l = bh_toml_find(root, "l");
	assert_int_equal(l->type, BH_TOML_ARRAY);
	assert_int_equal(l->count, 3);
	assert_true(bh_toml_is(&l->children[1], "x"));
	assert_false(bh_toml_is(&l->children[1], "xy"));
	assert_false(bh_toml_is(&l->children[0], "1"));
	assert_ptr_equal(l->children[2].parent, l);
	assert_int_equal(l->children[2].count, 0);
	assert_int_equal(bh_toml_find(bh_toml_find(root, "t"), "k")->as.integer, 1);
	assert_null(bh_toml_find(l, "x"));
	assert_null(bh_toml_find(NULL, "x"));
	assert_null(bh_toml_find(root, "S"));
	bh_toml_free(document);
	bh_toml_free(NULL);
}

static void test_places(void **state)
{
	static const char text[] = "\xef\xbb\xbf# \xc3\xa9\r\n[a.b] # c\n  k = \"v\" # c\n\"q k\".d = [\n 1,\n 2 ]\n"
							   "[[x]]\ny.z = { w = 1 }\n[[x]]\n";
	(void)state;
	bh_toml *document = parse(text);
	const bh_toml_node *a = bh_toml_find(bh_toml_root(document), "a"), *b = bh_toml_find(a, "b");
	const bh_toml_node *k = bh_toml_find(b, "k"), *q = bh_toml_find(b, "q k"), *d = bh_toml_find(q, "d");
	assert_span(a->key_span, text, 2, 2, "a");
	assert_span(b->key_span, text, 2, 4, "b");
	assert_span(b->span, text, 2, 1, "[a.b]");
	assert_span(k->key_span, text, 3, 3, "k");
	assert_span(k->span, text, 3, 7, "\"v\"");
	assert_span(q->key_span, text, 4, 1, "\"q k\"");
	assert_span(d->key_span, text, 4, 7, "d");
	assert_span(d->span, text, 4, 11, "[\n 1,\n 2 ]");
	assert_span(d->children[1].span, text, 6, 2, "2");
	const bh_toml_node *x = bh_toml_find(bh_toml_root(document), "x");
	assert_int_equal(x->type, BH_TOML_ARRAY);
	assert_int_equal(x->count, 2);
	assert_span(x->children[0].span, text, 7, 1, "[[x]]");
	assert_span(x->children[1].span, text, 9, 1, "[[x]]");
	const bh_toml_node *z = bh_toml_find(bh_toml_find(&x->children[0], "y"), "z");
	assert_span(z->span, text, 8, 7, "{ w = 1 }");
	assert_span(z->children[0].span, text, 8, 13, "1");
	bh_toml_free(document);
}

static void test_keys(void **state)
{
	static const char *const names[] = {"read", "write"};
	(void)state;
	bh_toml *document = parse("write = 1\n\"read\\u0000\" = 2\n\"\" = 3\n");
	const bh_toml_node *root = bh_toml_root(document);
	assert_int_equal(bh_toml_key_among(&root->children[0], names, 2), 1);
	assert_int_equal(bh_toml_key_among(&root->children[1], names, 2), 2);
	assert_null(bh_toml_find(root, "read"));
	assert_int_equal(bh_toml_find(root, "")->as.integer, 3);
	bh_toml_free(document);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		uint32_t line, column, length;
	} cases[] = {
		{"a = 1\na = 2\n", "duplicate key", 2, 1, 1},
		{"[a]\n[a]\n", "duplicate key", 2, 2, 1},
		{"x\n", "key with no value, expected `=`", 1, 2, 0},
		{"a = [1,\n2", "unclosed array, expected `]`", 2, 2, 0},
		{"\n\n  a = \"\\q\"\n", NULL, 3, 9, 0},
		{"ok = 1\nb = \"\xff\"\n", "not UTF-8", 2, 6, 1},
		{"a.b = 1\na.b.c = 2\n", NULL, 2, 3, 1},
	};
	(void)state;
	for (size_t i = 0; i < BH_COUNT(cases); i++) {
		bh_toml *document = NULL;
		bh_error *err = NULL;
		assert_int_equal(bh_toml_parse(&document, cases[i].text, strlen(cases[i].text), &err), BH_E_CONFIG);
		assert_null(document);
		if (cases[i].message)
			assert_string_equal(bh_error_message(err), cases[i].message);
		assert_int_equal(bh_error_location(err)->line, cases[i].line);
		assert_int_equal(bh_error_location(err)->column, cases[i].column);
		assert_int_equal(bh_error_location(err)->length, cases[i].length);
		assert_null(bh_error_location(err)->file);
		bh_error_free(err);
	}
}

static void test_bounds(void **state)
{
	(void)state;
	char *text = malloc(BH_TOML_MAX_BYTES + 1);
	bh_toml *document = NULL;
	bh_error *err = NULL;
	assert_non_null(text);
	memset(text, '\n', BH_TOML_MAX_BYTES + 1);
	assert_int_equal(bh_toml_parse(&document, text, BH_TOML_MAX_BYTES, NULL), BH_OK);
	bh_toml_free(document);
	document = NULL;
	assert_int_equal(bh_toml_parse(&document, text, BH_TOML_MAX_BYTES + 1, &err), BH_E_CONFIG);
	assert_string_equal(bh_error_message(err), "larger than 1 MiB");
	bh_error_free(err);
	for (int depth = 70; depth <= 100; depth += 30) {
		size_t used = (size_t)sprintf(text, "a = ");
		for (int i = 0; i < depth; i++)
			text[used++] = '[';
		for (int i = 0; i < depth; i++)
			text[used++] = ']';
		assert_int_equal(bh_toml_parse(&document, text, used, NULL), depth > 80 ? BH_E_CONFIG : BH_OK);
		if (depth <= 80)
			bh_toml_free(document);
		document = NULL;
	}
	free(text);
	assert_int_equal(bh_toml_parse(&document, "", 0, NULL), BH_OK);
	assert_int_equal(bh_toml_root(document)->count, 0);
	bh_toml_free(document);
}

static void test_no_memory(void **state)
{
	(void)state;
	bool failed = true;
	for (uint64_t nth = 1; failed; nth++) {
		bh_toml *document = NULL;
		bh_error *err = NULL;
		bh_alloc_fail_at(nth, false);
		bh_status status = bh_toml_parse(&document, "a = [1, 2]\n", 11, &err);
		failed = bh_alloc_count() >= nth;
		bh_alloc_fail_at(0, false);
		assert_int_equal(status, failed ? BH_E_NO_MEMORY : BH_OK);
		assert_true(!status == (document != NULL) && !status == !err);
		bh_error_free(err);
		bh_toml_free(document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_places), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_bounds), cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
