/* From one configuration to the next: what is kept, replaced, added and removed. */
#include <string.h>
#include <time.h>

#include "crew_internal.h"
#include "memory.h"
#include "notify.h"
#include "say.h"

/* Whether its supervisor is replaced, and all below with it. */
static bool falls_with_parent(const hands *next, const hand *h)
{
	const hand *parent = *h->spec->parent ? hands_find(next, h->spec->parent) : NULL;
	return parent && parent->duty != HAND_KEEP; /* one that runs nothing is not upgraded */
}

/* Those before it in the order are decided already. */
static void decide(const crew *c, const hands *next, hand *h)
{
	h->before = hands_find(&c->now, h->spec->path);
	if (!h->before)
		h->duty = HAND_ADD;
	else if (!h->before->child || falls_with_parent(next, h))
		h->duty = HAND_REPLACE;
	else if (hand_same(h->before, h))
		h->duty = HAND_KEEP;
	else
		h->duty = hand_upgrades(h->before, h) ? HAND_UPGRADE : HAND_REPLACE;
}

static void free_all(hands *table)
{
	for (size_t i = 0; i < table->count; i++)
		hand_free(table->items[i]);
	sv_free(table->items);
}

/* Whoever started the daemon has patience as long as one component after the other is loaded. */
static void tell_of_progress(uint64_t *told)
{
	enum { COMPILE_MS = 120000, RARELY_MS = 1000 };
	uint64_t now = crew_now_ms();
	if (*told && now - *told < RARELY_MS)
		return;
	*told = now;
	notify_extend(COMPILE_MS);
}

typedef const bh_config_child *spec_at(const bh_config *config, size_t index);

static bh_status load_all(hands *out, crew *c, generation *g, spec_at *at, size_t count, bool strict,
                          const atomic_bool *stop, bh_error **err)
{
	hands next = {.items = sv_alloc((count + 1) * sizeof *next.items)};
	if (!next.items)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	bh_status status = BH_OK;
	uint64_t told = 0;
	while (!status && next.count < count) {
		tell_of_progress(&told);
		hand *h = NULL;
		status = atomic_load(stop) ? bh_error_new(err, BH_E_CANCELLED, "stopped")
		                           : hand_new(&h, c, g, at(g->config, next.count), err);
		if (status || !h)
			break;
		next.items[next.count++] = h;
		if (h->broken && strict) {
			status = bh_error_status(h->broken);
			if (err)
				*err = bh_error_copy(h->broken);
		}
	}
	if (status)
		free_all(&next);
	else
		*out = next;
	return status;
}

/* What may be spawned. That of before which is the same stays, so that lists have to change for what is another only. */
static void keep_listed(const crew *c, hands *listed)
{
	hands_sort(listed);
	for (size_t i = 0; i < listed->count; i++) {
		hand *h = listed->items[i];
		h->before = hands_find(&c->listed, h->spec->path);
		h->duty = h->before && hand_same(h->before, h) ? HAND_KEEP : HAND_REPLACE;
		if (h->broken && h->duty != HAND_KEEP)
			say_failure(BH_LOG_ERROR, h->spec->path, h->broken);
	}
}

/* From here on it is this that may be spawned, by those who are there as well. What is replaced goes later: see crew_tidy(). */
static void put_listed(crew *c, hands *listed, const hands *next)
{
	hands old = c->listed;
	for (size_t i = 0; i < listed->count; i++) {
		hand *h = listed->items[i];
		if (h->duty != HAND_KEEP)
			continue;
		listed->items[i] = h->before;
		h->before->duty = HAND_KEEP;
		hand_free(h);
	}
	for (size_t i = 0; i < listed->count; i++)
		hand_list(listed->items[i], listed);
	for (size_t i = 0; i < next->count; i++)
		hand_list(next->items[i]->duty == HAND_KEEP ? next->items[i]->before : next->items[i], listed);
	c->listed = *listed;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < old.count; i++) {
		hand *h = old.items[i];
		if (hands_find(listed, h->spec->path) == h)
			continue;
		h->removed_ms = crew_now_ms();
		h->next = c->removed;
		c->removed = h;
	}
	pthread_mutex_unlock(&c->lock);
	sv_free(old.items);
}

/* In what is in force: what has no successor, or one that is another. */
static bool is_leaving(const hands *next, const hand *h)
{
	const hand *successor = hands_find(next, h->spec->path);
	return !successor || successor->duty == HAND_ADD || successor->duty == HAND_REPLACE;
}

/* Until it is out of the tree: its name is free then. What stops takes its shutdown_ms at most. */
static void wait_until_gone(const crew *c, const hand *h)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	for (bool there = true; there;) {
		(void)bh_child_wait(h->child, BH_CHILD_STOPPED, 1000);
		bh_child *found = bh_supervisor_find(c->tree, h->spec->path);
		there = found == h->child;
		bh_child_unref(found);
		if (there)
			nanosleep(&moment, NULL);
	}
}

/* What is below another one that leaves goes with it, in the order that the tree has for that. */
static bool leaves_by_itself(const crew *c, const hands *next, const hand *h)
{
	const hand *parent = *h->spec->parent ? hands_find(&c->now, h->spec->parent) : NULL;
	return h->child && is_leaving(next, h) && !(parent && parent->child && is_leaving(next, parent));
}

static void remove_leaving(crew *c, const hands *next)
{
	/* All are asked first, so that they stop beside each other. */
	for (size_t i = c->now.count; i--;)
		if (leaves_by_itself(c, next, c->now.items[i]))
			bh_child_remove(c->now.items[i]->child);
	for (size_t i = c->now.count; i--;)
		if (leaves_by_itself(c, next, c->now.items[i]))
			wait_until_gone(c, c->now.items[i]);
}

/* Its log goes on where it was: that of the one before, or of one of that name that was removed not long ago. */
static void inherit_log(crew *c, hand *h)
{
	hand *from = h->before;
	for (hand *r = c->removed; r && !from; r = r->next)
		if (r->log && !strcmp(r->spec->path, h->spec->path))
			from = r;
	if (!from || h->spec->options->kind == BH_CHILD_SUPERVISOR)
		return;
	h->log = from->log;
	from->log = NULL;
}

/* What is kept stays as it is, with the configuration that its instances have texts of. */
static void carry_over(hand **place)
{
	hand *h = *place;
	*place = h->before;
	hand_free(h);
}

static void settle(crew *c, hands *next, crew_changes *changes)
{
	pthread_mutex_lock(&c->lock);
	hands old = c->now;
	for (size_t i = 0; i < old.count; i++) {
		hand *h = old.items[i];
		const hand *successor = hands_find(next, h->spec->path);
		if (!is_leaving(next, h))
			continue;
		changes->removed += !successor;
		h->removed_ms = crew_now_ms();
		h->next = c->removed;
		c->removed = h;
	}
	for (size_t i = 0; i < next->count; i++)
		if (next->items[i]->duty == HAND_KEEP || next->items[i]->duty == HAND_UPGRADE)
			carry_over(&next->items[i]);
		else
			inherit_log(c, next->items[i]);
	c->now = *next;
	pthread_mutex_unlock(&c->lock);
	sv_free(old.items);
}

/* Add what is new, in the order of the configuration. */
static void add_all(crew *c, const bh_config *config, const atomic_bool *stop)
{
	const bh_config_child *spec;
	for (size_t i = 0; (spec = bh_config_child_at(config, i)) && !atomic_load(stop); i++) {
		hand *h = hands_find(&c->now, spec->path);
		bh_error *err = NULL;
		if (!h || h->child)
			continue;
		if (hand_add(h, c, &err))
			say_failure(BH_LOG_ERROR, spec->path, err);
		bh_error_free(err);
	}
}

static void count(const hands *table, crew_changes *changes)
{
	for (size_t i = 0; i < table->count; i++) {
		changes->kept += table->items[i]->duty == HAND_KEEP;
		changes->added += table->items[i]->duty == HAND_ADD;
		changes->changed += table->items[i]->duty == HAND_REPLACE;
		changes->upgraded += table->items[i]->duty == HAND_UPGRADE;
	}
}

bh_status crew_apply(crew *c, bh_config *config, bool strict, const atomic_bool *stop, crew_changes *changes,
                     bh_error **err)
{
	hands next = {0}, listed = {0};
	*changes = (crew_changes){0};
	generation *g = sv_alloc(sizeof *g);
	if (!g)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	*g = (generation){.config = config, .references = 1};
	bh_status status =
		load_all(&listed, c, g, bh_config_component_at, bh_config_component_count(config), strict, stop, err);
	if (!status)
		status = load_all(&next, c, g, bh_config_child_at, bh_config_child_count(config), strict, stop, err);
	if (status) {
		free_all(&listed);
		g->config = NULL; /* stays its owner's */
		generation_unref(g);
		return status;
	}
	/* In the order of the configuration first: supervisors before what is below them. */
	hands sorted = {.items = sv_alloc((next.count + 1) * sizeof *next.items), .count = next.count};
	if (!sorted.items) {
		free_all(&listed);
		free_all(&next);
		g->config = NULL;
		generation_unref(g);
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	}
	for (size_t i = 0; i < next.count; i++)
		sorted.items[i] = next.items[i];
	hands_sort(&sorted);
	for (size_t i = 0; i < next.count; i++)
		decide(c, &sorted, next.items[i]);
	sv_free(next.items);
	count(&sorted, changes);
	keep_listed(c, &listed);
	put_listed(c, &listed, &sorted);
	crew_upgrade_all(c, sorted.items, sorted.count);
	remove_leaving(c, &sorted);
	settle(c, &sorted, changes);
	add_all(c, config, stop);
	for (size_t i = 0; i < c->now.count; i++)
		changes->broken += c->now.items[i]->broken || !c->now.items[i]->child;
	for (size_t i = 0; i < c->listed.count; i++)
		changes->broken += c->listed.items[i]->broken != NULL;
	generation_unref(c->current);
	c->current = g;
	return BH_OK;
}
