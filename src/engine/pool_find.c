#include "engine/pool_find.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

/* Ranges with gaps between them, beyond which nothing is known; a process has some dozens. */
enum { MOST_RANGES = 8192, LINE = 8192 };

/* Pools of few slots have tables and stacks that others' mappings may look like, and little to give back. */
enum { LEAST_STACKS = 16 };

struct bh_maps {
	uint64_t turn; /* engines that were begun, this one included */
	size_t count;
	struct {
		uintptr_t start, end;
	} ranges[MOST_RANGES]; /* ascending, apart */
};

typedef enum { MAP_OTHER, MAP_NO_ACCESS, MAP_READ_WRITE } map_kind;

/* A line of the maps, or a part of one. */
typedef struct {
	uintptr_t start, end;
	map_kind kind; /* of private memory without a file */
} map;

/* Engines under way, and begun so far: where two are made at once, whose mapping it is cannot be told. */
static _Atomic uint64_t under_way, begun;

static map_kind kind_of(const char *rest)
{
	char permissions[5], device[16];
	unsigned long offset, inode;
	int name = 0;
	if (sscanf(rest, " %4s %lx %15s %lu %n", permissions, &offset, device, &inode, &name) < 4 || inode || rest[name])
		return MAP_OTHER;
	if (!strcmp(permissions, "---p"))
		return MAP_NO_ACCESS;
	return !strcmp(permissions, "rw-p") ? MAP_READ_WRITE : MAP_OTHER;
}

/* False at the end. */
static bool next_map(FILE *file, map *out)
{
	char line[LINE];
	if (!fgets(line, sizeof line, file))
		return false;
	char *at = line;
	out->start = strtoull(at, &at, 16);
	if (*at == '-')
		out->end = strtoull(at + 1, &at, 16);
	else
		out->end = out->start;
	out->kind = kind_of(at);
	return true;
}

static bool add_range(bh_maps *maps, const map *line)
{
	if (maps->count && maps->ranges[maps->count - 1].end == line->start) {
		maps->ranges[maps->count - 1].end = line->end;
		return true;
	}
	if (maps->count == MOST_RANGES)
		return false;
	maps->ranges[maps->count].start = line->start;
	maps->ranges[maps->count++].end = line->end;
	return true;
}

static bool read_ranges(bh_maps *maps)
{
	FILE *file = fopen("/proc/self/maps", "re");
	bool all = file;
	for (map line; all && next_map(file, &line);)
		all = add_range(maps, &line);
	all = all && !ferror(file);
	if (file)
		fclose(file);
	return all;
}

bh_maps *bh_maps_before(void)
{
	bool alone = !atomic_fetch_add(&under_way, 1);
	uint64_t turn = atomic_fetch_add(&begun, 1) + 1;
	bh_maps *maps = alone ? bh_alloc(sizeof *maps) : NULL;
	if (!maps)
		return NULL;
	maps->turn = turn;
	maps->count = 0;
	if (!read_ranges(maps))
		bh_free(BH_TAKE(maps));
	return maps;
}

typedef struct {
	const bh_pool_sizes *sizes;
	size_t page;
	bh_pool_spans found;
	unsigned memories, tables, stacks; /* how often */
	/* Stacks one above the other, as far as they were seen. */
	uintptr_t first, end;
	size_t pairs;
	bool guarded; /* the last that was seen is a guard */
} search;

static void note_table(search *s, uintptr_t start, size_t length)
{
	if (length != s->sizes->tables)
		return;
	s->found.tables = (bh_span){start, length};
	s->tables++;
}

/* The last stack may be one map with what lies above it: the tables. */
static void end_stacks(search *s, const map *m)
{
	size_t each = s->sizes->stack + s->page;
	s->found.stacks = (bh_span){s->first, each * s->sizes->stack_count};
	s->stacks++;
	note_table(s, m->start + s->sizes->stack, m->end - m->start - s->sizes->stack);
}

static void follow_stacks(search *s, const map *m)
{
	size_t length = m->end - m->start;
	bool follows = s->pairs + s->guarded && m->start == s->end;
	s->end = m->end;
	if (m->kind == MAP_NO_ACCESS) {
		if (!follows || s->guarded || length != s->page) {
			s->first = m->end - s->page; /* it may be one map with what lies below it */
			s->pairs = 0;
		}
		s->guarded = true;
		return;
	}
	bool stack = follows && s->guarded && m->kind == MAP_READ_WRITE && length >= s->sizes->stack;
	s->guarded = false;
	s->pairs = stack ? s->pairs + 1 : 0;
	if (s->pairs == s->sizes->stack_count)
		end_stacks(s, m);
	if (length != s->sizes->stack)
		s->pairs = 0;
}

static void look_at(search *s, const map *m)
{
	size_t length = m->end - m->start;
	if (m->kind == MAP_NO_ACCESS && length == s->sizes->memories) {
		s->found.memories = (bh_span){m->start, length};
		s->memories++;
	}
	if (m->kind == MAP_READ_WRITE)
		note_table(s, m->start, length);
	follow_stacks(s, m);
}

/* Look at those parts of a map that are new: one may have grown together with what was there. `at`: the first range not below it. */
static void look_at_new(search *s, const bh_maps *before, size_t *at, const map *m)
{
	while (*at < before->count && before->ranges[*at].end <= m->start)
		++*at;
	uintptr_t from = m->start;
	for (size_t i = *at; from < m->end; i++) {
		bool last = i == before->count || before->ranges[i].start >= m->end;
		uintptr_t to = last ? m->end : before->ranges[i].start;
		if (to > from)
			look_at(s, &(map){from, to, m->kind});
		from = last ? m->end : before->ranges[i].end;
	}
}

/* Whether all was read. */
static bool look_for(search *s, const bh_maps *before)
{
	FILE *file = fopen("/proc/self/maps", "re");
	if (!file)
		return false;
	size_t at = 0;
	for (map line; next_map(file, &line);)
		look_at_new(s, before, &at, &line);
	bool all = !ferror(file);
	fclose(file);
	return all;
}

bh_pool_spans bh_maps_find_pool(bh_maps *before, const bh_pool_sizes *sizes)
{
	search s = {.sizes = sizes, .page = (size_t)sysconf(_SC_PAGESIZE)};
	bool all = before && look_for(&s, before);
	bool alone = before && atomic_load(&begun) == before->turn;
	atomic_fetch_sub(&under_way, 1);
	bh_free(before);
	if (!all || !alone)
		return (bh_pool_spans){0};
	bool large = sizes->stack_count >= LEAST_STACKS;
	return (bh_pool_spans){
		.memories = s.memories == 1 ? s.found.memories : (bh_span){0},
		.tables = large && s.tables == 1 ? s.found.tables : (bh_span){0},
		.stacks = large && s.stacks == 1 ? s.found.stacks : (bh_span){0},
	};
}
