/* A store's WASI context, from what was granted and what the instance is given. Nothing is granted by default. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "base/permissions.h"
#include "base/reach.h"
#include "engine/store_internal.h"

/* One request for random bytes; WASI's own bound is 64 MiB. */
#define RANDOM_BYTES BH_KIB(64)

/* Network. */

static bool in_use(const bh_net_grant *grant, uint32_t use)
{
	if (use == BHX_TCP_CONNECT)
		return !grant->listen && (grant->protocols & BH_NET_TCP);
	if (use == BHX_UDP_PEER || use == BHX_UDP_RECEIVE)
		return !grant->listen && (grant->protocols & BH_NET_UDP);
	return grant->listen && (grant->protocols & (use == BHX_UDP_BIND ? BH_NET_UDP : BH_NET_TCP));
}

/* Whether the name resolves to the address, now. Blocks. */
static bool name_has(const char *name, const uint8_t *address, size_t bytes)
{
	struct addrinfo hints = {.ai_family = bytes == 4 ? AF_INET : AF_INET6, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	if (getaddrinfo(name, NULL, &hints, &found))
		return false;
	bool has = false;
	for (const struct addrinfo *i = found; i && !has; i = i->ai_next) {
		const void *raw = bytes == 4 ? (const void *)&((const struct sockaddr_in *)(const void *)i->ai_addr)->sin_addr
		                             : &((const struct sockaddr_in6 *)(const void *)i->ai_addr)->sin6_addr;
		has = !memcmp(raw, address, bytes);
	}
	freeaddrinfo(found);
	return has;
}

static bool address_granted(void *data, const char *ip, size_t length, uint16_t port, uint32_t use)
{
	const bh_permissions *permissions = data;
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t address[16];
	if (length >= sizeof text)
		return false;
	memcpy(text, ip, length);
	size_t bytes = memchr(text, ':', length) ? 16 : 4;
	if (inet_pton(bytes == 4 ? AF_INET : AF_INET6, text, address) != 1)
		return false;
	static const uint8_t unspecified[16];
	/* Before a connection the system binds a local address, and asks: that alone reaches nobody. */
	if ((use == BHX_TCP_LISTEN || use == BHX_UDP_BIND) && !port && !memcmp(address, unspecified, bytes))
		return true;
	for (size_t i = 0; i < bh_permissions_net_count(permissions); i++) {
		const bh_net_grant *grant = bh_permissions_net_at(permissions, i);
		/* Who may listen may hear anybody. */
		if (use == BHX_UDP_RECEIVE && grant->listen && (grant->protocols & BH_NET_UDP))
			return true;
		if (!in_use(grant, use) || (grant->port && grant->port != port))
			continue;
		if (grant->where.kind == BH_NET_ANY || bh_net_host_has(&grant->where, address, bytes))
			return true;
		if (grant->where.kind == BH_NET_NAME && name_has(grant->host, address, bytes))
			return true;
	}
	return false;
}

static bool same_name(const bh_net_grant *grant, const char *name, size_t length)
{
	return strlen(grant->host) == length && !strncasecmp(grant->host, name, length);
}

static bool name_granted(void *data, const char *name, size_t length)
{
	const bh_permissions *permissions = data;
	for (size_t i = 0; i < bh_permissions_net_count(permissions); i++) {
		const bh_net_grant *grant = bh_permissions_net_at(permissions, i);
		if (!grant->listen && grant->where.kind == BH_NET_NAME && same_name(grant, name, length))
			return true;
	}
	return false;
}

/* Requests name their host: the grant must name it the same way, or be its address's. */
static bool http_granted(void *data, const char *host, size_t length, uint16_t port)
{
	return bh_reach_host(data, BH_NET_HTTP, host, length, port);
}

static void release_permissions(void *data)
{
	bh_permissions_free(data);
}

/* Checks may outlive the store that asked (a name being resolved), so they get a copy. */
static bh_status network_of(bhx_network_t *network, const bh_permissions *permissions, bh_error **err)
{
	*network = (bhx_network_t){
		.address = address_granted,
		.name = name_granted,
		.http = http_granted,
		.release = release_permissions,
	};
	for (size_t i = 0; i < bh_permissions_net_count(permissions); i++) {
		const bh_net_grant *grant = bh_permissions_net_at(permissions, i);
		network->tcp |= (grant->protocols & BH_NET_TCP) != 0;
		network->udp |= (grant->protocols & BH_NET_UDP) != 0;
		network->blocks |= grant->where.kind == BH_NET_NAME;
	}
	network->names = network->blocks;
	bh_permissions *copy = NULL;
	bh_status status = bh_permissions_copy(&copy, permissions, err);
	network->data = copy;
	return status;
}

/* Folders. */

static bh_status grant_dirs(wasi_config_t *config, const bh_permissions *permissions, bh_error **err)
{
	for (size_t i = 0; i < bh_permissions_dir_count(permissions); i++) {
		const bh_dir_grant *grant = bh_permissions_dir_at(permissions, i);
		int fd = open(grant->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return bh_fail_errno(err, BH_E_SYSTEM, errno, "the granted folder %s", grant->host);
		close(fd);
		if (!wasi_config_preopen_dir(config, grant->host, grant->guest, grant->read_write))
			return bh_fail(err, BH_E_SYSTEM, "the granted folder %s cannot be opened", grant->host);
	}
	return BH_OK;
}

/* Arguments and environment. */

static bh_status give_args(wasi_config_t *config, const bh_instance_options *options, bh_error **err)
{
	if (options->arg_count && !wasi_config_set_argv(config, options->arg_count, (const char **)options->args))
		return bh_fail(err, BH_E_INVALID, "an argument for the guest is not UTF-8");
	return BH_OK;
}

static bh_status give_env(wasi_config_t *config, const bh_instance_options *options, bh_error **err)
{
	for (size_t i = 0; i < options->env_count; i++) {
		const char *equals = strchr(options->env[i], '=');
		if (!equals || equals == options->env[i])
			return bh_fail(err, BH_E_INVALID, "environment \"%s\": expected NAME=value", options->env[i]);
		BH_AUTO(bh_free) char *name = bh_strndup(options->env[i], (size_t)(equals - options->env[i]));
		const char *value = equals + 1;
		if (!name)
			return bh_fail_memory(err);
		if (!wasi_config_set_env(config, 1, (const char **)&name, &value))
			return bh_fail(err, BH_E_INVALID, "environment \"%s\": not UTF-8", name);
	}
	return BH_OK;
}

/* Standard streams. */

static bh_status give_streams(bh_store *store, wasi_config_t *config, const bh_instance_options *options,
                              bh_error **err)
{
	const bh_stdio *where[] = {&options->in, &options->out, &options->err};
	static void (*const set[])(wasi_config_t *, const bhx_stream_t *) = {bhx_wasi_stdin, bhx_wasi_stdout,
	                                                                     bhx_wasi_stderr};
	for (int i = 0; i < 3; i++) {
		bh_status status =
			bh_stream_open(&store->streams[i], where[i], i, store->meter.limits->output_bytes, &store->counts, err);
		if (status)
			return status;
		if (!store->streams[i])
			continue;
		bhx_stream_t stream = bh_stream_for_engine(store->streams[i]);
		set[i](config, &stream);
	}
	return BH_OK;
}

static void config_auto(wasi_config_t **config)
{
	if (*config)
		wasi_config_delete(*config);
}

bh_status bh_store_give_wasi(bh_store *store, const bh_permissions *permissions, const bh_instance_options *options,
                             bh_error **err)
{
	static const bh_instance_options nothing = BH_INSTANCE_OPTIONS_INIT;
	const bh_limits *limits = store->meter.limits;
	__attribute__((cleanup(config_auto))) wasi_config_t *config = wasi_config_new();
	if (!options)
		options = &nothing;
	bh_status status;
	if ((status = give_args(config, options, err)) || (status = give_env(config, options, err)) ||
	    (status = give_streams(store, config, options, err)))
		return status;
	bhx_network_t network = {0};
	bool networked = permissions && bh_permissions_net_count(permissions);
	if (permissions && (status = grant_dirs(config, permissions, err)))
		return status;
	if (networked && (status = network_of(&network, permissions, err)))
		return status;
	bhx_wasi_limits_t bounds = {
		.table = (uint32_t)limits->resources,
		.open_files = (uint32_t)limits->open_files,
		.io_bytes = limits->io_bytes,
		.random_bytes = RANDOM_BYTES,
		.raise_open_files = BH_RAISE_OPEN_FILES,
		.raise_io_bytes = BH_RAISE_IO_BYTES,
	};
	wasmtime_error_t *failed =
		bhx_store_set_wasi(store->context, BH_TAKE(config), &bounds, networked ? &network : NULL);
	if (failed)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "the WASI context could not be made");
	return BH_OK;
}
