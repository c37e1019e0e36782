#include "limits_text.h"

#include "json.h"
#include "memory.h"

char *limits_value(const bh_limits *limits, bh_limit limit)
{
	uint64_t value = bh_limits_get(limits, limit);
	if (!value)
		return x_copy("none: it must be said");
	char text[48];
	bh_limit_format(text, sizeof text, limit, value);
	return x_copy(text);
}

char *limits_line(const bh_limits *limits)
{
	X_AUTO char *memory = limits_value(limits, BH_LIMIT_MEMORY);
	X_AUTO char *stack = limits_value(limits, BH_LIMIT_STACK);
	X_AUTO char *fuel = limits_value(limits, BH_LIMIT_FUEL);
	X_AUTO char *time = limits_value(limits, BH_LIMIT_EXECUTION_TIME);
	return x_format("memory %s, stack %s, fuel %s, time %s", memory, stack, fuel, time);
}

const char *limits_action_name(bh_memory_limit_action action)
{
	return action == BH_MEMORY_LIMIT_TRAP ? "trap" : "fail";
}

json_t *limits_json(const bh_limits *limits)
{
	json_t *object = json_made(json_object());
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++)
		put_member(object, bh_limit_describe((bh_limit)i)->key, json_limit(bh_limits_get(limits, (bh_limit)i)));
	put_text(object, "on_memory_limit", limits_action_name(limits->on_memory_limit));
	return object;
}
