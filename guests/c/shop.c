/* World shop of examples/typed-calls: what an order costs, by the prices of the program's stock. */
#include "shop/shop.h"

void exports_shop_quote(shop_list_line_t *order, shop_result_u32_refusal_t *ret)
{
	uint32_t total = 0;
	*ret = (shop_result_u32_refusal_t){.is_err = false};
	for (size_t i = 0; i < order->len; i++) {
		shop_line_t *line = &order->ptr[i];
		example_prices_stock_option_item_t found;
		example_prices_stock_find(&line->name, &found);
		if (!found.is_some) {
			ret->is_err = true;
			ret->val.err.tag = SHOP_REFUSAL_UNKNOWN;
			ret->val.err.val.unknown = line->name;
			return; /* the order is not freed: the instance is soon gone */
		}
		if (found.val.left < line->count) {
			ret->is_err = true;
			ret->val.err.tag = SHOP_REFUSAL_SOLD_OUT;
			ret->val.err.val.sold_out = *line;
			return;
		}
		total += found.val.price * line->count;
	}
	ret->val.ok = total;
}
