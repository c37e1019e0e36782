/* A survey of a component: what `inspect` shows and `init` goes by. It is loaded without its limits and not run. */
#ifndef BH_CLI_SURVEY_H
#define BH_CLI_SURVEY_H

#include "guest.h"
#include "wasm_file.h"

typedef struct {
	const char *file;
	terms terms;      /* as declared, which may be nothing */
	terms wide_terms; /* as loaded: all the memory there is */
	guest guest;
	wasm_file bytes;
	bh_component_needs needs;
	bh_artifact_info artifact; /* engine is empty where it is none */
} survey;

/* Look at a component. Returns 0, or an exit code after a message; *out is to be deinitialised either way. */
int survey_take(survey *out, const char *file, const settings *s);
void survey_deinit(survey *v);

/* "0.2.3", from what it imports and exports; NULL if it has nothing to do with WASI. To be freed with x_free(). */
char *survey_wasi_version(const survey *v);

/* Whether it imports an interface whose name begins so: "wasi:filesystem/". */
bool survey_imports(const survey *v, const char *prefix);

/* When what an import offers is there: "always available", "empty unless granted". NULL for imports we know
 * nothing of. */
const char *survey_availability(const char *interface);

#endif
