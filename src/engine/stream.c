#include "engine/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* A pipe that is ready for writing takes this much at once. */
#define PIPE_CHUNK 4096
#define FILE_CHUNK 65536

typedef enum { KIND_FILE, KIND_PIPE, KIND_SOCKET, KIND_CAPTURE, KIND_BYTES } stream_kind;

struct bh_stream {
	_Atomic uint32_t references;
	stream_kind kind;
	int fd;     /* ours; -1 if none */
	bool waits; /* opened non-blocking by us; otherwise asked with poll(2) first */
	bool output;
	bool closed;
	bool terminal;
	bh_stream_counts *counts;
	/* Output that was permitted, and then did not fit because another writer was quicker. */
	uint8_t *pending; /* PIPE_CHUNK; made when needed */
	size_t pending_length;
	/* Capture. */
	bh_buffer *buffer;
	size_t capacity;
	uint64_t limit;
	/* Input from memory. */
	const uint8_t *bytes;
	size_t length;
};

static bool poll_now(const bh_stream *stream)
{
	struct pollfd pollfd = {.fd = stream->fd, .events = stream->output ? POLLOUT : POLLIN};
	return poll(&pollfd, 1, 0) != 0;
}

/* Write without blocking, and without a signal. */
static ptrdiff_t write_now(const bh_stream *stream, const uint8_t *bytes, size_t length)
{
	if (stream->kind == KIND_SOCKET)
		return send(stream->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (stream->kind == KIND_PIPE && !stream->waits && !poll_now(stream)) {
		errno = EAGAIN;
		return -1;
	}
	return bh_write_quietly(stream->fd, bytes, length);
}

static bool would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* How much of `bytes` went out; closes the stream on an error. */
static size_t write_some(bh_stream *stream, const uint8_t *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ptrdiff_t wrote = write_now(stream, bytes + done, length - done);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0) {
			stream->closed |= !would_block(errno);
			break;
		}
		done += (size_t)wrote;
	}
	return done;
}

bool bh_stream_flush(bh_stream *stream)
{
	if (!stream || !stream->pending_length || stream->closed)
		return true;
	size_t done = write_some(stream, stream->pending, stream->pending_length);
	memmove(stream->pending, stream->pending + done, stream->pending_length - done);
	stream->pending_length -= done;
	return !stream->pending_length || stream->closed;
}

static void capture(bh_stream *stream, const uint8_t *bytes, size_t length)
{
	bh_buffer *buffer = stream->buffer;
	size_t room = stream->limit > buffer->length ? (size_t)(stream->limit - buffer->length) : 0;
	size_t kept = length < room ? length : room;
	if (buffer->length + kept + 1 > stream->capacity) {
		size_t wanted =
			stream->capacity * 2 > buffer->length + kept + 1 ? stream->capacity * 2 : buffer->length + kept + 1;
		char *grown = bh_realloc(buffer->data, wanted);
		if (!grown) {
			buffer->truncated = stream->counts->truncated = true;
			return;
		}
		buffer->data = grown;
		stream->capacity = wanted;
	}
	if (kept)
		memcpy(buffer->data + buffer->length, bytes, kept);
	buffer->length += kept;
	buffer->data[buffer->length] = '\0';
	if (kept < length)
		buffer->truncated = stream->counts->truncated = true;
}

static ptrdiff_t on_permit(void *data)
{
	bh_stream *stream = data;
	if (stream->kind == KIND_CAPTURE)
		return FILE_CHUNK;
	if (!bh_stream_flush(stream))
		return 0;
	if (stream->closed)
		return -1;
	if (stream->kind == KIND_FILE)
		return FILE_CHUNK;
	return poll_now(stream) ? PIPE_CHUNK : 0;
}

static ptrdiff_t on_write(void *data, const uint8_t *bytes, size_t length)
{
	bh_stream *stream = data;
	stream->counts->output_bytes += length;
	if (stream->kind == KIND_CAPTURE) {
		capture(stream, bytes, length);
		return 0;
	}
	size_t done = write_some(stream, bytes, length);
	if (stream->closed)
		return -1;
	size_t rest = length - done;
	if (!rest)
		return 0;
	if (!stream->pending && rest <= PIPE_CHUNK)
		stream->pending = bh_alloc(PIPE_CHUNK);
	if (rest > PIPE_CHUNK || !stream->pending) {
		/* More than was permitted, which the engine does not let through; or no memory. The stream is lost. */
		stream->closed = true;
		return -1;
	}
	memcpy(stream->pending, bytes + done, rest);
	stream->pending_length = rest;
	return 0;
}

static ptrdiff_t read_bytes(bh_stream *stream, uint8_t *buffer, size_t length)
{
	size_t got = length < stream->length ? length : stream->length;
	if (!got)
		return -1;
	memcpy(buffer, stream->bytes, got);
	stream->bytes += got;
	stream->length -= got;
	return (ptrdiff_t)got;
}

static ptrdiff_t on_read(void *data, uint8_t *buffer, size_t length)
{
	bh_stream *stream = data;
	if (stream->kind == KIND_BYTES)
		return read_bytes(stream, buffer, length);
	if (stream->kind == KIND_PIPE && !stream->waits && !poll_now(stream))
		return 0;
	ptrdiff_t got =
		stream->kind == KIND_SOCKET ? recv(stream->fd, buffer, length, MSG_DONTWAIT) : read(stream->fd, buffer, length);
	if (got > 0)
		return got;
	return got < 0 && would_block(errno) ? 0 : -1;
}

static bool on_ready(void *data)
{
	bh_stream *stream = data;
	if (stream->kind == KIND_CAPTURE || stream->kind == KIND_BYTES || stream->kind == KIND_FILE || stream->closed)
		return true;
	return poll_now(stream);
}

void bh_stream_release(bh_stream *stream)
{
	if (!stream || atomic_fetch_sub(&stream->references, 1) != 1)
		return;
	if (stream->fd >= 0)
		close(stream->fd);
	bh_free(stream->pending);
	bh_free(stream);
}

static void on_release(void *data)
{
	bh_stream_release(data);
}

bhx_stream_t bh_stream_for_engine(bh_stream *stream)
{
	atomic_fetch_add(&stream->references, 1);
	bool watched = stream->kind == KIND_PIPE || stream->kind == KIND_SOCKET;
	return (bhx_stream_t){
		.read = stream->output ? NULL : on_read,
		.permit = stream->output ? on_permit : NULL,
		.write = stream->output ? on_write : NULL,
		.ready = on_ready,
		.release = on_release,
		.fd = watched ? stream->fd : -1,
		.terminal = stream->terminal,
		.data = stream,
	};
}

int bh_stream_fd(const bh_stream *stream)
{
	return stream->kind == KIND_PIPE || stream->kind == KIND_SOCKET ? stream->fd : -1;
}

/* A description of our own for a pipe or terminal, so that its mode is ours alone. */
static int reopen(int fd, bool output)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, (output ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static bh_status attach_fd(bh_stream *stream, int fd, bh_error **err)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return bh_fail_errno(err, BH_E_INVALID, errno, "descriptor %d for a standard stream", fd);
	bool plain = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode);
	stream->kind = S_ISSOCK(status.st_mode) ? KIND_SOCKET : plain ? KIND_FILE : KIND_PIPE;
	stream->terminal = isatty(fd);
	if (stream->kind == KIND_PIPE)
		stream->fd = reopen(fd, stream->output);
	stream->waits = stream->fd >= 0;
	/* Where that is refused (a pipe of another user), the shared description is asked with poll(2) each time. */
	if (stream->fd < 0)
		stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (stream->fd < 0)
		return bh_fail_errno(err, BH_E_SYSTEM, errno, "descriptor %d for a standard stream", fd);
	return BH_OK;
}

BH_DEFINE_AUTO(bh_stream *, bh_stream_release)

bh_status bh_stream_open(bh_stream **out, const bh_stdio *where, int fd_of_inherit, uint64_t capture_limit,
                         bh_stream_counts *counts, bh_error **err)
{
	*out = NULL;
	bool output = fd_of_inherit != STDIN_FILENO;
	if (where->mode == BH_STDIO_DISCARD)
		return BH_OK;
	BH_AUTO(bh_stream_release) bh_stream *stream = bh_calloc(1, sizeof *stream);
	if (!stream)
		return bh_fail_memory(err);
	atomic_init(&stream->references, 1);
	stream->fd = -1;
	stream->output = output;
	stream->counts = counts;
	bh_status status = BH_OK;
	switch (where->mode) {
	case BH_STDIO_INHERIT:
	case BH_STDIO_FD:
		status = attach_fd(stream, where->mode == BH_STDIO_FD ? where->fd : fd_of_inherit, err);
		break;
	case BH_STDIO_CAPTURE:
		if (!output || !where->buffer)
			return bh_fail(err, BH_E_INVALID, "BH_STDIO_CAPTURE is for output, and needs a buffer");
		stream->kind = KIND_CAPTURE;
		stream->buffer = where->buffer;
		stream->capacity = where->buffer->data ? where->buffer->length + 1 : 0;
		stream->limit = capture_limit;
		break;
	case BH_STDIO_BYTES:
		if (output)
			return bh_fail(err, BH_E_INVALID, "BH_STDIO_BYTES is for input");
		stream->kind = KIND_BYTES;
		stream->bytes = where->bytes;
		stream->length = where->length;
		break;
	default:
		return bh_fail(err, BH_E_INVALID, "no such mode of a standard stream: %d", (int)where->mode);
	}
	if (!status)
		*out = BH_TAKE(stream);
	return status;
}
