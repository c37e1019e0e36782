// test: timeout=60
/*
 * Worlds and conversions where memory runs out: every allocation of ours fails once, and all from it on. Each ends well or
 * with BH_E_NO_MEMORY, and nothing is lost. What a world is made of is looked at on the way.
 */
#include "relay.h"

#include "api.h"
#include "base/alloc.h"

typedef bh_status operation(bh_error **err);

static bool faults_work(void)
{
	bh_alloc_fail_at(0, false);
	bh_free(bh_alloc(1));
	return bh_alloc_count() == 1;
}

static void starve(operation *run)
{
	size_t failed = 0;
	for (int sticky = 0; sticky < 2; sticky++)
		for (uint64_t nth = 1;; nth++) {
			bh_error *err = NULL;
			bh_alloc_fail_at(nth, sticky);
			bh_status status = run(&err);
			bool reached = bh_alloc_count() >= nth;
			bh_alloc_fail_at(0, false);
			assert_true(status == BH_OK || status == BH_E_NO_MEMORY);
			assert_true(status == BH_OK ? !err : err != NULL);
			bh_error_free(err);
			failed += status != BH_OK;
			if (!reached) {
				assert_int_equal(status, BH_OK);
				break;
			}
		}
	assert_true(failed > 2);
}

static bh_status read_world(bh_error **err)
{
	bh_wit *wit = NULL;
	bh_status status = bh_wit_read(&wit, BH_TEST_SOURCE_DIR "/../wit/guests/typed", NULL, err);
	bh_wit_free(wit);
	return status;
}

static void worlds(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	starve(read_world);
}

/* There and back: what is lent becomes a value, a copy of it becomes what is owned. */
static bh_status convert(bh_error **err)
{
	bh_string words[] = {{"one", 3}, {"two", 3}};
	relay_list_string inner[] = {{words, 2}, {words, 1}, {NULL, 0}};
	relay_list_list_string list = {inner, 3}, made = {NULL, 0};
	relay_roundtrip_any any[20];
	relay_list_roundtrip_any variants = {any, 20}, variants_made = {NULL, 0};
	for (size_t i = 0; i < 20; i++)
		any[i] = (relay_roundtrip_any){.tag = RELAY_ROUNDTRIP_ANY_TEXT, .as = {.text = words[i % 2]}};
	bh_value room[BH_SCOPE_ROOM], lent, copy = BH_VALUE_INIT;
	bh_scope scope = bh_scope_on(room, BH_SCOPE_ROOM);
	bh_status status = relay_list_list_string_to(&lent, &list, &scope);
	if (!status)
		status = bh_value_copy(&copy, &lent, NULL);
	if (!status)
		status = relay_list_list_string_from(&made, &copy, NULL);
	bh_value_deinit(&copy);
	if (!status)
		status = relay_list_roundtrip_any_to(&lent, &variants, &scope);
	if (!status) /* of a value that only borrows: it is copied */
		status = relay_list_roundtrip_any_from(&variants_made, &lent, NULL);
	if (!status)
		assert_string_equal(variants_made.items[19].as.text.data, "two");
	relay_list_roundtrip_any_free(&variants_made);
	relay_list_list_string_free(&made);
	bh_scope_end(&scope);
	return status ? bh_typed_fail(err, status, "convert") : BH_OK;
}

static void conversions(void **state)
{
	(void)state;
	if (!faults_work())
		skip();
	starve(convert);
}

static const bh_wit_type *type_named(const bh_wit *wit, const char *name)
{
	for (size_t i = 0; i < wit->type_count; i++)
		if (wit->types[i].name && !strcmp(wit->types[i].name, name))
			return &wit->types[i];
	fail();
	return NULL;
}

static void what_a_world_is_made_of(void **state)
{
	(void)state;
	bh_wit *wit = NULL;
	OK(bh_wit_read(&wit, BH_TEST_SOURCE_DIR "/../wit/guests/typed", "typed", &t_err));
	assert_string_equal(wit->package, "acme:typed@1.2.0");
	assert_string_equal(wit->name, "typed");
	assert_int_equal(wit->import_count, 8);
	assert_int_equal(wit->export_count, 4);
	assert_int_equal(wit->resource_count, 1);
	const bh_wit_type *bag = &wit->types[wit->resources[0]], *problem = type_named(wit, "problem");
	assert_int_equal(bag->form, BH_WIT_RESOURCE);
	assert_string_equal(bag->interface, "acme:typed/store@1.2.0");
	assert_string_equal(bag->docs, "What is put away.");
	assert_int_equal(problem->kind, BH_KIND_VARIANT);
	assert_int_equal(problem->part_count, 3);
	assert_string_equal(problem->parts[2].name, "closed");
	assert_true(problem->parts[2].type == BH_WIT_NO_TYPE);
	for (size_t i = 0; i < wit->type_count; i++)
		for (size_t k = 0; k < wit->types[i].part_count; k++)
			assert_true(wit->types[i].parts[k].type < i || wit->types[i].parts[k].type == BH_WIT_NO_TYPE);
	bh_wit_free(wit);
	bh_wit_free(NULL);
	FAILS(BH_E_NOT_FOUND, bh_wit_read(&wit, "nowhere", NULL, &t_err));
	FAILS(BH_E_PARSE, bh_wit_read(&wit, BH_TEST_SOURCE_DIR "/../wit/guests/typed", "other", &t_err));
	FAILS(BH_E_INVALID, bh_wit_read(&wit, NULL, NULL, &t_err));
}

/* Values that are not of the type, as a hostile guest would like to pass them: refused, and nothing is lost. */
static void values_that_do_not_fit(void **state)
{
	(void)state;
	relay_roundtrip_mixture mixture;
	relay_roundtrip_any any;
	relay_roundtrip_many many;
	relay_result_s32_string result;
	relay_tuple_u8_string_f64 tuple;
	bh_value number = bh_of_u8(1), other = bh_of_s64(1), value;
	bh_value two[] = {number, other}, three[] = {number, bh_of_string("x"), other};
	bh_field fields[7];
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "h"};
	const char *flags[] = {"f0", "no-such"}, *again[33];
	for (size_t i = 0; i < 7; i++)
		fields[i] = (bh_field){names[i], number};
	value = bh_of_record(fields, 7);
	assert_int_equal(relay_roundtrip_mixture_from(&mixture, &value, NULL), BH_E_TYPE);
	value = bh_of_record(fields, 6);
	assert_int_equal(relay_roundtrip_mixture_from(&mixture, &value, NULL), BH_E_TYPE);
	fields[6].name = "g"; /* the right names, wrong kinds */
	value = bh_of_record(fields, 7);
	assert_int_equal(relay_roundtrip_mixture_from(&mixture, &value, NULL), BH_E_TYPE);
	relay_roundtrip_mixture_free(&mixture);
	value = bh_of_variant("place", NULL); /* its payload is missing */
	assert_int_equal(relay_roundtrip_any_from(&any, &value, NULL), BH_E_TYPE);
	value = bh_of_variant("nothing", &number);
	assert_int_equal(relay_roundtrip_any_from(&any, &value, NULL), BH_E_TYPE);
	value = bh_of_variant("no-such", NULL);
	assert_int_equal(relay_roundtrip_any_from(&any, &value, NULL), BH_E_TYPE);
	value = bh_of_variant(NULL, NULL);
	assert_int_equal(relay_roundtrip_any_from(&any, &value, NULL), BH_E_TYPE);
	value = bh_of_flags(flags, 2);
	assert_int_equal(relay_roundtrip_many_from(&many, &value, NULL), BH_E_TYPE);
	for (size_t i = 0; i < 33; i++)
		again[i] = "f0";
	value = bh_of_flags(again, 33); /* more than there are */
	assert_int_equal(relay_roundtrip_many_from(&many, &value, NULL), BH_E_TYPE);
	value = bh_of_ok(NULL);
	assert_int_equal(relay_result_s32_string_from(&result, &value, NULL), BH_E_TYPE);
	value = bh_of_tuple(two, 2);
	assert_int_equal(relay_tuple_u8_string_f64_from(&tuple, &value, NULL), BH_E_TYPE);
	value = bh_of_tuple(three, 3); /* fails behind a string, which is freed */
	assert_int_equal(relay_tuple_u8_string_f64_from(&tuple, &value, NULL), BH_E_TYPE);
	assert_string_equal(tuple.f1.data, "x");
	relay_tuple_u8_string_f64_free(&tuple);
	assert_null(bh_items_new(SIZE_MAX / 2, 16));
	bh_scope scope = {0};
	assert_null(bh_scope_take(&scope, SIZE_MAX / 2, 16));
	assert_null(bh_scope_take(&scope, SIZE_MAX, 1));
	assert_non_null(bh_scope_take(&scope, 0, 8));
	bh_scope_end(&scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worlds),
		cmocka_unit_test(conversions),
		cmocka_unit_test(what_a_world_is_made_of),
		cmocka_unit_test(values_that_do_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
