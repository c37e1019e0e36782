/* What the files of the gateway share. */
#ifndef BH_SERVE_GATEWAY_INTERNAL_H
#define BH_SERVE_GATEWAY_INTERNAL_H

#include <jansson.h>
#include <pthread.h>

#include "flow.h"
#include "gateway.h"
#include "gateway_log.h"

/* What was said of a module that was registered over HTTP, beside its name, file and attach points; see gateway_said.c. */
typedef struct {
	char *keys;        /* as JSON, which the state file has; NULL: nothing */
	char *manifest;    /* the text of the Component.toml that `keys` name, as it was then; NULL: they name none */
	bool trusted;      /* by somebody whom the admin API let in: it may widen what the gateway gives to all */
	uint32_t position; /* from 1; 0: the end. Not kept: the order is */
} module_said;

/* A module as it is registered; but for what is counted it does not change. */
typedef struct {
	char *uuid, *name, *file;
	char sha256[65];
	uint64_t size, created_ms;
	bool configured; /* by bulkhead.toml */
	bool missing; /* its file is not what was registered: it is kept, and everything is refused, or it is passed over */
	char *signature;  /* of a configured one: all that was said of it */
	module_said said; /* of one that was registered */
	bh_component *component;
	bh_chain_module_options options; /* texts in `texts` */
	store texts;
	/* The lock: */
	uint64_t accessed_ms, calls;
} module_record;

typedef struct {
	module_record **items;
	size_t count, capacity;
} module_list;

typedef struct job job;

struct gateway {
	bh_host *host;
	bh_chain *chain;
	gateway_log *log;
	proxy *proxy;
	char *state, *staged; /* paths: the file, and the next one until it is whole */
	char **restart;       /* what only a start looks at: gateway_restart_of() */
	bh_gateway_settings settings;
	bh_on_failure on_failure;
	pthread_t thread;
	bool thread_runs;
	pthread_mutex_t change; /* held by whoever changes modules: one at a time, for as long as compiling takes */
	char **config_order;    /* under `change`: names of the configured ones in the order of the file; NULL ends them */
	pthread_mutex_t lock;   /* a few instructions */
	pthread_cond_t wake;
	/* The lock; the list is written with both. */
	module_list modules;
	job *jobs, **last_job;
	unsigned job_count;
	bool ending;
	bool busy; /* a request came since this was last false */
};

/* gateway_modules.c */
void record_free(module_record *m);
module_record *list_find(const module_list *list, const char *name);
bool list_add(module_list *list, module_record *m);
bh_status module_of_config(module_record **out, gateway *g, const bh_config_module *said, bh_error **err);
/* One that is registered over HTTP. `sha256`: as it must be, NULL: any; `said` is copied. */
typedef struct {
	const char *name, *file, *sha256;
	uint32_t attach;
	const module_said *said;
} registration;
bh_status module_of_file(module_record **out, gateway *g, const registration *asked, bh_error **err);
/* Without its component: one that is missing. */
bh_status module_without_file(module_record **out, const gateway *g, const registration *asked, bh_error **err);
/* It is the old one under its UUID, with other contents. */
bh_status module_succeed(module_record *m, const module_record *old, bh_error **err);
/*
 * The same module under settings that have changed since. Where its file is not what was registered it keeps the limits it has,
 * which is said.
 */
bh_status module_again(module_record **out, gateway *g, const module_record *old, bh_error **err);

/* gateway_terms.c */
typedef struct {
	bh_limits limits;
	const bh_permissions *permissions; /* the manifest's, or the configuration's; NULL: none */
	bh_manifest *manifest;
	bh_config *config; /* what was said over HTTP */
} module_terms;
bh_status terms_of_config(module_terms *given, const gateway *g, const bh_config_module *said, bh_error **err);
bh_status terms_of_file(module_terms *given, const gateway *g, const module_record *m, bh_error **err);
bh_limit terms_wider(const gateway *g,
                     const bh_limits *said); /* one that is above the gateway's; BH_LIMIT_NONE: none */
void terms_free(module_terms *given);        /* whatever came of making them */

/* The rules for paths; gateway_path.c. Opens the file, checks what it truly is, and reads that. */
bh_status module_read(char **bytes, size_t *length, const char *path, bh_error **err);
bh_status manifest_read(char **text, size_t *length, const char *path, bh_error **err);

/* gateway_said.c */
void said_free(module_said *said);
bool said_copy(module_said *out, const module_said *from); /* false: no memory */
/*
 * The keys of a JSON object, over what was said before (NULL: nothing). A failure's `*field` is the key that is wrong, to be given
 * back with sv_free(); NULL: none is.
 */
bh_status said_read(module_said *out, const gateway *g, const json_t *object, const char *file,
                    const module_said *before, bool trusted, char **field, bh_error **err);
/* The same as a configuration of one module, with `otherwise` where nothing is said of failures. */
bh_status said_config(bh_config **out, const module_said *said, const char *file, bh_on_failure otherwise,
                      bh_error **err);

/* gateway_reload.c */
proxy_options gateway_proxy_options(const bh_config_gateway *c);
char **gateway_restart_of(const bh_config *config); /* NULL: no memory */
bh_status gateway_take_settings(gateway *g, const bh_config_gateway *c, bh_error **err);
/* The configured modules, those kept that say and are the same as before. New ones are `next`'s until it is put in force. */
bh_status modules_of_config(gateway *g, const bh_config *config, module_list *next, bh_error **err);

/* gateway_put.c. With `change`. */
void gateway_look_for_missing(gateway *g);
bool modules_are_kept(const gateway *g, const module_list *next); /* the state file has, or is to have, some */
bh_status modules_prepare(bh_chain_edit **out, gateway *g, const module_list *next, bh_error **err);
void modules_commit(gateway *g, bh_chain_edit *edit, module_list *next); /* takes both over */
void modules_drop_new(const gateway *g, module_list *next);

/* Put other modules in the place of those there are, whole or not at all; takes the list over if it works. With `change`. */
bh_status gateway_put(gateway *g, module_list *next, bool dry, bh_error **err);

/* gateway_state.c: the file. Reading leaves `out` empty where there is none, or it cannot be read, which is said. */
bh_status state_write(const gateway *g, const module_list *list, bh_error **err);
/* The same in two steps: beside the one there is, and in its place; or not. */
bh_status state_stage(const gateway *g, const module_list *list, char *const *config_order, bh_error **err);
bh_status state_put(const gateway *g, bh_error **err);
void state_unstage(const gateway *g);
bh_status state_read(gateway *g, module_list *out, char ***order, size_t *order_count, bh_error **err);

/* gateway_names.c: names, with NULL at their end. */
void names_free(char **names);
char **names_of_config(const bh_config *config); /* NULL: no memory */
bool names_same(char *const *a, char *const *b);
void names_order(module_list *list, char *const *order, size_t count);

/* The next way in which calls failed; `*at` begins with 0. False: there is no other. */
bool point_failure(const bh_chain_stats_entry *e, size_t *at, bh_status *out);

const char *point_label(bh_attach attach); /* "on-request" and so on */

void time_text(uint64_t ms, char out[32]); /* RFC 3339 */
uint64_t epoch_ms(void);

#endif
