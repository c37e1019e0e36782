/* World typed of wit/guests/typed: a guest of a host with resources, and one with names that are words of C. */
#include <stdlib.h>

#include "typed/typed.h"

uint64_t exports_typed_now(void)
{
	return clock_now() + 1;
}

static acme_typed_store_own_bag_t filled(typed_string_t *label, uint32_t items)
{
	acme_typed_store_own_bag_t bag = acme_typed_store_constructor_bag(label);
	for (uint32_t i = 0; i < items; i++) {
		char text[2] = {(char)('a' + i), '\0'};
		typed_string_t item;
		acme_typed_store_result_u32_problem_t added;
		typed_string_set(&item, text);
		acme_typed_store_method_bag_add(acme_typed_store_borrow_bag(bag), &item, &added);
		if (added.is_err)
			typed_note(&added.val.err.val.refused);
	}
	return bag;
}

/* Two of the first label, three of the second; then "count", and what fetch said. */
void exports_typed_run(typed_tuple2_string_string_t *labels, typed_string_t *key,
                       typed_result_list_string_problem_t *ret)
{
	acme_typed_store_own_bag_t a = filled(&labels->f0, 2), b = filled(&labels->f1, 3);
	acme_typed_store_borrow_bag_t both[] = {acme_typed_store_borrow_bag(a), acme_typed_store_borrow_bag(b)};
	acme_typed_store_list_borrow_bag_t list = {both, 2};
	uint64_t count = acme_typed_store_count(&list);
	acme_typed_store_own_bag_t merged = acme_typed_store_static_bag_merge(a, b);
	typed_list_string_t items;
	acme_typed_store_method_bag_items(acme_typed_store_borrow_bag(merged), &items);
	acme_typed_store_bag_drop_own(merged);
	acme_typed_store_result_list_u8_problem_t fetched;
	acme_typed_store_fetch(key, (uint32_t)count, &fetched);
	*ret = (typed_result_list_string_problem_t){.is_err = fetched.is_err};
	if (fetched.is_err) {
		ret->val.err = fetched.val.err;
		return;
	}
	items.ptr = realloc(items.ptr, (items.len + 1) * sizeof *items.ptr);
	items.ptr[items.len++] = (typed_string_t){fetched.val.ok.ptr, fetched.val.ok.len};
	ret->val.ok = items;
}

/* Numbers doubled, everything else as it is, with err in front of the list. */
void exports_acme_typed_words_double(exports_acme_typed_words_struct_t *struct_, typed_string_t *err_, uint32_t on,
                                     uint32_t x, exports_acme_typed_words_default_t host, float memset,
                                     exports_acme_typed_words_struct_t *ret)
{
	*ret = *struct_;
	ret->int_ = struct_->int_ * 2 + (int32_t)(on + x + host) + (int32_t)memset;
	ret->errno = (uint8_t)(struct_->errno * 2);
	ret->list.ptr = malloc((struct_->list.len + 1) * sizeof *ret->list.ptr);
	ret->list.len = struct_->list.len + 1;
	ret->list.ptr[0] = *err_;
	for (size_t i = 0; i < struct_->list.len; i++)
		ret->list.ptr[i + 1] = struct_->list.ptr[i];
}

void exports_acme_typed_words_return(exports_acme_typed_words_result_void_default_t *result,
                                     exports_acme_typed_words_result_default_void_t *ret)
{
	ret->is_err = !result->is_err;
	ret->val.ok = result->val.err;
}
