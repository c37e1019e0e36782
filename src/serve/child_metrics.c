#include "child_metrics.h"

#include <string.h>

#include "memory.h"
#include "metrics_text.h"
#include "tree_path.h"

enum { STATES = BH_CHILD_SCHEDULED + 1 };

/* Beyond so many children that stay, the rest is counted, and not shown: a configuration that large is nobody's. */
enum { MOST_ROWS = 10000 };

typedef struct {
	size_t path;             /* where it is in the texts */
	uint32_t states[STATES]; /* instances, or children, that are in it */
	bool spawned;            /* many that come and go: their counts would not only grow */
	bool called;
	uint64_t starts, restarts, calls, failures, timed, sum_ns, p50_ns, p99_ns;
} row;

typedef struct {
	row *rows;
	size_t count, capacity;
	uint64_t unseen;
	sv_text paths; /* each with its NUL */
	tree_path path;
	size_t at[TREE_DEEPEST]; /* the row of what was told of last, by depth; from 1, 0: it has none */
	bool failed;
} look;

static row *add_row(look *l, const char *path)
{
	row *rows = sv_grow(l->rows, l->count, &l->capacity, sizeof *rows);
	l->rows = rows ? rows : l->rows;
	if (!rows) {
		l->failed = true;
		return NULL;
	}
	row *r = &rows[l->count++];
	*r = (row){.path = l->paths.length};
	sv_text_add_n(&l->paths, path, strlen(path) + 1);
	l->failed = l->paths.failed;
	return r;
}

/*
 * Where it is counted, from 1; 0: nowhere. With the one before, where that is its replica; with the dynamic supervisor
 * that it is below of; with its parent, where that stays.
 */
static size_t place_of(look *l, const bh_child_info *info, const char *path)
{
	size_t above = info->depth ? l->at[info->depth - 1] : 0;
	if (info->replica > 1)
		return l->at[info->depth];
	if (above && l->rows[above - 1].spawned)
		return above;
	if (info->dynamic && info->kind != BH_CHILD_SUPERVISOR)
		return above;
	if (l->count >= MOST_ROWS) {
		l->unseen++;
		return 0;
	}
	row *r = add_row(l, path);
	if (r)
		r->spawned = info->dynamic;
	return r ? l->count : 0;
}

static void count_calls(row *r, const bh_child_stats *stats)
{
	r->called = true;
	r->calls = stats->calls;
	r->failures = stats->failures;
	r->timed = stats->time.count;
	r->sum_ns = stats->time.sum_ns;
	r->p50_ns = bh_stats_quantile(&stats->time, 0.5);
	r->p99_ns = bh_stats_quantile(&stats->time, 0.99);
}

static bool see(void *data, const bh_child_info *info)
{
	look *l = data;
	const char *path = tree_path_of(&l->path, info->depth, info->name);
	if (info->depth >= TREE_DEEPEST)
		return true;
	size_t at = place_of(l, info, path);
	l->at[info->depth] = at;
	if (!at)
		return !l->failed;
	row *r = &l->rows[at - 1];
	bool nest = info->dynamic && info->kind == BH_CHILD_SUPERVISOR;
	if (!nest)
		r->states[info->state]++;
	if (!info->dynamic && !r->spawned) {
		r->starts += info->generation;
		r->restarts += info->restarts;
		if (info->stats)
			count_calls(r, info->stats);
	}
	return !l->failed;
}

/* Writing. */

static void begin_row(sv_text *out, const look *l, const row *r, const char *name)
{
	sv_text_add(out, "bulkhead_child_%s{child=\"", name);
	metrics_label(out, l->paths.data + r->path);
	sv_text_add(out, "\"");
}

static void put_states(sv_text *out, const look *l, const row *r)
{
	for (int state = 0; state < STATES; state++) {
		begin_row(out, l, r, "instances");
		sv_text_add(out, ",state=\"%s\"} %u\n", bh_child_state_name((bh_child_state)state), r->states[state]);
	}
}

static void put_number(sv_text *out, const look *l, const row *r, const char *name, uint64_t value)
{
	begin_row(out, l, r, name);
	sv_text_add(out, "} %llu\n", (unsigned long long)value);
}

static void put_starts(sv_text *out, const look *l, const row *r)
{
	if (!r->spawned)
		put_number(out, l, r, "starts_total", r->starts);
}

static void put_restarts(sv_text *out, const look *l, const row *r)
{
	if (!r->spawned)
		put_number(out, l, r, "restarts_total", r->restarts);
}

static void put_calls(sv_text *out, const look *l, const row *r)
{
	if (r->called)
		put_number(out, l, r, "calls_total", r->calls);
}

static void put_failures(sv_text *out, const look *l, const row *r)
{
	if (r->called)
		put_number(out, l, r, "failures_total", r->failures);
}

static void put_quantile(sv_text *out, const look *l, const row *r, const char *quantile, uint64_t ns)
{
	begin_row(out, l, r, "call_seconds");
	sv_text_add(out, ",quantile=\"%s\"} %.9g\n", quantile, (double)ns / 1e9);
}

static void put_time(sv_text *out, const look *l, const row *r)
{
	if (!r->called)
		return;
	put_quantile(out, l, r, "0.5", r->p50_ns);
	put_quantile(out, l, r, "0.99", r->p99_ns);
	begin_row(out, l, r, "call_seconds_sum");
	sv_text_add(out, "} %.9f\n", (double)r->sum_ns / 1e9);
	put_number(out, l, r, "call_seconds_count", r->timed);
}

static void put_all(sv_text *out, const look *l)
{
	static const struct {
		const char *name, *type, *help;
		void (*put)(sv_text *out, const look *l, const row *r);
	} parts[] = {
		{"instances", "gauge", "Instances of children by state; below NAME.children what was spawned.", put_states},
		{"starts_total", "counter", "How often a child came up, replicas together.", put_starts},
		{"restarts_total", "counter", "How often it was started again after an exit.", put_restarts},
		{"calls_total", "counter", "Calls of it that ended, however.", put_calls},
		{"failures_total", "counter", "Calls of it that failed.", put_failures},
		{"call_seconds", "summary", "Time that whole calls of it took, waiting included, since it was added.",
	     put_time},
	};
	for (size_t n = 0; n < SV_COUNT(parts); n++) {
		sv_text_add(out, "# HELP bulkhead_child_%s %s\n# TYPE bulkhead_child_%s %s\n", parts[n].name, parts[n].help,
		            parts[n].name, parts[n].type);
		for (size_t i = 0; i < l->count; i++)
			parts[n].put(out, l, &l->rows[i]);
	}
	sv_text_add(out,
	            "# HELP bulkhead_children_not_shown Children beyond those that there are rows for.\n"
	            "# TYPE bulkhead_children_not_shown gauge\nbulkhead_children_not_shown %llu\n",
	            (unsigned long long)l->unseen);
}

void child_metrics(sv_text *out, bh_supervisor *tree)
{
	look *l = sv_alloc(sizeof *l); /* paths are long: not on a thread's stack */
	if (!l) {
		out->failed = true;
		return;
	}
	bh_child_list(bh_supervisor_root(tree), see, l);
	out->failed = out->failed || l->failed;
	if (!out->failed)
		put_all(out, l);
	sv_free(l->rows);
	sv_text_deinit(&l->paths);
	sv_free(l);
}
