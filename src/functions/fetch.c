/*
 * bulkhead:host/network: requests out of values, responses into values, and whom a component may ask. HTTP itself is in
 * libbulkhead-net (src/net), which the first fetch loads.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "base/reach.h"
#include "base/text.h"
#include "functions/functions.h"
#include "functions/library.h"
#include "functions/words.h"

struct bh_fetcher {
	pthread_mutex_t lock; /* over loading */
	const bh_net_library *library;
	bh_net *net;
	bh_hostfunctions_options bounds;
	char *ca_file;
	char *library_path;
};

/* One fetch. */
typedef struct {
	bh_completion *completion;
	bh_permissions *permissions; /* a copy: the component may be gone before the fetch is */
	const bh_net_library *library;
	bh_fetch *fetch;
	bh_net_header *headers;
} request;

static bool copy_text(char **out, const char *text)
{
	*out = text ? bh_strdup(text) : NULL;
	return *out || !text;
}

static void fetcher_free(bh_fetcher *fetcher)
{
	pthread_mutex_destroy(&fetcher->lock);
	bh_free(fetcher->ca_file);
	bh_free(fetcher->library_path);
	bh_free(fetcher);
}

bh_fetcher *bh_fetcher_new(const bh_hostfunctions_options *options)
{
	bh_fetcher *fetcher = bh_calloc(1, sizeof *fetcher);
	if (!fetcher)
		return NULL;
	pthread_mutex_init(&fetcher->lock, NULL);
	fetcher->bounds = *options;
	if (copy_text(&fetcher->ca_file, options->ca_file) && copy_text(&fetcher->library_path, options->net_library))
		return fetcher;
	fetcher_free(fetcher);
	return NULL;
}

void bh_fetcher_close(void *data)
{
	bh_fetcher *fetcher = data;
	if (fetcher->net)
		fetcher->library->close(fetcher->net);
	fetcher_free(fetcher);
}

static void open_net(bh_fetcher *f)
{
	bh_net_bounds bounds = {
		.max_response = f->bounds.max_response,
		.max_header_bytes = f->bounds.max_header_bytes,
		.running = f->bounds.max_fetches,
		.each = f->bounds.component_fetches,
		.waiting = f->bounds.waiting_fetches,
		.proxies = f->bounds.environment_proxies,
		.ca_file = f->ca_file,
	};
	if (!f->library->open(&f->net, &bounds))
		f->net = NULL;
}

/* The net, opened by the first who asks. NULL: `why` says why not, to be freed, or there is no memory. */
static bh_net *have_net(bh_fetcher *f, char **why)
{
	pthread_mutex_lock(&f->lock);
	if (!f->library)
		f->library = bh_net_library_load(f->library_path, why);
	if (f->library && !f->net)
		open_net(f);
	bh_net *net = f->net;
	pthread_mutex_unlock(&f->lock);
	return net;
}

static void request_free(request *r)
{
	if (!r)
		return;
	bh_permissions_free(r->permissions);
	bh_free(r->headers);
	bh_free(r);
}

/* Whom. */

static bool may_ask(void *data, const char *host, uint16_t port)
{
	const request *r = data;
	return bh_reach_host(r->permissions, BH_NET_HTTP, host, strlen(host), port);
}

static bool may_connect(void *data, const struct sockaddr *to)
{
	const request *r = data;
	const struct sockaddr_in *v4 = (const void *)to;
	const struct sockaddr_in6 *v6 = (const void *)to;
	if (to->sa_family == AF_INET)
		return bh_reach_address(r->permissions, BH_NET_HTTP, (const uint8_t *)&v4->sin_addr, 4, ntohs(v4->sin_port));
	if (to->sa_family == AF_INET6)
		return bh_reach_address(r->permissions, BH_NET_HTTP, (const uint8_t *)&v6->sin6_addr, 16, ntohs(v6->sin6_port));
	return false;
}

static bool may_connect_anywhere(void *data, const struct sockaddr *to)
{
	(void)data;
	return to->sa_family == AF_INET || to->sa_family == AF_INET6;
}

/* Bodies, as those of WASI's HTTP. */
static bool moved(void *data, size_t bytes)
{
	const request *r = data;
	return bh_completion_count_io(r->completion, bytes);
}

/* What came of it. */

static void answer(const request *r, const bh_net_response *response)
{
	bh_value value = BH_VALUE_INIT;
	if (bh_response_value(&value, response)) {
		bh_value result = bh_of_ok(&value);
		bh_completion_finish(r->completion, &result);
	} else {
		bh_completion_fail(r->completion, BH_E_NO_MEMORY, "no memory for the response");
	}
	bh_value_deinit(&value);
}

static void over(void *data, const bh_net_response *response)
{
	request *r = data;
	if (response->outcome == BH_FETCH_OK)
		answer(r, response);
	else if (response->outcome == BH_FETCH_CANCELLED || response->outcome == BH_FETCH_OVER_LIMIT)
		bh_completion_drop(r->completion);
	else if (response->outcome == BH_FETCH_NO_MEMORY)
		bh_completion_fail(r->completion, BH_E_NO_MEMORY, "no memory for a request");
	else
		bh_answer_err(r->completion, bh_outcome_case(response->outcome), "%s", response->why);
	request_free(r);
}

static void cancelled(void *data)
{
	const request *r = data;
	r->library->cancel(r->fetch);
}

/* What is asked for. */

static uint64_t lesser(const bh_value *option, uint64_t most)
{
	const bh_value *some = option->as.option;
	uint64_t number = !some ? most : some->kind == BH_KIND_U32 ? some->as.u32 : some->as.u64;
	return number < most ? number : most;
}

static bh_status fill(request *r, bh_net_request *out, const bh_value *record, const bh_fetcher *f)
{
	const bh_value *list = bh_value_field(record, "headers");
	const bh_value *body = bh_value_field(record, "body");
	const bh_permissions *granted = bh_component_permissions(bh_calling_component());
	r->headers = bh_calloc(list->as.list.count + 1, sizeof *r->headers);
	if (!r->headers || (granted && bh_permissions_copy(&r->permissions, granted, NULL)))
		return BH_E_NO_MEMORY;
	for (size_t i = 0; i < list->as.list.count; i++) {
		const bh_value *name = bh_value_field(&list->as.list.items[i], "name");
		const bh_value *value = bh_value_field(&list->as.list.items[i], "value");
		r->headers[i] = (bh_net_header){name->as.string.data, name->as.string.length, value->as.string.data,
		                                value->as.string.length};
	}
	*out = (bh_net_request){
		.method = bh_value_string(bh_value_field(record, "method")),
		.url = bh_value_string(bh_value_field(record, "url")),
		.headers = r->headers,
		.header_count = list->as.list.count,
		.body = body->as.bytes.data,
		.body_length = body->as.bytes.length,
		.timeout_ms = lesser(bh_value_field(record, "timeout-ms"), f->bounds.fetch_ms),
		.max_redirects = (uint32_t)lesser(bh_value_field(record, "max-redirects"), f->bounds.max_redirects),
		.owner = bh_calling_component(),
		.data = r,
		.may_ask = may_ask,
		.moved = moved,
		.may_connect = f->bounds.private_addresses ? may_connect_anywhere : may_connect,
		.over = over,
	};
	return BH_OK;
}

/* Everything the guest sent, and that no text of it ends before its end. */
static bool check(const bh_value *record, uint64_t most, bh_completion *completion)
{
	const bh_value *method = bh_value_field(record, "method"), *url = bh_value_field(record, "url");
	const bh_value *list = bh_value_field(record, "headers");
	uint64_t size = method->as.string.length + url->as.string.length + bh_value_field(record, "body")->as.bytes.length;
	for (size_t i = 0; i < list->as.list.count; i++)
		size += bh_value_field(&list->as.list.items[i], "name")->as.string.length +
		        bh_value_field(&list->as.list.items[i], "value")->as.string.length;
	if (size > most || list->as.list.count > BH_REQUEST_HEADERS_MAX) {
		bh_answer_err(completion, "too-large", "the request is larger than this host sends");
		return false;
	}
	if (strlen(method->as.string.data) == method->as.string.length &&
	    strlen(url->as.string.data) == url->as.string.length)
		return true;
	bh_answer_err(completion, "invalid", "a method or URL with a NUL in it");
	return false;
}

void bh_fetcher_start(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	bh_fetcher *f = data;
	BH_AUTO(bh_free) char *why = NULL;
	if (!check(&args[0], f->bounds.max_request, completion))
		return;
	bh_net *net = have_net(f, &why);
	if (!net && why) {
		bh_answer_err(completion, "unavailable", "%s", why);
		return;
	}
	bh_net_request asked;
	request *r = net ? bh_calloc(1, sizeof *r) : NULL;
	if (r)
		*r = (request){.completion = completion, .library = f->library};
	if (!r || fill(r, &asked, &args[0], f) || !(r->fetch = f->library->prepare(net, &asked))) {
		request_free(r);
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory for a request");
		return;
	}
	bh_completion_on_cancel(completion, cancelled, r);
	if (f->library->submit(r->fetch))
		return;
	bh_completion_on_cancel(completion, NULL, NULL);
	bh_answer_err(completion, "busy", "as many requests wait as may: %u", f->bounds.waiting_fetches);
	f->library->discard(r->fetch);
	request_free(r);
}
