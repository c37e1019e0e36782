#include "log_writer.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log_file.h"
#include "memory.h"
#include "say.h"

enum {
	MOST_BYTES = 4 << 20, /* that wait to be written */
	PATIENCE_MS = 50,     /* for room, of who puts more: a disk that goes on makes some in less */
	STUCK_MS = 3000,      /* at the end: nothing was written in that time */
	CALM_S = 10           /* files that could be written so long can be written again */
};

/* Waits its turn. */
typedef struct piece piece;
struct piece {
	piece *next;
	log_sink *sink;
	char *lines; /* behind it; NULL: the sink ends */
	size_t length;
};

struct log_sink {
	char *name;
	piece end; /* so that ending needs no memory */
	/* The writer's alone: */
	log_file file;
	unsigned settings; /* with which it was opened */
};

struct log_writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	/* The lock: */
	char *directory; /* NULL: no files */
	uint64_t max_size;
	uint32_t keep;
	unsigned settings; /* counts their changes */
	piece *first, **last;
	size_t bytes;
	uint64_t done;    /* pieces */
	uint64_t dropped; /* lines, since there was no room */
	bool behind, ending, over;
	/* The thread's alone: */
	uint64_t lost;    /* lines, since files could not be written */
	time_t last_lost; /* when one was */
};

static struct timespec after_ms(unsigned ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return until;
}

static size_t count_lines(const char *lines, size_t length)
{
	size_t count = 0;
	for (const char *end = lines + length; (lines = memchr(lines, '\n', (size_t)(end - lines))); lines++)
		count++;
	return count;
}

/* Sinks. */

log_sink *log_sink_new(const char *name)
{
	log_sink *sink = sv_alloc(sizeof *sink);
	if (!sink)
		return NULL;
	sink->file = (log_file)LOG_FILE_INIT;
	sink->end.sink = sink;
	sink->name = sv_copy(name);
	if (!sink->name) {
		sv_free(sink);
		return NULL;
	}
	return sink;
}

static void sink_free(log_sink *sink)
{
	log_file_close(&sink->file);
	sv_free(sink->name);
	sv_free(sink);
}

/* With the lock. */
static void append(log_writer *w, piece *p)
{
	p->next = NULL;
	*w->last = p;
	w->last = &p->next;
	w->bytes += p->length;
	pthread_cond_signal(&w->more);
}

/*
 * With the lock: whether so much may be put. Who fell behind once comes back when half of it was written, so that there is not a
 * warning for each line.
 */
static bool has_room(log_writer *w, size_t length)
{
	const struct timespec until = after_ms(PATIENCE_MS);
	while (!w->behind && w->bytes + length > MOST_BYTES)
		if (pthread_cond_timedwait(&w->room, &w->lock, &until) == ETIMEDOUT)
			break;
	return w->bytes + length <= (w->behind ? MOST_BYTES / 2 : MOST_BYTES);
}

/* The lines as a piece, in one block; NULL: no memory. */
static piece *piece_new(log_sink *sink, const char *lines, size_t length)
{
	piece *p = sv_alloc(sizeof *p + length);
	if (!p)
		return NULL;
	*p = (piece){.sink = sink, .lines = (char *)(p + 1), .length = length};
	memcpy(p->lines, lines, length);
	return p;
}

void log_sink_put(log_writer *w, log_sink *sink, const char *lines, size_t length)
{
	uint64_t dropped = 0;
	bool begins = false;
	piece *p = piece_new(sink, lines, length);
	pthread_mutex_lock(&w->lock);
	if (!w->directory) {
		sv_free(p);
	} else if (p && has_room(w, length)) {
		dropped = w->dropped;
		w->dropped = 0;
		w->behind = false;
		append(w, p);
	} else {
		begins = !w->behind;
		w->behind = true;
		w->dropped += count_lines(lines, length);
		sv_free(p);
	}
	pthread_mutex_unlock(&w->lock);
	if (begins)
		say(BH_LOG_WARNING,
		    "logs are not written as fast as children print: lines are dropped, and kept in memory alone");
	if (dropped)
		say(BH_LOG_WARNING, "logs are written again; %llu lines were dropped", (unsigned long long)dropped);
}

void log_sink_end(log_writer *w, log_sink *sink)
{
	if (!sink)
		return;
	pthread_mutex_lock(&w->lock);
	append(w, &sink->end);
	pthread_mutex_unlock(&w->lock);
}

/* The thread. */

/* A nearly full disk takes a short line and refuses a long one: that is one trouble, not many. */
static void account(log_writer *w, const char *directory, size_t lost, int why)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (lost) {
		if (!w->lost)
			say(BH_LOG_WARNING, "logs in %s cannot be written: %s; what children print is kept in memory alone",
			    directory, strerror(why));
		w->lost += lost;
		w->last_lost = now.tv_sec;
	} else if (w->lost && now.tv_sec - w->last_lost >= CALM_S) {
		say(BH_LOG_WARNING, "logs in %s can be written again; %llu lines were lost", directory,
		    (unsigned long long)w->lost);
		w->lost = 0;
	}
}

static void write_piece(log_writer *w, const piece *p, const log_place *place, unsigned settings)
{
	log_sink *sink = p->sink;
	if (sink->settings != settings)
		log_file_close(&sink->file);
	sink->settings = settings;
	size_t lost = log_file_write(&sink->file, place, p->lines, p->length);
	account(w, place->directory, lost, errno);
}

/* With the lock, which is given back meanwhile. */
static void do_piece(log_writer *w, piece *p)
{
	char directory[PATH_MAX] = "";
	const log_place place = {.directory = directory, .name = p->sink->name, .max_size = w->max_size, .keep = w->keep};
	unsigned settings = w->settings;
	size_t length = p->length;
	if (w->directory)
		snprintf(directory, sizeof directory, "%s", w->directory);
	pthread_mutex_unlock(&w->lock);
	if (!p->lines) {
		sink_free(p->sink);
	} else {
		if (*directory)
			write_piece(w, p, &place, settings);
		sv_free(p);
	}
	pthread_mutex_lock(&w->lock);
	w->bytes -= length;
	w->done++;
	pthread_cond_broadcast(&w->room);
}

static void *write_all(void *data)
{
	log_writer *w = data;
	pthread_mutex_lock(&w->lock);
	while (w->first || !w->ending) {
		piece *p = w->first;
		if (!p) {
			pthread_cond_wait(&w->more, &w->lock);
			continue;
		}
		w->first = p->next;
		if (!w->first)
			w->last = &w->first;
		do_piece(w, p);
	}
	w->over = true;
	pthread_cond_broadcast(&w->room);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Making and ending. */

/* The folder, made if only it is missing itself. */
static bh_status make_folder(const char *directory, bh_error **err)
{
	struct stat info;
	if (!directory || mkdir(directory, 0750) == 0)
		return BH_OK;
	if (errno == EEXIST && stat(directory, &info) == 0 && S_ISDIR(info.st_mode))
		return BH_OK;
	return bh_error_new(err, BH_E_IO, "%s: %s", directory, strerror(errno == EEXIST ? ENOTDIR : errno));
}

bh_status log_writer_change(log_writer *w, const bh_config_log *settings, bh_error **err)
{
	bh_status status = make_folder(settings->directory, err);
	if (status)
		return status;
	char *directory = settings->directory ? sv_copy(settings->directory) : NULL;
	if (settings->directory && !directory)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_mutex_lock(&w->lock);
	bool moved = !directory != !w->directory || (directory && strcmp(directory, w->directory) != 0);
	w->settings += moved;
	char *before = w->directory;
	w->directory = directory;
	w->max_size = settings->max_size;
	w->keep = settings->keep;
	pthread_mutex_unlock(&w->lock);
	sv_free(before);
	return BH_OK;
}

static void release(log_writer *w)
{
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->room);
	pthread_mutex_destroy(&w->lock);
	sv_free(w->directory);
	sv_free(w);
}

bh_status log_writer_new(log_writer **out, const bh_config_log *settings, bh_error **err)
{
	log_writer *w = sv_alloc(sizeof *w);
	if (!w)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	pthread_cond_init(&w->room, &monotonic);
	pthread_condattr_destroy(&monotonic);
	w->last = &w->first;
	bh_status status = log_writer_change(w, settings, err);
	int failed = status ? 0 : pthread_create(&w->thread, NULL, write_all, w);
	if (failed)
		status = bh_error_new(err, BH_E_SYSTEM, "no thread for logs: %s", strerror(failed));
	if (status)
		release(w);
	else
		*out = w;
	return status;
}

/* With the lock. Whether all was written: false where nothing more is. */
static bool wait_for_end(log_writer *w)
{
	while (!w->over) {
		uint64_t before = w->done;
		const struct timespec until = after_ms(STUCK_MS);
		while (!w->over && w->done == before)
			if (pthread_cond_timedwait(&w->room, &w->lock, &until) == ETIMEDOUT && w->done == before && !w->over)
				return false;
	}
	return true;
}

void log_writer_free(log_writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->more);
	bool over = wait_for_end(w);
	size_t left = w->bytes;
	uint64_t dropped = w->dropped;
	pthread_mutex_unlock(&w->lock);
	if (dropped)
		say(BH_LOG_WARNING, "%llu lines of logs were dropped", (unsigned long long)dropped);
	if (!over) {
		/* Its thread may come back from the disk at any time: what it has stays. */
		say(BH_LOG_WARNING, "the logs' disk does not answer: %zu bytes of logs are not written", left);
		pthread_detach(w->thread);
		return;
	}
	pthread_join(w->thread, NULL);
	if (w->lost)
		say(BH_LOG_WARNING, "%llu lines of logs were lost", (unsigned long long)w->lost);
	release(w);
}
