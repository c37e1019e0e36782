/* Asking the daemon for its children. */
#ifndef BH_CLI_CHILDREN_H
#define BH_CLI_CHILDREN_H

#include "admin.h"

/*
 * The array of the admin API: all of them, or the one at `below` (NULL: the root) and what is below it. A daemon that was
 * not asked for some time cannot tell rates yet: it is asked again a quarter of a second later. 0, or an exit code
 * after a message.
 */
int children_ask(admin_client *client, const char *below, json_t **out);

/* The same, once: for who asks again and again. */
int children_ask_once(admin_client *client, const char *below, json_t **out);

#endif
