/* A guest: the component that a command was given, loaded under its terms. */
#ifndef BH_CLI_GUEST_H
#define BH_CLI_GUEST_H

#include "report.h"
#include "terms.h"

typedef struct {
	const terms *terms;
	bh_host *host;
	bh_component *component;
	bh_cancel *cancel;
	bh_sampler *sampler; /* NULL: none is taken */
	uint64_t load_ns;
	bh_component_needs needs;
} guest;

typedef struct {
	bool wrap_modules; /* take core modules built for WASI 0.1 too */
	bool unlinked;     /* only to look at: its imports need not be there */
	bool debug_info;
	bool coredumps;    /* where it traps, the error has a core dump */
	bool quiet;        /* show no progress, drop the library's remarks */
	bool untrusted;    /* compile in a process of its own whatever the size */
	const char *trust; /* a public key file; NULL: artifacts must be this user's own */
} guest_options;

/* Make a host and load the component. Returns 0, or an exit code after a message; *out is to be deinitialised either
 * way. */
int guest_load(guest *out, const terms *t, const guest_options *options);
void guest_deinit(guest *g);

/*
 * Sample the guest, where --profile asks for that, and write what came of it. Both return 0, or an exit code after a
 * message.
 */
int guest_profile(guest *g, const settings *s, bh_instance_options *out);
int guest_write_profile(guest *g, const settings *s);

/* What a call of `run` and `call` is given; lives as long as the guest. SIGINT and SIGTERM cancel it. */
int guest_prepare_call(guest *g, bh_call_options *out);

/* A report about it. */
report guest_report(const guest *g, const settings *s, const bh_usage *usage);

/* Report how a call failed and free the error. Returns the exit code. */
int guest_failed(const guest *g, const settings *s, const bh_usage *usage, bh_status status, bh_error *err);

#endif
