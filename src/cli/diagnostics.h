/* Diagnostics: a manifest's remarks, as compilers show theirs. */
#ifndef BH_CLI_DIAGNOSTICS_H
#define BH_CLI_DIAGNOSTICS_H

#include <bulkhead.h>
#include <jansson.h>
#include <stdio.h>

/* Say all remarks on a manifest that is in use: one line each, on stderr. */
void diagnostics_say(const bh_manifest *manifest);

/* Show one with its line of the file, a caret under what it is about, and the fix; on stdout. */
void diagnostic_show(const bh_diagnostic *diagnostic);

json_t *diagnostic_json(const bh_diagnostic *diagnostic);

#endif
