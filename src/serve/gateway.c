/* The gateway from its beginning to its end: its chain, its own thread, and from one configuration to the next. */
#include "gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway_internal.h"
#include "memory.h"
#include "say.h"

enum { MOST_JOBS = 64, TICK_MS = 1000 };

struct job {
	job *next;
	gateway_job *what;
	void *data;
};

static bh_status no_memory(bh_error **err)
{
	return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
}

/* Putting modules in force. */

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

/* One that is missing and fails closed refuses everything. */
static void look_for_missing(gateway *g)
{
	bool closed = false;
	for (size_t i = 0; i < g->modules.count; i++)
		closed = closed || (g->modules.items[i]->missing && g->modules.items[i]->options.on_failure == BH_FAIL_CLOSED);
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
	look_for_missing(g);
}

static bool has_registered(const module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i]->configured)
			return true;
	return false;
}

bh_status gateway_put(gateway *g, module_list *next, bool dry, bh_error **err)
{
	bh_chain_edit *edit = NULL;
	bh_status status = bh_chain_edit_new(&edit, g->chain, err);
	if (!status)
		status = edit_all(g, edit, next, err);
	if (!status && !dry && (has_registered(next) || has_registered(&g->modules)))
		status = state_write(g, next, err);
	if (!status && !dry)
		status = bh_chain_edit_commit(edit, err);
	bh_chain_edit_free(edit);
	if (!status && !dry)
		exchange_lists(g, next);
	return status;
}

/* The configured modules, those kept that say and are the same as before. New ones are `next`'s until it is put in force. */
static bh_status configured(gateway *g, const bh_config *config, module_list *next, bh_error **err)
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

static void drop_new(const gateway *g, module_list *next)
{
	for (size_t i = 0; i < next->count; i++)
		if (!list_has(&g->modules, next->items[i]))
			record_free(next->items[i]);
	sv_free(next->items);
	*next = (module_list){0};
}

/* The gateway's own thread. */

bh_status gateway_do(gateway *g, gateway_job *what, void *data, bh_error **err)
{
	job *one = sv_alloc(sizeof *one);
	if (!one)
		return no_memory(err);
	*one = (job){.what = what, .data = data};
	pthread_mutex_lock(&g->lock);
	bool taken = g->job_count < MOST_JOBS && !g->ending;
	if (taken) {
		*g->last_job = one;
		g->last_job = &one->next;
		g->job_count++;
		pthread_cond_signal(&g->wake);
	}
	pthread_mutex_unlock(&g->lock);
	if (taken)
		return BH_OK;
	sv_free(one);
	return bh_error_new(err, BH_E_BUSY, "%d changes of the gateway are waiting already", MOST_JOBS);
}

/* When modules were asked last, to the second. */
static void note_calls(gateway *g)
{
	bh_chain_stats *stats = NULL;
	uint64_t now = epoch_ms();
	if (bh_chain_stats_new(&stats, g->chain, NULL))
		return;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->modules.count; i++) {
		module_record *m = g->modules.items[i];
		uint64_t calls = 0;
		for (size_t n = 0; n < bh_chain_stats_count(stats); n++)
			if (!strcmp(bh_chain_stats_at(stats, n)->module, m->name))
				calls += bh_chain_stats_at(stats, n)->calls->calls;
		if (calls != m->calls)
			m->accessed_ms = now;
		m->calls = calls;
	}
	pthread_mutex_unlock(&g->lock);
	bh_chain_stats_free(stats);
}

static void *work(void *data)
{
	gateway *g = data;
	pthread_mutex_lock(&g->lock);
	for (;;) {
		job *one = g->jobs;
		if (!one && g->ending)
			break;
		if (one) {
			g->jobs = one->next;
			if (!g->jobs)
				g->last_job = &g->jobs;
			g->job_count--;
			pthread_mutex_unlock(&g->lock);
			one->what(one->data, g);
			sv_free(one);
			pthread_mutex_lock(&g->lock);
			continue;
		}
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += TICK_MS / 1000;
		if (pthread_cond_timedwait(&g->wake, &g->lock, &until)) {
			pthread_mutex_unlock(&g->lock);
			note_calls(g);
			pthread_mutex_lock(&g->lock);
		}
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static bh_status start_thread(gateway *g, bh_error **err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&g->thread, NULL, work, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	g->thread_runs = !failed;
	return failed ? bh_error_new(err, BH_E_SYSTEM, "the gateway's thread: %s", strerror(failed)) : BH_OK;
}

/* Configurations. */

static proxy_options options_of(const bh_config_gateway *c)
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
static char *restart_of(const bh_config *config)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	if (!c)
		return sv_copy("");
	return sv_format("%s|%s|%s|%s|%s|%llu|%llu|%u|%u|%llu|%llu", c->listen, c->tls_cert ? c->tls_cert : "",
	                 c->tls_key ? c->tls_key : "", c->compat_listen ? c->compat_listen : "", c->state ? c->state : "",
	                 (unsigned long long)c->settings.max_body_size, (unsigned long long)c->max_header_size,
	                 c->max_connections, c->max_upstream_connections, (unsigned long long)c->settings.thread_pool_size,
	                 (unsigned long long)c->settings.module_cache_size);
}

bool gateway_needs_restart(const gateway *g, const bh_config *config)
{
	SV_AUTO char *other = restart_of(config);
	return !other || strcmp(g ? g->restart : "", other) != 0;
}

static char *state_path(const bh_config_gateway *c, const char *folder)
{
	const char *systemd = getenv("STATE_DIRECTORY");
	if (c->state)
		return sv_copy(c->state);
	return sv_format("%s/gateway.json", systemd && *systemd == '/' ? systemd : folder);
}

static gateway *make(bh_host *host, const bh_config *config, const char *folder)
{
	gateway *g = sv_alloc(sizeof *g);
	if (!g)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_mutex_init(&g->lock, NULL);
	pthread_mutex_init(&g->change, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&g->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	g->host = host;
	g->last_job = &g->jobs;
	g->state = state_path(bh_config_gateway_of(config), folder);
	g->restart = restart_of(config);
	g->config_order = names_of_config(config);
	return g;
}

/* The settings that modules begin with. */
static bh_status take_settings(gateway *g, const bh_config_gateway *c, bh_error **err)
{
	bh_gateway_settings settings = c->settings;
	bh_status status = bh_gateway_settings_check(&settings, err);
	if (status)
		return status;
	g->settings = settings;
	g->on_failure = c->on_failure;
	return BH_OK;
}

static bh_status make_chain(gateway *g, const bh_config_gateway *c, bh_error **err)
{
	bh_chain_options options = BH_CHAIN_OPTIONS_INIT;
	bh_gateway_settings_chain(&g->settings, &options);
	if (c->max_header_size > BH_KIB(64))
		options.max_header_bytes = c->max_header_size;
	bh_status status = gateway_log_new(&g->log, err);
	options.log = gateway_log_take;
	options.log_data = g->log;
	return status ? status : bh_chain_new(&g->chain, g->host, &options, err);
}

static bh_status load_all(gateway *g, const bh_config *config, bh_error **err)
{
	module_list next = {0}, registered = {0};
	char **order = NULL;
	size_t order_count = 0;
	bh_status status = configured(g, config, &next, err);
	if (!status)
		status = state_read(g, &registered, &order, &order_count, err);
	for (size_t i = 0; i < registered.count; i++) {
		module_record *m = registered.items[i];
		if (!status && list_find(&next, m->name)) {
			say(BH_LOG_WARNING, "gateway: %s was registered, and is in the configuration now: that counts", m->name);
			record_free(m);
		} else if (!list_add(&next, m)) {
			record_free(m);
			status = status ? status : no_memory(err);
		}
	}
	sv_free(registered.items);
	names_order(&next, order, order_count);
	for (size_t i = 0; i < order_count; i++)
		sv_free(order[i]);
	sv_free(order);
	if (!status)
		status = gateway_put(g, &next, false, err);
	drop_new(g, &next);
	return status;
}

bh_status gateway_start(gateway **out, bh_host *host, const bh_config *config, const char *folder, bh_error **err)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	gateway *g = make(host, config, folder);
	bh_status status = g && g->state && g->restart && g->config_order ? BH_OK : no_memory(err);
	if (!status)
		status = take_settings(g, c, err);
	if (!status)
		status = make_chain(g, c, err);
	if (!status)
		status = load_all(g, config, err);
	if (!status)
		status = start_thread(g, err);
	if (!status) {
		const proxy_options options = options_of(c);
		status = proxy_start(&g->proxy, g->chain, &options, err);
	}
	if (status) {
		gateway_stop(g, 0);
		return status;
	}
	look_for_missing(g);
	*out = g;
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
	bh_status status = configured(g, config, next, err);
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

bh_status gateway_reload(gateway *g, const bh_config *config, bh_error **err)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	module_list next = {0};
	if (!c)
		return BH_OK;
	const proxy_options options = options_of(c);
	pthread_mutex_lock(&g->change);
	const bh_gateway_settings before = g->settings;
	const bh_on_failure failure_before = g->on_failure;
	char **names = names_of_config(config), **names_before = g->config_order;
	bh_status status = names ? take_settings(g, c, err) : no_memory(err);
	if (!status)
		status = next_of(g, config, differs(g, &before, failure_before), names_same(names, names_before), &next, err);
	if (!status) {
		g->config_order = names;
		status = gateway_put(g, &next, false, err);
	}
	if (!status)
		status = proxy_change(g->proxy, &options, err);
	if (status) {
		g->settings = before;
		g->on_failure = failure_before;
		g->config_order = names_before;
		names_before = names;
	}
	names_free(names_before);
	drop_new(g, &next);
	pthread_mutex_unlock(&g->change);
	return status;
}

void gateway_stop(gateway *g, unsigned wait_ms)
{
	if (!g)
		return;
	if (g->thread_runs) {
		pthread_mutex_lock(&g->lock);
		g->ending = true;
		pthread_cond_signal(&g->wake);
		pthread_mutex_unlock(&g->lock);
		pthread_join(g->thread, NULL);
	}
	proxy_stop(g->proxy, wait_ms);
	bh_chain_free(g->chain);
	gateway_log_free(g->log);
	for (size_t i = 0; i < g->modules.count; i++)
		record_free(g->modules.items[i]);
	sv_free(g->modules.items);
	names_free(g->config_order);
	sv_free(g->state);
	sv_free(g->restart);
	pthread_mutex_destroy(&g->lock);
	pthread_mutex_destroy(&g->change);
	pthread_cond_destroy(&g->wake);
	sv_free(g);
}

unsigned gateway_port(const gateway *g)
{
	return proxy_port(g->proxy);
}
