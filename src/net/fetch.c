#include "net/fetch.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bulkhead/version.h"
#include "net/net_thread.h"

enum { WHY = 160 };

static bh_fetch_outcome end(char why[WHY], bh_fetch_outcome outcome, const char *text)
{
	snprintf(why, WHY, "%s", text);
	return outcome;
}

/* Where. */

/* A part of the URL; NULL if it has none. To be freed with curl_free(). */
static char *part(CURLU *url, CURLUPart which)
{
	char *text = NULL;
	return curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) ? NULL : text;
}

static void curl_auto(char **text)
{
	curl_free(*text);
}
#define CURL_TEXT __attribute__((cleanup(curl_auto))) char *

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static char *origin_of(CURLU *url)
{
	CURL_TEXT scheme = part(url, CURLUPART_SCHEME);
	CURL_TEXT host = part(url, CURLUPART_HOST);
	CURL_TEXT port = part(url, CURLUPART_PORT);
	return scheme && host && port ? bh_format("%s://%s:%s", scheme, host, port) : NULL;
}

/* A name has to be resolved, unless a proxy does that. */
static bh_fetch_outcome note_host(bh_fetch *fetch, const char *host, uint16_t port)
{
	uint8_t address[16];
	bool name = inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1 &&
	            !bh_net_terms(fetch->net)->bounds.proxies;
	bh_free(fetch->host);
	fetch->host = name ? bh_strdup(host) : NULL;
	fetch->port = port;
	return name && !fetch->host ? BH_FETCH_NO_MEMORY : BH_FETCH_OK;
}

/* Whether such a host may be asked: what libcurl reads out of the URL is looked at, as that is where it will go. */
static bh_fetch_outcome ask(bh_fetch *fetch, char why[WHY])
{
	CURL_TEXT scheme = part(fetch->url, CURLUPART_SCHEME);
	CURL_TEXT host = part(fetch->url, CURLUPART_HOST);
	CURL_TEXT port = part(fetch->url, CURLUPART_PORT);
	CURL_TEXT zone = part(fetch->url, CURLUPART_ZONEID);
	if (!scheme || !host || !port)
		return end(why, BH_FETCH_INVALID, "the URL names no host");
	if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
		return end(why, BH_FETCH_INVALID, "the URL is neither http nor https");
	if (zone || !is_plain(host))
		return end(why, BH_FETCH_INVALID, "the URL's host is not plain ASCII");
	unsigned number = 0;
	if (sscanf(port, "%5u", &number) != 1 || !number || number > UINT16_MAX)
		return end(why, BH_FETCH_INVALID, "the URL's port is none");
	size_t length = strlen(host);
	char *bare = host;
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		bare = host + 1;
	}
	if (fetch->request.may_ask(fetch->request.data, bare, (uint16_t)number))
		return note_host(fetch, bare, (uint16_t)number);
	snprintf(why, WHY, "%.100s, port %u: not granted", bare, number);
	return BH_FETCH_DENIED;
}

static bh_fetch_outcome parse(bh_fetch *fetch, const char *text, char why[WHY])
{
	curl_url_cleanup(fetch->url);
	fetch->url = curl_url();
	if (!fetch->url)
		return BH_FETCH_NO_MEMORY;
	CURLUcode code = curl_url_set(fetch->url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (code == CURLUE_OUT_OF_MEMORY)
		return BH_FETCH_NO_MEMORY;
	if (code == CURLUE_USER_NOT_ALLOWED)
		return end(why, BH_FETCH_INVALID, "a URL with a user or a password");
	if (code || curl_url_set(fetch->url, CURLUPART_FRAGMENT, NULL, 0))
		return end(why, BH_FETCH_INVALID, "not a URL");
	return ask(fetch, why);
}

/* How. */

/* The address that is really connected to, whatever the name led to when. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to)
{
	bh_fetch *fetch = data;
	(void)purpose;
	if (!bh_net_terms(fetch->net)->bounds.proxies && !fetch->request.may_connect(fetch->request.data, &to->addr)) {
		fetch->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
}

/* What is sent: the method, and a body if it has one. A redirect's hop may send it again. */
static size_t sends(const bh_fetch *fetch)
{
	return fetch->bodiless ? 0 : fetch->request.body_length;
}

static bool set_message(bh_fetch *fetch)
{
	CURL *easy = fetch->easy;
	bool with_body = !fetch->bodiless && (fetch->request.body_length || !strcmp(fetch->method, "POST") ||
	                                      !strcmp(fetch->method, "PUT") || !strcmp(fetch->method, "PATCH"));
	if (!strcmp(fetch->method, "HEAD"))
		return !curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (with_body && (curl_easy_setopt(easy, CURLOPT_POST, 1L) ||
	                  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->request.body_length) ||
	                  curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
	                                   fetch->request.body_length ? (const char *)fetch->request.body : "")))
		return false;
	return !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, fetch->method);
}

/*
 * A connection serves one fetch: one that is used again was looked at for somebody else. Names are resolved for each, and
 * not by libcurl (names.h); what they lead to is looked at when it is connected to.
 */
static bool set_connection(bh_fetch *fetch, const bh_fetch_terms *terms)
{
	CURL *easy = fetch->easy;
	return !curl_easy_setopt(easy, CURLOPT_CURLU, fetch->url) && !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) && !curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L) &&
	       /* Where a proxy's name is resolved, who leaves does not wait for that. */
	       !curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
	       !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch) &&
	       (terms->bounds.proxies || !curl_easy_setopt(easy, CURLOPT_PROXY, "")) &&
	       (!terms->ca_file || !curl_easy_setopt(easy, CURLOPT_CAINFO, terms->ca_file)) &&
	       !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static bool set_time(const bh_fetch *fetch)
{
	uint64_t now = bh_now();
	uint64_t left_ms = now < fetch->deadline ? (fetch->deadline - now) / 1000000 + 1 : 1;
	return !curl_easy_setopt(fetch->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
}

static bool set_rest(bh_fetch *fetch)
{
	CURL *easy = fetch->easy;
	return !curl_easy_setopt(easy, CURLOPT_USERAGENT, "bulkhead/" BH_VERSION) &&
	       !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->sent) &&
	       !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, bh_take_header) &&
	       !curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, bh_take_body) &&
	       !curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) && !curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
}

bool bh_fetch_resolved(bh_fetch *fetch, const char *addresses)
{
	BH_AUTO(bh_free) char *text = bh_format("%s:%u:%s", fetch->host, fetch->port, addresses);
	curl_slist_free_all(fetch->leads_to);
	fetch->leads_to = text ? curl_slist_append(NULL, text) : NULL;
	if (!fetch->known && (fetch->known = curl_share_init()))
		curl_share_setopt(fetch->known, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	return fetch->leads_to && fetch->known && !curl_easy_setopt(fetch->easy, CURLOPT_SHARE, fetch->known) &&
	       !curl_easy_setopt(fetch->easy, CURLOPT_RESOLVE, fetch->leads_to) && set_time(fetch);
}

/* The first hop's: later ones only follow. */
static bh_fetch_outcome check_method(bh_fetch *fetch, char why[WHY])
{
	enum { LONGEST = 32 };
	const char *method = fetch->request.method;
	size_t length = strlen(method);
	if (!bh_is_token(method, length) || length > LONGEST)
		return end(why, BH_FETCH_INVALID, "not a method");
	if (!strcasecmp(method, "CONNECT") || !strcasecmp(method, "TRACE"))
		return end(why, BH_FETCH_INVALID, "CONNECT and TRACE are not sent");
	if (!strcmp(method, "HEAD") && fetch->request.body_length)
		return end(why, BH_FETCH_INVALID, "HEAD has no body");
	fetch->method = method;
	return BH_FETCH_OK;
}

bh_fetch_outcome bh_fetch_begin(bh_fetch *fetch, const bh_fetch_terms *terms, const char *text, char why[WHY])
{
	bh_fetch_outcome outcome = fetch->method ? BH_FETCH_OK : check_method(fetch, why);
	if (outcome || (outcome = parse(fetch, text, why)))
		return outcome;
	BH_AUTO(bh_free) char *origin = origin_of(fetch->url);
	if (!origin)
		return BH_FETCH_NO_MEMORY;
	bool same_origin = !fetch->origin || !strcmp(origin, fetch->origin);
	if (!fetch->origin)
		fetch->origin = BH_TAKE(origin);
	curl_slist_free_all(BH_TAKE(fetch->sent));
	outcome = bh_headers_make(&fetch->sent, fetch, same_origin, why);
	if (outcome)
		return outcome;
	if (bh_now() >= fetch->deadline)
		return end(why, BH_FETCH_TIMEOUT, "its time is up");
	if (sends(fetch) && !fetch->request.moved(fetch->request.data, sends(fetch)))
		return BH_FETCH_OVER_LIMIT;
	if (!fetch->easy)
		fetch->easy = curl_easy_init();
	else
		curl_easy_reset(fetch->easy);
	fetch->body_length = fetch->head_length = fetch->place_count = 0;
	fetch->body_began = fetch->refused = false;
	if (!fetch->easy || !set_connection(fetch, terms) || !set_message(fetch) || !set_rest(fetch) || !set_time(fetch))
		return BH_FETCH_NO_MEMORY;
	return BH_FETCH_OK;
}

/* Its end. */

/* Failures in words that tell nothing of the host's network. */
static bh_fetch_outcome explain(const bh_fetch *fetch, CURLcode code, char why[WHY])
{
	if (fetch->spoiled == BH_FETCH_TOO_LARGE)
		return end(why, BH_FETCH_TOO_LARGE, "the response is larger than this host takes");
	if (fetch->spoiled)
		return fetch->spoiled;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return end(why, BH_FETCH_TIMEOUT, "its time is up");
	case CURLE_OUT_OF_MEMORY:
		return BH_FETCH_NO_MEMORY;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		return end(why, BH_FETCH_TLS, curl_easy_strerror(code));
	case CURLE_COULDNT_CONNECT:
		if (fetch->refused)
			return end(why, BH_FETCH_DENIED, "the name leads to an address of a private network that was not granted");
		break;
	default:
		break;
	}
	return end(why, BH_FETCH_UNREACHABLE, curl_easy_strerror(code));
}

/* As browsers do: who was told to look elsewhere looks, and repeats itself only where that was asked for. */
static void follow(bh_fetch *fetch, long status)
{
	bool get = status == 303 ? strcmp(fetch->method, "HEAD") != 0
	                         : (status == 301 || status == 302) && !strcmp(fetch->method, "POST");
	if (!get)
		return;
	fetch->method = "GET";
	fetch->bodiless = true;
}

bh_fetch_outcome bh_fetch_step(bh_fetch *fetch, CURLcode code, char **next, char why[WHY])
{
	long status = 0;
	char *location = NULL;
	*next = NULL;
	if (code)
		return explain(fetch, code, why);
	curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
	bool redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
	if (!redirect || curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &location) || !location ||
	    !fetch->request.max_redirects)
		return BH_FETCH_OK;
	if (fetch->redirects++ == fetch->request.max_redirects)
		return end(why, BH_FETCH_TOO_MANY_REDIRECTS, "it was sent on too often");
	/* It lives as long as the hop. */
	*next = bh_strdup(location);
	if (!*next)
		return BH_FETCH_NO_MEMORY;
	follow(fetch, status);
	return BH_FETCH_CANCELLED;
}

void bh_fetch_free(bh_fetch *fetch)
{
	curl_easy_cleanup(fetch->easy);
	curl_share_cleanup(fetch->known);
	curl_url_cleanup(fetch->url);
	curl_slist_free_all(fetch->sent);
	curl_slist_free_all(fetch->leads_to);
	bh_free(fetch->host);
	bh_free(fetch->origin);
	bh_free(fetch->head);
	bh_free(fetch->places);
	bh_free(fetch->body);
	bh_free(fetch);
}

void bh_fetch_over(bh_fetch *fetch, bh_fetch_outcome outcome, const char *why)
{
	long status = 0;
	BH_AUTO(bh_free) bh_net_header *headers = NULL;
	CURL_TEXT url = NULL;
	if (fetch->url && curl_url_get(fetch->url, CURLUPART_URL, &url, 0))
		url = NULL;
	if (!outcome) {
		curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
		headers = bh_calloc(fetch->place_count + 1, sizeof *headers);
		if (!headers || !url)
			outcome = BH_FETCH_NO_MEMORY;
	}
	for (size_t i = 0; i < fetch->place_count && headers; i++) {
		const bh_header_place *at = &fetch->places[i];
		headers[i] =
			(bh_net_header){fetch->head + at->name, at->name_length, fetch->head + at->value, at->value_length};
	}
	bh_net_response response = {
		.outcome = outcome,
		.status = (unsigned)status,
		.headers = headers,
		.header_count = headers ? fetch->place_count : 0,
		.body = fetch->body,
		.body_length = fetch->body_length,
		.url = url,
	};
	snprintf(response.why, sizeof response.why, "%s", why);
	/* Sockets first: nobody is told of an end while something of it is still open. */
	curl_easy_cleanup(BH_TAKE(fetch->easy));
	fetch->request.over(fetch->request.data, &response);
	bh_fetch_free(fetch);
}
