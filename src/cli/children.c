#include "children.h"

#include <time.h>

#include "memory.h"

int children_ask_once(admin_client *client, const char *below, json_t **out)
{
	json_t *answer = NULL;
	X_AUTO char *path = below ? admin_child_path(below, "") : x_copy("/v1/children");
	int code = admin_get(client, path, below, &answer);
	if (!code)
		*out = json_incref(json_object_get(answer, "children"));
	json_decref(answer);
	if (!code && !json_is_array(*out)) {
		json_decref(*out);
		*out = NULL;
		return admin_failed(client, &(admin_answer){.status = 200}, below);
	}
	return code;
}

static bool lacks_rates(const json_t *children)
{
	size_t i;
	const json_t *child;
	json_array_foreach(children, i, child)
	{
		const json_t *statistics = json_object_get(child, "statistics");
		if (json_integer_value(json_object_get(statistics, "calls")) &&
		    json_is_null(json_object_get(statistics, "calls_per_s")))
			return true;
	}
	return false;
}

int children_ask(admin_client *client, const char *below, json_t **out)
{
	static const struct timespec moment = {.tv_nsec = 250000000};
	int code = children_ask_once(client, below, out);
	if (code || !lacks_rates(*out))
		return code;
	nanosleep(&moment, NULL);
	json_decref(*out);
	*out = NULL;
	return children_ask_once(client, below, out);
}
