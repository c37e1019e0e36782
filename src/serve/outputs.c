#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log_writer.h"
#include "memory.h"
#include "say.h"

enum {
	CHUNK = 16384,          /* read at once, so that one child does not keep the others waiting */
	LONGEST = 8192,         /* a longer line is taken apart */
	MOST_BYTES = 256 << 10, /* of a child's lines in memory, whatever their number */
};

struct output {
	outputs *all;
	output *next;
	int in, out;
	pthread_mutex_t lock; /* over the lines in memory */
	char **lines;         /* a ring */
	size_t room, first, count, bytes;
	uint64_t last; /* the number of the newest, from 1 */
	/* The reader's alone: */
	char *rest; /* of a line that has not ended; LONGEST bytes */
	size_t rest_length;
	log_sink *file;
};

struct outputs {
	pthread_t reader;
	int poll, stop;
	log_writer *writer;
	_Atomic uint32_t most_lines;
	pthread_mutex_t lock; /* over the list, and who may write */
	output *first;
	/* The reader's alone: */
	char *chunk, *batch;
	size_t batch_length;
};

enum { BATCH = CHUNK * (SAY_TIME + 1) + LONGEST + SAY_TIME };

/* Lines in memory. */

/* The nth from the oldest. */
static char **line_at(const output *one, size_t nth)
{
	size_t place = one->first + nth;
	return &one->lines[place < one->room ? place : place - one->room];
}

static void drop_oldest(output *one)
{
	char *line = one->lines[one->first];
	one->bytes -= strlen(line) + 1;
	sv_free(line);
	one->first = one->first + 1 == one->room ? 0 : one->first + 1;
	one->count--;
}

/* Room for one more, in order again from the first. */
static bool grow(output *one, size_t most)
{
	size_t room = one->room ? one->room * 2 : 16;
	room = room < most ? room : most;
	char **lines = sv_alloc(room * sizeof *lines);
	if (!lines)
		return false;
	while (one->count > room)
		drop_oldest(one);
	for (size_t i = 0; i < one->count; i++)
		lines[i] = *line_at(one, i);
	sv_free(one->lines);
	one->lines = lines;
	one->room = room;
	one->first = 0;
	return true;
}

static void remember(output *one, const char *line, size_t length, size_t most)
{
	char *copy = sv_copy_n(line, length);
	pthread_mutex_lock(&one->lock);
	one->last++;
	while (one->count && (one->count >= most || one->bytes + length > MOST_BYTES))
		drop_oldest(one);
	if (copy && (one->count < one->room || grow(one, most))) {
		*line_at(one, one->count++) = copy;
		one->bytes += strlen(copy) + 1;
		copy = NULL;
	}
	pthread_mutex_unlock(&one->lock);
	sv_free(copy);
}

char *output_lines(output *one, uint64_t *after, size_t lines)
{
	pthread_mutex_lock(&one->lock);
	uint64_t oldest = one->last - one->count;
	uint64_t from = *after > oldest && *after <= one->last ? *after : oldest;
	if (one->last - from > lines)
		from = one->last - lines;
	size_t skipped = (size_t)(from - oldest), length = 0;
	char *text = sv_alloc(one->bytes + one->count + 1);
	for (size_t i = skipped; text && i < one->count; i++) {
		length += (size_t)sprintf(text + length, "%s\n", *line_at(one, i));
	}
	if (text)
		*after = one->last;
	pthread_mutex_unlock(&one->lock);
	return text;
}

/* From the pipe to lines. The reader's thread. */

static void write_batch(output *one)
{
	outputs *all = one->all;
	if (all->batch_length)
		log_sink_put(all->writer, one->file, all->batch, all->batch_length);
	all->batch_length = 0;
}

static void take_line(output *one, const char *now, const char *line, size_t length, size_t most)
{
	outputs *all = one->all;
	char *at = all->batch + all->batch_length;
	size_t used = (size_t)snprintf(at, SAY_TIME, "%s ", now);
	memcpy(at + used, line, length);
	for (char *p = at + used; p < at + used + length; p++)
		if (!*p)
			*p = '?';
	remember(one, at, used + length, most);
	at[used + length] = '\n';
	all->batch_length += used + length + 1;
}

static void take_bytes(output *one, const char *data, size_t length)
{
	char now[SAY_TIME];
	say_time(now);
	size_t most = one->all->most_lines;
	while (length) {
		const char *end = memchr(data, '\n', length);
		size_t part = end ? (size_t)(end - data) : length, room = LONGEST - one->rest_length;
		bool cut = part > room;
		if (cut)
			part = room;
		memcpy(one->rest + one->rest_length, data, part);
		one->rest_length += part;
		if (cut || end) {
			take_line(one, now, one->rest, one->rest_length, most);
			one->rest_length = 0;
		}
		size_t taken = part + (!cut && end);
		data += taken;
		length -= taken;
	}
	write_batch(one);
}

/* What is there, up to a bound. False: nobody can write any more. */
static bool drain(output *one)
{
	ssize_t got = read(one->in, one->all->chunk, CHUNK);
	if (got > 0)
		take_bytes(one, one->all->chunk, (size_t)got);
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void destroy(output *one)
{
	if (one->rest && one->rest_length)
		take_bytes(one, "\n", 1);
	log_sink_end(one->all->writer, one->file);
	if (one->in >= 0)
		close(one->in);
	while (one->count)
		drop_oldest(one);
	sv_free(one->lines);
	sv_free(one->rest);
	pthread_mutex_destroy(&one->lock);
	sv_free(one);
}

static void forget(output *one)
{
	outputs *all = one->all;
	pthread_mutex_lock(&all->lock);
	output **link = &all->first;
	while (*link && *link != one)
		link = &(*link)->next;
	if (*link)
		*link = one->next;
	pthread_mutex_unlock(&all->lock);
	destroy(one);
}

static void *read_all(void *data)
{
	enum { EVENTS = 64 };
	outputs *all = data;
	struct epoll_event events[EVENTS];
	bool stopping = false;
	for (;;) {
		int count = epoll_wait(all->poll, events, EVENTS, stopping ? 0 : -1);
		bool more = false;
		for (int i = 0; i < count; i++) {
			output *one = events[i].data.ptr;
			more = more || one;
			if (!one)
				stopping = true;
			else if (!drain(one))
				forget(one);
		}
		if (stopping && !more)
			return NULL;
	}
}

/* Making and ending. */

bh_status outputs_change(outputs *all, const bh_config_log *settings, bh_error **err)
{
	bh_status status = log_writer_change(all->writer, settings, err);
	if (!status)
		all->most_lines = settings->lines;
	return status;
}

static void release(outputs *all)
{
	for (output *one; (one = all->first);) {
		all->first = one->next;
		if (one->out >= 0)
			close(one->out);
		destroy(one);
	}
	if (all->poll >= 0)
		close(all->poll);
	if (all->stop >= 0)
		close(all->stop);
	pthread_mutex_destroy(&all->lock);
	log_writer_free(all->writer);
	sv_free(all->chunk);
	sv_free(all->batch);
	sv_free(all);
}

bh_status outputs_new(outputs **out, const bh_config_log *settings, bh_error **err)
{
	outputs *all = sv_alloc(sizeof *all);
	if (!all)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_mutex_init(&all->lock, NULL);
	all->chunk = sv_alloc(CHUNK);
	all->batch = sv_alloc(BATCH);
	all->poll = epoll_create1(EPOLL_CLOEXEC);
	all->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event event = {.events = EPOLLIN};
	all->most_lines = settings->lines;
	bh_status status = log_writer_new(&all->writer, settings, err);
	if (!status && (!all->chunk || !all->batch || all->poll < 0 || all->stop < 0 ||
	                epoll_ctl(all->poll, EPOLL_CTL_ADD, all->stop, &event) < 0 ||
	                pthread_create(&all->reader, NULL, read_all, all)))
		status = bh_error_new(err, BH_E_SYSTEM, "logs: %s", strerror(errno));
	if (status)
		release(all);
	else
		*out = all;
	return status;
}

void outputs_free(outputs *all)
{
	if (!all)
		return;
	eventfd_write(all->stop, 1);
	pthread_join(all->reader, NULL);
	release(all);
}

static char *file_name(const char *path)
{
	char *name = sv_copy(path);
	for (char *p = name; p && *p; p++)
		if (*p == '/')
			*p = '+';
	return name;
}

bh_status output_new(output **out, outputs *all, const char *path, bh_error **err)
{
	int ends[2] = {-1, -1};
	output *one = sv_alloc(sizeof *one);
	if (!one)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_mutex_init(&one->lock, NULL);
	one->all = all;
	SV_AUTO char *name = file_name(path);
	one->file = name ? log_sink_new(name) : NULL;
	one->rest = sv_alloc(LONGEST);
	bool made = one->file && one->rest && pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
	one->in = ends[0];
	one->out = ends[1];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
	pthread_mutex_lock(&all->lock);
	if (made && epoll_ctl(all->poll, EPOLL_CTL_ADD, one->in, &event) == 0) {
		one->next = all->first;
		all->first = one;
	} else {
		made = false;
	}
	pthread_mutex_unlock(&all->lock);
	if (made) {
		*out = one;
		return BH_OK;
	}
	bh_status status = bh_error_new(err, BH_E_SYSTEM, "%s: no log: %s", path, strerror(errno));
	if (ends[1] >= 0)
		close(ends[1]);
	destroy(one);
	return status;
}

int output_fd(const output *one)
{
	return one->out;
}

void output_free(output *one)
{
	if (!one)
		return;
	outputs *all = one->all;
	pthread_mutex_lock(&all->lock);
	close(one->out); /* the reader sees the end, and does the rest when it has this lock */
	one->out = -1;
	pthread_mutex_unlock(&all->lock);
}
