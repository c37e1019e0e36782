#include "host/export.h"

#include <string.h>

#include "base/text.h"

static const char wasi_run[] = "wasi:cli/run@";

static bool name_is(const char *full, size_t length, const char *name)
{
	return strlen(name) == length && !memcmp(full, name, length);
}

/* How an export is named in messages. */
static char *full_name(const char *interface, const char *name)
{
	return interface ? bh_format("%s#%s", interface, name) : bh_strdup(name);
}

static bh_status none_found(const bh_component *component, const char *wanted, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_NO_EXPORT, "no export named %s", wanted);
	const char *bare = strrchr(wanted, '#') ? strrchr(wanted, '#') + 1 : wanted;
	size_t count = bh_code_export_count(component->code), nearest = count;
	const char *best = NULL;
	for (size_t i = 0; e && i < count; i++) {
		const char *interface, *name;
		bh_code_item_names(component->code, i, &interface, &name);
		const char *pair[] = {name, best};
		const char *nearer = bh_text_nearest(bare, pair, best ? 2 : 1);
		if (nearer == name && (!best || strcmp(name, best))) {
			best = name;
			nearest = i;
		}
	}
	if (nearest < count) {
		BH_AUTO(bh_free) char *signature = bh_code_item_signature(component->code, nearest);
		bh_error_hint_set(e, "Did you mean %s: %s ?", best, signature ? signature : "?");
	} else if (e && count) {
		const char *interface, *name;
		bh_code_item_names(component->code, 0, &interface, &name);
		BH_AUTO(bh_free) char *first = full_name(interface, name);
		bh_error_hint_set(e, "It has %zu export%s, such as %s.", count, count == 1 ? "" : "s", first ? first : name);
	} else {
		bh_error_hint_set(e, "It exports no functions.");
	}
	return BH_E_NO_EXPORT;
}

static bh_status ambiguous(const bh_component *component, const char *wanted, size_t first, size_t second,
                           bh_error **err)
{
	const char *interfaces[2], *name;
	bh_code_item_names(component->code, first, &interfaces[0], &name);
	bh_code_item_names(component->code, second, &interfaces[1], &name);
	bh_error *e = bh_error_begin(err, BH_E_INVALID, "several interfaces export %s", wanted);
	bh_error_hint_set(e, "Say which: %s#%s or %s#%s", interfaces[0], name, interfaces[1], name);
	return BH_E_INVALID;
}

/* "interface#function" exactly, a function of the world, or the only interface's function of that name. */
static bh_status find(const bh_component *component, const char *wanted, size_t *out, bh_error **err)
{
	const char *hash = strrchr(wanted, '#');
	size_t count = bh_code_export_count(component->code), found = count, second = count;
	for (size_t i = 0; i < count; i++) {
		const char *interface, *name;
		bh_code_item_names(component->code, i, &interface, &name);
		if (hash) {
			if (interface && name_is(wanted, (size_t)(hash - wanted), interface) && !strcmp(hash + 1, name))
				found = i;
			continue;
		}
		if (strcmp(name, wanted))
			continue;
		if (!interface) {
			*out = i;
			return BH_OK;
		}
		second = found < count && second == count ? i : second;
		found = found < count ? found : i;
	}
	if (found == count)
		return none_found(component, wanted, err);
	if (second < count)
		return ambiguous(component, wanted, found, second, err);
	*out = found;
	return BH_OK;
}

bh_status bh_export_find(bh_export **out, bh_component *component, const char *name, bh_error **err)
{
	if (!component || !name)
		return bh_fail(err, BH_E_INVALID, "bh_export_find: no component or no name");
	size_t index = 0;
	bh_status status = find(component, name, &index, err);
	if (status)
		return status;
	bh_export *export_ = bh_calloc(1, sizeof *export_);
	if (!export_)
		return bh_fail_memory(err);
	status = bh_function_new(&export_->function, component->code, index, err);
	if (status) {
		bh_free(export_);
		return status;
	}
	atomic_init(&export_->references, 1);
	export_->component = bh_component_ref(component);
	*out = export_;
	return BH_OK;
}

bh_stats_export *bh_export_stats(bh_component *component, bh_export *export_)
{
	bh_stats_export *stats = atomic_load_explicit(&export_->stats, memory_order_acquire);
	if (!stats) {
		stats = bh_stats_export_get(component->stats, bh_function_name(export_->function));
		atomic_store_explicit(&export_->stats, stats, memory_order_release);
	}
	return stats;
}

bh_export *bh_export_ref(bh_export *export_)
{
	atomic_fetch_add(&export_->references, 1);
	return export_;
}

void bh_export_free(bh_export *export_)
{
	if (!export_ || atomic_fetch_sub(&export_->references, 1) != 1)
		return;
	bh_function_free(export_->function);
	bh_component_unref(export_->component);
	bh_free(export_);
}

/* Where wasi:cli/run is among the exports. */
static bh_status find_run(size_t *index, const bh_component *component, bh_error **err)
{
	for (size_t i = 0, count = bh_code_export_count(component->code); i < count; i++) {
		const char *interface, *name;
		bh_code_item_names(component->code, i, &interface, &name);
		if (interface && !strncmp(interface, wasi_run, sizeof wasi_run - 1) && !strcmp(name, "run")) {
			*index = i;
			return BH_OK;
		}
	}
	bh_error *e = bh_error_begin(err, BH_E_NO_EXPORT, "this is not a command: it does not export wasi:cli/run");
	bh_error_hint_set(e, "Call one of its exports instead; `bulkhead inspect` lists them.");
	return BH_E_NO_EXPORT;
}

bh_status bh_export_find_run(bh_export **out, bh_component *component, bh_error **err)
{
	size_t index;
	const char *interface, *name;
	bh_status status = find_run(&index, component, err);
	if (status)
		return status;
	bh_code_item_names(component->code, index, &interface, &name);
	BH_AUTO(bh_free) char *path = bh_format("%s#%s", interface, name);
	return path ? bh_export_find(out, component, path, err) : bh_fail_memory(err);
}

bh_status bh_component_runner(bh_component *component, bh_export **out, bh_error **err)
{
	size_t index;
	bh_status status = find_run(&index, component, err);
	if (status)
		return status;
	pthread_mutex_lock(&component->lock);
	if (!component->run) {
		bh_function *function = NULL;
		status = bh_function_new(&function, component->code, index, err);
		component->run = status ? NULL : bh_calloc(1, sizeof *component->run);
		if (component->run)
			component->run->function = function;
		else if (!status) {
			bh_function_free(function);
			status = bh_fail_memory(err);
		}
	}
	if (!status)
		*out = component->run;
	pthread_mutex_unlock(&component->lock);
	return status;
}

const char *bh_export_name(const bh_export *export_)
{
	return bh_function_name(export_->function);
}

const char *bh_export_signature(const bh_export *export_)
{
	return bh_function_signature(export_->function);
}

size_t bh_export_param_count(const bh_export *export_)
{
	return bh_function_param_count(export_->function);
}

const char *bh_export_param_name(const bh_export *export_, size_t index)
{
	return bh_function_param_name(export_->function, index);
}

const bh_type *bh_export_param_type(const bh_export *export_, size_t index)
{
	return bh_function_param(export_->function, index);
}

const bh_type *bh_export_result_type(const bh_export *export_)
{
	return bh_function_result(export_->function);
}

bh_status bh_export_parse_args(bh_value *out, const bh_export *export_, const char *text, bh_error **err)
{
	return bh_function_parse(out, export_->function, text, err);
}
