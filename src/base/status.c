/* Names and texts of status codes and trap kinds, from the tables in the public headers. */
#include "bulkhead/status.h"
#include "bulkhead/trap.h"

typedef struct {
	bh_status status;
	bh_category category;
	const char *name;
	const char *kind;
	const char *text;
} status_row;

static const status_row rows[] = {
#define X(code, name, category, kind, text) {BH_##name, BH_CATEGORY_##category, "BH_" #name, kind, text},
	BH_STATUS_MAP(X)
#undef X
};

static const status_row *row_of(bh_status status)
{
	static const status_row unknown = {BH_OK, BH_CATEGORY_SYSTEM, "unknown", "Unknown", "unknown status"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].status == status)
			return &rows[i];
	return &unknown;
}

const char *bh_status_name(bh_status status)
{
	return row_of(status)->name;
}

const char *bh_status_text(bh_status status)
{
	return row_of(status)->text;
}

const char *bh_status_kind(bh_status status)
{
	return row_of(status)->kind;
}

bh_category bh_status_category(bh_status status)
{
	return row_of(status)->category;
}

static const struct {
	const char *name;
	const char *text;
} traps[] = {
#define X(name, kebab, text) {kebab, text},
	BH_TRAP_MAP(X)
#undef X
};

static bh_trap known(bh_trap trap)
{
	return (unsigned)trap < BH_TRAP_COUNT ? trap : BH_TRAP_UNKNOWN;
}

const char *bh_trap_name(bh_trap trap)
{
	return traps[known(trap)].name;
}

const char *bh_trap_text(bh_trap trap)
{
	return traps[known(trap)].text;
}
