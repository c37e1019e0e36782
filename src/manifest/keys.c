#include "manifest/keys.h"

#include <string.h>

enum { COMPONENT = BH_IN_FLAT | BH_IN_NESTED };

#define TABLE(table_, name_, dialects_) {.table = (table_), .name = (name_), .dialects = (dialects_)}
#define KEY(table_, name_, dialects_, read_, ...)                                                                      \
	{                                                                                                                  \
		.table = (table_), .name = (name_), .dialects = (dialects_), .read = bh_read_##read_, __VA_ARGS__              \
	}
#define INTO(field) .offset = offsetof(struct bh_manifest, field)
#define CHECKED .offset = 0
#define LIMIT(limit_) .limit = BH_LIMIT_##limit_
#define RANGE(from, to) .minimum = (from), .maximum = (to)
#define REQUIRED .required = true

static const bh_key keys[] = {
	TABLE("", "component", COMPONENT),
	KEY("component", "name", COMPONENT, text, INTO(name)),
	KEY("component", "version", COMPONENT, text, INTO(version)),
	KEY("component", "stateful", COMPONENT, flag, INTO(stateful)),

	TABLE("", "resources", COMPONENT),
	KEY("resources", "on_memory_limit", BH_IN_FLAT, memory_action, CHECKED),
	KEY("resources", "guard_pages", BH_IN_FLAT, guard_pages, CHECKED),

	TABLE("resources", "memory", BH_IN_NESTED),
	KEY("resources.memory", "max_bytes", BH_IN_NESTED, amount, LIMIT(MEMORY), REQUIRED, RANGE(524288, 4194304),
        .example = "4194304"),
	KEY("resources.memory", "guard_pages", BH_IN_NESTED, guard_pages, CHECKED),
	TABLE("resources", "cpu", BH_IN_NESTED),
	KEY("resources.cpu", "max_fuel", BH_IN_NESTED, amount, LIMIT(FUEL), REQUIRED, RANGE(1000, 100000000),
        .example = "1000000"),
	KEY("resources.cpu", "timeout_seconds", BH_IN_NESTED, amount, LIMIT(EXECUTION_TIME), REQUIRED, RANGE(1000, 300000),
        .unit = "s", .example = "30"),

	TABLE("", "package", BH_IN_PACKAGE),
	KEY("package", "name", BH_IN_PACKAGE, text, INTO(name)),
	KEY("package", "version", BH_IN_PACKAGE, text, INTO(version)),
	KEY("package", "description", BH_IN_PACKAGE, text, CHECKED),
	KEY("package", "authors", BH_IN_PACKAGE, texts, CHECKED),
	KEY("package", "license", BH_IN_PACKAGE, text, CHECKED),
	KEY("package", "repository", BH_IN_PACKAGE, text, CHECKED),
	KEY("package", "homepage", BH_IN_PACKAGE, text, CHECKED),

	TABLE("", "runtime", BH_IN_PACKAGE),
	KEY("runtime", "memory_max_mb", BH_IN_PACKAGE, amount, LIMIT(MEMORY), REQUIRED, .unit = "MiB", .example = "64"),
	KEY("runtime", "memory_min_mb", BH_IN_PACKAGE, amount, LIMIT(INITIAL_MEMORY), .unit = "MiB", .example = "1"),
	KEY("runtime", "timeout_ms", BH_IN_PACKAGE, amount, LIMIT(EXECUTION_TIME)),
	KEY("runtime", "stateful", BH_IN_PACKAGE, flag, INTO(stateful)),

	KEY("", "permissions", BH_IN_ALL, permissions, CHECKED),
};

/* A key of the flat dialect for each limit: whatever rows src/base/limits.c has. */
static bh_key limit_key(bh_limit limit)
{
	bh_key key = KEY("resources", bh_limit_describe(limit)->key, BH_IN_FLAT, amount, .limit = limit);
	key.required = limit == BH_LIMIT_MEMORY || limit == BH_LIMIT_STACK;
	key.example = limit == BH_LIMIT_MEMORY ? "\"64MB\"" : limit == BH_LIMIT_STACK ? "\"1MB\"" : NULL;
	return key;
}

bool bh_key_at(bh_key *out, size_t index)
{
	if (index < BH_COUNT(keys)) {
		*out = keys[index];
		return true;
	}
	bh_limit limit = (bh_limit)(index - BH_COUNT(keys) + 1);
	if (!bh_limit_describe(limit))
		return false;
	*out = limit_key(limit);
	return true;
}

bool bh_key_find(bh_key *out, const char *table, const char *name, size_t length)
{
	bh_key key;
	for (size_t i = 0; bh_key_at(&key, i); i++) {
		if (strcmp(key.table, table) != 0 || strlen(key.name) != length || memcmp(key.name, name, length) != 0)
			continue;
		*out = key;
		return true;
	}
	return false;
}

const char *bh_dialect_name(bh_dialect dialect)
{
	static const char *const names[] = {"flat", "nested", "package"};
	return names[dialect];
}
