/* The way to the daemon: libcurl, loaded when it is needed. The process has one copy of it, which is kept here. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "admin.h"
#include "admin_place.h"
#include "exit_code.h"
#include "memory.h"
#include "output.h"
#include "report.h"

enum {
	CONNECT_MS = 3000,
	MOST_BYTES = 64 << 20, /* of an answer that is collected: 10,000 children take a tenth of it */
};

/* What is used of libcurl. */
static struct {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_reset) *easy_reset;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
} http;

static const struct {
	const char *name;
	void *at;
} functions[] = {
	{"curl_global_init", &http.global_init},       {"curl_easy_init", &http.easy_init},
	{"curl_easy_cleanup", &http.easy_cleanup},     {"curl_easy_reset", &http.easy_reset},
	{"curl_easy_setopt", &http.easy_setopt},       {"curl_easy_getinfo", &http.easy_getinfo},
	{"curl_easy_perform", &http.easy_perform},     {"curl_slist_append", &http.slist_append},
	{"curl_slist_free_all", &http.slist_free_all},
};

struct admin_client {
	admin_target target;
	CURL *curl;
};

/* Under way. */
typedef struct {
	admin_client *client;
	const admin_request *request;
	admin_answer *answer;
	size_t length, capacity;
	bool too_long, stopped;
} exchange;

static const char *load_library(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	void *library = NULL;
	for (size_t i = 0; i < X_COUNT(names) && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return "libcurl.so.4 cannot be loaded";
	for (size_t i = 0; i < X_COUNT(functions); i++) {
		void *found = dlsym(library, functions[i].name);
		if (!found)
			return "libcurl.so.4 is not the libcurl that is expected";
		memcpy(functions[i].at, &found, sizeof found);
	}
	return http.global_init(CURL_GLOBAL_DEFAULT) ? "libcurl cannot be set up" : NULL;
}

static int load(void)
{
	const char *wrong = http.easy_perform ? NULL : load_library();
	if (!wrong)
		return 0;
	return report_words(&(report){0}, BH_E_SYSTEM, wrong,
	                    "Commands that talk to the daemon need it:  apt install libcurl4");
}

int admin_open(admin_client **out, const admin_place *place)
{
	admin_target target = {0};
	int code = admin_target_settle(&target, place);
	if (!code)
		code = load();
	CURL *curl = code ? NULL : http.easy_init();
	if (!curl) {
		admin_target_deinit(&target);
		return code ? code : report_words(&(report){0}, BH_E_NO_MEMORY, "out of memory", NULL);
	}
	admin_client *client = x_alloc(sizeof *client);
	*client = (admin_client){target, curl};
	*out = client;
	return 0;
}

void admin_close(admin_client *client)
{
	if (!client)
		return;
	http.easy_cleanup(client->curl);
	admin_target_deinit(&client->target);
	x_free(client);
}

const char *admin_where(const admin_client *client)
{
	return client->target.socket ? client->target.socket : client->target.url;
}

/* Asking. */

static bool collect(exchange *e, const char *text, size_t length)
{
	if (length > MOST_BYTES - e->length) {
		e->too_long = true;
		return false;
	}
	while (e->length + length + 1 > e->capacity)
		e->answer->text = x_grow(e->answer->text, e->capacity, &e->capacity, 1);
	memcpy(e->answer->text + e->length, text, length);
	e->length += length;
	e->answer->text[e->length] = '\0';
	return true;
}

static size_t take_body(char *text, size_t size, size_t count, void *data)
{
	exchange *e = data;
	long status = 0;
	http.easy_getinfo(e->client->curl, CURLINFO_RESPONSE_CODE, &status);
	bool read = e->request->reader && status == 200;
	if (!read)
		return collect(e, text, size * count) ? size * count : 0;
	e->stopped = !e->request->reader(e->request->data, text, size * count);
	return e->stopped ? 0 : size * count;
}

static int look_up(void *data, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	exchange *e = data;
	(void)total, (void)now, (void)up_total, (void)up_now;
	e->stopped = e->stopped || (e->request->idle && e->request->idle(e->request->data));
	return e->stopped;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *format, const char *value)
{
	X_AUTO char *line = x_format(format, value);
	struct curl_slist *longer = http.slist_append(list, line);
	if (!longer)
		x_no_memory();
	return longer;
}

static struct curl_slist *headers_of(const admin_client *client, const admin_request *request)
{
	struct curl_slist *list = NULL;
	if (client->target.token)
		list = add_header(list, "Authorization: Bearer %s", client->target.token);
	if (request->last_id)
		list = add_header(list, "Last-Event-ID: %s", request->last_id);
	if (request->post) {
		list = add_header(list, "%s", "Content-Type: application/json");
		list = add_header(list, "%s", "Expect:");
	}
	return list;
}

static void set(CURL *curl, CURLoption option, const void *value)
{
	http.easy_setopt(curl, option, value);
}

static void set_up(exchange *e, const char *url, struct curl_slist *headers)
{
	CURL *curl = e->client->curl;
	const admin_request *r = e->request;
	http.easy_reset(curl);
	set(curl, CURLOPT_URL, url);
	if (e->client->target.socket)
		set(curl, CURLOPT_UNIX_SOCKET_PATH, e->client->target.socket);
	set(curl, CURLOPT_PROXY, ""); /* the token is for the daemon alone */
	set(curl, CURLOPT_HTTPHEADER, headers);
	http.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	http.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	http.easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	http.easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	http.easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
	set(curl, CURLOPT_XFERINFODATA, e);
	http.easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	set(curl, CURLOPT_WRITEDATA, e);
	set(curl, CURLOPT_ERRORBUFFER, NULL);
	if (r->post) {
		const char *body = r->body ? r->body : "";
		http.easy_setopt(curl, CURLOPT_POST, 1L);
		http.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		set(curl, CURLOPT_POSTFIELDS, body);
	}
}

static admin_outcome outcome_of(const exchange *e, CURLcode code)
{
	if (e->too_long)
		return ADMIN_TOO_LONG;
	if (e->stopped)
		return ADMIN_STOPPED;
	switch (code) {
	case CURLE_OK:
		return ADMIN_ANSWERED;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return ADMIN_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return ADMIN_TIMED_OUT;
	default:
		return ADMIN_CUT;
	}
}

admin_answer admin_ask(admin_client *client, const admin_request *request)
{
	admin_answer answer = {0};
	char said[CURL_ERROR_SIZE] = "";
	exchange e = {.client = client, .request = request, .answer = &answer};
	X_AUTO char *url = x_format("%s%s", client->target.url, request->path);
	struct curl_slist *headers = headers_of(client, request);
	set_up(&e, url, headers);
	set(client->curl, CURLOPT_ERRORBUFFER, said);
	long number = 0;
	answer.outcome = outcome_of(&e, http.easy_perform(client->curl));
	http.easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer.status);
	http.easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
	answer.system_errno = (int)number;
	snprintf(answer.said, sizeof answer.said, "%s", said);
	set(client->curl, CURLOPT_ERRORBUFFER, NULL);
	http.slist_free_all(headers);
	if (answer.text)
		answer.json = json_loadb(answer.text, e.length, 0, NULL);
	return answer;
}

void admin_answer_deinit(admin_answer *answer)
{
	x_free(answer->text);
	json_decref(answer->json);
	*answer = (admin_answer){0};
}

bool admin_went_well(const admin_answer *answer)
{
	return answer->outcome == ADMIN_ANSWERED && answer->status >= 200 && answer->status < 300;
}

char *admin_child_path(const char *child, const char *rest)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	x_writer out;
	x_text_begin(&out);
	fputs("/v1/children/", out.stream);
	bool dots = !strcmp(child, ".") || !strcmp(child, ".."); /* clients take them for steps in a path */
	for (const char *p = child; *p; p++)
		if (!dots && strchr(plain, *p))
			fputc(*p, out.stream);
		else
			fprintf(out.stream, "%%%02X", (unsigned char)*p);
	fputs(rest, out.stream);
	return x_text_end(&out);
}
