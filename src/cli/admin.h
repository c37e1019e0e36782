/*
 * The daemon, asked over HTTP. libcurl does it, which is loaded at the first request: linked to the command it would cost
 * every other start more than all the rest.
 */
#ifndef BH_CLI_ADMIN_H
#define BH_CLI_ADMIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

/* Where the daemon is, as options say it; NULL: as the environment does, or else where it is if nobody says. */
typedef struct {
	const char *socket;
	const char *url;
	const char *token_file;
} admin_place;

/* --socket, --url, --token-file. */
option_group admin_group(admin_place *target);
bool admin_place_is_said(const admin_place *place);

typedef struct admin_client admin_client;

/* Settle where the daemon is, and load what asks it. 0, or an exit code after a message. Nobody is asked yet. */
int admin_open(admin_client **out, const admin_place *place);
void admin_close(admin_client *client);

/* The path or the URL, for messages. */
const char *admin_where(const admin_client *client);

typedef enum {
	ADMIN_ANSWERED,    /* whatever the answer was */
	ADMIN_UNREACHABLE, /* nobody is there: system_errno */
	ADMIN_TIMED_OUT,
	ADMIN_CUT,      /* the answer broke off */
	ADMIN_STOPPED,  /* the reader wanted no more of it */
	ADMIN_TOO_LONG, /* more than anything that a daemon says */
} admin_outcome;

/* A piece of a stream; false: no more. */
typedef bool admin_reader(void *data, const char *text, size_t length);

typedef struct {
	const char *path;         /* "/v1/children", encoded */
	bool post;                /* with `body`, which may be NULL */
	const char *body;         /* JSON */
	const char *last_id;      /* Last-Event-ID; NULL: none */
	uint32_t timeout_ms;      /* of the whole; 0: none */
	admin_reader *reader;     /* of what is answered with 200; NULL: it is collected */
	bool (*idle)(void *data); /* asked about once a second while nothing comes; true: no more. NULL: never */
	void *data;
} admin_request;

typedef struct {
	admin_outcome outcome;
	int system_errno;
	long status;    /* HTTP's; 0: none came */
	char *text;     /* NULL: none */
	json_t *json;   /* of it; NULL: it is none */
	char said[128]; /* what libcurl said went wrong */
} admin_answer;

/* Ask, and wait for the answer, which is to be released. */
admin_answer admin_ask(admin_client *client, const admin_request *request);
void admin_answer_deinit(admin_answer *answer);

/* "/v1/children/web%2Ffront/logs?lines=3"; `rest` may be "". To be freed. */
char *admin_child_path(const char *child, const char *rest);

/* Whether it was answered, and well. */
bool admin_went_well(const admin_answer *answer);

/* Report what did not go well about `subject`, as text or JSON; the exit code. */
int admin_failed(const admin_client *client, const admin_answer *answer, const char *subject);

/* Ask for JSON; 0 and a value to be released, or an exit code after a message. */
int admin_get(admin_client *client, const char *path, const char *subject, json_t **out);

#endif
