/*
 * bulkhead:host/filesystem: whole files of granted folders.
 *
 * Disks are waited for by helper threads, so that no worker is. They start when something waits and none is free, up to
 * a bound, and go when nothing came for a while.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/permissions.h"
#include "base/thread.h"
#include "functions/file.h"
#include "functions/functions.h"

enum { IDLE_MS = 5000 };

typedef struct job {
	struct job *next, *previous;
	bh_reader *reader;
	bh_completion *completion;
	const bh_value *path; /* the guest's words; as long as the completion */
	char *folder;         /* the granted one */
	char *inside;         /* the path from there */
	bool waiting;         /* in the list */
	_Atomic bool cancelled;
} job;

struct bh_reader {
	_Atomic uint32_t references; /* the set's, and each thread's */
	pthread_mutex_t lock;
	pthread_cond_t work;
	job *first, *last; /* that wait */
	size_t waiting;    /* they are so many */
	size_t active;     /* with those under way */
	size_t max;
	uint64_t max_file;
	uint32_t threads, idle, most_threads;
	bool closing;
};

bh_reader *bh_reader_new(const bh_hostfunctions_options *options)
{
	bh_reader *reader = bh_calloc(1, sizeof *reader);
	if (!reader)
		return NULL;
	atomic_init(&reader->references, 1);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&reader->work, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&reader->lock, NULL);
	reader->max = options->max_reads;
	reader->max_file = options->max_file;
	reader->most_threads = options->read_threads;
	return reader;
}

static void release(bh_reader *reader)
{
	if (atomic_fetch_sub(&reader->references, 1) != 1)
		return;
	pthread_mutex_destroy(&reader->lock);
	pthread_cond_destroy(&reader->work);
	bh_free(reader);
}

void bh_reader_close(void *data)
{
	bh_reader *reader = data;
	pthread_mutex_lock(&reader->lock);
	reader->closing = true;
	pthread_cond_broadcast(&reader->work);
	pthread_mutex_unlock(&reader->lock);
	release(reader);
}

static void job_free(job *j)
{
	bh_free(j->folder);
	bh_free(j->inside);
	bh_free(j);
}

/* What waits; with the lock held. */

static void list(bh_reader *r, job *j)
{
	j->previous = r->last;
	*(r->last ? &r->last->next : &r->first) = j;
	r->last = j;
	r->waiting++;
	j->waiting = true;
}

static void unlist(bh_reader *r, job *j)
{
	*(j->previous ? &j->previous->next : &r->first) = j->next;
	*(j->next ? &j->next->previous : &r->last) = j->previous;
	r->waiting--;
	j->waiting = false;
}

/* Helpers. */

/* What is read is the guest's input, and counted as such. */
static bool moved(void *data, size_t bytes)
{
	job *j = data;
	return bh_completion_count_io(j->completion, bytes) && !atomic_load(&j->cancelled);
}

static void read_it(bh_reader *r, job *j)
{
	uint8_t *data = NULL;
	size_t length = 0;
	bh_file_failure failure = bh_granted_file_read(&data, &length, j->folder, j->inside, r->max_file, moved, j);
	if (!failure.name) {
		/* Handed over as it is: the copy would be as long as the file. */
		bh_value *bytes = bh_calloc(1, sizeof *bytes);
		if (bytes) {
			*bytes = bh_of_bytes(data, length);
			bytes->owned = true;
			bh_value answer = bh_of_ok(bytes);
			answer.owned = true;
			bh_completion_finish(j->completion, &answer);
			return;
		}
		bh_free(data);
		failure = (bh_file_failure){"io", "no memory for it"};
	}
	enum { SHOWN = 200 };
	size_t shown = j->path->as.string.length < SHOWN ? j->path->as.string.length : SHOWN;
	bh_answer_err(j->completion, failure.name, "%.*s: %s", (int)shown, j->path->as.string.data, failure.text);
}

/* The next that waits; NULL: nothing came for a while, or nothing will. With the lock held. */
static job *next_job(bh_reader *r)
{
	uint64_t until = bh_after_ms(bh_now(), IDLE_MS);
	struct timespec moment = {(time_t)(until / UINT64_C(1000000000)), (long)(until % UINT64_C(1000000000))};
	int failed = 0;
	r->idle++;
	while (!r->first && !r->closing && failed != ETIMEDOUT)
		failed = pthread_cond_timedwait(&r->work, &r->lock, &moment);
	r->idle--;
	job *j = r->first;
	if (j)
		unlist(r, j);
	return j;
}

static void *run(void *data)
{
	bh_reader *r = data;
	pthread_mutex_lock(&r->lock);
	for (job *j; (j = next_job(r));) {
		/* Whoever cancels it now only leaves a note, and finishing waits for them. */
		pthread_mutex_unlock(&r->lock);
		read_it(r, j);
		job_free(j);
		pthread_mutex_lock(&r->lock);
		r->active--;
	}
	r->threads--;
	pthread_mutex_unlock(&r->lock);
	release(r);
	return NULL;
}

/* Somebody to do what was just listed; false: there is nobody at all. With the lock held. */
static bool have_helper(bh_reader *r)
{
	pthread_t thread;
	if (r->idle >= r->waiting || r->threads == r->most_threads)
		return true;
	atomic_fetch_add(&r->references, 1);
	if (!bh_thread_start(&thread, BH_KIB(256), run, r)) {
		pthread_detach(thread);
		r->threads++;
		return true;
	}
	atomic_fetch_sub(&r->references, 1);
	return r->threads;
}

/* The function. */

static void cancelled(void *data)
{
	job *j = data;
	bh_reader *r = j->reader;
	atomic_store(&j->cancelled, true);
	pthread_mutex_lock(&r->lock);
	bool ours = j->waiting;
	if (ours) {
		unlist(r, j);
		r->active--;
	}
	pthread_mutex_unlock(&r->lock);
	if (!ours)
		return;
	bh_completion_drop(j->completion);
	job_free(j);
}

/* Which granted folder a path is in: the one with the longest name. False: none. Without memory `inside` is NULL. */
static bool find_folder(job *j, const bh_permissions *permissions)
{
	const bh_dir_grant *grant, *best = NULL;
	const char *inside = NULL;
	size_t parts, most = 0;
	for (size_t i = 0; permissions && (grant = bh_permissions_dir_at(permissions, i)); i++) {
		const char *rest = bh_path_within(j->path->as.string.data, grant->guest, &parts);
		if (!rest || (best && parts <= most))
			continue;
		best = grant;
		inside = rest;
		most = parts;
	}
	if (!best)
		return false;
	j->folder = bh_strdup(best->host);
	j->inside = j->folder ? bh_strdup(*inside ? inside : ".") : NULL;
	return true;
}

static bool enqueue(bh_reader *r, job *j)
{
	pthread_mutex_lock(&r->lock);
	bool room = r->active < r->max;
	if (room) {
		r->active++;
		list(r, j);
		room = have_helper(r);
		pthread_cond_signal(&r->work);
	}
	if (!room && j->waiting) {
		unlist(r, j);
		r->active--;
	}
	pthread_mutex_unlock(&r->lock);
	return room;
}

void bh_reader_start(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	bh_reader *r = data;
	const char *path = args[0].as.string.data;
	size_t length = args[0].as.string.length;
	if (!length || strlen(path) != length) {
		bh_answer_err(completion, "not-found", "no file has such a name");
		return;
	}
	job *j = bh_calloc(1, sizeof *j);
	if (!j) {
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory to read a file");
		return;
	}
	*j = (job){.reader = r, .completion = completion, .path = &args[0]};
	bool found = find_folder(j, bh_component_permissions(bh_calling_component()));
	if (!found)
		bh_answer_err(completion, "denied", "%.200s: in no folder that was granted", path);
	else if (!j->inside)
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory to read a file");
	if (!j->inside) {
		job_free(j);
		return;
	}
	bh_completion_on_cancel(completion, cancelled, j);
	if (enqueue(r, j))
		return;
	bh_completion_on_cancel(completion, NULL, NULL);
	bh_answer_err(completion, "busy", "%.200s: as many files are being read as may: %zu", path, r->max);
	job_free(j);
}
