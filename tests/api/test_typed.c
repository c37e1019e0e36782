// test: timeout=60
/*
 * Generated headers with a guest of resources, errors and odd names: the program's resources through typed functions, answers
 * from another thread, exports whose names are words of C, and everything that goes wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "counter.h"
#include "typed.h"

#include "one_host.h"

/* The store: bags are blocks whose address stands for them. */
typedef struct {
	char label[16];
	bh_string items[8];
	size_t count;
} bag;

typedef struct {
	_Atomic int made, destroyed;
	char noted[64];
	bh_status fail_with; /* of the constructor */
	int bad_tag;         /* of what fetch answers with */
	pthread_t answering;
	bool answers;
} store;

static bag *bag_of(const typed_imports *imports, typed_store_bag handle)
{
	uint64_t representation;
	EXPECT(typed_store_bag_read(&representation, imports, handle));
	return (bag *)(uintptr_t)representation;
}

static void bag_free(store *s, bag *b)
{
	for (size_t i = 0; i < b->count; i++)
		bh_string_deinit(&b->items[i]);
	free(b);
	s->destroyed++;
}

static void destroy(const typed_imports *imports, uint64_t representation)
{
	bag_free(imports->data, (bag *)(uintptr_t)representation);
}

static bh_status make(const typed_imports *imports, const char *label, size_t length, typed_store_bag *result,
                      bh_error **err)
{
	store *s = imports->data;
	bag *b = calloc(1, sizeof *b);
	EXPECT(b && length < sizeof b->label);
	memcpy(b->label, label, length);
	bh_status status = typed_store_bag_make(result, imports, (uint64_t)(uintptr_t)b, err);
	if (status)
		free(b);
	else
		s->made++;
	return status;
}

static bh_status bag_new(const typed_imports *imports, bh_string label, typed_store_bag *result, bh_error **err)
{
	store *s = imports->data;
	if (s->fail_with)
		return bh_error_new(err, s->fail_with, "no bags today");
	return make(imports, label.data, label.length, result, err);
}

static bh_status bag_add(const typed_imports *imports, typed_store_bag self, bh_string item,
                         typed_result_u32_store_problem *result, bh_error **err)
{
	bag *b = bag_of(imports, self);
	if (b->count == 2) {
		result->is_err = true;
		result->as.err.tag = TYPED_STORE_PROBLEM_REFUSED;
		return bh_string_copy(&result->as.err.as.refused, "it is full", 10, err);
	}
	bh_status status = bh_string_copy(&b->items[b->count], item.data, item.length, err);
	b->count += !status;
	result->as.ok = (uint32_t)b->count;
	return status;
}

static bh_status bag_items(const typed_imports *imports, typed_store_bag self, typed_list_string *result,
                           bh_error **err)
{
	bag *b = bag_of(imports, self);
	result->items = bh_items_new(b->count, sizeof *result->items);
	EXPECT(result->items);
	for (; result->count < b->count; result->count++) {
		bh_string *item = &b->items[result->count];
		bh_status status = bh_string_copy(&result->items[result->count], item->data, item->length, err);
		if (status)
			return status;
	}
	return BH_OK;
}

/* One is taken from its handle, the other is destroyed with it. */
static bh_status bag_merge(const typed_imports *imports, typed_store_bag a, typed_store_bag b, typed_store_bag *result,
                           bh_error **err)
{
	uint64_t representation;
	bag *second = bag_of(imports, b);
	EXPECT(typed_store_bag_take(&representation, imports, a));
	EXPECT(!typed_store_bag_take(&representation, imports, a));
	bag *first = (bag *)(uintptr_t)representation;
	bh_status status = make(imports, "merged", 6, result, err);
	if (status)
		return status;
	bag *merged = bag_of(imports, *result);
	for (size_t i = 0; i < first->count; i++)
		merged->items[merged->count++] = first->items[i];
	for (size_t i = 0; i < second->count; i++)
		merged->items[merged->count++] = second->items[i];
	first->count = second->count = 0;
	bag_free(imports->data, first);
	return BH_OK;
}

static bh_status count(const typed_imports *imports, const typed_list_store_bag *bags, uint64_t *result, bh_error **err)
{
	(void)err;
	for (size_t i = 0; i < bags->count; i++)
		*result += bag_of(imports, bags->items[i])->count;
	return BH_OK;
}

typedef struct {
	typed_store_fetch_answer answer;
	store *store;
	bh_string key; /* lent until the answer is given */
	uint32_t most;
} question;

static void *answer_later(void *data)
{
	question *q = data;
	typed_result_bytes_store_problem result = {0};
	t_sleep_ms(5);
	if (q->key.length == 0) {
		typed_store_fetch_fail(q->answer, BH_E_IO, "there is no key");
	} else if (q->key.length == 1) {
		typed_store_fetch_drop(q->answer);
	} else if (!strcmp(q->key.data, "closed")) {
		result.is_err = true;
		result.as.err.tag = TYPED_STORE_PROBLEM_CLOSED;
		if (q->store->bad_tag)
			*(volatile unsigned *)&result.as.err.tag = (unsigned)q->store->bad_tag;
		typed_store_fetch_finish(q->answer, &result);
	} else {
		EXPECT(!bh_bytes_copy(&result.as.ok, q->key.data, q->key.length < q->most ? q->key.length : q->most, NULL));
		typed_store_fetch_finish(q->answer, &result);
		EXPECT(!result.as.ok.data); /* it was given */
	}
	free(q);
	return NULL;
}

static void fetch(const typed_imports *imports, typed_store_fetch_answer answer, bh_string key, uint32_t most)
{
	store *s = imports->data;
	question *q = malloc(sizeof *q);
	EXPECT(q && !bh_completion_cancelled(answer.completion));
	*q = (question){answer, s, key, most};
	EXPECT(!pthread_create(&s->answering, NULL, answer_later, q));
	s->answers = true;
}

static bh_status clock_now(const typed_imports *imports, uint64_t *result, bh_error **err)
{
	(void)imports, (void)err;
	*result = UINT64_C(1) << 40;
	return BH_OK;
}

static bh_status note(const typed_imports *imports, bh_string text, bh_error **err)
{
	store *s = imports->data;
	(void)err;
	snprintf(s->noted, sizeof s->noted, "%.*s", (int)text.length, text.data);
	return BH_OK;
}

/* A component with a store of its own. */
typedef struct {
	store store;
	typed_imports imports;
	bh_component *component;
	typed_exports exports;
} world;

static void define(world *w, bh_imports **set)
{
	w->imports.data = &w->store;
	w->imports.store_bag_destroy = destroy;
	w->imports.store_bag_new = bag_new;
	w->imports.store_bag_add = bag_add;
	w->imports.store_bag_items = bag_items;
	w->imports.store_bag_merge = bag_merge;
	w->imports.store_fetch = fetch;
	w->imports.store_count = count;
	w->imports.clock_now = clock_now;
	w->imports.note = note;
	OK(bh_imports_new(set, &t_err));
	OK(typed_imports_define(*set, &w->imports, &t_err));
}

static void open_world(world *w, const bh_permissions *permissions)
{
	bh_imports *set = NULL;
	define(w, &set);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = set;
	options.permissions = permissions;
	OK(bh_component_load_file(&w->component, host, t_guest("typed.wasm"), &options, &t_err));
	bh_imports_free(set);
	OK(typed_exports_prepare(&w->exports, w->component, &t_err));
}

static void close_world(world *w)
{
	typed_exports_release(&w->exports);
	bh_component_unref(w->component);
	if (w->store.answers)
		pthread_join(w->store.answering, NULL);
	assert_int_equal(w->store.made, w->store.destroyed);
}

static const typed_tuple_string_string labels = {{"one", 3}, {"two", 3}};

static bool is(bh_string string, const char *text)
{
	return string.length == strlen(text) && !memcmp(string.data, text, string.length);
}

static void resources_and_answers_from_elsewhere(void **state)
{
	(void)state;
	world w = {0};
	open_world(&w, NULL);
	typed_result_list_string_problem result;
	OK(typed_run(&w.exports, NULL, &labels, bh_string_lend("the key"), &result, &t_err));
	assert_false(result.is_err);
	assert_int_equal(result.as.ok.count, 5);
	const char *wanted[] = {"a", "b", "a", "b", "the "}; /* at most as many bytes as there were items */
	for (size_t i = 0; i < 5; i++)
		assert_true(is(result.as.ok.items[i], wanted[i]));
	assert_string_equal(w.store.noted, "it is full");
	assert_int_equal(w.store.made, 3);
	typed_result_list_string_problem_free(&result);
	assert_null(result.as.ok.items);
	typed_result_list_string_problem_free(&result); /* it is empty */
	close_world(&w);
}

static void errors_of_the_world(void **state)
{
	(void)state;
	world w = {0};
	open_world(&w, NULL);
	typed_result_list_string_problem result;
	OK(typed_run(&w.exports, NULL, &labels, bh_string_lend("closed"), &result, &t_err));
	assert_true(result.is_err);
	assert_int_equal(result.as.err.tag, TYPED_STORE_PROBLEM_CLOSED);
	typed_result_list_string_problem_free(&result);
	close_world(&w);
}

/* What the program does wrong ends the guest's call, and says so. */
static void failing_functions(void **state)
{
	(void)state;
	struct {
		const char *key;
		bh_status fail_with;
		int bad_tag;
		const char *says;
	} cases[] = {
		{"", BH_OK, 0, "there is no key"},
		{"x", BH_OK, 0, "fetch"}, /* dropped */
		{"closed", BH_OK, 77, "does not fit its type"},
		{"closed", BH_E_BUSY, 0, "no bags today"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world w = {0};
		w.store.fail_with = cases[i].fail_with;
		w.store.bad_tag = cases[i].bad_tag;
		open_world(&w, NULL);
		typed_result_list_string_problem result, before;
		memset(&result, 0x55, sizeof result);
		memset(&before, 0x55, sizeof before);
		FAILS(BH_E_HOST_FUNCTION, typed_run(&w.exports, NULL, &labels, bh_string_lend(cases[i].key), &result, &t_err));
		assert_true(t_says(cases[i].says));
		assert_memory_equal(&result, &before, sizeof result); /* untouched */
		close_world(&w);
	}
}

/* A guest that is gone before the answer: the answer is dropped, what was lent stays until then. */
static void too_late(void **state)
{
	(void)state;
	world w = {0};
	open_world(&w, NULL);
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	bh_usage usage = BH_USAGE_INIT;
	options.deadline_ms = 1;
	typed_exports impatient = w.exports;
	impatient.options = &options;
	impatient.usage = &usage;
	typed_result_list_string_problem result;
	bh_status status = typed_run(&impatient, NULL, &labels, bh_string_lend("the key"), &result, NULL);
	if (!status)
		typed_result_list_string_problem_free(&result);
	assert_true(status == BH_OK || status == BH_E_DEADLINE);
	assert_true(usage.wall_ns > 0);
	close_world(&w);
}

static void words_of_c(void **state)
{
	(void)state;
	world w = {0};
	open_world(&w, NULL);
	bh_instance *on = t_instance(w.component);
	bh_string items[] = {bh_string_lend("x"), {"nul\0in it", 9}};
	typed_words_struct in = {.int_ = -21, .errno_ = 100, .bh_args_ = true}, out;
	in.list.items = items;
	in.list.count = 2;
	in.int32_t_.some = true; /* some(none) */
	OK(typed_words_double(&w.exports, on, &in, bh_string_lend("first"), 1, 2, TYPED_WORDS_DEFAULT_NULL, 3.5f, &out,
	                      &t_err));
	assert_int_equal(out.int_, -42 + 1 + 2 + 2 + 3);
	assert_int_equal(out.errno_, 200);
	assert_true(out.bh_args_ && out.int32_t_.some && !out.int32_t_.value.some);
	assert_int_equal(out.list.count, 3);
	assert_true(is(out.list.items[0], "first"));
	assert_int_equal(out.list.items[2].length, 9);
	assert_memory_equal(out.list.items[2].data, "nul\0in it", 10);
	typed_words_struct_free(&out);

	typed_result_none_words_default given = {.is_err = true};
	typed_result_words_default_none back;
	given.as.err = TYPED_WORDS_DEFAULT_SWITCH;
	OK(typed_words_return(&w.exports, on, &given, &back, &t_err));
	assert_true(!back.is_err && back.as.ok == TYPED_WORDS_DEFAULT_SWITCH);
	given.is_err = false;
	OK(typed_words_return(&w.exports, on, &given, &back, &t_err));
	assert_true(back.is_err);
	assert_string_equal(typed_words_default_names()[2], "NULL");

	/* A value that is none of the enum's is refused before the guest is entered. */
	given.is_err = true;
	*(volatile unsigned *)&given.as.err = 3;
	FAILS(BH_E_TYPE, typed_words_return(&w.exports, on, &given, &back, &t_err));
	assert_true(bh_instance_usable(on));

	uint64_t now = 0;
	OK(typed_now(&w.exports, on, &now, &t_err));
	assert_int_equal(now, (UINT64_C(1) << 40) + 1);
	OK(typed_now(&w.exports, NULL, NULL, &t_err)); /* not wanted */
	bh_instance_free(on);
	close_world(&w);
}

static void capabilities(void **state)
{
	(void)state;
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_capability(permissions, "time", &t_err));
	uint64_t now = 0;
	for (int granted = 0; granted < 2; granted++) {
		world w = {.imports.clock_capability = "time", .imports.store_capability = "store"};
		open_world(&w, granted ? permissions : NULL);
		if (granted)
			OK(typed_now(&w.exports, NULL, &now, &t_err));
		else
			FAILS(BH_E_DENIED, typed_now(&w.exports, NULL, &now, &t_err));
		close_world(&w);
	}
	bh_permissions_free(permissions);
}

/* A component of another world, and one whose export has the right name and another type. */
static void other_components(void **state)
{
	(void)state;
	typed_exports exports;
	bh_component *other = t_load(host, "echo.wasm", NULL);
	FAILS(BH_E_NO_EXPORT, typed_exports_prepare(&exports, other, &t_err));
	typed_exports_release(&exports);
	bh_component_unref(other);
	counter_exports counters;
	other = t_load_text(host,
	                    "(component (core module $m (func (export \"f\") (result i64) i64.const 1))"
	                    " (core instance $i (instantiate $m))"
	                    " (func $f (result u64) (canon lift (core func $i \"f\")))"
	                    " (export \"increment\" (func $f)))",
	                    NULL);
	FAILS(BH_E_TYPE, counter_exports_prepare(&counters, other, &t_err));
	assert_true(t_says("func() -> u64") && t_says("func() -> u32"));
	bh_component_unref(other);
}

/* Imports of another type than the component's are not linked; those left out neither. */
static void other_imports(void **state)
{
	(void)state;
	world w = {0};
	bh_imports *set = NULL;
	define(&w, &set);
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = set;
	static const char wat[] = "(component (import \"note\" (func (param \"text\" u32))))";
	FAILS(BH_E_LINK, bh_component_load_bytes(&w.component, host, wat, strlen(wat), &options, &t_err));
	bh_imports_free(set);
	OK(bh_imports_new(&set, &t_err));
	w.imports.note = NULL;
	OK(typed_imports_define(set, &w.imports, &t_err));
	options.imports = set;
	FAILS(BH_E_LINK, bh_component_load_file(&w.component, host, t_guest("typed.wasm"), &options, &t_err));
	assert_true(t_says("note"));
	FAILS(BH_E_INVALID, typed_imports_define(set, &w.imports, &t_err)); /* twice */
	bh_imports_free(set);
}

/* Resources of the guest's: handles in results, lists and arguments. */
static void resources_of_guests(void **state)
{
	(void)state;
	bh_component *component = t_load(host, "counter.wasm", NULL);
	bh_instance *on = t_instance(component);
	counter_exports x;
	OK(counter_exports_prepare(&x, component, &t_err));
	counter_bags_bag a, b, merged, same;
	OK(counter_bags_bag_new(&x, on, &a, &t_err));
	OK(counter_bags_bag_new(&x, on, &b, &t_err));
	OK(counter_bags_bag_add(&x, on, a, bh_string_lend("apple"), &t_err));
	OK(counter_bags_bag_add(&x, on, b, bh_string_lend("pear"), &t_err));
	counter_bags_bag both[] = {a, b};
	counter_list_bags_bag list = {both, 2};
	uint32_t number = 0;
	OK(counter_bags_total(&x, on, &list, &number, &t_err));
	assert_int_equal(number, 2);
	OK(counter_bags_bag_merge(&x, on, a, b, &merged, &t_err));
	FAILS(BH_E_INVALID, counter_bags_bag_count(&x, on, a, &number, &t_err)); /* it was passed on */
	counter_bags_bag_free(&a);
	counter_bags_bag_free(&b);
	OK(counter_bags_pass(&x, on, merged, &same, &t_err));
	counter_bags_bag_free(&merged);
	counter_list_string items;
	OK(counter_bags_bag_items(&x, on, same, &items, &t_err));
	assert_int_equal(items.count, 2);
	assert_true(is(items.items[0], "apple") && is(items.items[1], "pear"));
	counter_list_string_free(&items);
	OK(counter_bags_bag_drop(same, &t_err));
	counter_bags_bag_free(&same);
	OK(counter_bags_live(&x, on, &number, &t_err));
	assert_int_equal(number, 0);
	FAILS(BH_E_UNSUPPORTED, counter_bags_bag_new(&x, NULL, &a, &t_err)); /* a handle lives in an instance */
	counter_bags_bag none = {NULL};
	FAILS(BH_E_TYPE, counter_bags_bag_count(&x, on, none, &number, &t_err));
	counter_exports_release(&x);
	bh_instance_free(on);
	bh_component_unref(component);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resources_and_answers_from_elsewhere),
		cmocka_unit_test(errors_of_the_world),
		cmocka_unit_test(failing_functions),
		cmocka_unit_test(too_late),
		cmocka_unit_test(words_of_c),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(other_components),
		cmocka_unit_test(other_imports),
		cmocka_unit_test(resources_of_guests),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
