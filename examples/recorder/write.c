/* Writing down what is called: a line of JSON for each call, when it is over. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"

struct journal {
	int fd;
	const char *path;
	off_t length;
	pthread_mutex_t lock; /* interceptors are called on any thread */
};

bh_status journal_open(journal **out, const char *path, bh_error **err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	journal *j = fd < 0 ? NULL : calloc(1, sizeof *j);
	if (!j) {
		bh_status status = bh_error_new(err, BH_E_IO, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	j->fd = fd;
	j->path = path;
	pthread_mutex_init(&j->lock, NULL);
	*out = j;
	return BH_OK;
}

/* In one call, so that a line is there whole, or not at all where the disk is full. */
static bh_status append(journal *j, char *line, bh_error **err)
{
	size_t length = strlen(line);
	struct iovec parts[] = {{line, length}, {(char[]){'\n'}, 1}};
	bh_status status = BH_OK;
	pthread_mutex_lock(&j->lock);
	ssize_t written = writev(j->fd, parts, 2);
	if (written == (ssize_t)length + 1) {
		j->length += written;
	} else {
		const char *why = written < 0 ? strerror(errno) : "only a part of the line could be written";
		status = bh_error_new(err, BH_E_IO, "the record: %s", why);
		if (ftruncate(j->fd, j->length))
			perror("recorder: a part of a line stays in the record");
	}
	pthread_mutex_unlock(&j->lock);
	return status;
}

static json_t *moment(void)
{
	struct timespec now;
	struct tm utc;
	char day[32];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
	return json_sprintf("%s.%06ldZ", day, now.tv_nsec / 1000);
}

static json_t *digest_of(const bh_component *component)
{
	const uint8_t *digest = bh_component_digest(component);
	char hex[65];
	for (int i = 0; i < 32; i++)
		snprintf(&hex[2 * i], 3, "%02x", digest[i]);
	return json_string(hex);
}

static json_t *describe(const bh_intercepted *call)
{
	json_t *line =
		json_pack("{s:o, s:s, s:I, s:s, s:o, s:s?, s:s, s:o, s:o, s:s, s:I}", "time", moment(), "kind",
	              call->usage ? "export" : "import", "call", (json_int_t)(call->usage ? call->number : call->within),
	              "component", bh_component_name(call->component), "digest", digest_of(call->component), "interface",
	              call->interface, "function", call->function, "args", texts_of(call->args, call->arg_count), "result",
	              call->result ? text_of(call->result) : json_null(), "status", bh_status_name(call->status),
	              "duration_ns", (json_int_t)call->elapsed_ns);
	if (line && call->usage)
		json_object_set_new(line, "fuel", json_integer((json_int_t)call->usage->fuel));
	if (line && call->error)
		json_object_set_new(line, "error", json_string(bh_error_message(call->error)));
	return line;
}

/* A call that cannot be written down fails: a record with gaps could not be replayed. */
static bh_status seen(void *data, const bh_intercepted *call, bh_error **err)
{
	json_t *line = describe(call);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (!text)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory for a line of the record");
	bh_status status = append(data, text, err);
	free(text);
	return status;
}

bh_status journal_watch(journal *j, bh_interceptors *set, bh_error **err)
{
	bh_interceptor watcher = BH_INTERCEPTOR_INIT;
	watcher.after_import = seen;
	watcher.after_export = seen;
	watcher.data = j;
	return bh_interceptors_add(set, &watcher, err);
}

void journal_close(journal *j)
{
	if (!j)
		return;
	close(j->fd);
	if (!j->length)
		unlink(j->path); /* nothing was called */
	pthread_mutex_destroy(&j->lock);
	free(j);
}
