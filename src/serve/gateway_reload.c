/*
 * From one configuration to the next: what is kept, replaced, added and removed. All that may fail is done first, so that a failure,
 * here or of the daemon's other parts, leaves everything as it was.
 */
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

struct gateway_plan {
	gateway *gateway;
	module_list next;
	bh_chain_edit *edit;
	terms *terms;
	char **config_order;
	bool staged; /* the state file beside the one there is */
	bh_gateway_settings settings_before;
	bh_on_failure on_failure_before;
};

proxy_options gateway_proxy_options(const bh_config_gateway *c)
{
	return (proxy_options){
		.listen = c->listen,
		.upstream = c->upstream,
		.tls_cert = c->tls_cert,
		.tls_key = c->tls_key,
		.max_body = c->settings.max_body_size,
		.max_header = c->max_header_size,
		.max_connections = c->max_connections,
		.max_upstream = c->max_upstream_connections,
		.header_ms = c->header_ms,
		.idle_ms = c->idle_ms,
		.connect_ms = c->connect_ms,
		.upstream_ms = c->upstream_ms,
		.total_ms = c->total_ms,
	};
}

/* What only a start looks at. */
static const char *const restart_keys[] = {"listen",
                                           "tls_cert",
                                           "tls_key",
                                           "compat_listen",
                                           "state",
                                           "max_body_size",
                                           "max_header_size",
                                           "max_connections",
                                           "max_upstream_connections",
                                           "thread_pool_size",
                                           "module_cache_size"};
enum { RESTART_CERT = 1, RESTART_KEY = 2, RESTART_KEYS = SV_COUNT(restart_keys) };

static char *number_text(uint64_t number)
{
	return sv_format("%llu", (unsigned long long)number);
}

static char *text_or_none(const char *text)
{
	return sv_copy(text ? text : "");
}

char **gateway_restart_of(const bh_config *config)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	char **values = sv_alloc((RESTART_KEYS + 1) * sizeof *values);
	if (!values || !c)
		return values;
	char *const made[RESTART_KEYS] = {text_or_none(c->listen),
	                                  text_or_none(c->tls_cert),
	                                  text_or_none(c->tls_key),
	                                  text_or_none(c->compat_listen),
	                                  text_or_none(c->state),
	                                  number_text(c->settings.max_body_size),
	                                  number_text(c->max_header_size),
	                                  number_text(c->max_connections),
	                                  number_text(c->max_upstream_connections),
	                                  number_text(c->settings.thread_pool_size),
	                                  number_text(c->settings.module_cache_size)};
	bool failed = false;
	for (size_t i = 0; i < RESTART_KEYS; i++)
		failed = failed || !made[i];
	for (size_t i = 0; failed && i < RESTART_KEYS; i++)
		sv_free(made[i]);
	if (!failed) {
		memcpy(values, made, sizeof made);
		return values;
	}
	sv_free(values);
	return NULL;
}

static void add_key(sv_text *out, const char *key)
{
	sv_text_add(out, "%s%s", out->length ? ", " : "", key);
}

void gateway_restart_keys(const gateway *g, const bh_config *config, sv_text *out)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	if (!g || !c) {
		if (g || c)
			add_key(out, c ? "listen, which is new" : "listen, which is gone");
		return;
	}
	char **now = gateway_restart_of(config);
	out->failed = out->failed || !now;
	for (size_t i = 0; now && i < RESTART_KEYS; i++)
		if (strcmp(now[i], g->restart[i]) != 0)
			add_key(out, restart_keys[i]);
	names_free(now);
	/* A certificate is renewed in its file. */
	const proxy_options options = gateway_proxy_options(c);
	if (c->tls_cert && !strcmp(c->tls_cert, g->restart[RESTART_CERT]) && !proxy_has_cert(g->proxy, &options))
		add_key(out, "tls_cert (what the file has)");
	if (c->tls_key && !strcmp(c->tls_key, g->restart[RESTART_KEY]) && !proxy_has_key(g->proxy, &options))
		add_key(out, "tls_key (what the file has)");
}

bh_status gateway_take_settings(gateway *g, const bh_config_gateway *c, bh_error **err)
{
	bh_gateway_settings settings = c->settings;
	bh_status status = bh_gateway_settings_check(&settings, err);
	if (status)
		return status;
	g->settings = settings;
	g->on_failure = c->on_failure;
	return BH_OK;
}

bh_status modules_of_config(gateway *g, const bh_config *config, module_list *next, bh_error **err)
{
	for (size_t i = 0; i < bh_config_module_count(config); i++) {
		module_record *m = NULL;
		bh_status status = module_of_config(&m, g, bh_config_module_at(config, i), err);
		if (status)
			return status;
		module_record *old = list_find(&g->modules, m->name);
		if (old && old->configured && !strcmp(old->signature, m->signature) && !strcmp(old->sha256, m->sha256)) {
			record_free(m);
			m = old;
		}
		if (!list_add(next, m)) {
			if (m != old)
				record_free(m);
			return no_memory(err);
		}
	}
	return BH_OK;
}

/* Those that were registered: the same ones, unless what holds for all has changed. */
static bh_status registered(gateway *g, bool changed, module_list *next, bh_error **err)
{
	bh_status status = BH_OK;
	for (size_t i = 0; i < g->modules.count && !status; i++) {
		module_record *m = g->modules.items[i], *made = NULL;
		if (m->configured)
			continue;
		if (list_find(next, m->name))
			return bh_error_new(err, BH_E_CONFIG, "gateway: %s: a module of that name was registered over HTTP",
			                    m->name);
		if (changed)
			status = module_again(&made, g, m, err);
		if (!status && !list_add(next, made ? made : m)) {
			record_free(made);
			status = no_memory(err);
		}
	}
	return status;
}

/* The modules that are to be, in the order they are to have. */
static bh_status next_of(gateway *g, const bh_config *config, bool changed, bool same_order, module_list *next,
                         bh_error **err)
{
	bh_status status = modules_of_config(g, config, next, err);
	if (!status)
		status = registered(g, changed, next, err);
	if (status || !same_order || !g->modules.count)
		return status;
	char **order = sv_alloc(g->modules.count * sizeof *order);
	for (size_t i = 0; order && i < g->modules.count; i++)
		order[i] = g->modules.items[i]->name;
	if (order)
		names_order(next, order, g->modules.count);
	sv_free(order);
	return order ? BH_OK : no_memory(err);
}

/* What holds for all modules that do not say otherwise. */
static bool differs(const gateway *g, const bh_gateway_settings *before, bh_on_failure on_failure)
{
	const bh_gateway_settings *now = &g->settings;
	return g->on_failure != on_failure || now->max_memory_pages != before->max_memory_pages ||
	       now->max_execution_time_ms != before->max_execution_time_ms ||
	       now->max_stack_size != before->max_stack_size || now->max_body_size != before->max_body_size;
}

static bh_status prepare_all(gateway_plan *p, const bh_config *config, bh_error **err)
{
	gateway *g = p->gateway;
	const bh_config_gateway *c = bh_config_gateway_of(config);
	const proxy_options options = gateway_proxy_options(c);
	bh_status status = gateway_take_settings(g, c, err);
	if (!status && !(p->config_order = names_of_config(config)))
		status = no_memory(err);
	bool same_order = !status && names_same(p->config_order, g->config_order);
	if (!status)
		status = next_of(g, config, differs(g, &p->settings_before, p->on_failure_before), same_order, &p->next, err);
	if (!status)
		status = modules_prepare(&p->edit, g, &p->next, err);
	if (!status)
		status = proxy_prepare(&p->terms, &options, err);
	if (!status && modules_are_kept(g, &p->next)) {
		status = state_stage(g, &p->next, p->config_order, err);
		p->staged = !status;
	}
	return status;
}

bh_status gateway_prepare(gateway_plan **out, gateway *g, const bh_config *config, bh_error **err)
{
	gateway_plan *p = bh_config_gateway_of(config) ? sv_alloc(sizeof *p) : NULL;
	if (!p)
		return bh_config_gateway_of(config) ? no_memory(err) : BH_OK;
	pthread_mutex_lock(&g->change);
	*p = (gateway_plan){.gateway = g, .settings_before = g->settings, .on_failure_before = g->on_failure};
	bh_status status = prepare_all(p, config, err);
	if (status)
		gateway_drop(p);
	else
		*out = p;
	return status;
}

static void end(gateway_plan *p)
{
	names_free(p->config_order);
	modules_drop_new(p->gateway, &p->next);
	pthread_mutex_unlock(&p->gateway->change);
	sv_free(p);
}

void gateway_drop(gateway_plan *p)
{
	if (!p)
		return;
	gateway *g = p->gateway;
	g->settings = p->settings_before;
	g->on_failure = p->on_failure_before;
	bh_chain_edit_free(p->edit);
	terms_unref(p->terms);
	if (p->staged)
		state_unstage(g);
	end(p);
}

void gateway_commit(gateway_plan *p)
{
	if (!p)
		return;
	gateway *g = p->gateway;
	bh_error *why = NULL;
	char **before = g->config_order;
	g->config_order = p->config_order;
	p->config_order = before;
	modules_commit(g, p->edit, &p->next);
	proxy_change(g->proxy, p->terms);
	/* What was registered is in the file of before, too. */
	if (p->staged && state_put(g, &why))
		say_failure(BH_LOG_WARNING, "gateway: the order of modules is not kept over a restart", why);
	bh_error_free(why);
	end(p);
}
