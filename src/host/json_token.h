/* Reading JSON once, from front to back. The first thing that is wrong stays, and nothing is read after it. */
#ifndef BH_HOST_JSON_TOKEN_H
#define BH_HOST_JSON_TOKEN_H

#include "bulkhead/error.h"
#include "bulkhead/type.h"

typedef struct {
	const char *start, *at;
	bh_status status; /* the first thing that went wrong */
	bh_error **err;
} bh_json;

/* Something is; `type`, which may be NULL, is shown as what was wanted. */
void bh_json_wrong(bh_json *r, const bh_type *type, const char *what);
void bh_json_no_memory(bh_json *r);

/* The next character that is no space. */
char bh_json_next(bh_json *r);

/* Whether that, or this word, comes next; it is read then. */
bool bh_json_took(bh_json *r, char c);
bool bh_json_took_word(bh_json *r, const char *word);

/* A text, to be freed; NULL where there is none, which is wrong then. */
char *bh_json_text(bh_json *r, size_t *length, const bh_type *type);

/* A whole number, of the bits that its type has; a float. As texts too, since some writers know no better. */
void bh_json_integer(bh_json *r, const bh_type *type, int64_t least, uint64_t most, uint64_t *out);
void bh_json_real(bh_json *r, const bh_type *type, bool is_single, double *out);

#endif
