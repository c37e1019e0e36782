/** The library's own host functions: the WIT package bulkhead:host, which reads files, fetches by HTTP and sleeps. */
#ifndef BULKHEAD_HOSTFUNCTIONS_H
#define BULKHEAD_HOSTFUNCTIONS_H

#include "error.h"

BH_BEGIN

/**
 * | Function | Capability | Reaches |
 * |---|---|---|
 * | bulkhead:host/filesystem#read | filesystem::read | regular files in the folders that the caller was granted |
 * | bulkhead:host/network#http-fetch | network::http_fetch | peers it was granted with BH_NET_HTTP |
 * | bulkhead:host/time#sleep | time::sleep | at most 60 s |
 *
 * Version 0.1.0; the WIT is in wit/bulkhead-host. All are asynchronous: a guest that waits in one takes no thread, and
 * is ended by its limits, its caller's deadline and its cancellation as everywhere.
 *
 * A component that calls one without the capability ends with BH_E_DENIED. What its permissions do not reach, and
 * everything else that goes wrong, is an `err` value of the function's, which the guest can handle.
 *
 * docs/guide/host-functions.md has the rules.
 */

/** The longest sleep; milliseconds. */
#define BH_SLEEP_MAX_MS 60000

/** Bounds, for all components that are linked with the set together. Zero is the default. */
typedef struct {
	size_t struct_size;

	/* filesystem.read */
	uint64_t max_file;     /**< bytes of a file; default 16 MiB */
	uint32_t read_threads; /**< that read at once; default 4. They start when needed and go when idle */
	uint32_t max_reads;    /**< under way and waiting, beyond which it is `busy`; default 1,000 */

	/* time.sleep */
	uint32_t max_sleeps; /**< at once, beyond which it is `busy`; default 100,000 */

	/* network.http-fetch */
	uint64_t max_request;       /**< bytes of URL, headers and body together; default 8 MiB */
	uint64_t max_response;      /**< bytes of a response's body; default 8 MiB */
	uint32_t max_header_bytes;  /**< of a response's headers, those of redirects included; default 64 KiB */
	uint32_t max_redirects;     /**< default 5 */
	bool no_redirects;          /**< follow none */
	uint64_t fetch_ms;          /**< for all of a fetch: waiting for its turn, names, redirects; default 30,000 */
	uint32_t max_fetches;       /**< at once; default 64. More wait their turn */
	uint32_t component_fetches; /**< of those, for one component; default a quarter, and at least 1 */
	uint32_t waiting_fetches;   /**< that wait their turn, beyond which it is `busy`; default 1,000 */
	/**
	 * Let names lead to addresses of private and special networks (loopback, link-local, 10.0.0.0/8 and their like).
	 * Without it such an address must be granted itself, or with a network that is a part of such a network.
	 */
	bool private_addresses;
	/**
	 * Use the proxies that http_proxy and its like name. What is connected to is the proxy then, and what it connects
	 * to is not looked at.
	 */
	bool environment_proxies;
	const char *ca_file; /**< PEM: whom to believe about who a server is; NULL: the system's. Copied */
	const char
		*net_library; /**< the path of libbulkhead-net.so; NULL: beside the library, or where libraries are. Copied */
} bh_hostfunctions_options;

#define BH_HOSTFUNCTIONS_OPTIONS_INIT BH_SIZED(bh_hostfunctions_options)

/**
 * Define bulkhead:host in a set.
 *
 * Starts no thread and loads nothing: the first call of a function does. The HTTP client is in a library of its own,
 * libbulkhead-net, which needs libcurl; where it is missing http-fetch answers `unavailable`.
 *
 * When the set goes, what its functions are still doing for calls that were ended is given up; nothing waits for that.
 *
 * \param options  NULL: the defaults
 *
 * \return BH_OK; BH_E_INVALID (the set is frozen, has one of them already; a bound that is out of range); BH_E_NO_MEMORY.
 *         On failure the set may have some of the functions
 */
BH_API BH_MUST_USE bh_status bh_imports_define_bulkhead_host(bh_imports *imports,
                                                             const bh_hostfunctions_options *options, bh_error **err);

BH_END

#endif
