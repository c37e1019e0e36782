/*
 * Counting. A thread's shard is its number modulo 8, and the number comes from `threads`, the one thing here that
 * belongs to the process: threads call in any number of hosts.
 */
#include "host/stats.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "base/thread.h"
#include "host/stats_cells.h"

static _Atomic unsigned threads;
static BH_THREAD_LOCAL unsigned mine; /* shard + 1 */

static size_t shard_of_thread(void)
{
	if (!mine)
		mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % BH_STATS_SHARDS + 1;
	return mine - 1;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261U;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash;
}

/* How many bytes of UTF-8 begin here; 0 if they are none. */
static size_t character_length(const char *text)
{
	const unsigned char *t = (const unsigned char *)text;
	size_t length = t[0] < 0x80 ? 1 : t[0] < 0xc2 ? 0 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : t[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < length; i++)
		if ((t[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate half, or beyond the last character. */
	bool odd = length > 1 && ((t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xed && t[1] > 0x9f) ||
	                          (t[0] == 0xf0 && t[1] < 0x90) || (t[0] == 0xf4 && t[1] > 0x8f));
	return odd ? 0 : length;
}

/*
 * A copy in which bytes that are no UTF-8 have become U+FFFD. This is done to names on their way in, not on their way
 * out: two that would be written alike must be one.
 */
static char *repaired(const char *name)
{
	bh_text text = {0};
	while (*name) {
		size_t length = character_length(name);
		bh_text_add_n(&text, length ? name : "\xef\xbf\xbd", length ? length : 3);
		name += length ? length : 1;
	}
	return bh_text_take(&text);
}

/*
 * Zeroed memory that begins with a cache line, and a copy of `name` behind it. `block` receives what is freed.
 * The size is a multiple of the alignment, as sizes of types are.
 */
static void *new_lines(size_t size, const char *name, char **name_out, void **block)
{
	size_t length = strlen(name) + 1;
	char *raw = bh_calloc(1, BH_STATS_LINE - 1 + size + length);
	if (!raw)
		return NULL;
	*block = raw;
	raw += -(uintptr_t)raw % BH_STATS_LINE;
	*name_out = memcpy(raw + size, name, length);
	return raw;
}

bh_status bh_stats_new(bh_stats **out, bh_error **err)
{
	bh_stats *stats = bh_calloc(1, sizeof *stats);
	if (!stats)
		return bh_fail_memory(err);
	pthread_mutex_init(&stats->lock, NULL);
	*out = stats;
	return BH_OK;
}

void bh_stats_free(bh_stats *stats)
{
	if (!stats)
		return;
	assert(!stats->count);
	pthread_mutex_destroy(&stats->lock);
	bh_free(stats);
}

static bh_stats_component *make_component(bh_stats *stats, const char *name, uint32_t hash)
{
	char *copy;
	void *block;
	bh_stats_component *component = new_lines(sizeof *component, name, &copy, &block);
	if (!component)
		return NULL;
	component->stats = stats;
	component->name = copy;
	component->block = block;
	component->hash = hash;
	pthread_mutex_init(&component->lock, NULL);
	bh_stats_component **chain = &stats->chains[hash % BH_STATS_COMPONENT_CHAINS];
	component->next = *chain;
	*chain = component;
	stats->count++;
	return component;
}

bh_stats_component *bh_stats_component_new(bh_stats *stats, const char *name)
{
	BH_AUTO(bh_free) char *text = repaired(name);
	if (!text)
		return NULL;
	uint32_t hash = hash_of(text);
	pthread_mutex_lock(&stats->lock);
	bh_stats_component *component = stats->chains[hash % BH_STATS_COMPONENT_CHAINS];
	while (component && (component->hash != hash || strcmp(component->name, text)))
		component = component->next;
	if (!component)
		component = make_component(stats, text, hash);
	if (component)
		component->references++;
	pthread_mutex_unlock(&stats->lock);
	return component;
}

static void drop_component(bh_stats_component *component)
{
	for (size_t i = 0; i < BH_STATS_EXPORT_CHAINS; i++)
		for (bh_stats_export *next, *e = atomic_load(&component->chains[i]); e; e = next) {
			next = e->next;
			bh_free(e->block);
		}
	pthread_mutex_destroy(&component->lock);
	bh_free(component->block);
}

void bh_stats_component_free(bh_stats_component *component)
{
	if (!component)
		return;
	bh_stats *stats = component->stats;
	pthread_mutex_lock(&stats->lock);
	bool last = --component->references == 0;
	if (last) {
		bh_stats_component **link = &stats->chains[component->hash % BH_STATS_COMPONENT_CHAINS];
		while (*link != component)
			link = &(*link)->next;
		*link = component->next;
		stats->count--;
		bh_stats_add_component(&stats->gone, component);
	}
	pthread_mutex_unlock(&stats->lock);
	if (last)
		drop_component(component);
}

static bh_stats_export *find_export(bh_stats_component *component, const char *name, uint32_t hash)
{
	bh_stats_export *e = atomic_load_explicit(&component->chains[hash % BH_STATS_EXPORT_CHAINS], memory_order_acquire);
	while (e && (e->hash != hash || strcmp(e->name, name)))
		e = e->next;
	return e;
}

static bh_stats_export *make_export(bh_stats_component *component, const char *name, uint32_t hash)
{
	char *copy;
	void *block;
	bh_stats_export *e = new_lines(sizeof *e, name, &copy, &block);
	if (!e)
		return NULL;
	e->name = copy;
	e->block = block;
	e->hash = hash;
	component->named += *name != '\0';
	_Atomic(bh_stats_export *) *chain = &component->chains[hash % BH_STATS_EXPORT_CHAINS];
	e->next = atomic_load_explicit(chain, memory_order_relaxed);
	atomic_store_explicit(chain, e, memory_order_release);
	return e;
}

bh_stats_export *bh_stats_export_get(bh_stats_component *component, const char *name)
{
	name = name ? name : "";
	uint32_t hash = hash_of(name);
	bh_stats_export *e = find_export(component, name, hash);
	if (e)
		return e;
	pthread_mutex_lock(&component->lock);
	if (*name && component->named == BH_STATS_EXPORTS) {
		name = "";
		hash = hash_of(name);
	}
	e = find_export(component, name, hash);
	if (!e)
		e = make_export(component, name, hash);
	pthread_mutex_unlock(&component->lock);
	return e;
}

static void add(_Atomic uint64_t *cell, uint64_t amount)
{
	atomic_fetch_add_explicit(cell, amount, memory_order_relaxed);
}

/* After what was counted before it: a reader that sees this sees that. */
static void add_after(_Atomic uint64_t *cell, uint64_t amount)
{
	atomic_fetch_add_explicit(cell, amount, memory_order_release);
}

static void raise_to(_Atomic uint64_t *cell, uint64_t value)
{
	uint64_t seen = atomic_load_explicit(cell, memory_order_relaxed);
	while (value > seen &&
	       !atomic_compare_exchange_weak_explicit(cell, &seen, value, memory_order_relaxed, memory_order_relaxed)) {}
}

/* Bounds are inclusive: what took 2^n ns is in the last bucket below, not in the first one above. */
static size_t bucket_of(uint64_t ns)
{
	enum { FIRST = 10 }; /* 2^10 ns, about a microsecond */
	if (ns <= UINT64_C(1) << FIRST)
		return 0;
	uint64_t last = ns - 1;
	unsigned octave = 63 - (unsigned)__builtin_clzll(last);
	size_t bucket = 1 + 4 * (octave - FIRST) + ((last >> (octave - 2)) & 3);
	return bucket < BH_HISTOGRAM_BUCKETS ? bucket : BH_HISTOGRAM_BUCKETS - 1;
}

/* Whoever clears the bit carries it: a thread that is slow to do so does no harm, for the next one does. */
static void carry(bh_stats_export *e, _Atomic uint16_t *cell, size_t bucket)
{
	add(&e->carries_begun, 1);
	if (atomic_fetch_and_explicit(cell, BH_STATS_CARRY - 1, memory_order_release) & BH_STATS_CARRY)
		add_after(&e->carried[bucket], BH_STATS_CARRY);
	add_after(&e->carries_ended, 1);
}

static void count_time(bh_stats_export *e, bh_stats_shard *shard, uint64_t ns)
{
	size_t bucket = bucket_of(ns);
	_Atomic uint16_t *cell = &shard->wall[bucket];
	add(&shard->wall_ns, ns);
	unsigned count = atomic_fetch_add_explicit(cell, 1, memory_order_relaxed) + 1U;
	if (count & BH_STATS_CARRY)
		carry(e, cell, bucket);
}

static void count_wait(bh_stats_export *e, bh_stats_shard *shard, uint64_t ns)
{
	size_t bucket = bucket_of(ns);
	add(&shard->queue_ns, ns);
	if (bucket)
		add_after(&e->queue[bucket], 1);
}

static void count_failure(bh_stats_export *e, bh_status status, bh_trap trap)
{
	size_t row = bh_stats_row(status);
	assert(row < BH_STATS_ROWS);
	if (status)
		add_after(&e->failed[row], 1);
	if (trap != BH_TRAP_NONE)
		add_after(&e->traps[(unsigned)trap < BH_TRAP_COUNT ? trap : BH_TRAP_UNKNOWN], 1);
}

void bh_stats_started(bh_stats_component *component)
{
	atomic_fetch_add_explicit(&component->gauges[shard_of_thread()].in_flight, 1, memory_order_relaxed);
}

void bh_stats_ended(bh_stats_component *component, bh_stats_export *export_, bh_status status, bh_trap trap,
                    const bh_stats_call *call)
{
	size_t number = shard_of_thread();
	bh_stats_export *e = export_ ? export_ : bh_stats_export_get(component, NULL);
	atomic_fetch_sub_explicit(&component->gauges[number].in_flight, 1, memory_order_relaxed);
	if (!e) /* where 4 KiB are not to be had, a call more or less is not what is wanted */
		return;
	bh_stats_shard *shard = &e->shards[number];
	count_time(e, shard, call->wall_ns);
	if (call->fuel)
		add(&shard->fuel, call->fuel);
	if (call->queue_ns)
		count_wait(e, shard, call->queue_ns);
	raise_to(&e->peak_memory, call->peak_memory);
	if (status || trap != BH_TRAP_NONE)
		count_failure(e, status, trap);
}

void bh_stats_instances(bh_stats_component *component, int delta)
{
	atomic_fetch_add_explicit(&component->gauges[shard_of_thread()].instances, delta, memory_order_relaxed);
}
