/* Limits and permissions as JSON, of children and of modules alike. */
#include "show_terms.h"

void show_limits(sv_text *out, const bh_limits *limits)
{
	js_key(out, "limits");
	js_open(out, '{');
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		uint64_t value = bh_limits_get(limits, (bh_limit)i);
		js_key(out, bh_limit_describe((bh_limit)i)->key);
		if (value == BH_UNLIMITED)
			js_text(out, "unlimited");
		else
			js_number(out, value);
	}
	js_close(out, '}');
}

void show_permissions(sv_text *out, const bh_permissions *granted)
{
	js_key(out, "permissions");
	js_open(out, '[');
	for (size_t i = 0; granted && i < bh_permissions_count(granted); i++)
		js_text(out, bh_permissions_describe(granted, i));
	js_close(out, ']');
}
