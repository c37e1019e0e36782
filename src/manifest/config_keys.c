/* The keys of bulkhead.toml, a row for each. */
#include "manifest/config.h"

enum {
	SERVICE = 1 << BH_CHILD_SERVICE,
	TASK = 1 << BH_CHILD_TASK,
	SUPERVISOR = 1 << BH_CHILD_SUPERVISOR,
	RUNS = SERVICE | TASK,
	ANY = RUNS | SUPERVISOR,
	COUNTS = SUPERVISOR | BH_CONFIG_ROOT,
	LOADED = RUNS | BH_CONFIG_COMPONENT
};

static const char *const profiles[] = {"production", "development", NULL};
static const char *const allocations[] = {"auto", "pooled", "on-demand", NULL};
static const char *const policies[] = {"reject", "clamp", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const restarts[] = {"permanent", "transient", "temporary", NULL};
static const char *const backoffs[] = {"immediate", "linear", "exponential", NULL};
static const char *const strategies[] = {"one-for-one", "one-for-all", "rest-for-one", NULL};
static const char *const intensities[] = {"escalate", "fail-child", NULL};
static const char *const on_restarts[] = {"requeue", "fail", NULL};

#define KEY(name_, kinds_, reader_, offset_, ...)                                                                      \
	{                                                                                                                  \
		.name = (name_), .kinds = (kinds_), .read = bh_config_##reader_, .offset = (offset_), __VA_ARGS__              \
	}
#define CHOICE(choices_) .choices = (choices_)
#define COUNT(from, to, example_) .like = BH_LIMIT_FUEL, .minimum = (from), .maximum = (to), .example = (example_)
#define SIZE(from, example_) .like = BH_LIMIT_IO_BYTES, .minimum = (from), .maximum = INT64_MAX, .example = (example_)
#define TIME(example_)                                                                                                 \
	.like = BH_LIMIT_EXECUTION_TIME, .minimum = 1, .maximum = UINT64_C(86400000) * 365, .example = (example_)
#define ZERO(value) .zero = true, .zero_value = (value)

#define IN(field) offsetof(bh_config, field)
static const bh_config_key host_keys[] = {
	KEY("workers", 0, amount32, IN(host.workers), COUNT(1, 1024, "2")),
	KEY("queue", 0, amount32, IN(host.queue), COUNT(1, 10000000, "100000")),
	KEY("memory_budget", 0, amount, IN(host.memory_budget), SIZE(BH_KIB(64), "\"2GiB\"")),
	KEY("pool_slots", 0, amount32, IN(host.pool_slots), COUNT(1, 100000, "1000")),
	KEY("default_stack", 0, amount, IN(host.default_stack), .like = BH_LIMIT_STACK, .example = "\"1MiB\""),
	KEY("profile", 0, choice, IN(host.profile), CHOICE(profiles)),
	KEY("allocation", 0, choice, IN(host.allocation), CHOICE(allocations)),
	KEY("ceilings", 0, limits, IN(host.ceilings)),
	KEY("ceiling_policy", 0, choice, IN(host.ceiling_policy), CHOICE(policies)),
	KEY("cache", 0, cache, IN(cache.mode)),
	KEY("cache_directory", 0, path, IN(cache.dir)),
	KEY("cache_size", 0, amount, IN(cache.max_bytes), SIZE(BH_MIB(1), "\"2GiB\"")),
};

static const bh_config_key log_keys[] = {
	KEY("level", 0, choice, IN(log.level), CHOICE(levels)),
	KEY("directory", 0, path, IN(log.directory)),
	KEY("max_size", 0, amount, IN(log.max_size), SIZE(BH_KIB(4), "\"10MB\"")),
	KEY("keep", 0, amount32, IN(log.keep), COUNT(1, 1000, "5"), ZERO(0)),
	KEY("lines", 0, amount32, IN(log.lines), COUNT(1, 100000, "1000")),
};

static const bh_config_key admin_keys[] = {
	KEY("socket", 0, path, IN(admin.socket)),
	KEY("listen", 0, text, IN(admin.listen)),
	KEY("token_file", 0, path, IN(admin.token_file)),
};

static const char *const failures[] = {"closed", "open", NULL};
static const bh_config_key gateway_keys[] = {
	KEY("listen", 0, text, IN(gateway.listen)),
	KEY("upstream", 0, text, IN(gateway.upstream)),
	KEY("tls_cert", 0, path, IN(gateway.tls_cert)),
	KEY("tls_key", 0, path, IN(gateway.tls_key)),
	KEY("compat_listen", 0, text, IN(gateway.compat_listen)),
	KEY("state", 0, path, IN(gateway.state)),
	KEY("on_failure", 0, choice, IN(gateway.on_failure), CHOICE(failures)),
	KEY("max_memory_pages", 0, amount, IN(gateway.settings.max_memory_pages), COUNT(1, 65536, "1024")),
	KEY("max_execution_time_ms", 0, amount, IN(gateway.settings.max_execution_time_ms), COUNT(1, 300000, "1000")),
	KEY("max_stack_size", 0, amount, IN(gateway.settings.max_stack_size), .like = BH_LIMIT_IO_BYTES,
        .minimum = BH_KIB(64), .maximum = BH_MIB(16), .example = "\"1MiB\""),
	KEY("thread_pool_size", 0, amount, IN(gateway.settings.thread_pool_size), COUNT(1, 256, "2")),
	KEY("module_cache_size", 0, amount, IN(gateway.settings.module_cache_size), COUNT(1, 1000, "10")),
	KEY("max_body_size", 0, amount, IN(gateway.settings.max_body_size), .like = BH_LIMIT_IO_BYTES, .minimum = 1,
        .maximum = BH_MIB(100), .example = "\"10MiB\""),
	KEY("max_header_size", 0, amount, IN(gateway.max_header_size), .like = BH_LIMIT_IO_BYTES, .minimum = BH_KIB(1),
        .maximum = BH_MIB(1), .example = "\"32KiB\""),
	KEY("max_connections", 0, amount32, IN(gateway.max_connections), COUNT(1, 100000, "1000")),
	KEY("max_upstream_connections", 0, amount32, IN(gateway.max_upstream_connections), COUNT(1, 10000, "100")),
	KEY("header_timeout", 0, amount, IN(gateway.header_ms), TIME("\"10s\"")),
	KEY("idle_timeout", 0, amount, IN(gateway.idle_ms), TIME("\"60s\"")),
	KEY("connect_timeout", 0, amount, IN(gateway.connect_ms), TIME("\"5s\"")),
	KEY("upstream_timeout", 0, amount, IN(gateway.upstream_ms), TIME("\"60s\"")),
	KEY("total_timeout", 0, amount, IN(gateway.total_ms), TIME("\"10m\"")),
	KEY("module", 0, modules, 0),
};
#undef IN

#define MODULE(field) offsetof(bh_config_module_entry, shown.field)
static const bh_config_key module_keys[] = {
	KEY("name", 0, text, MODULE(name)),
	KEY("file", 0, path, MODULE(file)),
	KEY("attach", 0, attach, MODULE(attach)),
	KEY("on_failure", 0, choice, MODULE(on_failure), CHOICE(failures)),
	KEY("limits", 0, limits, offsetof(bh_config_module_entry, limits)),
	KEY("permissions", 0, grants, MODULE(permissions)),
	KEY("match", 0, match, 0),
	KEY("sample", 0, sample, MODULE(sample)),
	KEY("shadow", 0, flag, MODULE(shadow)),
	KEY("reuse", 0, amount32, MODULE(reuse), COUNT(1, 1000000, "100")),
	KEY("untrusted", 0, flag, MODULE(untrusted)),
};
#undef MODULE

#define SHOWN(field) offsetof(bh_config_entry, shown.field)
#define OPTION(field) offsetof(bh_config_entry, options.field)
static const bh_config_key child_keys[] = {
	KEY("file", LOADED, path, SHOWN(file)),
	KEY("manifest", LOADED, path, SHOWN(manifest)),
	KEY("limits", LOADED, limits, offsetof(bh_config_entry, limits)),
	KEY("permissions", LOADED, grants, SHOWN(permissions)),
	KEY("args", RUNS, list, SHOWN(args)),
	KEY("env", RUNS, env, SHOWN(env)),
	KEY("share", LOADED, amount32, SHOWN(share), COUNT(1, 10000, "100")),
	KEY("untrusted", LOADED, flag, SHOWN(untrusted)),
	KEY("spawn", LOADED, spawn, SHOWN(spawn)),
	KEY("spawn_children", LOADED, amount32, SHOWN(spawn_children), COUNT(1, 10000, "100")),
	KEY("spawn_total", LOADED, amount32, SHOWN(spawn_total), COUNT(1, 100000, "1000")),
	KEY("spawn_depth", LOADED, amount32, SHOWN(spawn_depth), COUNT(1, 12, "4")),
	KEY("supervisor", RUNS, supervisor, offsetof(bh_config_entry, supervisor)),
	KEY("parent", SUPERVISOR, supervisor, offsetof(bh_config_entry, supervisor)),
	KEY("restart", ANY, choice, OPTION(restart), CHOICE(restarts)),
	KEY("backoff", ANY, choice, OPTION(backoff.kind), CHOICE(backoffs)),
	KEY("backoff_first", ANY, amount, OPTION(backoff.first_ms), TIME("\"100ms\"")),
	KEY("backoff_cap", ANY, amount, OPTION(backoff.cap_ms), TIME("\"30s\"")),
	KEY("backoff_factor", ANY, factor, OPTION(backoff.factor_percent)),
	KEY("backoff_jitter", ANY, amount32, OPTION(backoff.jitter_percent), COUNT(1, 100, "10"), ZERO(BH_JITTER_NONE)),
	KEY("backoff_stable", ANY, amount, OPTION(backoff.stable_ms), TIME("\"10s\"")),
	KEY("stopped", RUNS, flag, OPTION(stopped)),
	KEY("start_timeout", RUNS, amount, OPTION(start_ms), TIME("\"10s\"")),
	KEY("shutdown_timeout", RUNS, amount, OPTION(shutdown_ms), TIME("\"5s\"")),
	KEY("replicas", SERVICE, amount32, OPTION(replicas), COUNT(1, 10000, "1")),
	KEY("mailbox", SERVICE, amount32, OPTION(mailbox), COUNT(1, 10000000, "1000")),
	KEY("on_restart", SERVICE, choice, OPTION(on_restart), CHOICE(on_restarts)),
	KEY("ready", SERVICE, text, OPTION(ready)),
	KEY("health", SERVICE, text, OPTION(health)),
	KEY("health_interval", SERVICE, amount, OPTION(health_ms), TIME("\"10s\"")),
	KEY("health_timeout", SERVICE, amount, OPTION(answer_ms), TIME("\"1s\"")),
	KEY("unhealthy_after", SERVICE, amount32, OPTION(unhealthy_after), COUNT(1, 10000, "3")),
	KEY("snapshot_interval", SERVICE, amount, OPTION(snapshot_ms), TIME("\"30s\"")),
	KEY("snapshot_size", SERVICE, amount, OPTION(snapshot_bytes), SIZE(1, "\"16MiB\"")),
	KEY("export", TASK, text, OPTION(export_)),
	KEY("every", TASK, amount, OPTION(every_ms), TIME("\"10s\"")),
	KEY("cron", TASK, text, OPTION(cron)),
	KEY("strategy", COUNTS, choice, OPTION(strategy), CHOICE(strategies)),
	KEY("max_restarts", COUNTS, amount32, OPTION(most_restarts), COUNT(1, 10000, "3"), ZERO(BH_NO_RESTARTS)),
	KEY("window", COUNTS, amount, OPTION(window_ms), TIME("\"60s\"")),
	KEY("on_intensity", COUNTS, choice, OPTION(on_intensity), CHOICE(intensities)),
};

#define SECTION(keys)                                                                                                  \
	{                                                                                                                  \
		(keys), BH_COUNT(keys)                                                                                         \
	}
const bh_config_section bh_config_host_section = SECTION(host_keys);
const bh_config_section bh_config_log_section = SECTION(log_keys);
const bh_config_section bh_config_admin_section = SECTION(admin_keys);
const bh_config_section bh_config_child_section = SECTION(child_keys);
const bh_config_section bh_config_gateway_section = SECTION(gateway_keys);
const bh_config_section bh_config_module_section = SECTION(module_keys);
