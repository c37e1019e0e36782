/*
 * The gateway of the daemon: a chain, the modules in it, and the proxy in front. Modules come from bulkhead.toml and, while it
 * runs, over HTTP; the latter are written down in a state file. Changes are made by one thread at a time.
 */
#ifndef BH_SERVE_GATEWAY_H
#define BH_SERVE_GATEWAY_H

#include <bulkhead.h>
#include <jansson.h>

#include "proxy.h"
#include "text.h"

typedef struct gateway gateway;

/*
 * Load all modules and begin to serve. `folder`: where the state file is if the configuration does not say. The configuration
 * is not kept. BH_OK; what loading a component, the chain and proxy_start() return.
 */
bh_status gateway_start(gateway **out, bh_host *host, const bh_config *config, const char *folder, bh_error **err)
	__attribute__((warn_unused_result));

/*
 * Follow another configuration: what did not change goes on untouched. All that may fail is done by gateway_prepare(), which changes
 * nothing that is to be seen; then gateway_commit() puts it in force, or gateway_drop() forgets it. One of them is called, on the same
 * thread: until then other changes wait. Without [gateway] the plan is NULL, which both allow. `config` is not kept.
 */
typedef struct gateway_plan gateway_plan;
bh_status gateway_prepare(gateway_plan **out, gateway *g, const bh_config *config, bh_error **err)
	__attribute__((warn_unused_result));
void gateway_commit(gateway_plan *plan);
void gateway_drop(gateway_plan *plan);

/* The keys of [gateway] that differ from what only a start looks at, with commas; nothing where none does. NULL: no gateway runs. */
void gateway_restart_keys(const gateway *g, const bh_config *config, sv_text *out);

void gateway_stop(gateway *g, unsigned wait_ms); /* NULL is allowed */
unsigned gateway_port(const gateway *g);

/*
 * Have something done on the gateway's own thread, in the order of asking: what compiles, or writes. BH_E_BUSY: so much waits
 * that no more is taken. It is done before gateway_stop() returns.
 */
typedef void gateway_job(void *data, gateway *g);
bh_status gateway_do(gateway *g, gateway_job *job, void *data, bh_error **err) __attribute__((warn_unused_result));

/* Jobs, on that thread. Answers are JSON, of which the first two have the form that existing users know. */

/*
 * POST /wasm: a body's modules, each by itself; `*http`: 200, or 400 where one failed or the body is not what it should be. A failure is
 * of what is said of a module beyond what existing users know: nothing was done then, and `*field`, to be given back with sv_free(),
 * is the key that is wrong.
 */
typedef struct {
	const char *body;
	size_t length;
	bool dry;
	bool trusted; /* it came over the admin API, not over compat_listen */
} gateway_request;
bh_status gateway_register(gateway *g, const gateway_request *asked, unsigned *http, sv_text *out, char **field,
                           bh_error **err);
/* DELETE /wasm/{uuid} */
bh_status gateway_remove(gateway *g, const char *uuid, bh_error **err);
/* Put another file in the place of a module, by name, or the same one with something else said of it. `*field` as above. */
bh_status gateway_replace(gateway *g, const char *name, const json_t *object, bool dry, char **field, bh_error **err);
/* All modules' names in another order. */
bh_status gateway_order(gateway *g, const char *const *names, size_t count, bool dry, bh_error **err);

/* Any thread. */
void gateway_list(gateway *g, sv_text *out);     /* GET /wasm */
void gateway_describe(gateway *g, sv_text *out); /* GET /v1/gateway */
void gateway_metrics(gateway *g, sv_text *out);  /* for /metrics */

#endif
