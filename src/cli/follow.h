/* Following a stream of the daemon's, over its restarts. */
#ifndef BH_CLI_FOLLOW_H
#define BH_CLI_FOLLOW_H

#include "admin.h"

typedef struct {
	admin_client *client;
	const char *subject;          /* for messages; NULL: the daemon itself */
	char *(*path)(void *data);    /* what to ask for now; to be freed */
	char *(*last_id)(void *data); /* Last-Event-ID; to be freed. NULL: there are none */
	admin_reader *reader;
	void (*anew)(void *data); /* another daemon answers now. NULL: that makes no difference */
	void *data;
} follow;

/*
 * Read until nobody reads what we write, or the daemon was gone for half a minute. The exit code; there has been a message
 * where there was something to say.
 */
int follow_run(const follow *f);

/* Print what was put; false: nobody reads it any more. */
bool follow_flush(void);

#endif
