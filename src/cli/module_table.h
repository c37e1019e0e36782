/* The modules of the daemon's gateway, looked at again and again, and as a table. */
#ifndef BH_CLI_MODULE_TABLE_H
#define BH_CLI_MODULE_TABLE_H

#include <jansson.h>
#include <stdint.h>

#include "admin.h"
#include "table.h"

/* Zero: not looked at yet. To be released. */
typedef struct {
	/*
	 * An object for each point that a module was asked at, in the order of the chain, and one for a module that never was:
	 * name, attach (null: never asked), counts, rates since the look before (null: there was none), p99_ns. NULL: the daemon
	 * has no gateway.
	 */
	json_t *rows;
	uint64_t at; /* ms */
} modules_sight;

/* 0, also where there is no gateway; or an exit code, after a message if `tells`: what was seen before stays then. */
int modules_look(modules_sight *s, admin_client *client, uint32_t timeout_ms, bool tells);
void modules_sight_deinit(modules_sight *s);

/* Of the rows, as table_make(). */
void module_table_make(table *out, const json_t *rows, size_t width);

#endif
