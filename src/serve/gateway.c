/* The gateway from its beginning to its end: its chain and its own thread. */
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

/* When modules were asked last, to the second. True: some were, since it was noted. */
static bool note_calls(gateway *g)
{
	bh_chain_stats *stats = NULL;
	uint64_t now = epoch_ms();
	bool some = false;
	if (bh_chain_stats_new(&stats, g->chain, NULL))
		return true;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->modules.count; i++) {
		module_record *m = g->modules.items[i];
		uint64_t calls = 0;
		for (size_t n = 0; n < bh_chain_stats_count(stats); n++)
			if (!strcmp(bh_chain_stats_at(stats, n)->module, m->name))
				calls += bh_chain_stats_at(stats, n)->calls->calls;
		if (calls != m->calls) {
			m->accessed_ms = now;
			some = true;
		}
		m->calls = calls;
	}
	pthread_mutex_unlock(&g->lock);
	bh_chain_stats_free(stats);
	return some;
}

/* The next request is told before it is looked whether there are any: either it is seen, or told. */
static bool is_idle(gateway *g)
{
	proxy_tell_next(g->proxy);
	bool none = !proxy_count(g->proxy).in_flight;
	return !note_calls(g) && none;
}

static void is_busy(void *data)
{
	gateway *g = data;
	pthread_mutex_lock(&g->lock);
	g->busy = true;
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
}

/* With the lock, which is given back meanwhile. The second between two looks, or as long as no requests come. */
static void wait_for_work(gateway *g, bool *idle)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += TICK_MS / 1000;
	int late = 0;
	while (!g->jobs && !g->ending && !late && !(*idle && g->busy))
		late = *idle ? pthread_cond_wait(&g->wake, &g->lock) : pthread_cond_timedwait(&g->wake, &g->lock, &until);
	if (*idle && g->busy)
		*idle = false;
	if (late) {
		g->busy = false;
		pthread_mutex_unlock(&g->lock);
		*idle = is_idle(g);
		pthread_mutex_lock(&g->lock);
	}
}

static void *work(void *data)
{
	gateway *g = data;
	bool idle = false;
	pthread_mutex_lock(&g->lock);
	while (g->jobs || !g->ending) {
		job *one = g->jobs;
		if (!one) {
			wait_for_work(g, &idle);
			continue;
		}
		g->jobs = one->next;
		if (!g->jobs)
			g->last_job = &g->jobs;
		g->job_count--;
		pthread_mutex_unlock(&g->lock);
		one->what(one->data, g);
		sv_free(one);
		pthread_mutex_lock(&g->lock);
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

/* Beginning and ending. */

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
	g->staged = g->state ? sv_format("%s.new", g->state) : NULL;
	g->restart = gateway_restart_of(config);
	g->config_order = names_of_config(config);
	return g;
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
	bh_status status = modules_of_config(g, config, &next, err);
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
	modules_drop_new(g, &next);
	return status;
}

bh_status gateway_start(gateway **out, bh_host *host, const bh_config *config, const char *folder, bh_error **err)
{
	const bh_config_gateway *c = bh_config_gateway_of(config);
	gateway *g = make(host, config, folder);
	bh_status status = g && g->staged && g->restart && g->config_order ? BH_OK : no_memory(err);
	if (!status)
		status = gateway_take_settings(g, c, err);
	if (!status)
		status = make_chain(g, c, err);
	if (!status)
		status = load_all(g, config, err);
	if (!status) {
		proxy_options options = gateway_proxy_options(c);
		options.busy = is_busy;
		options.busy_data = g;
		status = proxy_start(&g->proxy, g->chain, &options, err);
	}
	if (!status)
		status = start_thread(g, err);
	if (status) {
		gateway_stop(g, 0);
		return status;
	}
	gateway_look_for_missing(g);
	*out = g;
	return BH_OK;
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
	sv_free(g->staged);
	names_free(g->restart);
	pthread_mutex_destroy(&g->lock);
	pthread_mutex_destroy(&g->change);
	pthread_cond_destroy(&g->wake);
	sv_free(g);
}

unsigned gateway_port(const gateway *g)
{
	return proxy_port(g->proxy);
}
