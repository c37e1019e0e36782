/* Modules: what they export, when they are asked, and the instances that are kept. */
#include <string.h>

#include "base/text.h"
#include "gateway/internal.h"
#include "host/export.h"
#include "host/host.h"

enum { MOST_RULES = 64, MOST_NAME = 256 };

const char *bh_point_name(bh_point point)
{
	static const char *const names[] = {"on-request", "on-response", "on-error"};
	return names[point];
}

/* What may be exported at a point; ours goes first where both are. */
static const bh_message_kind kinds[BH_POINTS][2] = {
	[BH_POINT_REQUEST] = {BH_MESSAGE_REQUEST, BH_MESSAGE_SMG_REQUEST},
	[BH_POINT_RESPONSE] = {BH_MESSAGE_RESPONSE, BH_MESSAGE_SMG_RESPONSE},
	[BH_POINT_ERROR] = {BH_MESSAGE_FAILURE, BH_MESSAGE_FAILURE},
};

static bh_status find_kind(bh_module *module, bh_point point, bh_message_kind kind, bh_error **err)
{
	BH_AUTO(bh_free) char *name = bh_format("%s#%s", bh_message_interface(kind), bh_message_function(kind));
	if (!name)
		return bh_fail_memory(err);
	bh_export *found = NULL;
	bh_status status = bh_export_find(&found, module->component, name, NULL);
	if (status == BH_E_NO_EXPORT)
		return BH_OK;
	if (status)
		return status == BH_E_NO_MEMORY ? bh_fail_memory(err) : bh_fail(err, status, "%s cannot be looked up", name);
	module->exports_[point] = found;
	module->kinds[point] = kind;
	return bh_message_check(kind, found, err);
}

static bh_status not_exported(const bh_module *module, bh_point point, bh_error **err)
{
	bh_message_kind ours = kinds[point][0], theirs = kinds[point][1];
	bh_error *e =
		bh_error_begin(err, BH_E_NO_EXPORT, "%s: the component does not export %s", module->name, bh_point_name(point));
	if (ours == theirs)
		bh_error_hint_set(e, "It is in %s.", bh_message_interface(ours));
	else
		bh_error_hint_set(e, "It is in %s, or in %s.", bh_message_interface(theirs), bh_message_interface(ours));
	return BH_E_NO_EXPORT;
}

static bh_status nothing_exported(const bh_module *module, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_NO_EXPORT, "%s: the component is no gateway middleware", module->name);
	bh_error_hint_set(e, "It exports neither %s nor %s, nor what is for responses or errors.",
	                  bh_message_interface(BH_MESSAGE_SMG_REQUEST), bh_message_interface(BH_MESSAGE_REQUEST));
	return BH_E_NO_EXPORT;
}

static bh_status find_exports(bh_module *module, uint32_t wanted, bh_error **err)
{
	for (int point = 0; point < BH_POINTS; point++) {
		if (wanted && !(wanted & 1U << point))
			continue;
		for (int i = 0; i < 2 && !module->exports_[point]; i++) {
			bh_status status = find_kind(module, (bh_point)point, kinds[point][i], err);
			if (status)
				return status;
		}
		if (module->exports_[point])
			module->attach |= 1U << point;
		else if (wanted)
			return not_exported(module, (bh_point)point, err);
	}
	return module->attach ? BH_OK : nothing_exported(module, err);
}

static bool copy_text(char **out, const char *text)
{
	*out = text ? bh_strdup(text) : NULL;
	return *out || !text;
}

static bh_status take_rules(bh_module *module, const bh_chain_module_options *options, bh_error **err)
{
	if (options->match_count > MOST_RULES)
		return bh_fail(err, BH_E_CONFIG, "%s: %zu rules; at most %d are allowed", module->name, options->match_count,
		               MOST_RULES);
	if (!options->match_count)
		return BH_OK;
	module->rules = bh_calloc(options->match_count, sizeof *module->rules);
	if (!module->rules)
		return bh_fail_memory(err);
	for (size_t i = 0; i < options->match_count; i++) {
		const bh_chain_match *from = &options->matches[i];
		bh_rule *to = &module->rules[module->rule_count++];
		if (from->path_prefix && from->path_prefix[0] != '/')
			return bh_fail(err, BH_E_INVALID, "%s: path prefix \"%s\": it begins with a \"/\"", module->name,
			               from->path_prefix);
		if (from->header_value && !from->header)
			return bh_fail(err, BH_E_INVALID, "%s: a header's value to match, and no header", module->name);
		if (!copy_text(&to->path_prefix, from->path_prefix) || !copy_text(&to->method, from->method) ||
		    !copy_text(&to->header, from->header) || !copy_text(&to->header_value, from->header_value))
			return bh_fail_memory(err);
		to->prefix_length = to->path_prefix ? strlen(to->path_prefix) : 0;
	}
	return BH_OK;
}

static bh_status check_options(const bh_chain *chain, const bh_chain_module_options *options, bh_error **err)
{
	const char *name = options->name;
	if (!name || !*name || strlen(name) > MOST_NAME || !bh_is_utf8(name, strlen(name)))
		return bh_fail(err, BH_E_INVALID, "a module needs a name: UTF-8, 1 to %d bytes", MOST_NAME);
	if (!options->component)
		return bh_fail(err, BH_E_INVALID, "%s: no component", name);
	if (options->component->host != chain->host)
		return bh_fail(err, BH_E_WRONG_HOST, "%s: its component was loaded by another host than the chain's", name);
	if (options->attach & ~(uint32_t)(BH_ATTACH_REQUEST | BH_ATTACH_RESPONSE | BH_ATTACH_ERROR))
		return bh_fail(err, BH_E_INVALID, "%s: attach = %u is no bh_attach", name, (unsigned)options->attach);
	if (options->on_failure != BH_FAIL_CLOSED && options->on_failure != BH_FAIL_OPEN)
		return bh_fail(err, BH_E_INVALID, "%s: on_failure is neither closed nor open", name);
	if (!(options->sample >= 0 && options->sample <= 100))
		return bh_fail(err, BH_E_CONFIG, "%s: sample = %g: 0 to 100 per cent are allowed", name, options->sample);
	if (options->match_count && !options->matches)
		return bh_fail(err, BH_E_INVALID, "%s: rules are counted, but not there", name);
	return BH_OK;
}

static uint64_t sample_of(double per_cent)
{
	return per_cent == 0 || per_cent == 100 ? UINT64_MAX : (uint64_t)(per_cent / 100 * 0x1p64);
}

bh_status bh_module_new(bh_module **out, bh_chain *chain, const bh_chain_module_options *options, bh_error **err)
{
	bh_status status = check_options(chain, options, err);
	if (status)
		return status;
	BH_AUTO(bh_module_unref) bh_module *module = bh_calloc(1, sizeof *module);
	if (!module)
		return bh_fail_memory(err);
	atomic_init(&module->references, 1);
	pthread_mutex_init(&module->lock, NULL);
	module->chain = chain;
	module->name = bh_strdup(options->name);
	module->counts = bh_counts_ref(chain, options->name);
	if (!module->name || !module->counts)
		return bh_fail_memory(err);
	module->component = bh_component_ref(options->component);
	module->open = options->on_failure == BH_FAIL_OPEN;
	module->shadow = options->shadow;
	module->reuse = options->reuse;
	module->sample = sample_of(options->sample);
	module->salt = atomic_fetch_add(&chain->salts, 1) * UINT64_C(0x9e3779b97f4a7c15);
	status = take_rules(module, options, err);
	if (!status)
		status = find_exports(module, options->attach, err);
	if (!status)
		*out = BH_TAKE(module);
	return status;
}

/*
 * Instances that nobody uses take what calls of others wait for: slots, memory, the component's instances. So they have no
 * more than half of it. The last two are counted, those in use included; slots are not, so that those that are kept are.
 */
static bool half_is_free(const bh_gate *gate)
{
	return bh_gate_unbounded(gate) || atomic_load(&gate->used) <= gate->limit / 2;
}

static bool may_keep(const bh_module *module)
{
	bh_host *host = module->chain->host;
	if (!half_is_free(&host->memory) || !half_is_free(&module->component->instances))
		return false;
	if (atomic_fetch_add(&host->kept, 1) < host->options.pool_slots / 2)
		return true;
	atomic_fetch_sub(&host->kept, 1);
	return false;
}

static void unkeep(const bh_module *module, uint32_t count)
{
	atomic_fetch_sub(&module->chain->host->kept, count);
}

void bh_module_unref(bh_module *module)
{
	if (!module || atomic_fetch_sub(&module->references, 1) != 1)
		return;
	for (size_t i = 0; i < module->kept_count; i++)
		bh_kept_free(&module->kept[i]);
	unkeep(module, (uint32_t)module->kept_count);
	for (int i = 0; i < BH_POINTS; i++)
		bh_export_free(module->exports_[i]);
	for (size_t i = 0; i < module->rule_count; i++) {
		bh_rule *rule = &module->rules[i];
		bh_free(rule->path_prefix);
		bh_free(rule->method);
		bh_free(rule->header);
		bh_free(rule->header_value);
	}
	bh_free(module->rules);
	bh_counts_unref(module->chain, module->counts);
	bh_component_unref(module->component);
	pthread_mutex_destroy(&module->lock);
	bh_free(module->name);
	bh_free(module);
}

bh_kept bh_module_take(bh_module *module, bool *keep)
{
	bh_kept kept = {0};
	*keep = module->reuse > 1;
	if (!*keep)
		return kept;
	pthread_mutex_lock(&module->lock);
	if (module->kept_count)
		kept = module->kept[--module->kept_count];
	pthread_mutex_unlock(&module->lock);
	if (kept.instance)
		unkeep(module, 1);
	return kept;
}

/* The instance first: it may write as long as it is there. */
void bh_kept_free(bh_kept *kept)
{
	bh_instance_free(kept->instance);
	bh_output_free(kept->output);
	*kept = (bh_kept){0};
}

void bh_module_give(bh_module *module, bh_kept kept)
{
	if (kept.instance && ++kept.used < module->reuse && bh_instance_usable(kept.instance) && may_keep(module)) {
		pthread_mutex_lock(&module->lock);
		bool room = module->kept_count < BH_KEPT;
		if (room)
			module->kept[module->kept_count++] = kept;
		pthread_mutex_unlock(&module->lock);
		if (room)
			return;
		unkeep(module, 1);
	}
	bh_kept_free(&kept);
}
