#include "net/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"

enum {
	MOST_THREADS = 8,
	MOST_ADDRESSES = 16, /* of one name, that are tried */
	IDLE_MS = 5000
};

struct bh_lookup {
	bh_lookup *next, *previous;
	char *name;
	uint32_t asking;
	enum { QUEUED, RUNNING, DONE } state;
	char *addresses; /* once it is done; NULL: there are none */
};

struct bh_names {
	_Atomic uint32_t references; /* the net's, and each thread's */
	pthread_mutex_t lock;
	pthread_cond_t work;
	bh_lookup *first, *last;
	uint32_t threads, idle, queued;
	bool closing;
	void (*wake)(void *data);
	void *data;
};

bh_names *bh_names_new(void (*wake)(void *data), void *data)
{
	bh_names *names = bh_calloc(1, sizeof *names);
	if (!names)
		return NULL;
	atomic_init(&names->references, 1);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&names->work, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&names->lock, NULL);
	names->wake = wake;
	names->data = data;
	return names;
}

static void release(bh_names *names)
{
	if (atomic_fetch_sub(&names->references, 1) != 1)
		return;
	pthread_mutex_destroy(&names->lock);
	pthread_cond_destroy(&names->work);
	bh_free(names);
}

void bh_names_close(bh_names *names)
{
	if (!names)
		return;
	pthread_mutex_lock(&names->lock);
	names->closing = true;
	pthread_cond_broadcast(&names->work);
	pthread_mutex_unlock(&names->lock);
	release(names);
}

/* The list; with the lock held. */

static void lookup_free(bh_names *names, bh_lookup *l)
{
	*(l->previous ? &l->previous->next : &names->first) = l->next;
	*(l->next ? &l->next->previous : &names->last) = l->previous;
	names->queued -= l->state == QUEUED;
	bh_free(l->name);
	bh_free(l->addresses);
	bh_free(l);
}

static void let_go(bh_names *names, bh_lookup *l)
{
	if (!--l->asking && l->state != RUNNING)
		lookup_free(names, l);
}

static bh_lookup *add(bh_names *names, const char *name)
{
	bh_lookup *l = bh_calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->name = bh_strdup(name);
	if (!l->name) {
		bh_free(l);
		return NULL;
	}
	l->previous = names->last;
	*(names->last ? &names->last->next : &names->first) = l;
	names->last = l;
	names->queued++;
	return l;
}

/* One that still goes on: what is known already may not be true any more. */
static bh_lookup *find(const bh_names *names, const char *name)
{
	bh_lookup *l = names->first;
	while (l && (l->state == DONE || strcasecmp(l->name, name) != 0))
		l = l->next;
	return l;
}

/* Threads. */

/* "192.0.2.1,2001:db8::1"; NULL: none. Blocks, for as long as name servers like. */
static char *resolve(const char *name)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL;
	char text[INET6_ADDRSTRLEN];
	bh_text list = {0};
	int count = 0;
	if (getaddrinfo(name, NULL, &hints, &found))
		return NULL;
	for (const struct addrinfo *i = found; i && count < MOST_ADDRESSES; i = i->ai_next)
		if (!getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) && !strchr(text, '%'))
			bh_text_add(&list, "%s%s", count++ ? "," : "", text);
	freeaddrinfo(found);
	return bh_text_take(&list);
}

static bh_lookup *first_queued(const bh_names *names)
{
	bh_lookup *l = names->first;
	while (l && l->state != QUEUED)
		l = l->next;
	return l;
}

/* NULL: nothing came for a while, or nothing will. With the lock held. */
static bh_lookup *next_lookup(bh_names *names)
{
	uint64_t until = bh_after_ms(bh_now(), IDLE_MS);
	struct timespec moment = {(time_t)(until / UINT64_C(1000000000)), (long)(until % UINT64_C(1000000000))};
	int failed = 0;
	bh_lookup *l;
	names->idle++;
	while (!(l = first_queued(names)) && !names->closing && failed != ETIMEDOUT)
		failed = pthread_cond_timedwait(&names->work, &names->lock, &moment);
	names->idle--;
	return l;
}

static void *run(void *data)
{
	bh_names *names = data;
	pthread_mutex_lock(&names->lock);
	for (bh_lookup *l; (l = next_lookup(names));) {
		l->state = RUNNING;
		names->queued--;
		pthread_mutex_unlock(&names->lock);
		char *addresses = resolve(l->name);
		pthread_mutex_lock(&names->lock);
		l->addresses = addresses;
		l->state = DONE;
		if (!l->asking)
			lookup_free(names, l);
		else if (!names->closing)
			names->wake(names->data);
	}
	names->threads--;
	pthread_mutex_unlock(&names->lock);
	release(names);
	return NULL;
}

/* Somebody to do what was just added; false: there is nobody at all. With the lock held. */
static bool have_thread(bh_names *names)
{
	pthread_t thread;
	if (names->idle >= names->queued || names->threads == MOST_THREADS)
		return true;
	atomic_fetch_add(&names->references, 1);
	if (!bh_thread_start(&thread, BH_KIB(512), run, names)) {
		pthread_detach(thread);
		names->threads++;
		return true;
	}
	atomic_fetch_sub(&names->references, 1);
	return names->threads;
}

/* What the net calls. */

bh_lookup *bh_names_ask(bh_names *names, const char *name)
{
	pthread_mutex_lock(&names->lock);
	bh_lookup *l = find(names, name);
	if (!l && (l = add(names, name)) && !have_thread(names)) {
		lookup_free(names, l);
		l = NULL;
	}
	if (l)
		l->asking++;
	pthread_cond_signal(&names->work);
	pthread_mutex_unlock(&names->lock);
	return l;
}

bool bh_names_answer(bh_names *names, bh_lookup *lookup, char **addresses)
{
	pthread_mutex_lock(&names->lock);
	bool done = lookup->state == DONE;
	if (done) {
		*addresses = lookup->addresses ? bh_strdup(lookup->addresses) : NULL;
		let_go(names, lookup);
	}
	pthread_mutex_unlock(&names->lock);
	return done;
}

void bh_names_forget(bh_names *names, bh_lookup *lookup)
{
	pthread_mutex_lock(&names->lock);
	let_go(names, lookup);
	pthread_mutex_unlock(&names->lock);
}
