/*
 * Chains. The modules of a chain are a list that does not change: an edit makes another one, and puts it in its place.
 * Who began with the old one keeps it, and the last of them frees it.
 */
#include <string.h>

#include "gateway/internal.h"
#include "gateway/settings.h"
#include "host/host.h"

static bh_modules *new_modules(const bh_modules *like)
{
	bh_modules *modules = bh_calloc(1, sizeof *modules);
	if (!modules)
		return NULL;
	atomic_init(&modules->references, 1);
	for (size_t i = 0; like && i < like->count; i++) {
		modules->items[i] = like->items[i];
		atomic_fetch_add(&modules->items[i]->references, 1);
		modules->count = i + 1;
	}
	if (like)
		modules->version = like->version;
	return modules;
}

void bh_modules_unref(bh_modules *modules)
{
	if (!modules || atomic_fetch_sub(&modules->references, 1) != 1)
		return;
	for (size_t i = 0; i < modules->count; i++)
		bh_module_unref(modules->items[i]);
	bh_free(modules);
}

BH_DEFINE_AUTO(bh_chain *, bh_chain_unref)

bh_status bh_chain_new(bh_chain **out, bh_host *host, const bh_chain_options *options, bh_error **err)
{
	if (!host)
		return bh_fail(err, BH_E_INVALID, "bh_chain_new: no host");
	if (options && !options->struct_size)
		return bh_fail(err, BH_E_INVALID, "chain options: start from BH_CHAIN_OPTIONS_INIT");
	BH_AUTO(bh_chain_unref) bh_chain *chain = bh_calloc(1, sizeof *chain);
	if (!chain)
		return bh_fail_memory(err);
	atomic_init(&chain->references, 1);
	pthread_mutex_init(&chain->lock, NULL);
	pthread_cond_init(&chain->quiet, NULL);
	chain->host = host;
	bh_host_retain(host);
	if (options)
		memcpy(&chain->options, options,
		       options->struct_size < sizeof chain->options ? options->struct_size : sizeof chain->options);
	bh_status status = bh_chain_options_check(&chain->options, err);
	if (!status)
		status = bh_stats_new(&chain->stats, err);
	if (!status && !(chain->modules = new_modules(NULL)))
		status = bh_fail_memory(err);
	if (!status)
		*out = BH_TAKE(chain);
	return status;
}

bh_chain *bh_chain_ref(bh_chain *chain)
{
	atomic_fetch_add_explicit(&chain->references, 1, memory_order_relaxed);
	return chain;
}

void bh_chain_unref(bh_chain *chain)
{
	if (!chain || atomic_fetch_sub_explicit(&chain->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_modules_unref(chain->modules);
	bh_stats_free(chain->stats);
	bh_host_release(chain->host);
	pthread_mutex_destroy(&chain->lock);
	pthread_cond_destroy(&chain->quiet);
	bh_free(chain);
}

void bh_chain_free(bh_chain *chain)
{
	if (!chain)
		return;
	pthread_mutex_lock(&chain->lock);
	chain->closed = true;
	while (chain->telling)
		pthread_cond_wait(&chain->quiet, &chain->lock);
	pthread_mutex_unlock(&chain->lock);
	bh_chain_unref(chain);
}

bh_modules *bh_chain_modules(bh_chain *chain)
{
	pthread_mutex_lock(&chain->lock);
	bh_modules *modules = chain->modules;
	atomic_fetch_add(&modules->references, 1);
	pthread_mutex_unlock(&chain->lock);
	return modules;
}

/* A look at what it has now. */
static bh_modules look(const bh_chain *chain)
{
	bh_chain *c = (bh_chain *)chain;
	bh_modules seen = {0};
	pthread_mutex_lock(&c->lock);
	seen.version = c->modules->version;
	seen.count = c->modules->count;
	seen.wants = c->modules->wants;
	pthread_mutex_unlock(&c->lock);
	return seen;
}

uint64_t bh_chain_version(const bh_chain *chain)
{
	return look(chain).version;
}

size_t bh_chain_module_count(const bh_chain *chain)
{
	return look(chain).count;
}

bool bh_chain_wants(const bh_chain *chain, bh_attach attach)
{
	return look(chain).wants & attach;
}

/* Edits. */

struct bh_chain_edit {
	bh_chain *chain;
	bh_modules *modules;
	uint64_t version; /* of what it began with */
	bool done;
};

bh_status bh_chain_edit_new(bh_chain_edit **out, bh_chain *chain, bh_error **err)
{
	if (!chain)
		return bh_fail(err, BH_E_INVALID, "bh_chain_edit_new: no chain");
	bh_chain_edit *edit = bh_calloc(1, sizeof *edit);
	if (!edit)
		return bh_fail_memory(err);
	bh_modules *now = bh_chain_modules(chain);
	edit->modules = new_modules(now);
	edit->version = now->version;
	bh_modules_unref(now);
	if (!edit->modules) {
		bh_free(edit);
		return bh_fail_memory(err);
	}
	edit->chain = bh_chain_ref(chain);
	*out = edit;
	return BH_OK;
}

void bh_chain_edit_free(bh_chain_edit *edit)
{
	if (!edit)
		return;
	bh_modules_unref(edit->modules);
	bh_chain_unref(edit->chain);
	bh_free(edit);
}

/* Where a module of that name is; the count where none is. */
static size_t find(const bh_modules *modules, const char *name)
{
	size_t at = 0;
	while (name && at < modules->count && strcmp(modules->items[at]->name, name) != 0)
		at++;
	return name ? at : modules->count;
}

static bh_status usable(const bh_chain_edit *edit, bh_error **err)
{
	if (!edit || edit->done)
		return bh_fail(err, BH_E_INVALID, edit ? "the edit was committed" : "no edit");
	return BH_OK;
}

static bh_status not_there(const char *name, bh_error **err)
{
	return bh_fail(err, BH_E_NOT_FOUND, "the chain has no module named %s", name ? name : "(null)");
}

/* Options of older callers are shorter. */
static bh_status known_options(bh_chain_module_options *out, const bh_chain_module_options *given, bh_error **err)
{
	*out = (bh_chain_module_options)BH_CHAIN_MODULE_INIT;
	if (!given || !given->struct_size)
		return bh_fail(err, BH_E_INVALID, "module options: start from BH_CHAIN_MODULE_INIT");
	memcpy(out, given, given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
	return BH_OK;
}

/* Make room for one at `at`, or close the gap there. */
static void shift(bh_modules *modules, size_t from, size_t to)
{
	memmove(&modules->items[to], &modules->items[from], (modules->count - from) * sizeof *modules->items);
}

bh_status bh_chain_edit_add(bh_chain_edit *edit, const bh_chain_module_options *given, bh_error **err)
{
	bh_chain_module_options options;
	bh_status status = usable(edit, err);
	if (!status)
		status = known_options(&options, given, err);
	if (status)
		return status;
	bh_modules *modules = edit->modules;
	if (find(modules, options.name) < modules->count)
		return bh_fail(err, BH_E_INVALID, "the chain has a module named %s already", options.name);
	if (modules->count == BH_CHAIN_MODULES)
		return bh_fail(err, BH_E_BUSY, "the chain has %d modules, as many as there may be", BH_CHAIN_MODULES);
	if (options.position > modules->count + 1)
		return bh_fail(err, BH_E_INVALID, "%s: position %u of %zu", options.name, (unsigned)options.position,
		               modules->count + 1);
	bh_module *module = NULL;
	status = bh_module_new(&module, edit->chain, &options, err);
	if (status)
		return status;
	size_t at = options.position ? options.position - 1 : modules->count;
	shift(modules, at, at + 1);
	modules->items[at] = module;
	modules->count++;
	return BH_OK;
}

bh_status bh_chain_edit_replace(bh_chain_edit *edit, const char *name, const bh_chain_module_options *given,
                                bh_error **err)
{
	bh_chain_module_options options;
	bh_status status = usable(edit, err);
	if (!status)
		status = known_options(&options, given, err);
	if (status)
		return status;
	bh_modules *modules = edit->modules;
	size_t at = find(modules, name), other = find(modules, options.name);
	if (at == modules->count)
		return not_there(name, err);
	if (other < modules->count && other != at)
		return bh_fail(err, BH_E_INVALID, "the chain has a module named %s already", options.name);
	bh_module *module = NULL;
	status = bh_module_new(&module, edit->chain, &options, err);
	if (status)
		return status;
	bh_module_unref(modules->items[at]);
	modules->items[at] = module;
	return BH_OK;
}

static bh_module *take_out(bh_modules *modules, size_t at)
{
	bh_module *module = modules->items[at];
	shift(modules, at + 1, at);
	modules->count--;
	return module;
}

bh_status bh_chain_edit_remove(bh_chain_edit *edit, const char *name, bh_error **err)
{
	bh_status status = usable(edit, err);
	if (status)
		return status;
	size_t at = find(edit->modules, name);
	if (at == edit->modules->count)
		return not_there(name, err);
	bh_module_unref(take_out(edit->modules, at));
	return BH_OK;
}

bh_status bh_chain_edit_move(bh_chain_edit *edit, const char *name, uint32_t position, bh_error **err)
{
	bh_status status = usable(edit, err);
	if (status)
		return status;
	bh_modules *modules = edit->modules;
	size_t at = find(modules, name);
	if (at == modules->count)
		return not_there(name, err);
	if (!position || position > modules->count)
		return bh_fail(err, BH_E_INVALID, "%s: position %u of %zu", name, (unsigned)position, modules->count);
	bh_module *module = take_out(modules, at);
	shift(modules, position - 1, position);
	modules->items[position - 1] = module;
	modules->count++;
	return BH_OK;
}

bh_status bh_chain_edit_commit(bh_chain_edit *edit, bh_error **err)
{
	bh_status status = usable(edit, err);
	if (status)
		return status;
	bh_modules *made = edit->modules, *old = NULL;
	made->version = edit->version + 1;
	made->wants = 0;
	for (size_t i = 0; i < made->count; i++)
		made->wants |= made->items[i]->attach;
	pthread_mutex_lock(&edit->chain->lock);
	if (edit->chain->modules->version == edit->version) {
		old = edit->chain->modules;
		edit->chain->modules = made;
	}
	pthread_mutex_unlock(&edit->chain->lock);
	if (!old) {
		bh_error *e = bh_error_begin(err, BH_E_BUSY, "the chain was changed by somebody else meanwhile");
		bh_error_hint_set(e, "Nothing was done. Begin another edit, which sees that change.");
		return BH_E_BUSY;
	}
	edit->done = true;
	edit->modules = NULL;
	bh_modules_unref(old);
	return BH_OK;
}
