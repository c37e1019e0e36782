/* Settings: the options that `run` and `call` share. A new one is a row in settings.c. */
#ifndef BH_CLI_SETTINGS_H
#define BH_CLI_SETTINGS_H

#include <bulkhead.h>

#include "options.h"

typedef struct {
	const char *manifest; /* --manifest; NULL: the one beside the component */
	bh_limits limits;     /* zero where no option said anything */
	text_list dirs;
	text_list nets;
	text_list listens;
	text_list capabilities;
	text_list env; /* "NAME=value" */
	bool quiet;
	bool json;
	bool usage;
	bool verbose;
	bool debug_info;
	const char *profile;  /* --profile: where to write where the guest spent its time */
	const char *coredump; /* --coredump: where to write what it left behind if it trapped */
	bool untrusted;       /* --untrusted: compile in a process of its own */
	const char *trust;    /* --trust: the key that artifacts must be signed with */
} settings;

#define SETTINGS_INIT                                                                                                  \
	{                                                                                                                  \
		.limits = BH_LIMITS_INIT                                                                                       \
	}

/* Room for the rows, of which some follow the library's table of limits. */
typedef struct {
	option_row rows[40];
	size_t count;
	char help[BH_LIMIT_COUNT][96];
} settings_rows;

/* The rows, bound to a target. The group points into `rows`. */
option_group settings_group(settings_rows *rows, settings *target);

void settings_deinit(settings *s);

#endif
