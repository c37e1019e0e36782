#include "host/roll.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"

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

static size_t part_of(const bh_roll_entry *entry)
{
	return ((uintptr_t)entry >> 8) % BH_ROLL_PARTS;
}

/* With the part's lock held. */
static void link_entry(bh_roll *roll, size_t part, bh_roll_entry *entry)
{
	entry->previous = NULL;
	entry->next = roll->parts[part].first;
	if (entry->next)
		entry->next->previous = entry;
	roll->parts[part].first = entry;
}

bh_status bh_roll_enter(bh_roll *roll, bh_roll_entry *entry, bh_error **err)
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
	size_t part = part_of(entry);
	pthread_mutex_lock(&roll->parts[part].lock);
	link_entry(roll, part, entry);
	pthread_mutex_unlock(&roll->parts[part].lock);
	return BH_OK;
}

/* Who kills sets the sign before it looks, so it finds who did not see it. */
bool bh_roll_stay(bh_roll *roll, bh_roll_entry *entry)
{
	size_t part = part_of(entry);
	atomic_fetch_add(&roll->count, 1);
	pthread_mutex_lock(&roll->parts[part].lock);
	bool stays = !atomic_load(&roll->killed);
	if (stays)
		link_entry(roll, part, entry);
	pthread_mutex_unlock(&roll->parts[part].lock);
	if (!stays)
		bh_roll_gone(roll);
	return stays;
}

void bh_roll_leave(bh_roll *roll, bh_roll_entry *entry)
{
	size_t part = part_of(entry);
	pthread_mutex_lock(&roll->parts[part].lock);
	if (entry->previous)
		entry->previous->next = entry->next;
	else
		roll->parts[part].first = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
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

void bh_roll_abandon(bh_roll *roll, bh_roll_entry *entry)
{
	bh_roll_leave(roll, entry);
	bh_roll_gone(roll);
}

static void kill_all(bh_roll *roll)
{
	atomic_store(&roll->killed, true);
	for (int i = 0; i < BH_ROLL_PARTS; i++) {
		pthread_mutex_lock(&roll->parts[i].lock);
		for (bh_roll_entry *entry = roll->parts[i].first; entry; entry = entry->next)
			entry->kill(entry);
		pthread_mutex_unlock(&roll->parts[i].lock);
	}
}

/* Or until the moment. */
static void wait_until_gone(bh_roll *roll, uint64_t until)
{
	struct timespec moment = {
		.tv_sec = (time_t)(until / UINT64_C(1000000000)),
		.tv_nsec = (long)(until % UINT64_C(1000000000)),
	};
	bool late = false;
	pthread_mutex_lock(&roll->lock);
	while (atomic_load(&roll->count) && !late) {
		if (until == BH_NEVER)
			pthread_cond_wait(&roll->empty, &roll->lock);
		else
			late = pthread_cond_timedwait(&roll->empty, &roll->lock, &moment);
	}
	pthread_mutex_unlock(&roll->lock);
}

/* Even where all were gone in time: a call that a thread waits for may be given up at any moment, and then nothing of it goes on. */
void bh_roll_drain(bh_roll *roll, uint64_t until)
{
	atomic_store(&roll->closed, true);
	wait_until_gone(roll, until);
	kill_all(roll);
	wait_until_gone(roll, BH_NEVER);
}
