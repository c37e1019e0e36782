#include "host/instance.h"

#include "base/clock.h"
#include "host/finisher.h"

void bh_buffer_deinit(bh_buffer *buffer)
{
	if (!buffer)
		return;
	bh_free(buffer->data);
	*buffer = (bh_buffer)BH_BUFFER_INIT;
}

void bh_instance_retain(bh_instance *instance)
{
	atomic_fetch_add(&instance->references, 1);
}

static void free_store(bh_instance *instance)
{
	if (!instance->store)
		return;
	bh_store_free(BH_TAKE(instance->store));
	bh_host_slot_freed(instance->component->host);
}

void bh_instance_release(bh_instance *instance)
{
	if (!instance || atomic_fetch_sub(&instance->references, 1) != 1)
		return;
	free_store(instance);
	bh_free(instance->poison);
	pthread_mutex_destroy(&instance->lock);
	bh_component_unref(instance->component);
	bh_free(instance);
}

BH_DEFINE_AUTO(bh_instance *, bh_instance_release)

static bh_instance *make(bh_component *component)
{
	bh_instance *instance = bh_calloc(1, sizeof *instance);
	if (!instance)
		return NULL;
	atomic_init(&instance->references, 1);
	instance->component = bh_component_ref(component);
	pthread_mutex_init(&instance->lock, NULL);
	return instance;
}

bh_status bh_instance_new(bh_instance **out, bh_component *component, const bh_instance_options *options,
                          bh_error **err)
{
	if (!component)
		return bh_fail(err, BH_E_INVALID, "bh_instance_new: no component");
	BH_AUTO(bh_instance_release) bh_instance *instance = make(component);
	if (!instance)
		return bh_fail_memory(err);
	bh_run run;
	bh_run_start(&run, component, NULL);
	bh_status status = bh_fresh_store(&instance->store, component, options, instance, &run, err);
	if (status)
		return status;
	*out = BH_TAKE(instance);
	return BH_OK;
}

static void wake_all(const bh_instance *instance)
{
	for (bh_waiting *waiting = instance->queue; waiting; waiting = waiting->next)
		bh_waker_wake(waiting->waker);
}

void bh_instance_free(bh_instance *instance)
{
	if (!instance)
		return;
	pthread_mutex_lock(&instance->lock);
	atomic_store_explicit(&instance->doomed, true, memory_order_release);
	if (instance->runner)
		bh_waker_wake(instance->runner);
	wake_all(instance);
	bool used = instance->given_up = instance->users > 0;
	pthread_mutex_unlock(&instance->lock);
	if (!used)
		bh_instance_release(instance);
}

/* A caller is done with the instance; true if the owner's reference is left to it. With the lock held. */
static bool last_user(bh_instance *instance)
{
	bool last = --instance->users == 0 && instance->given_up;
	instance->given_up &= !last;
	return last;
}

bool bh_instance_usable(const bh_instance *instance)
{
	bh_instance *i = (bh_instance *)instance;
	pthread_mutex_lock(&i->lock);
	bool usable = i->store && !i->poison;
	pthread_mutex_unlock(&i->lock);
	return usable;
}

static bh_status poisoned(const bh_instance *instance, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_POISONED, "the instance cannot be used again: %s",
	                             instance->poison ? instance->poison : "an earlier call ended it");
	bh_error_hint_set(e, "A component that was stopped half-way may hold broken state. Make a new instance.");
	return BH_E_POISONED;
}

static bh_status why_not(const bh_instance *instance, const bh_run *run, uint64_t now, uint64_t busy_at, bh_error **err)
{
	bh_ran how;
	if (!instance->store || instance->poison)
		return poisoned(instance, err);
	if (bh_run_waits_no_more(run, now, &how))
		return bh_run_stopped(run, how, &instance->component->limits, err);
	if (now < busy_at)
		return BH_OK;
	bh_error *e =
		bh_error_begin(err, BH_E_BUSY, "another call on this instance did not end in time (max_queue_time_ms)");
	bh_error_limit_set(e, BH_LIMIT_QUEUE_TIME, instance->component->limits.queue_ms, 0);
	return BH_E_BUSY;
}

static void dequeue(bh_instance *instance, const bh_waiting *me)
{
	bh_waiting **link = &instance->queue;
	while (*link != me)
		link = &(*link)->next;
	*link = me->next;
	/* The next one may have been passed over because I was before it. */
	if (instance->queue && !instance->busy)
		bh_waker_wake(instance->queue->waker);
}

/* With the lock held, but not while asleep. */
static bh_status wait_turn(bh_instance *instance, bh_run *run, uint64_t busy_at, bh_error **err)
{
	bh_waiting me = {.waker = bh_waker_mine()}, **end = &instance->queue;
	while (*end)
		end = &(*end)->next;
	*end = &me;
	int slot;
	bh_status status = BH_OK;
	bh_cancel_watch(run->cancel, me.waker, &slot);
	for (;;) {
		bh_waker_clear(me.waker);
		uint64_t now = bh_now();
		if ((status = why_not(instance, run, now, busy_at, err)) || (!instance->busy && instance->queue == &me))
			break;
		uint64_t until = bh_run_look_at(run, slot, now);
		pthread_mutex_unlock(&instance->lock);
		bh_waker_wait(me.waker, busy_at < until ? busy_at : until);
		pthread_mutex_lock(&instance->lock);
	}
	bh_cancel_unwatch(run->cancel, slot);
	if (!status) {
		instance->busy = true;
		bh_run_restart(run, instance->component);
	}
	dequeue(instance, &me);
	return status;
}

bh_status bh_instance_enter(bh_instance *instance, bh_run *run, uint64_t busy_at, bh_error **err)
{
	bh_waker *waker = bh_waker_mine();
	if (!waker)
		return bh_fail_memory(err);
	pthread_mutex_lock(&instance->lock);
	instance->users++;
	bh_status status = instance->busy || instance->queue ? wait_turn(instance, run, busy_at, err)
	                                                     : why_not(instance, run, run->started, BH_NEVER, err);
	bool last = status && last_user(instance);
	if (!status) {
		instance->busy = true;
		instance->runner = waker;
	}
	pthread_mutex_unlock(&instance->lock);
	if (last)
		bh_instance_release(instance);
	return status;
}

void bh_instance_leave(bh_instance *instance, const char *why)
{
	bh_store *spent = NULL;
	pthread_mutex_lock(&instance->lock);
	if (!bh_store_usable(instance->store)) {
		instance->poison = bh_strdup(why ? why : "an earlier call ended it");
		spent = BH_TAKE(instance->store);
	}
	instance->busy = false;
	instance->runner = NULL;
	if (spent)
		wake_all(instance);
	else if (instance->queue)
		bh_waker_wake(instance->queue->waker);
	if (spent) {
		pthread_mutex_unlock(&instance->lock);
		bh_store_free(spent);
		bh_host_slot_freed(instance->component->host);
		pthread_mutex_lock(&instance->lock);
	}
	bool last = last_user(instance);
	pthread_mutex_unlock(&instance->lock);
	if (last)
		bh_instance_release(instance);
}
