/* One request to the upstream, by libcurl. The loop's thread, but for what the lock is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow.h"
#include "memory.h"

/* What is sent. */

/* libcurl reads the list where it is, so it is made in the flow's memory. NULL: no memory. */
static char *add_room(flow *f, size_t length)
{
	struct curl_slist *one = (struct curl_slist *)(void *)store_take(&f->store, sizeof *one);
	char *line = one ? store_take(&f->store, length + 1) : NULL;
	if (!line)
		return NULL;
	*one = (struct curl_slist){.data = line};
	*(f->sent_headers ? f->last_sent : &f->sent_headers) = one;
	f->last_sent = &one->next;
	return line;
}

/* "name: value", and "name;" where it is empty. */
static bool add_line(flow *f, bh_string name, bh_string value)
{
	char *line = add_room(f, name.length + 2 + value.length);
	if (!line)
		return false;
	memcpy(line, name.data, name.length);
	if (value.length) {
		memcpy(line + name.length, ": ", 2);
		memcpy(line + name.length + 2, value.data, value.length);
	} else {
		line[name.length] = ';';
	}
	line[name.length + (value.length ? 2 + value.length : 1)] = '\0';
	return true;
}

static bool add_text(flow *f, const char *text)
{
	size_t length = strlen(text);
	char *line = add_room(f, length);
	if (line)
		memcpy(line, text, length + 1);
	return line;
}

/* As they are after the modules; none that libcurl would add by itself. */
static bool make_headers(flow *f, const bh_http_request *request, bool body)
{
	heads present = {.items = (bh_header *)request->headers, .count = request->header_count};
	for (size_t i = 0; i < request->header_count; i++) {
		const bh_header *h = &request->headers[i];
		if (header_is(h, "content-length") || header_is(h, "transfer-encoding") || header_is(h, "connection"))
			continue;
		if (!add_line(f, h->name, h->value))
			return false;
	}
	return add_text(f, "Expect:") && (heads_find(&present, "accept") || add_text(f, "Accept:")) &&
	       (heads_find(&present, "content-type") || add_text(f, "Content-Type:")) &&
	       (!body || f->collecting || f->length >= 0 || add_text(f, "Transfer-Encoding: chunked"));
}

static size_t read_up(char *buffer, size_t size, size_t count, void *data)
{
	flow *f = data;
	pthread_mutex_lock(&f->lock);
	size_t got = pipe_read(&f->up, buffer, size * count);
	if (got && f->up.full) {
		f->up.full = false;
		atomic_store(&f->moved, proxy_now_ms());
		answer_ready(f);
	}
	bool cut = f->cancelled || (f->up.closed && f->up.broken);
	bool wait = !got && !f->up.closed;
	if (wait && !cut)
		f->up.starved = true;
	pthread_mutex_unlock(&f->lock);
	f->up_paused = wait;
	f->upstream_moved = proxy_now_ms();
	return cut ? CURL_READFUNC_ABORT : wait ? CURL_READFUNC_PAUSE : got;
}

/* A transfer. */

static void set_method(flow *f, const bh_http_request *request, const char *method)
{
	CURL *easy = f->easy;
	bool whole = f->collecting || !f->has_body;
	bool posts = whole && (request->body.length || f->length == 0);
	f->plain = !f->head && whole && !posts;
	if (f->head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (posts) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.length ? (const char *)request->body.data : "");
	} else if (!whole) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_up);
		curl_easy_setopt(easy, CURLOPT_READDATA, f);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)f->length);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* What is the same for all. */
static void set_up(lane *l, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, response_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, response_body);
	watch_connection(l, easy);
}

static void set_flow(flow *f)
{
	CURL *easy = f->easy;
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)f->terms->is.connect_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, f);
	watch_begin(f);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, f->why);
}

static CURL *take_easy(lane *l)
{
	if (l->idle_count)
		return l->idle[--l->idle_count];
	CURL *easy = curl_easy_init();
	if (easy)
		set_up(l, easy);
	return easy;
}

/* With its buffers; nothing of the flow stays in it. */
static void keep_easy(lane *l, CURL *easy, bool plain)
{
	if (l->idle_count == IDLE_EASY) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (!plain) {
		curl_easy_reset(easy);
		set_up(l, easy);
	}
	l->idle[l->idle_count++] = easy;
}

void upstream_release(lane *l)
{
	while (l->idle_count)
		curl_easy_cleanup(l->idle[--l->idle_count]);
}

bool upstream_start(flow *f)
{
	const bh_http_request *request = bh_exchange_get_request(f->exchange);
	bool body = f->has_body && !f->collecting;
	const char *method = store_copy(&f->store, request->method.data, request->method.length);
	SV_AUTO char *target = request->query.length || strchr(f->uri, '?')
	                           ? sv_format("%.*s?%.*s", (int)request->path.length, request->path.data,
	                                       (int)request->query.length, request->query.data)
	                           : sv_format("%.*s", (int)request->path.length, request->path.data);
	f->easy = method && target ? take_easy(f->lane) : NULL;
	if (!f->easy || !make_headers(f, request, body))
		return false;
	set_flow(f);
	set_method(f, request, method);
	f->upstream_moved = proxy_now_ms();
	return !curl_easy_setopt(f->easy, CURLOPT_URL, f->terms->upstream) &&
	       !curl_easy_setopt(f->easy, CURLOPT_REQUEST_TARGET, target) &&
	       !curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->sent_headers) &&
	       !curl_multi_add_handle(f->lane->multi, f->easy);
}

void upstream_end(flow *f)
{
	if (f->easy) {
		curl_multi_remove_handle(f->lane->multi, f->easy);
		watch_end(f);
		keep_easy(f->lane, f->easy, f->plain);
	}
	f->easy = NULL;
	f->sent_headers = NULL;
}

/* The client sees how it ends: a body that is not whole must not look as if it were. */
static void end_stream(flow *f, bool whole)
{
	pthread_mutex_lock(&f->lock);
	f->down.closed = true;
	f->down.broken = !whole;
	bool wanted = !f->cancelled;
	answer_ready(f);
	pthread_mutex_unlock(&f->lock);
	if (!whole && wanted)
		proxy_add(f->lane, COUNT_UPSTREAM);
}

void upstream_done(flow *f, CURLcode code)
{
	char why[CURL_ERROR_SIZE];
	snprintf(why, sizeof why, "%s", f->why[0] ? f->why : curl_easy_strerror(code));
	upstream_end(f);
	if (f->streams) {
		end_stream(f, code == CURLE_OK);
	} else if (f->too_much) {
		turn_error(f, MHD_HTTP_BAD_GATEWAY, "the response is larger than max_body_size");
	} else if (f->bad) {
		turn_error(f, MHD_HTTP_BAD_GATEWAY, "the response is not HTTP as it should be, or its headers are too large");
	} else if (code == CURLE_OK && f->came_whole) {
		turn_response(f);
	} else {
		bool late = code == CURLE_OPERATION_TIMEDOUT;
		turn_error(f, late ? MHD_HTTP_GATEWAY_TIMEOUT : MHD_HTTP_BAD_GATEWAY, why);
	}
}
