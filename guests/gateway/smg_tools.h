/* What the modules of smg:gateway have in common. What comes in is ours, what goes out is freed after the call. */
#ifndef SMG_TOOLS_H
#define SMG_TOOLS_H

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "smg.h"

typedef smg_gateway_middleware_types_header_t header;
typedef smg_gateway_middleware_types_list_header_t headers;
typedef smg_gateway_middleware_types_action_t action;

static inline void *room(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);
	if (!p)
		abort();
	return p;
}

static inline int named(const smg_string_t *text, const char *name)
{
	return text->len == strlen(name) && !strncasecmp((const char *)text->ptr, name, text->len);
}

/* The value of the first header of that name; NULL. */
static inline const smg_string_t *find(const headers *all, const char *name)
{
	for (size_t i = 0; i < all->len; i++)
		if (named(&all->ptr[i].name, name))
			return &all->ptr[i].value;
	return NULL;
}

static inline void go_on(action *ret)
{
	memset(ret, 0, sizeof *ret);
}

static inline void reject(action *ret, uint16_t status)
{
	memset(ret, 0, sizeof *ret);
	ret->tag = SMG_GATEWAY_MIDDLEWARE_TYPES_ACTION_REJECT;
	ret->val.reject = status;
}

/* An action that changes nothing yet. */
static inline smg_gateway_middleware_types_modify_action_t *modify(action *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->tag = SMG_GATEWAY_MIDDLEWARE_TYPES_ACTION_MODIFY;
	return &ret->val.modify;
}

static inline header *add_header(headers *to)
{
	to->ptr = realloc(to->ptr, (to->len + 1) * sizeof *to->ptr);
	if (!to->ptr)
		abort();
	return &to->ptr[to->len++];
}

static inline void put(headers *to, const char *name, const char *value)
{
	header *h = add_header(to);
	smg_string_dup(&h->name, name);
	smg_string_dup(&h->value, value);
}

static inline void put_name(smg_list_string_t *to, const char *name, size_t length)
{
	to->ptr = realloc(to->ptr, (to->len + 1) * sizeof *to->ptr);
	if (!to->ptr)
		abort();
	smg_string_dup_n(&to->ptr[to->len++], name, length);
}

#endif
