/* What a component may, as members of a JSON object: "limits", and "permissions" in words. */
#ifndef BH_SERVE_SHOW_TERMS_H
#define BH_SERVE_SHOW_TERMS_H

#include <bulkhead.h>

#include "text.h"

void show_limits(sv_text *out, const bh_limits *limits);
void show_permissions(sv_text *out, const bh_permissions *granted); /* NULL: none */

#endif
