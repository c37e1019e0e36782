#include "host/instance.h"

#include <errno.h>

#include "base/clock.h"
#include "host/finisher.h"
#include "host/run.h"

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
	pthread_cond_destroy(&instance->turn);
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
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&instance->turn, &attributes);
	pthread_condattr_destroy(&attributes);
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

void bh_instance_free(bh_instance *instance)
{
	if (!instance)
		return;
	pthread_mutex_lock(&instance->lock);
	atomic_store_explicit(&instance->doomed, true, memory_order_release);
	if (instance->runner)
		bh_waker_wake(instance->runner);
	pthread_mutex_unlock(&instance->lock);
	bh_instance_release(instance);
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

static bool wait_turn(bh_instance *instance, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	while (instance->busy) {
		int waited = until == BH_NEVER ? pthread_cond_wait(&instance->turn, &instance->lock)
		                               : pthread_cond_timedwait(&instance->turn, &instance->lock, &moment);
		if (waited == ETIMEDOUT)
			return !instance->busy;
	}
	return true;
}

bh_status bh_instance_enter(bh_instance *instance, uint64_t busy_at, uint64_t deadline_at, bh_error **err)
{
	bh_status status = BH_OK;
	pthread_mutex_lock(&instance->lock);
	if (!wait_turn(instance, busy_at < deadline_at ? busy_at : deadline_at)) {
		status = busy_at < deadline_at ? BH_E_BUSY : BH_E_DEADLINE;
		bh_fail(err, status, "another call on this instance did not end in time");
	} else if (!instance->store || instance->poison) {
		status = poisoned(instance, err);
	} else {
		instance->busy = true;
		instance->runner = bh_waker_mine();
	}
	pthread_mutex_unlock(&instance->lock);
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
	pthread_cond_signal(&instance->turn);
	pthread_mutex_unlock(&instance->lock);
	if (!spent)
		return;
	bh_store_free(spent);
	bh_host_slot_freed(instance->component->host);
}
