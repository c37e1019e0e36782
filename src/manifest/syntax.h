/* Text that is no TOML: what to say about it, and how to read on behind it. */
#ifndef BH_MANIFEST_SYNTAX_H
#define BH_MANIFEST_SYNTAX_H

#include "manifest/reader.h"

/*
 * Parse r->text. Each syntax error becomes a remark, and the line it is on is left out where that can be done
 * without changing what the other lines mean. NULL if nothing could be parsed, or memory ran out (`failed`).
 */
bh_toml *bh_syntax_parse(bh_reader *r);

#endif
