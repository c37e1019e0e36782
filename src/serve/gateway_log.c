#include "gateway_log.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "say.h"

enum {
	LINES_A_SECOND = 100, /* of a module */
	LONGEST = 1024,       /* of a line: the rest is cut off */
	WAITING = 1024,       /* lines that are not written yet */
	SHARES = 64           /* modules whose names fall together have one share */
};

typedef struct {
	time_t second;
	unsigned lines;    /* in that second */
	uint64_t left_out; /* since that was said last */
	char name[65];     /* of whom */
} share;

struct gateway_log {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* The lock: */
	char *lines[WAITING]; /* a ring */
	size_t first, count;
	share shares[SHARES];
	bool left_out, ending;
};

static time_t seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static share *share_of(gateway_log *log, const char *module)
{
	uint32_t hash = 2166136261U;
	for (const char *c = module; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	return &log->shares[hash % SHARES];
}

/* The line, or NULL, goes into the ring; or is counted. */
static void add(gateway_log *log, const char *module, char *line)
{
	share *s = share_of(log, module);
	time_t now = seconds();
	pthread_mutex_lock(&log->lock);
	if (s->second != now) {
		s->second = now;
		s->lines = 0;
	}
	if (line && s->lines < LINES_A_SECOND && log->count < WAITING) {
		s->lines++;
		log->lines[(log->first + log->count++) % WAITING] = SV_TAKE(line);
	} else {
		s->left_out++;
		strncpy(s->name, module, sizeof s->name - 1);
		log->left_out = true;
	}
	pthread_cond_signal(&log->wake);
	pthread_mutex_unlock(&log->lock);
	sv_free(line);
}

/* Controls of 8 bits, which terminals may obey, are none here; say() sees to the others. */
static void disarm(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
}

static void take_line(gateway_log *log, const bh_chain_output *output, const char *text, size_t length)
{
	char kept[LONGEST + 1];
	size_t shown = length < LONGEST ? length : LONGEST;
	for (size_t i = 0; i < shown; i++)
		kept[i] = text[i] ? text[i] : ' ';
	kept[shown] = '\0';
	disarm(kept);
	add(log, output->module,
	    sv_format("module %s, request %.*s: %s%s", output->module, (int)output->request_id.length,
	              output->request_id.data, kept, shown < length ? "..." : ""));
}

/* Whether another line would be let in: where it would not lines are counted, and nothing is made of them. */
static bool has_share(gateway_log *log, const char *module)
{
	const share *s = share_of(log, module);
	time_t now = seconds();
	pthread_mutex_lock(&log->lock);
	bool has = log->count < WAITING && (s->second != now || s->lines < LINES_A_SECOND);
	pthread_mutex_unlock(&log->lock);
	return has;
}

void gateway_log_take(void *data, const bh_chain_output *output)
{
	gateway_log *log = data;
	const char *at = output->text.data, *end = at + output->text.length;
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((line_end ? line_end : end) - at);
		if (length && has_share(log, output->module))
			take_line(log, output, at, length);
		else if (length)
			add(log, output->module, NULL);
		at += length + (line_end != NULL);
	}
	if (output->truncated)
		take_line(log, output, "(more was cut off: max_output_bytes)", 36);
}

/* What was left out in seconds that are over; without the lock while it is said. */
static void say_left_out(gateway_log *log, bool all)
{
	time_t now = seconds();
	log->left_out = false;
	for (size_t i = 0; i < SHARES; i++) {
		share s = log->shares[i];
		if (!s.left_out)
			continue;
		if (s.second == now && !all) {
			log->left_out = true;
			continue;
		}
		log->shares[i].left_out = 0;
		pthread_mutex_unlock(&log->lock);
		say(BH_LOG_WARNING, "module %s: %llu lines left out (%d a second are written)", s.name,
		    (unsigned long long)s.left_out, LINES_A_SECOND);
		pthread_mutex_lock(&log->lock);
	}
}

static void write_lines(gateway_log *log)
{
	while (log->count) {
		char *line = log->lines[log->first];
		log->first = (log->first + 1) % WAITING;
		log->count--;
		pthread_mutex_unlock(&log->lock);
		say(BH_LOG_INFO, "%s", line);
		sv_free(line);
		pthread_mutex_lock(&log->lock);
	}
}

static void *work(void *data)
{
	gateway_log *log = data;
	pthread_mutex_lock(&log->lock);
	for (;;) {
		write_lines(log);
		if (log->left_out)
			say_left_out(log, log->ending);
		if (log->count)
			continue;
		if (log->ending)
			break;
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		if (log->left_out)
			pthread_cond_timedwait(&log->wake, &log->lock, &until);
		else
			pthread_cond_wait(&log->wake, &log->lock);
	}
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

static void release(gateway_log *log)
{
	pthread_mutex_destroy(&log->lock);
	pthread_cond_destroy(&log->wake);
	sv_free(log);
}

bh_status gateway_log_new(gateway_log **out, bh_error **err)
{
	gateway_log *log = sv_alloc(sizeof *log);
	pthread_condattr_t monotonic;
	sigset_t all, before;
	if (!log)
		return no_memory(err);
	pthread_mutex_init(&log->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&log->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&log->thread, NULL, work, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		release(log);
		return bh_error_new(err, BH_E_SYSTEM, "the log of the gateway's modules: %s", strerror(failed));
	}
	*out = log;
	return BH_OK;
}

void gateway_log_free(gateway_log *log)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->lock);
	log->ending = true;
	pthread_cond_signal(&log->wake);
	pthread_mutex_unlock(&log->lock);
	pthread_join(log->thread, NULL);
	release(log);
}
