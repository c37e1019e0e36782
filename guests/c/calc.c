/* Interface acme:calc/math of wit/guests/calc/calc.wit. */
#include "calc/calc.h"

#include <math.h>

typedef exports_acme_calc_math_fraction_t fraction;
typedef exports_acme_calc_math_list_fraction_t fraction_list;

void exports_acme_calc_math_divide(fraction *f, exports_acme_calc_math_result_f64_string_t *ret)
{
	ret->is_err = f->denominator == 0;
	if (ret->is_err)
		calc_string_dup(&ret->val.err, "division by zero");
	else
		ret->val.ok = (double)f->numerator / (double)f->denominator;
}

double exports_acme_calc_math_area(exports_acme_calc_math_shape_t *shape)
{
	switch (shape->tag) {
	case EXPORTS_ACME_CALC_MATH_SHAPE_CIRCLE:
		return M_PI * shape->val.circle * shape->val.circle;
	case EXPORTS_ACME_CALC_MATH_SHAPE_RECT:
		return shape->val.rect.f0 * shape->val.rect.f1;
	default:
		return 0;
	}
}

void exports_acme_calc_math_apply(exports_acme_calc_math_operation_t operation, int64_t a, int64_t b,
                                  calc_option_s64_t *ret)
{
	bool overflow;

	switch (operation) {
	case EXPORTS_ACME_CALC_MATH_OPERATION_ADD:
		overflow = __builtin_add_overflow(a, b, &ret->val);
		break;
	case EXPORTS_ACME_CALC_MATH_OPERATION_SUBTRACT:
		overflow = __builtin_sub_overflow(a, b, &ret->val);
		break;
	default:
		overflow = __builtin_mul_overflow(a, b, &ret->val);
		break;
	}
	ret->is_some = !overflow;
}

exports_acme_calc_math_properties_t exports_acme_calc_math_properties_of(int64_t n)
{
	exports_acme_calc_math_properties_t properties = 0;

	if (n % 2 == 0)
		properties |= EXPORTS_ACME_CALC_MATH_PROPERTIES_EVEN;
	if (n < 0)
		properties |= EXPORTS_ACME_CALC_MATH_PROPERTIES_NEGATIVE;
	if (n == 0)
		properties |= EXPORTS_ACME_CALC_MATH_PROPERTIES_ZERO;
	return properties;
}

static double value(const fraction *f)
{
	return (double)f->numerator / (double)f->denominator;
}

void exports_acme_calc_math_largest(fraction_list *list, exports_acme_calc_math_option_fraction_t *ret)
{
	ret->is_some = list->len > 0;
	for (size_t i = 0; i < list->len; i++)
		if (i == 0 || value(&list->ptr[i]) > value(&ret->val))
			ret->val = list->ptr[i];
	exports_acme_calc_math_list_fraction_free(list);
}

void exports_acme_calc_math_divide_with_remainder(uint64_t a, uint64_t b,
                                                  exports_acme_calc_math_result_tuple2_u64_u64_void_t *ret)
{
	ret->is_err = b == 0;
	if (b != 0)
		ret->val.ok = (calc_tuple2_u64_u64_t){a / b, a % b};
}

void exports_acme_calc_math_digit(uint32_t c, calc_option_u8_t *ret)
{
	*ret = (calc_option_u8_t){.is_some = true};
	if (c >= '0' && c <= '9')
		ret->val = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		ret->val = (uint8_t)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		ret->val = (uint8_t)(c - 'A' + 10);
	else
		ret->is_some = false;
}

bool exports_acme_calc_math_is_negative(float x)
{
	return signbit(x);
}
