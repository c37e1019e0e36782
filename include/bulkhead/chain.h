/**
 * Chains of gateway middleware: components that look at each request and response and let it pass, change it or answer it.
 *
 * A chain knows no server: a server, or a proxy, shows it a request, sends on what comes of it, and shows it the response.
 * docs/guide/gateway.md says what modules may do and what comes of it; their WIT is wit/smg-gateway (what existing modules
 * are built from) and wit/bulkhead-gateway.
 */
#ifndef BULKHEAD_CHAIN_H
#define BULKHEAD_CHAIN_H

#include "component.h"
#include "host.h"
#include "stats.h"
#include "typed.h"

BH_BEGIN

/** A header. Values may hold any bytes; to modules what is not UTF-8 in one is shown as U+FFFD. */
typedef struct {
	bh_string name;
	bh_string value;
} bh_header;

/** What modules note about a request for those that come later, and for themselves. */
typedef struct {
	bh_string key;
	bh_bytes value;
} bh_context_entry;

/** A request, as a view: nothing is copied. Start from BH_HTTP_REQUEST_INIT. */
typedef struct {
	size_t struct_size;
	bh_string method;
	bh_string path;  /**< without the query */
	bh_string query; /**< without the "?" */
	const bh_header *headers;
	size_t header_count;
	bh_bytes body; /**< whole */
	bh_string request_id;
	uint64_t now_epoch_ms; /**< 0: read from the clock */
} bh_http_request;

#define BH_HTTP_REQUEST_INIT BH_SIZED(bh_http_request)

/** A response, as a view. Start from BH_HTTP_RESPONSE_INIT. */
typedef struct {
	size_t struct_size;
	uint16_t status;
	const bh_header *headers;
	size_t header_count;
	bh_bytes body;
} bh_http_response;

#define BH_HTTP_RESPONSE_INIT BH_SIZED(bh_http_response)

/* Chains. */

typedef struct bh_chain bh_chain;

/** Modules that a chain holds at most. */
#define BH_CHAIN_MODULES 256

/** What a module is asked about; several with |. */
typedef enum {
	BH_ATTACH_REQUEST = 1,  /**< requests, in the order of the chain */
	BH_ATTACH_RESPONSE = 2, /**< responses, in the opposite order */
	BH_ATTACH_ERROR = 4     /**< failures, in the order of the chain */
} bh_attach;

/** What a module wrote while it was asked. A view, for as long as the callback runs. */
typedef struct {
	const char *module;
	bh_attach attach;
	bh_string request_id; /**< UTF-8 */
	bool error;           /**< to stderr, not to stdout */
	bool truncated;       /**< there was more: its component's limits.output_bytes */
	bh_string text;       /**< the module's word: any bytes */
} bh_chain_output;

/**
 * Told of what a module wrote to stdout and to stderr, once for each, when its call is over, however it ended. On the thread
 * that ran the module, which others wait for: it must not block, nor free the chain.
 */
typedef void bh_chain_log(void *data, const bh_chain_output *output);

/** Bounds of a chain. Start from BH_CHAIN_OPTIONS_INIT; zero means the default. */
typedef struct {
	size_t struct_size;
	uint64_t max_body_size;    /**< of a message, and of what a module makes of it; 1 to 100 MiB, default 10 MiB */
	uint32_t max_headers;      /**< that a message may have after a module added some; default 256 */
	uint64_t max_header_bytes; /**< all names and values of it together, likewise; default 64 KiB */
	uint64_t max_context;      /**< bytes that the modules may note about one request; default 64 KiB */
	bh_chain_log *log;         /**< NULL: what modules write goes nowhere */
	void *log_data;
} bh_chain_options;

#define BH_CHAIN_OPTIONS_INIT BH_SIZED(bh_chain_options)

/**
 * Make a chain without modules.
 *
 * A chain may be used from any thread.
 *
 * \param out      receives the chain; free it with bh_chain_free()
 * \param host     runs its modules; the chain keeps it
 * \param options  NULL for the default
 *
 * \return BH_OK; BH_E_INVALID; BH_E_CONFIG (which names the option and its range); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_chain_new(bh_chain **out, bh_host *host, const bh_chain_options *options,
                                          bh_error **err);

/**
 * Give a chain up. Exchanges that are there go on with the modules they have; of what these write nobody is told once this has
 * returned. NULL is allowed.
 */
BH_API void bh_chain_free(bh_chain *chain);

/** What comes of a message when a module fails: it traps, passes a limit, or answers what is not allowed. */
typedef enum {
	BH_FAIL_CLOSED, /**< the client gets a 503 (default) */
	BH_FAIL_OPEN    /**< the message passes as if the module were not there */
} bh_on_failure;

/** What a module is asked about: requests for which all that is given here holds. */
typedef struct {
	/**
	 * "/api" is for "/api" and what is beneath it, not for "/apis". A path that is not written in the plainest way (with
	 * "//", "/./", "/../", or escapes) is under every prefix: a module is not passed by in another spelling.
	 */
	const char *path_prefix;
	const char *method;       /**< "POST" */
	const char *header;       /**< there is one of that name, */
	const char *header_value; /**< and it has exactly this value */
} bh_chain_match;

/**
 * Messages that shadows of a chain are busy with, or wait for, at most; together they are no larger than BH_CHAIN_SHADOW_BYTES,
 * but for one that is larger alone.
 */
#define BH_CHAIN_SHADOWS 64
#define BH_CHAIN_SHADOW_BYTES BH_MIB(16)

/** A module. Start from BH_CHAIN_MODULE_INIT; zero means the default. Texts are copied. */
typedef struct {
	size_t struct_size;
	const char *name;        /**< of its own in the chain; required */
	bh_component *component; /**< of the chain's host; required. Kept alive */
	uint32_t attach;         /**< what it is asked about; 0: all that it exports */
	bh_on_failure on_failure;
	const bh_chain_match *matches; /**< it is asked where one of them holds; none: always */
	size_t match_count;
	double sample; /**< per cent of what it would be asked about; 0: all of it */
	/**
	 * It is asked, and counted, but what it answers, or that it fails, changes nothing: it gets a copy of the message, which
	 * does not wait for it. Past BH_CHAIN_SHADOWS it is not asked, and that is counted.
	 */
	bool shadow;
	uint32_t reuse;    /**< messages that an instance of it sees; 0 and 1: each has a fresh one */
	uint32_t position; /**< from 1, moving those behind it; 0: the end. Not looked at when replacing */
} bh_chain_module_options;

#define BH_CHAIN_MODULE_INIT BH_SIZED(bh_chain_module_options)

/**
 * A change of a chain: made by itself, then put in the chain's place at once. Exchanges that are there keep the modules
 * they began with. An edit that is not committed was a dry run. One thread at a time.
 */
typedef struct bh_chain_edit bh_chain_edit;

/** Begin a change of the modules as they are now. \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_chain_edit_new(bh_chain_edit **out, bh_chain *chain, bh_error **err);

/**
 * Add a module. What it exports is looked up and its types checked here.
 *
 * \return BH_OK; BH_E_INVALID (no name, or one that is there, or cannot be a rule); BH_E_CONFIG (an option's range);
 *         BH_E_NO_EXPORT (it exports nothing of gateways, or not what it is to be attached to); BH_E_TYPE (of another type
 *         than published: the error shows where); BH_E_WRONG_HOST; BH_E_BUSY (as many modules as there may be);
 *         BH_E_NO_MEMORY. On failure the edit is as it was
 */
BH_API BH_MUST_USE bh_status bh_chain_edit_add(bh_chain_edit *edit, const bh_chain_module_options *options,
                                               bh_error **err);

/** Put another in the place of a module. \return as bh_chain_edit_add(); BH_E_NOT_FOUND */
BH_API BH_MUST_USE bh_status bh_chain_edit_replace(bh_chain_edit *edit, const char *name,
                                                   const bh_chain_module_options *options, bh_error **err);

/** Take a module out. \return BH_OK; BH_E_NOT_FOUND */
BH_API BH_MUST_USE bh_status bh_chain_edit_remove(bh_chain_edit *edit, const char *name, bh_error **err);

/** Move a module, to a position from 1. \return BH_OK; BH_E_NOT_FOUND; BH_E_INVALID (there is no such position) */
BH_API BH_MUST_USE bh_status bh_chain_edit_move(bh_chain_edit *edit, const char *name, uint32_t position,
                                                bh_error **err);

/**
 * Put it in the chain's place: exchanges that begin from now on have these modules.
 *
 * \return BH_OK; BH_E_BUSY: the chain was changed since the edit began, and nothing was done. Free the edit in any case
 */
BH_API BH_MUST_USE bh_status bh_chain_edit_commit(bh_chain_edit *edit, bh_error **err);

/** Release; what was not committed is forgotten. NULL is allowed. */
BH_API void bh_chain_edit_free(bh_chain_edit *edit);

/** How often it was changed, and how many modules it has. Any thread. */
BH_API uint64_t bh_chain_version(const bh_chain *chain);
BH_API size_t bh_chain_module_count(const bh_chain *chain);

/** Whether some module is asked about this: if not, a server may send bodies on as they come. Any thread. */
BH_API bool bh_chain_wants(const bh_chain *chain, bh_attach attach);

/* Exchanges. */

/**
 * A request and its response on their way through a chain: first the request, then the response; and an error, when the
 * server has no response to show. One thread at a time, but bh_exchange_cancel().
 */
typedef struct bh_exchange bh_exchange;

/** What is to be done with a message. */
typedef enum {
	BH_EXCHANGE_CONTINUE, /**< send it on, as it is now */
	BH_EXCHANGE_REPLY     /**< send the client this response instead; nothing else is sent on */
} bh_exchange_next;

/**
 * Told that the modules are through with a message. On a worker, where it must not block; or, where nothing had to be
 * waited for, on the thread that started it, before that returns. It may start the next part, and free the exchange.
 */
typedef void bh_exchange_done(void *data, bh_exchange *exchange);

/**
 * Begin an exchange, with the modules that the chain has now.
 *
 * \param request  a view, which the caller keeps until the request is through; what the modules changed is the exchange's
 *
 * \return BH_OK; BH_E_INVALID; BH_E_RESOURCE_LIMIT (its body is above max_body_size); BH_E_NO_MEMORY
 */
BH_API BH_MUST_USE bh_status bh_exchange_new(bh_exchange **out, bh_chain *chain, const bh_http_request *request,
                                             bh_error **err);

/** Release. Nothing of it may be under way: cancel it first, and wait to be told. NULL is allowed. */
BH_API void bh_exchange_free(bh_exchange *exchange);

/**
 * Show the request to the modules. Returns at once: they run on the host's workers.
 *
 * \param done  told once, if this returns BH_OK
 *
 * \return BH_OK; BH_E_INVALID (not the first part of the exchange, or something is under way). That a module fails is no
 *         failure of this: see bh_exchange_result()
 */
BH_API BH_MUST_USE bh_status bh_exchange_request_start(bh_exchange *exchange, bh_exchange_done *done, void *data,
                                                       bh_error **err);

/**
 * Show the response to the modules, if the request was to be sent on.
 *
 * \param response  a view, which the caller keeps until it is through
 *
 * \return as bh_exchange_request_start(); BH_E_RESOURCE_LIMIT (its body is above max_body_size)
 */
BH_API BH_MUST_USE bh_status bh_exchange_response_start(bh_exchange *exchange, const bh_http_response *response,
                                                        bh_exchange_done *done, void *data, bh_error **err);

/**
 * Say that the server will send an error: the upstream is down, or late. Modules may make another response of it. The
 * result is a BH_EXCHANGE_REPLY.
 *
 * \param status   that the client is to get, 200 to 599
 * \param message  for modules; copied. NULL: none
 */
BH_API BH_MUST_USE bh_status bh_exchange_error_start(bh_exchange *exchange, uint16_t status, const char *message,
                                                     bh_exchange_done *done, void *data, bh_error **err);

/** The same, waiting on this thread, whose stack the modules may run on: the quickest way. They block; not for workers. */
BH_API BH_MUST_USE bh_status bh_exchange_request(bh_exchange *exchange, bh_error **err);
BH_API BH_MUST_USE bh_status bh_exchange_response(bh_exchange *exchange, const bh_http_response *response,
                                                  bh_error **err);
BH_API BH_MUST_USE bh_status bh_exchange_error(bh_exchange *exchange, uint16_t status, const char *message,
                                               bh_error **err);

/**
 * The client has gone: the module that runs is ended. What was started is told of, as ever, with a reply nobody needs.
 * Any thread, any moment before the exchange is freed; idempotent.
 */
BH_API void bh_exchange_cancel(bh_exchange *exchange);

/** What is to be done, of the part that was through last. */
BH_API bh_exchange_next bh_exchange_result(const bh_exchange *exchange);

/** The request to send on. Views of the caller's where nothing changed, of the exchange's where it did. */
BH_API const bh_http_request *bh_exchange_get_request(const bh_exchange *exchange);

/** The response to send; lives as long as the exchange. No header of it is about framing: that is the server's. */
BH_API const bh_http_response *bh_exchange_get_response(const bh_exchange *exchange);

/** Which module failed, and how. */
typedef struct {
	bh_status status;    /**< BH_OK: none did */
	const char *module;  /**< NULL: none, or no module: the exchange was cancelled, or memory was short */
	bh_attach attach;    /**< what it was asked about */
	const char *message; /**< for the operator's log, not for clients */
} bh_exchange_failure;

/**
 * The failure that the reply is for; with `status` BH_OK if it is for none. Failures that were let pass are counted only.
 * It lives as long as the exchange.
 */
BH_API bh_exchange_failure bh_exchange_get_failure(const bh_exchange *exchange);

/** Whether a module was shown the request; a shadow, whether it is or will be. */
BH_API bool bh_exchange_saw(const bh_exchange *exchange, const char *module);

/**
 * Whether some module is to be asked about this message: of requests while they are not started, of responses once the
 * request is through. Where none is the message goes on as it is, so that a server need not have its body.
 */
BH_API bool bh_exchange_wants(const bh_exchange *exchange, bh_attach attach);

/** What modules noted; lives until the next part. */
BH_API const bh_context_entry *bh_exchange_context(const bh_exchange *exchange, size_t *count);

/* Statistics. */

/** What was counted of a module at one point. It lives as long as its snapshot. */
typedef struct {
	const char *module;
	bh_attach attach;
	const bh_stats_entry *calls; /**< how many, how they ended, how long they took; see stats.h */
	uint64_t continued, rejected, modified, replied;
	uint64_t closed;  /**< failures that became a reply */
	uint64_t opened;  /**< failures that were let pass, a shadow's included */
	uint64_t skipped; /**< messages that a shadow was not asked about, as too many waited: no calls */
} bh_chain_stats_entry;

typedef struct bh_chain_stats bh_chain_stats;

/**
 * A copy of what a chain counted. Modules of one name are counted as one, for as long as one is there: replacing a module
 * does not begin anew. An answer that is not allowed counts as BH_E_BAD_RESULT.
 *
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY. Any thread.
 */
BH_API BH_MUST_USE bh_status bh_chain_stats_new(bh_chain_stats **out, bh_chain *chain, bh_error **err);
BH_API void bh_chain_stats_free(bh_chain_stats *stats);

/** Entries by name of the module; only what was called. NULL past the end. */
BH_API size_t bh_chain_stats_count(const bh_chain_stats *stats);
BH_API const bh_chain_stats_entry *bh_chain_stats_at(const bh_chain_stats *stats, size_t index);

/* Settings. */

/** The settings of the gateway that existing users have, by its names. Start from BH_GATEWAY_SETTINGS_INIT. */
typedef struct {
	size_t struct_size;
	uint64_t max_memory_pages;      /**< of 64 KiB, of an instance; 1 to 65,536, default 1,024 */
	uint64_t max_execution_time_ms; /**< of a call; 1 to 300,000, default 1,000 */
	uint64_t max_stack_size;        /**< bytes; 64 KiB to 16 MiB, default 1 MiB */
	uint64_t thread_pool_size;      /**< workers; 1 to 256, default: one for each processor */
	uint64_t module_cache_size;     /**< components kept compiled though nobody holds them; 1 to 1,000, default 10 */
	uint64_t max_body_size;         /**< bytes; 1 to 100 MiB, default 10 MiB */
} bh_gateway_settings;

#define BH_GATEWAY_SETTINGS_INIT BH_SIZED(bh_gateway_settings)

/** Check ranges, and put defaults where zeros are. \return BH_OK; BH_E_CONFIG, with name, value and range */
BH_API BH_MUST_USE bh_status bh_gateway_settings_check(bh_gateway_settings *settings, bh_error **err);

/**
 * What settings that were checked mean: for the components of modules, which are unmetered, as they were there; for the
 * host; for the chain. Each sets its fields of the struct, and leaves the others.
 */
BH_API void bh_gateway_settings_limits(const bh_gateway_settings *settings, bh_limits *limits);
BH_API void bh_gateway_settings_host(const bh_gateway_settings *settings, bh_host_options *host,
                                     bh_cache_options *cache);
BH_API void bh_gateway_settings_chain(const bh_gateway_settings *settings, bh_chain_options *chain);

BH_END

#endif
