/** bulkhead.toml: what a daemon runs, and how. */
#ifndef BULKHEAD_CONFIG_H
#define BULKHEAD_CONFIG_H

#include "chain.h"
#include "host.h"
#include "manifest.h"
#include "supervisor.h"

BH_BEGIN

/**
 * A configuration is immutable once read; it may be used from any thread. man bulkhead.toml has its keys.
 *
 * Reading it touches no other file: neither the components nor the manifests that it names.
 */
typedef struct bh_config bh_config;

/** More children than these are refused. */
#define BH_CONFIG_MAX_CHILDREN 10000

/**
 * Read a configuration from a file, or from memory.
 *
 * The first error ends the reading unless bh_config_check() is used; unknown keys are warnings. Relative paths in it are
 * taken from its own folder.
 *
 * \param path  of the file; in bh_config_parse() for messages and relative paths alone, NULL: the working directory
 *
 * \return BH_OK; BH_E_NOT_FOUND; BH_E_IO; BH_E_CONFIG (bh_error_location() says where; also more than 1 MiB);
 *         BH_E_UNSUPPORTED (a permission that cannot be expressed); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_config_load(bh_config **out, const char *path, bh_error **err);
BH_API BH_MUST_USE bh_status bh_config_parse(bh_config **out, const char *text, size_t length, const char *path,
                                             bh_error **err);

/**
 * Read a configuration for its remarks alone: collects every error instead of stopping at the first. What comes back may
 * be incomplete where there are errors.
 *
 * \return BH_OK, however many errors it found; BH_E_NOT_FOUND; BH_E_IO; BH_E_CONFIG (more than 1 MiB); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_config_check(bh_config **out, const char *path, bh_error **err);

/** Release. NULL is allowed. */
BH_API void bh_config_free(bh_config *config);

/** Remarks, in the order of the file; there are never more than a hundred. NULL past the end. */
BH_API size_t bh_config_diagnostic_count(const bh_config *config);
BH_API const bh_diagnostic *bh_config_diagnostic(const bh_config *config, size_t index);

/** [host]: as for bh_host_new(), without a log and interceptors. Lives as long as the configuration. */
BH_API const bh_host_options *bh_config_host(const bh_config *config);

/** [log]. Texts live as long as the configuration. */
typedef struct {
	bh_log_level level;    /**< of what the daemon says; default BH_LOG_INFO */
	const char *directory; /**< what children print goes into a file for each; NULL: into memory alone */
	uint64_t max_size;     /**< bytes of such a file, beyond which the next one is begun; default 10 MB */
	uint32_t keep;         /**< earlier files of each; default 5 */
	uint32_t lines;        /**< of each child, kept in memory to be asked for; default 1,000 */
} bh_config_log;

BH_API const bh_config_log *bh_config_log_of(const bh_config *config);

/** [admin]. Texts live as long as the configuration. */
typedef struct {
	const char *socket;     /**< path of the Unix socket; NULL: bh_config_default_socket() */
	const char *listen;     /**< "127.0.0.1:9797"; NULL: no TCP */
	const char *token_file; /**< what who comes by TCP must know; never NULL where `listen` is not */
} bh_config_admin;

BH_API const bh_config_admin *bh_config_admin_of(const bh_config *config);

/** More modules than these are refused. */
#define BH_CONFIG_MAX_MODULES BH_CHAIN_MODULES

/** [[gateway.module]]. Pointers live as long as the configuration. */
typedef struct {
	const char *name;
	const char *file; /**< the component */
	uint32_t line;    /**< where it is in the file */
	uint32_t attach;  /**< bits of bh_attach; 0: all that it exports */
	bh_on_failure on_failure;
	const bh_limits *limits;           /**< what is said here; zero: what [gateway] says */
	const bh_permissions *permissions; /**< NULL: none */
	const bh_chain_match *matches;     /**< as in bh_chain_module_options */
	size_t match_count;
	double sample; /**< per cent; 0: all */
	bool shadow;
	uint32_t reuse;
	bool untrusted; /**< it is to be compiled in a process of its own (BH_COMPILE_ISOLATED) */
} bh_config_module;

/** [gateway]. Texts live as long as the configuration; numbers are filled in. */
typedef struct {
	const char *listen;        /**< "127.0.0.1:8080"; NULL: there is no [gateway] */
	const char *upstream;      /**< "http://127.0.0.1:9000" */
	const char *tls_cert;      /**< path; NULL: plain HTTP */
	const char *tls_key;       /**< path; NULL where tls_cert is */
	const char *compat_listen; /**< for /wasm without a token, on this machine alone; NULL: nowhere */
	const char *state;         /**< path of what was registered over HTTP; NULL: not said */
	bh_on_failure on_failure;  /**< of modules that do not say, and of those registered over HTTP */
	bh_gateway_settings settings;
	uint64_t max_header_size;          /**< bytes of a message's headers */
	uint32_t max_connections;          /**< of clients */
	uint32_t max_upstream_connections; /**< further requests wait for one */
	uint64_t header_ms;                /**< a request's headers, from the first byte to the last */
	uint64_t idle_ms;                  /**< a client that neither sends nor reads */
	uint64_t connect_ms;               /**< to the upstream */
	uint64_t upstream_ms;              /**< an upstream that neither answers nor goes on */
	uint64_t total_ms;                 /**< a request and its response */
} bh_config_gateway;

/** NULL: there is no [gateway]. */
BH_API const bh_config_gateway *bh_config_gateway_of(const bh_config *config);

/** Modules in the order of the file. NULL past the end. */
BH_API size_t bh_config_module_count(const bh_config *config);
BH_API const bh_config_module *bh_config_module_at(const bh_config *config, size_t index);

/** [supervisor]: the root, as for bh_supervisor_new(). */
BH_API const bh_child_options *bh_config_root(const bh_config *config);

/** A child: [service.NAME], [task.NAME], [supervisor.NAME]. Pointers live as long as the configuration. */
typedef struct {
	const char *path;                /**< names with '/' between them, as bh_supervisor_find() takes it */
	const char *parent;              /**< the path of its supervisor; "": the root */
	const bh_child_options *options; /**< without component and instance: who adds it has them */
	uint32_t line;                   /**< where it is in the file */
	/* Services and tasks: */
	const char *file;                  /**< the component */
	const char *manifest;              /**< NULL: as bh_manifest_find() finds it */
	const bh_limits *limits;           /**< what is said here; zero: what the manifest says */
	const bh_permissions *permissions; /**< in place of the manifest's; NULL: those */
	const char *const *args;
	size_t arg_count;
	const char *const *env; /**< "NAME=value" */
	size_t env_count;
	uint32_t share;           /**< bh_component_options.share */
	bool untrusted;           /**< it is to be compiled in a process of its own (BH_COMPILE_ISOLATED) */
	bool listed;              /**< it is a [component.NAME] */
	const char *const *spawn; /**< names of the components that it may spawn, as bh_spawner_allow() takes them */
	size_t spawn_count;
	uint32_t spawn_children; /**< bh_spawner_options.max_children; 0: the default */
	uint32_t spawn_total;    /**< max_total */
	uint32_t spawn_depth;    /**< max_depth */
} bh_config_child;

/**
 * Where the value of one of a child's keys is in the file: "file", "export", "ready", "health", "cron".
 *
 * \return false: it does not say that, or another key; nothing is written then
 */
BH_API bool bh_config_child_place(const bh_config_child *child, const char *key, uint32_t *line, uint32_t *column);

/** Children in the order in which they are to be added: supervisors before what is below them. NULL past the end. */
BH_API size_t bh_config_child_count(const bh_config *config);
BH_API const bh_config_child *bh_config_child_at(const bh_config *config, size_t index);

/** The child at a path; NULL: there is none. */
BH_API const bh_config_child *bh_config_child_find(const bh_config *config, const char *path);

/**
 * What may be spawned: [component.NAME], in the order of their names. `options->name` is the name on lists, `path` is
 * "component.NAME"; no child of the tree. NULL past the end.
 */
BH_API size_t bh_config_component_count(const bh_config *config);
BH_API const bh_config_child *bh_config_component_at(const bh_config *config, size_t index);

/** Whether two say the same, wherever they say it: then nothing is to be done about a child that has not changed. */
BH_API bool bh_config_child_same(const bh_config_child *a, const bh_config_child *b);

/** Whether they differ in [host], [admin] or [supervisor], which a program reads when it starts and not again. */
BH_API bool bh_config_needs_restart(const bh_config *a, const bh_config *b);

/**
 * Put together what a service or task is to get: its manifest, which is read, and over it what is said in the
 * configuration. A task's fuel and time are unlimited where neither says anything.
 *
 * \param limits       receives them, checked
 * \param permissions  receives a set to be freed
 *
 * \return BH_OK; BH_E_MISSING_LIMITS; BH_E_CONFIG (also a list of what it may spawn without the capability "supervision");
 *         what bh_manifest_load() returns; BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_config_child_terms(const bh_config_child *child, bh_limits *limits,
                                                   bh_permissions **permissions, bh_error **err);

/**
 * Where a daemon's admin socket is, if nobody says: $XDG_RUNTIME_DIR/bulkhead/admin.sock, for root
 * /run/bulkhead/admin.sock, else /tmp/bulkhead-UID/admin.sock.
 *
 * \return text to be freed with bh_string_free(); NULL when there is no memory
 */
BH_API char *bh_config_default_socket(void);

BH_END

#endif
