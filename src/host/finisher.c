#include "host/finisher.h"

#include "base/clock.h"
#include "base/thread.h"

struct bh_finisher {
	pthread_t thread;
	pthread_mutex_t lock;
	bh_instance *list; /* bounded by the live instances: one call each */
	bh_waker *waker;
	bh_ticker *ticker;
	_Atomic bool stop;
	bool orphan; /* freed from its own thread: it frees itself */
};

/* One look at one call; true when it is over. */
static bool look(bh_finisher *finisher, bh_instance *instance)
{
	bh_ticker_touch(finisher->ticker);
	if (bh_store_poll(instance->store, finisher->waker) == BH_POLL_ENDED) {
		bh_error *why = NULL;
		bh_status status = bh_store_finish(instance->store, NULL, &why);
		bh_instance_leave(instance, status ? bh_error_message(why) : NULL);
		bh_error_free(why);
		return true;
	}
	bool late = bh_now() >= instance->limit_at;
	if (!late && !atomic_load(&finisher->stop) && !atomic_load(&instance->doomed))
		return false;
	bh_store_abort(instance->store);
	bh_instance_leave(instance, late ? "it passed its execution limit" : "it was given up");
	return true;
}

static bh_instance *take_list(bh_finisher *finisher)
{
	pthread_mutex_lock(&finisher->lock);
	bh_instance *list = finisher->list;
	finisher->list = NULL;
	pthread_mutex_unlock(&finisher->lock);
	return list;
}

static void free_finisher(bh_finisher *finisher)
{
	pthread_mutex_destroy(&finisher->lock);
	bh_waker_release(finisher->waker);
	bh_free(finisher);
}

static void *run(void *data)
{
	bh_finisher *finisher = data;
	bh_instance *mine = NULL;
	while (mine || !atomic_load(&finisher->stop)) {
		bh_waker_clear(finisher->waker);
		bh_instance *more = take_list(finisher);
		while (more) {
			bh_instance *next = more->next;
			more->next = mine;
			mine = more;
			more = next;
		}
		uint64_t until = BH_NEVER;
		for (bh_instance **link = &mine; *link;) {
			bh_instance *instance = *link;
			if (look(finisher, instance)) {
				*link = instance->next;
				bh_instance_release(instance);
				continue;
			}
			until = instance->limit_at < until ? instance->limit_at : until;
			link = &instance->next;
		}
		if (!atomic_load(&finisher->stop))
			bh_waker_wait(finisher->waker, until);
	}
	if (finisher->orphan)
		free_finisher(finisher);
	return NULL;
}

static bh_finisher *start(bh_host *host)
{
	bh_finisher *finisher = bh_calloc(1, sizeof *finisher);
	bh_waker *waker = bh_waker_new();
	if (!finisher || !waker) {
		bh_free(finisher);
		bh_waker_release(waker);
		return NULL;
	}
	finisher->waker = waker;
	finisher->ticker = host->ticker;
	pthread_mutex_init(&finisher->lock, NULL);
	if (!bh_thread_start(&finisher->thread, 0, run, finisher))
		return finisher;
	free_finisher(finisher);
	return NULL;
}

bool bh_finisher_take(bh_host *host, bh_instance *instance, uint64_t limit_at)
{
	pthread_mutex_lock(&host->lock);
	if (!host->finisher)
		host->finisher = start(host);
	bh_finisher *finisher = host->finisher;
	pthread_mutex_unlock(&host->lock);
	if (!finisher)
		return false;
	bh_instance_retain(instance);
	instance->limit_at = limit_at;
	pthread_mutex_lock(&instance->lock);
	instance->runner = finisher->waker;
	pthread_mutex_unlock(&instance->lock);
	pthread_mutex_lock(&finisher->lock);
	instance->next = finisher->list;
	finisher->list = instance;
	pthread_mutex_unlock(&finisher->lock);
	bh_waker_wake(finisher->waker);
	return true;
}

void bh_finisher_free(bh_finisher *finisher)
{
	if (!finisher)
		return;
	bool own_thread = pthread_equal(pthread_self(), finisher->thread);
	finisher->orphan = own_thread;
	atomic_store(&finisher->stop, true);
	if (own_thread) {
		pthread_detach(finisher->thread);
		return;
	}
	bh_waker_wake(finisher->waker);
	pthread_join(finisher->thread, NULL);
	free_finisher(finisher);
}
