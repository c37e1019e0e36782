#include "host/instance.h"

#include "base/clock.h"
#include "host/place.h"
#include "host/quick.h"

/* Calls that wait for their turn, where nothing else is said. */
enum { DEFAULT_MAILBOX = 1000 };

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
	bh_place_free(instance->component, BH_TAKE(instance->store));
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

bh_instance *bh_instance_make(bh_component *component, const bh_instance_options *options)
{
	bh_alloc_ahead();
	bh_instance *instance = bh_calloc(1, sizeof *instance);
	if (!instance)
		return NULL;
	atomic_init(&instance->references, 1);
	atomic_init(&instance->quick, BH_QUICK_CLOSED);
	instance->component = bh_component_ref(component);
	pthread_mutex_init(&instance->lock, NULL);
	size_t end = offsetof(bh_instance_options, mailbox) + sizeof options->mailbox;
	bool known = options && (!options->struct_size || options->struct_size >= end);
	instance->mailbox = known && options->mailbox ? options->mailbox : DEFAULT_MAILBOX;
	return instance;
}

bh_status bh_instance_new(bh_instance **out, bh_component *component, const bh_instance_options *options,
                          bh_error **err)
{
	if (!component)
		return bh_fail(err, BH_E_INVALID, "bh_instance_new: no component");
	BH_AUTO(bh_instance_release) bh_instance *instance = bh_instance_make(component, options);
	if (!instance)
		return bh_fail_memory(err);
	bh_run run = {0};
	bh_run_init(&run, component, NULL);
	run.options = options;
	run.owner = instance;
	bh_status status = bh_run_wait(&run, NULL, NULL, err);
	if (status)
		return status;
	bh_instance_open(instance, run.store);
	*out = BH_TAKE(instance);
	return BH_OK;
}

void bh_instance_open(bh_instance *instance, bh_store *store)
{
	instance->store = store;
	if (bh_quick_may(instance))
		atomic_store_explicit(&instance->quick, 0, memory_order_release);
}

/* Nobody takes the turn without the lock from here on; true: somebody has it so. With the lock held. */
static bool close_quick(bh_instance *instance)
{
	return atomic_fetch_or(&instance->quick, BH_QUICK_CLOSED) & BH_QUICK_RUNS;
}

static bool runs_quick(const bh_instance *instance)
{
	return atomic_load(&instance->quick) & BH_QUICK_RUNS;
}

/* The last one who came with the lock has gone. With the lock held. */
static void open_quick(bh_instance *instance)
{
	bool well =
		instance->store && !instance->poison && !atomic_load(&instance->killed) && !atomic_load(&instance->doomed);
	if (well && !instance->users && bh_quick_may(instance))
		atomic_fetch_and(&instance->quick, ~(uint32_t)BH_QUICK_CLOSED);
}

void bh_instance_free(bh_instance *instance)
{
	if (!instance)
		return;
	pthread_mutex_lock(&instance->lock);
	atomic_store_explicit(&instance->doomed, true, memory_order_release);
	if (instance->runner)
		bh_waker_wake(instance->runner);
	bh_line_call_all(&instance->line);
	bool used = instance->given_up = close_quick(instance) || instance->users > 0;
	pthread_mutex_unlock(&instance->lock);
	if (!used)
		bh_instance_release(instance);
}

void bh_instance_kill(bh_instance *instance)
{
	if (!instance)
		return;
	pthread_mutex_lock(&instance->lock);
	atomic_store_explicit(&instance->killed, true, memory_order_release);
	close_quick(instance);
	if (instance->runner)
		bh_waker_wake(instance->runner);
	bh_line_call_all(&instance->line);
	pthread_mutex_unlock(&instance->lock);
}

bool bh_instance_usable(const bh_instance *instance)
{
	bh_instance *i = (bh_instance *)instance;
	pthread_mutex_lock(&i->lock);
	bool usable = i->store && !i->poison && !atomic_load(&i->killed);
	pthread_mutex_unlock(&i->lock);
	return usable;
}

static bh_status poisoned(const bh_instance *instance, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_POISONED, "the instance cannot be used again: %s",
	                             instance->poison                 ? instance->poison
	                             : atomic_load(&instance->killed) ? "it was killed"
	                                                              : "an earlier call ended it");
	bh_error_hint_set(e, "A component that was stopped half-way may hold broken state. Make a new instance.");
	return BH_E_POISONED;
}

static bh_status full(const bh_instance *instance, bh_error **err)
{
	bh_error_begin(err, BH_E_BUSY, "%u calls wait for this instance already", instance->line.length);
	return BH_E_BUSY;
}

/* With the lock held. */
static bool unreserve(bh_instance *instance, bh_run *run)
{
	bool was = run->reserved;
	instance->reserved -= was;
	run->reserved = false;
	return was;
}

bool bh_instance_unreserve(bh_instance *instance, bh_run *run)
{
	pthread_mutex_lock(&instance->lock);
	bool was = unreserve(instance, run);
	pthread_mutex_unlock(&instance->lock);
	return was;
}

uint32_t bh_instance_reserved(bh_instance *instance)
{
	pthread_mutex_lock(&instance->lock);
	uint32_t reserved = instance->reserved;
	pthread_mutex_unlock(&instance->lock);
	return reserved;
}

/* With the lock held. */
static bool take_turn(bh_instance *instance, bh_run *run, bh_status *status)
{
	if (!instance->store || instance->poison || atomic_load_explicit(&instance->killed, memory_order_relaxed)) {
		*status = poisoned(instance, &run->why);
	} else if (instance->busy || runs_quick(instance) || !bh_line_first(&instance->line, &run->turn)) {
		if (!run->turn.waits && instance->line.length >= instance->mailbox)
			*status = full(instance, &run->why);
		else
			bh_line_join(&instance->line, &run->turn);
	} else {
		bh_line_leave(&instance->line, &run->turn);
		unreserve(instance, run);
		instance->busy = true;
		instance->runner = run->turn.waker;
		return true;
	}
	return false;
}

bool bh_instance_enter(bh_instance *instance, bh_run *run, bh_status *status)
{
	bool first_step = !run->uses_instance;
	pthread_mutex_lock(&instance->lock);
	close_quick(instance);
	instance->users += first_step;
	run->uses_instance = true;
	bool mine = take_turn(instance, run, status);
	pthread_mutex_unlock(&instance->lock);
	return mine;
}

bh_status bh_instance_reserve(bh_instance *instance, bh_run *run, const bh_waker *waker, bh_error **err)
{
	bh_status status = BH_OK;
	run->turn.waker = waker;
	pthread_mutex_lock(&instance->lock);
	if (instance->line.length >= instance->mailbox) {
		status = full(instance, err);
	} else {
		close_quick(instance);
		bh_line_join(&instance->line, &run->turn);
		run->uses_instance = true;
		instance->users++;
		run->reserved = run->supplied; /* others have nobody to come back to */
		instance->reserved += run->reserved;
	}
	pthread_mutex_unlock(&instance->lock);
	return status;
}

/* The end of a run; true if the owner's reference is left to it. With the lock held. */
static bool last_user(bh_instance *instance)
{
	bool last = !instance->users && !runs_quick(instance) && instance->given_up;
	instance->given_up &= !last;
	open_quick(instance);
	return last;
}

void bh_instance_quit(bh_instance *instance, bh_run *run)
{
	pthread_mutex_lock(&instance->lock);
	bh_line_leave(&instance->line, &run->turn);
	/* The next one may have been passed over because this one was before it. */
	if (!instance->busy && !runs_quick(instance))
		bh_line_call(&instance->line);
	instance->users--;
	bool last = last_user(instance);
	pthread_mutex_unlock(&instance->lock);
	if (last)
		bh_instance_release(instance);
}

/* A store that is spent goes. With the lock held, which is given up meanwhile. */
static void pass_turn(bh_instance *instance, const char *why)
{
	if (bh_store_usable(instance->store)) {
		bh_line_call(&instance->line);
		return;
	}
	instance->poison = bh_strdup(why ? why : "an earlier call ended it");
	bh_store *spent = BH_TAKE(instance->store);
	bh_line_call_all(&instance->line);
	pthread_mutex_unlock(&instance->lock);
	bh_place_free(instance->component, spent);
	pthread_mutex_lock(&instance->lock);
}

void bh_instance_leave(bh_instance *instance, const char *why)
{
	pthread_mutex_lock(&instance->lock);
	instance->busy = false;
	instance->runner = NULL;
	pass_turn(instance, why);
	instance->users--;
	bool last = last_user(instance);
	pthread_mutex_unlock(&instance->lock);
	if (last)
		bh_instance_release(instance);
}

void bh_instance_leave_quick(bh_instance *instance, const char *why)
{
	pthread_mutex_lock(&instance->lock);
	close_quick(instance); /* whoever comes now is told of the end */
	instance->users++;     /* so that it stays while the lock is given up */
	atomic_fetch_and(&instance->quick, ~(uint32_t)BH_QUICK_RUNS);
	pass_turn(instance, why);
	instance->users--;
	bool last = last_user(instance);
	pthread_mutex_unlock(&instance->lock);
	if (last)
		bh_instance_release(instance);
}
