/* What comes from the upstream, as libcurl hands it on: checked here, then kept for the modules or sent on. The loop's thread. */
#include <string.h>

#include "flow.h"
#include "memory.h"

/* Of one response: its head, with interim ones before it, and trailers, have as much as some heads. */
enum { MOST_HEADERS = 256, MOST_HEADS = 4 };

static bool read_status(flow *f, const char *line, size_t length)
{
	const char *space = memchr(line, ' ', length);
	size_t at = space ? (size_t)(space - line) + 1 : length;
	if (length - at < 3)
		return false;
	f->came_status = 0;
	for (size_t i = 0; i < 3; i++) {
		if (line[at + i] < '0' || line[at + i] > '9')
			return false;
		f->came_status = f->came_status * 10 + (unsigned)(line[at + i] - '0');
	}
	heads_free(&f->came);
	return f->came_status >= 100 && f->came_status <= 599;
}

static bool read_header(flow *f, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	if (!colon || f->came.count == MOST_HEADERS || f->came.bytes + length > f->terms->is.max_header)
		return false;
	const char *value = colon + 1, *end = line + length;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	const bh_header header = {{line, (size_t)(colon - line)}, {value, (size_t)(end - value)}};
	return header_is_sound(&header) && heads_add(&f->came, &f->store, header.name, header.value);
}

/* All headers are there: the body goes on as it comes, if no module is to see it. */
static bool head_came(flow *f)
{
	curl_off_t length = -1;
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	const bh_header *said = heads_find(&f->came, "content-length");
	int64_t of_get;
	if (f->head && said && header_length(said->value, &of_get))
		length = of_get;
	f->came_length = length;
	heads_drop_hops(&f->came);
	heads_remove(&f->came, "content-length");
	f->came_whole = true;
	f->wants_whole = bh_exchange_wants(f->exchange, BH_ATTACH_RESPONSE);
	if (f->wants_whole) {
		f->too_much = !f->head && length > 0 && (uint64_t)length > f->terms->is.max_body;
		return !f->too_much;
	}
	f->streams = true;
	pthread_mutex_lock(&f->lock);
	bool first = f->kind == ANSWER_NONE;
	if (first) {
		f->kind = ANSWER_STREAM;
		f->status = f->came_status;
		f->answer_headers = f->came.items;
		f->answer_header_count = f->came.count;
		f->answer_length = length;
		pipe_expect(&f->down, length);
		answer_ready(f);
	}
	pthread_mutex_unlock(&f->lock);
	return first;
}

size_t response_header(char *line, size_t size, size_t count, void *data)
{
	flow *f = data;
	size_t all = size * count, length = all;
	f->upstream_moved = proxy_now_ms();
	f->came_head += all;
	if (f->came_head > f->terms->is.max_header * MOST_HEADS) {
		f->bad = true;
		return 0;
	}
	if (f->came_whole)
		return all; /* trailers: not passed on, though libcurl keeps them */
	while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	bool good = true;
	if (!length)
		good = f->came_status < 200 ? f->came_status != 101 : head_came(f);
	else if (length >= 5 && !memcmp(line, "HTTP/", 5))
		good = read_status(f, line, length);
	else
		good = read_header(f, line, length);
	f->bad = f->bad || !good;
	return good ? all : 0;
}

size_t response_body(char *bytes, size_t size, size_t count, void *data)
{
	flow *f = data;
	size_t length = size * count;
	f->upstream_moved = proxy_now_ms();
	if (!f->streams) {
		f->too_much = f->too_much || length > f->terms->is.max_body - f->came_body.length;
		if (!f->too_much)
			sv_text_add_n(&f->came_body, bytes, length);
		return f->too_much || f->came_body.failed ? 0 : length;
	}
	pthread_mutex_lock(&f->lock);
	bool cut = f->cancelled || f->over;
	bool fits = pipe_room(&f->down) >= length;
	f->down.full = !fits;
	if (fits && !cut)
		cut = pipe_write(&f->down, bytes, length) != length;
	if (fits)
		answer_ready(f);
	pthread_mutex_unlock(&f->lock);
	f->down_paused = !fits;
	return cut ? 0 : fits ? length : CURL_WRITEFUNC_PAUSE;
}
