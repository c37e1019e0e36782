/*
 * What the proxy reads itself of a request's head, and of an upstream's response. The first line of an input says which:
 *
 *   >                        a request: "METHOD TARGET VERSION", then a header a line
 *   <                        a response: lines as libcurl hands them on, the body behind the empty one; "<w": modules want it,
 *                            "<h": it answers HEAD
 *
 * libmicrohttpd and libcurl are not there: what the proxy asks them is answered here. What is let through is whole and
 * can be read in one way.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "serve/flow.h"
#include "serve/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_HEADER = 4096, MOST_BODY = 1024 };

static struct MHD_Connection *const connection = (struct MHD_Connection *)(void *)&(char){0};
static const char *header_lines;
static bool modules_want;

int MHD_get_connection_values_n(struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIteratorN take,
                                void *data)
{
	int count = 0;
	assert(c == connection && kind == MHD_HEADER_KIND);
	for (const char *line = header_lines, *next; line && *line; line = next) {
		size_t length = strcspn(line, "\n");
		const char *colon = memchr(line, ':', length);
		size_t name = colon ? (size_t)(colon - line) : length;
		next = line[length] ? line + length + 1 : NULL;
		count++;
		if (take(data, kind, line, name, colon ? colon + 1 : NULL, colon ? length - name - 1 : 0) != MHD_YES)
			break;
	}
	return count;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType type, ...)
{
	assert(c == connection && type == MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return NULL;
}

#undef curl_easy_getinfo
CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
	(void)easy;
	assert(info == CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
	return CURLE_OK; /* it was not said, as with chunks */
}

bool __wrap_bh_exchange_wants(const bh_exchange *exchange, bh_attach attach);
bool __wrap_bh_exchange_wants(const bh_exchange *exchange, bh_attach attach)
{
	assert(!exchange && attach == BH_ATTACH_RESPONSE);
	return modules_want;
}

static void expect_sound(const heads *h, size_t most)
{
	size_t bytes = 0;
	for (size_t i = 0; i < h->count; i++) {
		assert(header_is_sound(&h->items[i]));
		assert(!h->items[i].name.data[h->items[i].name.length] && !h->items[i].value.data[h->items[i].value.length]);
		assert(!header_is(&h->items[i], "connection") && !header_is(&h->items[i], "transfer-encoding"));
		assert(!header_is(&h->items[i], "content-length") && !header_is(&h->items[i], "keep-alive"));
		bytes += h->items[i].name.length + h->items[i].value.length;
	}
	assert(h->count <= 256 + 4 && bytes <= most);
}

static void expect_request(const flow *f)
{
	assert(f->method.length && f->path.length &&
	       (*f->path.data == '/' || (*f->path.data == '*' && f->path.length == 1)));
	for (size_t i = 0; i < f->path.length; i++)
		assert((unsigned char)f->path.data[i] > ' ' && f->path.data[i] != '?' && f->path.data[i] != '#');
	assert(!memchr(f->query.data, '#', f->query.length) && !memchr(f->query.data, ' ', f->query.length));
	assert(f->length >= -1 && (f->length <= 0 || f->has_body) && (f->length != -1 || f->has_body));
	/* What the proxy adds is not the client's to bound: its address, the scheme, the host again, an id. */
	expect_sound(&f->headers, 3 * MOST_HEADER + 512);
	assert(heads_count(&f->headers, "host") <= 1 && heads_count(&f->headers, "x-forwarded-for") == 1);
	assert(heads_count(&f->headers, "x-forwarded-proto") == 1 && heads_count(&f->headers, "x-request-id") == 1);
	assert(!heads_find(&f->headers, "expect") && !heads_find(&f->headers, "upgrade"));
	assert(*f->request_id && strlen(f->request_id) <= 128);
}

/* As libmicrohttpd hands it on: three words that end, and lines. */
static void read_request(flow *f, char *text)
{
	const char *why = NULL;
	char *head = strsep(&text, "\n");
	const char *method = strsep(&head, " "), *target = strsep(&head, " ");
	header_lines = text;
	if (!target || !head)
		return;
	f->uri = sv_copy(target);
	assert(f->uri);
	unsigned status = head_read(f, method, head, &why);
	assert(!status || (status >= 400 && status <= 505 && why));
	if (!status)
		expect_request(f);
}

static void expect_response(const flow *f)
{
	assert(f->came_status >= 100 && f->came_status <= 599 && f->came_status != 101);
	expect_sound(&f->came, MOST_HEADER);
	assert(f->came_length >= -1);
	assert(f->streams != f->wants_whole && (!f->streams || f->kind == ANSWER_STREAM));
}

static void read_response(flow *f, char *text, size_t size)
{
	while (size) {
		char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) + 1 : size;
		if (f->came_whole && !f->head) {
			size_t taken = response_body(text, 1, size, f);
			assert(taken == size || !taken || taken == CURL_WRITEFUNC_PAUSE);
			assert(f->came_body.length <= MOST_BODY && f->down.length <= PIPE_SIZE);
			break;
		}
		if (response_header(text, 1, length, f) != length) {
			assert(f->bad);
			return;
		}
		text += length;
		size -= length;
	}
	if (f->came_whole)
		expect_response(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	proxy p = {.count = 1};
	lane l = {.proxy = &p};
	terms t = {.references = 2, .is = {.max_header = MOST_HEADER, .max_body = MOST_BODY}};
	flow f = {.lane = &l, .terms = &t, .connection = connection, .answer_length = -1, .came_length = -1};
	const uint8_t *line = memchr(data, '\n', size);
	if (!line)
		return 0;
	size_t rest = size - (size_t)(line + 1 - data);
	char *text = sv_copy_n((const char *)line + 1, rest);
	assert(text);
	pthread_mutex_init(&f.lock, NULL);
	modules_want = line - data > 1 && data[1] == 'w';
	f.head = *data == '<' && line - data > 1 && data[1] == 'h';
	if (*data == '>')
		read_request(&f, text);
	else
		read_response(&f, text, rest);
	heads_free(&f.headers);
	heads_free(&f.came);
	sv_text_deinit(&f.came_body);
	sv_free(f.down.data);
	sv_free(f.uri);
	store_free(&f.store);
	pthread_mutex_destroy(&f.lock);
	sv_free(text);
	return 0;
}
