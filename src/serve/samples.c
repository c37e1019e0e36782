#include "samples.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "memory.h"
#include "tree_path.h"

enum {
	FRESH_MS = 200,  /* a look serves everybody who asks within that */
	RATE_MS = 1000,  /* rates are told over that at least */
	STALE_MS = 15000 /* and not over more than that */
};

/* Of a child that was called. */
typedef struct {
	size_t path; /* where it is in the texts */
	uint64_t calls;
} count;

/* In the order of their paths. As long as the tree, which its configuration and what children may spawn bound. */
typedef struct {
	count *items;
	size_t length, capacity;
	sv_text paths; /* each with its NUL */
	uint64_t at;   /* ms; 0: none was taken */
	bool failed;
} look;

struct samples {
	pthread_mutex_t lock;
	look now, before;
	tree_path path;
};

samples *samples_new(void)
{
	samples *s = sv_alloc(sizeof *s);
	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void look_deinit(look *l)
{
	sv_free(l->items);
	sv_text_deinit(&l->paths);
	*l = (look){0};
}

void samples_free(samples *s)
{
	if (!s)
		return;
	look_deinit(&s->now);
	look_deinit(&s->before);
	pthread_mutex_destroy(&s->lock);
	sv_free(s);
}

typedef struct {
	look *into;
	tree_path *path;
} looking;

/* Replicas are counted together, and stand one behind the other: the first is enough. */
static bool see(void *data, const bh_child_info *info)
{
	looking *l = data;
	look *into = l->into;
	const char *path = tree_path_of(l->path, info->depth, info->name);
	if (!info->stats || info->replica > 1)
		return true;
	count *items = sv_grow(into->items, into->length, &into->capacity, sizeof *items);
	into->items = items ? items : into->items;
	if (items)
		items[into->length++] = (count){into->paths.length, info->stats->calls};
	sv_text_add_n(&into->paths, path, strlen(path) + 1);
	into->failed = !items || into->paths.failed;
	return !into->failed;
}

static int by_path(const void *one, const void *other, void *paths)
{
	return strcmp((char *)paths + ((const count *)one)->path, (char *)paths + ((const count *)other)->path);
}

static bool take_look(look *out, tree_path *path, bh_supervisor *tree)
{
	*out = (look){0};
	tree_path_begin(path, "", 0);
	bh_child_list(bh_supervisor_root(tree), see, &(looking){out, path});
	out->at = now_ms();
	if (out->failed) {
		look_deinit(out);
		return false;
	}
	if (out->length)
		qsort_r(out->items, out->length, sizeof *out->items, by_path, out->paths.data);
	return true;
}

bool samples_enter(samples *s, bh_supervisor *tree)
{
	look fresh;
	pthread_mutex_lock(&s->lock);
	if (s->now.at && now_ms() - s->now.at < FRESH_MS)
		return true;
	if (!take_look(&fresh, &s->path, tree)) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	/* The one before stays until there is another that is old enough. */
	if (s->now.at && (!s->before.at || fresh.at - s->before.at >= 2 * RATE_MS)) {
		look_deinit(&s->before);
		s->before = s->now;
	} else {
		look_deinit(&s->now);
	}
	s->now = fresh;
	return true;
}

void samples_leave(samples *s)
{
	pthread_mutex_unlock(&s->lock);
}

/* How many calls of a child there were; of one that is not among them none was. */
static uint64_t calls_of(const look *l, const char *path)
{
	size_t low = 0, high = l->length;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(l->paths.data + l->items[middle].path, path);
		if (!order)
			return l->items[middle].calls;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* Where there were more of them before, it is another child of that name. */
static void put_rate(const samples *s, sv_text *out, const char *path)
{
	uint64_t time = s->now.at - s->before.at, calls = calls_of(&s->now, path), before = calls_of(&s->before, path);
	js_key(out, "calls_per_s");
	if (s->before.at && time >= FRESH_MS && time <= STALE_MS && calls >= before)
		js_real(out, (double)(calls - before) * 1000.0 / (double)time);
	else
		js_null(out);
}

static void put_limit(sv_text *out, const char *key, uint64_t limit)
{
	js_key(out, key);
	if (limit == BH_UNLIMITED)
		js_text(out, "unlimited");
	else
		js_number(out, limit);
}

child_sums child_sums_of(const bh_child_stats *stats)
{
	if (!stats)
		return (child_sums){0};
	return (child_sums){
		.calls = stats->calls,
		.failures = stats->failures,
		.fuel = stats->fuel,
		.memory = stats->memory,
		.peak_memory = stats->peak_memory,
		.p50_ns = bh_stats_quantile(&stats->time, 0.5),
		.p99_ns = bh_stats_quantile(&stats->time, 0.99),
	};
}

void samples_put(const samples *s, sv_text *out, const char *path, const bh_component *component,
                 const child_sums *sums)
{
	js_key(out, "statistics");
	if (!component) {
		js_null(out);
		return;
	}
	const bh_limits *limits = bh_component_limits(component);
	js_open(out, '{');
	js_put_text(out, "component", bh_component_name(component));
	js_put_number(out, "calls", sums->calls);
	js_put_number(out, "failures", sums->failures);
	put_rate(s, out, path);
	js_put_number(out, "p50_ns", sums->p50_ns);
	js_put_number(out, "p99_ns", sums->p99_ns);
	js_put_number(out, "fuel_per_call", sums->calls ? sums->fuel / sums->calls : 0);
	js_put_number(out, "memory", sums->memory);
	js_put_number(out, "peak_memory", sums->peak_memory);
	put_limit(out, "memory_limit", limits->memory);
	put_limit(out, "fuel_limit", limits->fuel);
	js_close(out, '}');
}
