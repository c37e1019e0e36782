#include "host/roll.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "host/async.h"

void bh_roll_init(bh_roll *roll, uint32_t max)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&roll->empty, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&roll->lock, NULL);
	roll->max = max;
	for (int i = 0; i < BH_ROLL_PARTS; i++)
		bh_lock_init(&roll->parts[i].lock);
}

void bh_roll_deinit(bh_roll *roll)
{
	for (int i = 0; i < BH_ROLL_PARTS; i++)
		pthread_mutex_destroy(&roll->parts[i].lock);
	pthread_mutex_destroy(&roll->lock);
	pthread_cond_destroy(&roll->empty);
}

static size_t part_of(const bh_call *call)
{
	return ((uintptr_t)call >> 8) % BH_ROLL_PARTS;
}

bh_status bh_roll_enter(bh_roll *roll, bh_call *call, bh_error **err)
{
	uint32_t before = atomic_fetch_add(&roll->count, 1);
	bool closed = atomic_load(&roll->closed);
	if (before >= roll->max || closed) {
		bh_roll_gone(roll);
		if (closed)
			return bh_fail(err, BH_E_BUSY, "the host is being drained");
		bh_error *e = bh_error_begin(err, BH_E_BUSY, "%u calls are under way already", roll->max);
		bh_error_hint_set(e, "Wait for some to end, or raise bh_host_options.queue.");
		return BH_E_BUSY;
	}
	size_t part = part_of(call);
	pthread_mutex_lock(&roll->parts[part].lock);
	call->previous = NULL;
	call->next = roll->parts[part].first;
	if (call->next)
		call->next->previous = call;
	roll->parts[part].first = call;
	pthread_mutex_unlock(&roll->parts[part].lock);
	return BH_OK;
}

void bh_roll_leave(bh_roll *roll, bh_call *call)
{
	size_t part = part_of(call);
	pthread_mutex_lock(&roll->parts[part].lock);
	if (call->previous)
		call->previous->next = call->next;
	else
		roll->parts[part].first = call->next;
	if (call->next)
		call->next->previous = call->previous;
	pthread_mutex_unlock(&roll->parts[part].lock);
}

void bh_roll_gone(bh_roll *roll)
{
	if (atomic_fetch_sub(&roll->count, 1) != 1 || !atomic_load(&roll->closed))
		return;
	pthread_mutex_lock(&roll->lock);
	pthread_cond_broadcast(&roll->empty);
	pthread_mutex_unlock(&roll->lock);
}

void bh_roll_abandon(bh_roll *roll, bh_call *call)
{
	bh_roll_leave(roll, call);
	bh_roll_gone(roll);
}

static void kill_all(bh_roll *roll)
{
	for (int i = 0; i < BH_ROLL_PARTS; i++) {
		pthread_mutex_lock(&roll->parts[i].lock);
		for (bh_call *call = roll->parts[i].first; call; call = call->next)
			bh_call_cancel(call, BH_CANCEL_KILL);
		pthread_mutex_unlock(&roll->parts[i].lock);
	}
}

void bh_roll_drain(bh_roll *roll, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	atomic_store(&roll->closed, true);
	pthread_mutex_lock(&roll->lock);
	bool late = false;
	while (atomic_load(&roll->count)) {
		if (until == BH_NEVER || late)
			pthread_cond_wait(&roll->empty, &roll->lock);
		else if (pthread_cond_timedwait(&roll->empty, &roll->lock, &moment)) {
			late = true;
			pthread_mutex_unlock(&roll->lock);
			kill_all(roll);
			pthread_mutex_lock(&roll->lock);
		}
	}
	pthread_mutex_unlock(&roll->lock);
}
