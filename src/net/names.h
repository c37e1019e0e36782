/*
 * Names being resolved: by threads of our own, a few at most, because libcurl would start one for each fetch, and one
 * that nobody waits for any more lives as long as a dead name server is waited for. Fetches of one name share a look-up.
 */
#ifndef BH_NET_NAMES_H
#define BH_NET_NAMES_H

#include <stdbool.h>

typedef struct bh_names bh_names;
typedef struct bh_lookup bh_lookup;

/* `wake` is called when something was found out, with a lock held. NULL without memory. */
bh_names *bh_names_new(void (*wake)(void *data), void *data);

/* `wake` is not called any more. Nobody asks; look-ups under way end by themselves. */
void bh_names_close(bh_names *names);

/* Ask. NULL without memory or a thread. */
bh_lookup *bh_names_ask(bh_names *names, const char *name);

/* Whether there is an answer: `addresses`, to be freed, or NULL: there are none. The look-up is given up then. */
bool bh_names_answer(bh_names *names, bh_lookup *lookup, char **addresses);

/* Give it up. */
void bh_names_forget(bh_names *names, bh_lookup *lookup);

#endif
