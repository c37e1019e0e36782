/* The crew: its table, and what others ask of it. */
#include "crew.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crew_internal.h"
#include "memory.h"

/* What is killed ends within milliseconds after it was removed; only then may what its instances refer to go. */
enum { LINGER_MS = 30000 };

uint64_t crew_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int by_path(const void *a, const void *b)
{
	const hand *const *one = a, *const *other = b;
	return strcmp((*one)->spec->path, (*other)->spec->path);
}

static int compare_path(const void *path, const void *item)
{
	return strcmp(path, (*(hand *const *)item)->spec->path);
}

hand *hands_find(const hands *table, const char *path)
{
	hand **found = table->count ? bsearch(path, table->items, table->count, sizeof *table->items, compare_path) : NULL;
	return found ? *found : NULL;
}

void hands_sort(hands *table)
{
	if (table->count)
		qsort(table->items, table->count, sizeof *table->items, by_path);
}

void generation_unref(generation *g)
{
	if (!g || --g->references)
		return;
	bh_config_free(g->config);
	sv_free(g);
}

bh_status crew_new(crew **out, bh_host *host, bh_supervisor *tree, outputs *all, bh_error **err)
{
	crew *c = sv_alloc(sizeof *c);
	if (!c)
		return bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->settled, NULL);
	c->host = host;
	c->tree = tree;
	c->all = all;
	bh_status status = bh_imports_new(&c->imports, err);
	if (!status)
		status = bh_imports_define_bulkhead_host(c->imports, NULL, err);
	if (status)
		crew_free(c);
	else
		*out = c;
	return status;
}

void crew_free(crew *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->now.count; i++)
		hand_free(c->now.items[i]);
	sv_free(c->now.items);
	for (size_t i = 0; i < c->listed.count; i++)
		hand_free(c->listed.items[i]);
	sv_free(c->listed.items);
	for (hand *h; (h = c->removed);) {
		c->removed = h->next;
		hand_free(h);
	}
	generation_unref(c->current);
	bh_imports_free(c->imports);
	pthread_cond_destroy(&c->settled);
	pthread_mutex_destroy(&c->lock);
	sv_free(c);
}

const bh_config *crew_config(const crew *c)
{
	return c->current ? c->current->config : NULL;
}

uint64_t crew_stop_ms(const crew *c)
{
	enum { USUAL_MS = 5000, MOST_MS = 24 * 3600 * 1000 };
	uint64_t all = 0;
	for (size_t i = 0; i < c->now.count && all < MOST_MS; i++) {
		const bh_child_options *o = c->now.items[i]->spec->options;
		if (o->kind != BH_CHILD_SUPERVISOR)
			all += !o->shutdown_ms ? USUAL_MS : o->shutdown_ms < MOST_MS ? o->shutdown_ms : MOST_MS;
	}
	return all < MOST_MS ? all : MOST_MS;
}

bool crew_is_untidy(const crew *c)
{
	return c->removed != NULL;
}

void crew_tidy(crew *c)
{
	hand **link = &c->removed;
	while (*link && crew_now_ms() - (*link)->removed_ms < LINGER_MS)
		link = &(*link)->next;
	/* The rest is older. */
	while (*link) {
		hand *h = *link;
		*link = h->next;
		hand_free(h);
	}
}

/* With the lock held. "web#2": all replicas write to one log. */
static hand *find(crew *c, const char *path, bh_error **err)
{
	SV_AUTO char *name = sv_copy_n(path, strcspn(path, "#"));
	hand *h = name ? hands_find(&c->now, name) : NULL;
	if (!h)
		(void)bh_error_new(err, name ? BH_E_NOT_FOUND : BH_E_NO_MEMORY, "%s: no such child", path);
	return h;
}

char *crew_logs(crew *c, const char *path, uint64_t *after, size_t lines, bh_error **err)
{
	char *text = NULL;
	pthread_mutex_lock(&c->lock);
	hand *h = find(c, path, err);
	if (h && !h->log)
		(void)bh_error_new(err, BH_E_NOT_FOUND, "%s writes nothing: it is a supervisor", path);
	else if (h && !(text = output_lines(h->log, after, lines)))
		(void)bh_error_new(err, BH_E_NO_MEMORY, "no memory");
	pthread_mutex_unlock(&c->lock);
	return text;
}

char *crew_file(crew *c, const char *path)
{
	pthread_mutex_lock(&c->lock);
	const hand *h = find(c, path, NULL);
	char *file = h && h->spec->file ? sv_copy(h->spec->file) : NULL;
	pthread_mutex_unlock(&c->lock);
	return file;
}
