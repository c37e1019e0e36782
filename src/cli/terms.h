/* Terms: the limits and permissions a component gets, put together from its manifest and from the options. */
#ifndef BH_CLI_TERMS_H
#define BH_CLI_TERMS_H

#include "settings.h"

/* Whose word it is. */
typedef enum { TERMS_DEFAULT, TERMS_MANIFEST, TERMS_OPTION } terms_source;

/* What a limit is when nobody says anything. */
typedef enum {
	TERMS_RUN,  /* a program runs as long as it likes */
	TERMS_CALL, /* the library's defaults: a call is short */
} terms_kind;

typedef struct {
	const char *file; /* the component, as the person named it */
	terms_kind kind;
	bh_manifest *manifest; /* NULL: there is none */
	bh_limits limits;
	terms_source sources[BH_LIMIT_COUNT];
	bh_permissions *permissions;
} terms;

/*
 * Settle the terms for a component. Warnings of the manifest are printed.
 *
 * Returns 0, or an exit code after a message; *out is to be deinitialised either way. `s` may be NULL: no options.
 */
int terms_settle(terms *out, const char *file, terms_kind kind, const settings *s);

/* The same, but a component without limits is fine: for commands that only look at it. */
int terms_settle_leniently(terms *out, const char *file, terms_kind kind, const settings *s);

void terms_deinit(terms *t);

/* Who said so: "--timeout", "max_memory in Component.toml", "the default of `call`". To be freed with x_free(). */
char *terms_source_text(const terms *t, bh_limit limit);

/* How to raise it: "--memory, or max_memory in Component.toml [resources]". To be freed with x_free(). */
char *terms_raise_text(const terms *t, bh_limit limit);

/* Whether any folder is granted. */
bool terms_grant_folders(const terms *t);

/* What a limit is when nobody says anything: bh_limits_fill(), and for `run` no fuel or time limit. */
void terms_fill(bh_limits *limits, terms_kind kind);

#endif
