/* Putting modules in force: first all that may fail, then what cannot. */
#include <assert.h>

#include "gateway_internal.h"
#include "memory.h"

static bool list_has(const module_list *list, const module_record *m)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == m)
			return true;
	return false;
}

/* From those there are to those there are to be, in one edit. */
static bh_status edit_all(gateway *g, bh_chain_edit *edit, const module_list *next, bh_error **err)
{
	bh_status status = BH_OK;
	for (size_t i = 0; i < g->modules.count && !status; i++) {
		const module_record *old = g->modules.items[i], *same = list_find(next, old->name);
		if (!old->missing && (!same || same->missing))
			status = bh_chain_edit_remove(edit, old->name, err);
	}
	uint32_t position = 0;
	for (size_t i = 0; i < next->count && !status; i++) {
		module_record *m = next->items[i];
		const module_record *old = list_find(&g->modules, m->name);
		if (m->missing)
			continue;
		m->options.position = ++position;
		if (!old || old->missing)
			status = bh_chain_edit_add(edit, &m->options, err);
		else if (old != m)
			status = bh_chain_edit_replace(edit, m->name, &m->options, err);
		if (!status && old && !old->missing)
			status = bh_chain_edit_move(edit, m->name, position, err);
	}
	return status;
}

/* One that is missing and fails closed refuses everything; a shadow never does anything. */
static bool refuses(const module_record *m)
{
	return m->missing && m->options.on_failure == BH_FAIL_CLOSED && !m->options.shadow;
}

void gateway_look_for_missing(gateway *g)
{
	bool closed = false;
	for (size_t i = 0; i < g->modules.count; i++)
		closed = closed || refuses(g->modules.items[i]);
	if (g->proxy)
		proxy_close_to_all(g->proxy, closed);
}

static void exchange_lists(gateway *g, module_list *next)
{
	pthread_mutex_lock(&g->lock);
	module_list old = g->modules;
	g->modules = *next;
	pthread_mutex_unlock(&g->lock);
	for (size_t i = 0; i < old.count; i++)
		if (!list_has(&g->modules, old.items[i]))
			record_free(old.items[i]);
	sv_free(old.items);
	*next = (module_list){0};
	gateway_look_for_missing(g);
}

static bool has_registered(const module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i]->configured)
			return true;
	return false;
}

bh_status modules_prepare(bh_chain_edit **out, gateway *g, const module_list *next, bh_error **err)
{
	bh_chain_edit *edit = NULL;
	bh_status status = bh_chain_edit_new(&edit, g->chain, err);
	if (!status)
		status = edit_all(g, edit, next, err);
	if (status)
		bh_chain_edit_free(edit);
	else
		*out = edit;
	return status;
}

/* Nobody else edits the chain. */
void modules_commit(gateway *g, bh_chain_edit *edit, module_list *next)
{
	bh_status status = bh_chain_edit_commit(edit, NULL);
	assert(!status);
	bh_chain_edit_free(edit);
	exchange_lists(g, next);
}

bool modules_are_kept(const gateway *g, const module_list *next)
{
	return has_registered(next) || has_registered(&g->modules);
}

bh_status gateway_put(gateway *g, module_list *next, bool dry, bh_error **err)
{
	bh_chain_edit *edit = NULL;
	bh_status status = modules_prepare(&edit, g, next, err);
	if (!status && !dry && modules_are_kept(g, next))
		status = state_write(g, next, err);
	if (status || dry)
		bh_chain_edit_free(edit);
	else
		modules_commit(g, edit, next);
	return status;
}

void modules_drop_new(const gateway *g, module_list *next)
{
	for (size_t i = 0; i < next->count; i++)
		if (!list_has(&g->modules, next->items[i]))
			record_free(next->items[i]);
	sv_free(next->items);
	*next = (module_list){0};
}
