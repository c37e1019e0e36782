/* World relay of wit/guests/calc/calc.wit: every function asks the one of the same name that is imported. */
#include "relay/relay.h"

/* Both sides have types of their own, which are the same. What comes in is not freed: the instance is soon gone. */
#define BY_VALUE(name, type)                                                                                           \
	type exports_acme_calc_roundtrip_roundtrip_##name(type v)                                                          \
	{                                                                                                                  \
		return acme_calc_roundtrip_roundtrip_##name(v);                                                                \
	}
#define BY_POINTER(name, type)                                                                                         \
	void exports_acme_calc_roundtrip_roundtrip_##name(type *v, type *ret)                                              \
	{                                                                                                                  \
		acme_calc_roundtrip_roundtrip_##name((void *)v, (void *)ret);                                                  \
	}
#define OWN(type) exports_acme_calc_roundtrip_##type##_t

BY_VALUE(bool, bool)
BY_VALUE(s8, int8_t)
BY_VALUE(u8, uint8_t)
BY_VALUE(s16, int16_t)
BY_VALUE(u16, uint16_t)
BY_VALUE(s32, int32_t)
BY_VALUE(u32, uint32_t)
BY_VALUE(s64, int64_t)
BY_VALUE(u64, uint64_t)
BY_VALUE(f32, float)
BY_VALUE(f64, double)
BY_VALUE(char, uint32_t)
BY_VALUE(enum, OWN(colour))
BY_VALUE(flags, OWN(few))
BY_VALUE(flags_many, OWN(many))

BY_POINTER(string, relay_string_t)
BY_POINTER(list, relay_list_s32_t)
BY_POINTER(record, OWN(point))
BY_POINTER(tuple, relay_tuple3_u8_string_f64_t)
BY_POINTER(variant, OWN(any))
BY_POINTER(option, relay_option_s32_t)
BY_POINTER(result, OWN(result_s32_string))

BY_POINTER(list_u8, relay_list_u8_t)
BY_POINTER(list_f64, relay_list_f64_t)
BY_POINTER(list_char, relay_list_char32_t)
BY_POINTER(list_bool, relay_list_bool_t)
BY_POINTER(list_string, relay_list_string_t)
BY_POINTER(list_record, OWN(list_mixture))
BY_POINTER(list_list_string, relay_list_list_string_t)
BY_POINTER(record_mixture, OWN(mixture))
BY_POINTER(option_option, relay_option_option_u8_t)
BY_POINTER(option_string, relay_option_string_t)
BY_POINTER(result_bare, OWN(result_void_void))
BY_POINTER(result_err_only, OWN(result_void_string))
BY_POINTER(result_ok_only, OWN(result_list_u8_void))
BY_POINTER(list_variant, OWN(list_any))
BY_POINTER(tuple_nested, OWN(tuple2_tuple2_bool_colour_option_few))

int64_t exports_acme_calc_roundtrip_sum_of_many(uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e, int16_t f,
                                                int32_t g, int64_t h, bool i, uint8_t j, uint16_t k, uint32_t l,
                                                uint64_t m, int8_t n, int16_t o, int32_t p, int64_t q, bool r)
{
	return acme_calc_roundtrip_sum_of_many(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
}
