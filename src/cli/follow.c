#include "follow.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "exit_code.h"
#include "memory.h"
#include "output.h"

enum {
	PATIENCE_MS = 30000, /* so long a daemon may be gone */
	PAUSE_MS = 200,
	VERSION_MS = 3000,
};

/* How it stands. */
typedef struct {
	const follow *f;
	char instance[40];
	bool answered; /* it was there once */
	bool missed;   /* and is gone, which was said */
	uint64_t seen; /* when it was there last, ms */
	bool flowed;   /* something came since it was connected last */
} following;

bool follow_flush(void)
{
	return fflush(stdout) == 0;
}

/* A reader who went shows without writing, so that a quiet stream is left too. */
static bool is_unread(void *data)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	(void)data;
	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLNVAL));
}

static bool take(void *data, const char *text, size_t length)
{
	following *s = data;
	s->flowed = true;
	return s->f->reader(s->f->data, text, length);
}

/* It is there, and the same as before or not. */
static void note_instance(following *s, const json_t *version)
{
	const char *now = json_string_value(json_object_get(version, "instance"));
	now = now ? now : "";
	if (s->answered && strcmp(s->instance, now) != 0) {
		say_remark(NULL, "the daemon was started anew");
		if (s->f->anew)
			s->f->anew(s->f->data);
	}
	snprintf(s->instance, sizeof s->instance, "%s", now);
	s->answered = true;
	s->missed = false;
	s->seen = x_now_ms();
}

/* Whether an answer says that the daemon is on its way out, or in, and not that it is asked for what it has not. */
static bool may_pass(const admin_answer *answer)
{
	return answer->outcome != ADMIN_ANSWERED || answer->status == 503;
}

/* -1: try again. */
static int settle(following *s, const admin_answer *answer)
{
	if (answer->outcome == ADMIN_STOPPED)
		return is_unread(NULL) ? EXIT_INTERNAL : EXIT_OK;
	bool well = answer->outcome == ADMIN_ANSWERED && answer->status == 200;
	if (well || (s->answered && answer->status == 200))
		return -1;
	if (!s->answered || !may_pass(answer) || x_now_ms() - s->seen >= PATIENCE_MS)
		return admin_failed(s->f->client, answer, s->f->subject);
	if (!s->missed)
		say_remark(NULL, "the daemon is gone; waiting for it, at most 30 s");
	s->missed = true;
	return -1;
}

static int look(following *s)
{
	admin_answer answer =
		admin_ask(s->f->client, &(admin_request){.path = "/v1/version", .timeout_ms = VERSION_MS, .idle = is_unread});
	int code = -1;
	if (admin_went_well(&answer) && json_is_object(answer.json)) {
		note_instance(s, answer.json);
		code = 0;
	} else {
		code = settle(s, &answer);
	}
	admin_answer_deinit(&answer);
	return code;
}

static int read_stream(following *s)
{
	const follow *f = s->f;
	X_AUTO char *path = f->path(f->data);
	X_AUTO char *id = f->last_id ? f->last_id(f->data) : NULL;
	s->flowed = false;
	admin_answer answer = admin_ask(
		f->client, &(admin_request){.path = path, .last_id = id, .reader = take, .idle = is_unread, .data = s});
	int code = settle(s, &answer);
	admin_answer_deinit(&answer);
	return code;
}

int follow_run(const follow *f)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	following s = {.f = f, .seen = x_now_ms()};
	for (;;) {
		int code = look(&s);
		if (!code)
			code = read_stream(&s);
		if (code >= 0)
			return code;
		nanosleep(&pause, NULL);
		if (is_unread(NULL))
			return EXIT_INTERNAL;
	}
}
