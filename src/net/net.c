/*
 * The net's thread: everything that libcurl does is done here. It sleeps until a socket, a timer or another thread has
 * something for it; with nothing to fetch that is until another thread has.
 *
 * Fetches come in by the list `inbox`. From there on they are the thread's: they wait for their turn, run, and end, and
 * each end is told. Other threads only leave a mark on them.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "net/net_thread.h"

typedef struct {
	bh_fetch *first, *last;
	size_t count;
} fetch_list;

struct bh_net {
	bh_fetch_terms terms;
	CURLM *multi;
	pthread_mutex_t lock; /* over the rest of this block */
	fetch_list inbox;
	size_t active; /* all that did not end */
	bool closing;
	_Atomic bool look;           /* one is cancelled, or all are */
	fetch_list waiting, running; /* the thread's own */
	bh_names *names;
	_Atomic bool found_out; /* something about a name */
	uint64_t next_deadline; /* of those that wait, or sooner */
};

const bh_fetch_terms *bh_net_terms(const bh_net *net)
{
	return &net->terms;
}

/* Lists. */

static void append(fetch_list *list, bh_fetch *fetch)
{
	fetch->next = NULL;
	fetch->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = fetch;
	list->last = fetch;
	list->count++;
}

static void take_out(fetch_list *list, bh_fetch *fetch)
{
	*(fetch->previous ? &fetch->previous->next : &list->first) = fetch->next;
	*(fetch->next ? &fetch->next->previous : &list->last) = fetch->previous;
	list->count--;
}

/* Ends. */

/* It is in no list. */
static void over(bh_net *net, bh_fetch *fetch, bh_fetch_outcome outcome, const char *why)
{
	pthread_mutex_lock(&net->lock);
	net->active--;
	pthread_mutex_unlock(&net->lock);
	bh_fetch_over(fetch, outcome, why);
}

static void stop(bh_net *net, bh_fetch *fetch, bh_fetch_outcome outcome, const char *why)
{
	if (fetch->lookup)
		bh_names_forget(net->names, BH_TAKE(fetch->lookup));
	else
		curl_multi_remove_handle(net->multi, fetch->easy);
	take_out(&net->running, fetch);
	over(net, fetch, outcome, why);
}

/* libcurl looks after the time of what it has. */
static void note_deadline(bh_net *net, const bh_fetch *fetch)
{
	if (fetch->deadline < net->next_deadline)
		net->next_deadline = fetch->deadline;
}

static bool is_cancelled(const bh_fetch *fetch, bool closing)
{
	return closing || atomic_load(&fetch->cancelled);
}

/* Those that nobody waits for any more, and those whose time passed before their turn came, or their name was known. */
static void sweep(bh_net *net, bool closing)
{
	uint64_t now = bh_now();
	bool look = atomic_exchange(&net->look, false) || closing;
	if (!look && now < net->next_deadline)
		return;
	net->next_deadline = BH_NEVER;
	for (bh_fetch *fetch = net->running.first, *next; fetch; fetch = next) {
		next = fetch->next;
		if (is_cancelled(fetch, closing))
			stop(net, fetch, BH_FETCH_CANCELLED, "");
		else if (fetch->lookup && now >= fetch->deadline)
			stop(net, fetch, BH_FETCH_TIMEOUT, "its name was not resolved in time");
		else if (fetch->lookup)
			note_deadline(net, fetch);
	}
	for (bh_fetch *fetch = net->waiting.first, *next; fetch; fetch = next) {
		next = fetch->next;
		bool cancelled = is_cancelled(fetch, closing);
		if (!cancelled && now < fetch->deadline) {
			note_deadline(net, fetch);
			continue;
		}
		take_out(&net->waiting, fetch);
		over(net, fetch, cancelled ? BH_FETCH_CANCELLED : BH_FETCH_TIMEOUT, "its turn did not come in time");
	}
}

/* Turns. */

/* The next hop, of one that is in no list. */
static void go_to(bh_net *net, bh_fetch *fetch, const char *url)
{
	char why[160] = "";
	bh_fetch_outcome outcome = bh_fetch_begin(fetch, &net->terms, url, why);
	if (!outcome && fetch->host) {
		fetch->lookup = bh_names_ask(net->names, fetch->host);
		outcome = fetch->lookup ? BH_FETCH_OK : BH_FETCH_NO_MEMORY;
		note_deadline(net, fetch);
	} else if (!outcome && curl_multi_add_handle(net->multi, fetch->easy)) {
		outcome = BH_FETCH_NO_MEMORY;
	}
	if (outcome)
		over(net, fetch, outcome, why);
	else
		append(&net->running, fetch);
}

/* Those whose names are known now. */
static void resume(bh_net *net)
{
	if (!atomic_exchange(&net->found_out, false))
		return;
	for (bh_fetch *fetch = net->running.first, *next; fetch; fetch = next) {
		next = fetch->next;
		BH_AUTO(bh_free) char *addresses = NULL;
		if (!fetch->lookup || !bh_names_answer(net->names, fetch->lookup, &addresses))
			continue;
		fetch->lookup = NULL;
		if (!addresses)
			stop(net, fetch, BH_FETCH_UNREACHABLE, "the name is not known");
		else if (!bh_fetch_resolved(fetch, addresses) || curl_multi_add_handle(net->multi, fetch->easy))
			stop(net, fetch, BH_FETCH_NO_MEMORY, "");
	}
}

static bool has_turn(const bh_net *net, const bh_fetch *fetch)
{
	uint32_t running = 0;
	for (const bh_fetch *other = net->running.first; other; other = other->next)
		running += other->request.owner == fetch->request.owner;
	return running < net->terms.bounds.each;
}

/* Those who came first, but for those who have their share already: they do not keep the others waiting. */
static void admit(bh_net *net)
{
	const void *full = NULL;
	for (bh_fetch *fetch = net->waiting.first, *next; fetch; fetch = next) {
		next = fetch->next;
		if (net->running.count >= net->terms.bounds.running)
			return;
		if (fetch->request.owner == full)
			continue;
		if (!has_turn(net, fetch)) {
			full = fetch->request.owner;
			continue;
		}
		take_out(&net->waiting, fetch);
		go_to(net, fetch, fetch->request.url);
	}
}

/* What libcurl is through with; false: nothing. */
static bool gather(bh_net *net)
{
	int left;
	bool any = false;
	for (CURLMsg *message; (message = curl_multi_info_read(net->multi, &left));) {
		bh_fetch *fetch = NULL;
		char why[160] = "", *next = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		any = true;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
		bh_fetch_outcome outcome = bh_fetch_step(fetch, code, &next, why);
		if (!next) {
			stop(net, fetch, outcome, why);
			continue;
		}
		curl_multi_remove_handle(net->multi, fetch->easy);
		take_out(&net->running, fetch);
		go_to(net, fetch, next);
		bh_free(next);
	}
	return any;
}

/* The thread. */

static bool take_inbox(bh_net *net)
{
	pthread_mutex_lock(&net->lock);
	for (bh_fetch *fetch; (fetch = net->inbox.first);) {
		take_out(&net->inbox, fetch);
		append(&net->waiting, fetch);
		note_deadline(net, fetch);
	}
	bool closing = net->closing;
	pthread_mutex_unlock(&net->lock);
	return closing;
}

static int sleep_ms(const bh_net *net)
{
	uint64_t now = bh_now();
	if (net->next_deadline == BH_NEVER)
		return INT_MAX;
	uint64_t ms = net->next_deadline > now ? (net->next_deadline - now) / 1000000 + 1 : 0;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void net_free(bh_net *net)
{
	bh_names_close(net->names);
	if (net->multi)
		curl_multi_cleanup(net->multi);
	pthread_mutex_destroy(&net->lock);
	bh_free(net->terms.ca_file);
	bh_free(net);
}

static void *run(void *data)
{
	bh_net *net = data;
	for (;;) {
		bool closing = take_inbox(net);
		sweep(net, closing);
		if (closing)
			break;
		resume(net);
		admit(net);
		int running;
		curl_multi_perform(net->multi, &running);
		if (!gather(net))
			curl_multi_poll(net->multi, NULL, 0, sleep_ms(net), NULL);
	}
	net_free(net);
	return NULL;
}

/* What other threads call. */

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* On a thread that resolves names. */
static void found_out(void *data)
{
	bh_net *net = data;
	atomic_store(&net->found_out, true);
	curl_multi_wakeup(net->multi);
}

static bool net_open(bh_net **out, const bh_net_bounds *bounds)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_t thread;
	pthread_once(&once, init_curl);
	bh_net *net = bh_calloc(1, sizeof *net);
	if (!net)
		return false;
	pthread_mutex_init(&net->lock, NULL);
	net->terms.bounds = *bounds;
	net->next_deadline = BH_NEVER;
	net->terms.ca_file = bounds->ca_file ? bh_strdup(bounds->ca_file) : NULL;
	net->multi = curl_multi_init();
	net->names = bh_names_new(found_out, net);
	if (!net->multi || !net->names || (bounds->ca_file && !net->terms.ca_file) ||
	    bh_thread_start(&thread, BH_KIB(512), run, net)) {
		net_free(net);
		return false;
	}
	pthread_detach(thread);
	*out = net;
	return true;
}

static void net_close(bh_net *net)
{
	pthread_mutex_lock(&net->lock);
	net->closing = true;
	curl_multi_wakeup(net->multi);
	pthread_mutex_unlock(&net->lock);
}

static bh_fetch *prepare(bh_net *net, const bh_net_request *request)
{
	bh_fetch *fetch = bh_calloc(1, sizeof *fetch);
	if (!fetch)
		return NULL;
	fetch->net = net;
	fetch->request = *request;
	fetch->deadline = bh_after_ms(bh_now(), request->timeout_ms);
	return fetch;
}

static bool submit(bh_fetch *fetch)
{
	bh_net *net = fetch->net;
	pthread_mutex_lock(&net->lock);
	bool room = net->active < (size_t)net->terms.bounds.running + net->terms.bounds.waiting;
	if (room) {
		net->active++;
		append(&net->inbox, fetch);
		curl_multi_wakeup(net->multi);
	}
	pthread_mutex_unlock(&net->lock);
	return room;
}

static void cancel(bh_fetch *fetch)
{
	bh_net *net = fetch->net;
	pthread_mutex_lock(&net->lock);
	atomic_store(&fetch->cancelled, true);
	atomic_store(&net->look, true);
	curl_multi_wakeup(net->multi);
	pthread_mutex_unlock(&net->lock);
}

const bh_net_library bh_net_library_1 = {
	.abi = BH_NET_ABI,
	.open = net_open,
	.close = net_close,
	.prepare = prepare,
	.submit = submit,
	.discard = bh_fetch_free,
	.cancel = cancel,
};
