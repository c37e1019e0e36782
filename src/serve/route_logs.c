/* GET /v1/children/{path}/logs?lines=N&follow=1: what a child wrote, and goes on writing. */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "memory.h"

enum { LINES = 100, MOST_LINES = 100000 };

/* Somebody who follows. */
typedef struct {
	admin *server; /* outlives it */
	char *path;
	char *first; /* what there was already; NULL once it is told */
	uint64_t after;
} follower;

static void release(void *data)
{
	follower *f = data;
	sv_free(f->path);
	sv_free(f->first);
	sv_free(f);
}

/* All that came since, which is bounded by what is kept of a child. A child that went while somebody follows is the end. */
static bool fill(void *data, sv_text *out)
{
	follower *f = data;
	const admin_daemon *d = &f->server->daemon;
	SV_AUTO char *text = f->first ? SV_TAKE(f->first) : d->logs(d->data, f->path, &f->after, MOST_LINES, NULL);
	if (text)
		sv_text_add_n(out, text, strlen(text));
	return text != NULL;
}

/* -1: no number of lines. */
static long lines_of(const exchange *self)
{
	const char *text = exchange_query(self, "lines");
	if (!text)
		return LINES;
	char *end;
	long lines = strtol(text, &end, 10);
	return *end || end == text || lines < 1 || lines > MOST_LINES ? -1 : lines;
}

static void follow(exchange *self, char *first, uint64_t after)
{
	follower *f = sv_alloc(sizeof *f);
	char *path = f ? sv_copy(self->child) : NULL;
	if (!path) {
		sv_free(f);
		sv_free(first);
		answer_error(self, BH_E_NO_MEMORY, NULL);
		return;
	}
	*f = (follower){.server = self->server, .path = path, .first = first, .after = after};
	answer_stream(self, "text/plain; charset=utf-8", fill, release, f);
}

void route_logs(exchange *self)
{
	const admin_daemon *d = &self->server->daemon;
	const char *follows = exchange_query(self, "follow");
	long lines = lines_of(self);
	bh_child *child = route_child(self);
	if (!child)
		return;
	bh_child_unref(child);
	bh_error *err = NULL;
	uint64_t after = 0;
	if (!d->logs) {
		answer_problem(self, MHD_HTTP_NOT_IMPLEMENTED, "logs are not kept here");
	} else if (lines < 0) {
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "lines: 1 to %d", MOST_LINES);
	} else if (follows && strcmp(follows, "1") != 0 && strcmp(follows, "0") != 0) {
		answer_problem(self, MHD_HTTP_BAD_REQUEST, "follow: 1 or 0");
	} else {
		char *text = d->logs(d->data, self->child, &after, (size_t)lines, &err);
		if (!text)
			answer_error(self, err ? bh_error_status(err) : BH_E_NO_MEMORY, err);
		else if (follows && *follows == '1' && !self->head)
			follow(self, text, after);
		else
			answer_text(self, "text/plain; charset=utf-8", text);
	}
	bh_error_free(err);
}
