/* Where the daemon is: options, environment, or the place where it is if nobody says. */
#ifndef BH_CLI_ADMIN_PLACE_H
#define BH_CLI_ADMIN_PLACE_H

#include "admin.h"

typedef struct {
	char *socket; /* NULL: by TCP */
	char *url;    /* "http://127.0.0.1:9797", without a path; over a socket the host means nothing */
	char *token;  /* NULL: none */
} admin_target;

/* 0, or an exit code after a message. */
int admin_target_settle(admin_target *out, const admin_place *place);
void admin_target_deinit(admin_target *target);

#endif
