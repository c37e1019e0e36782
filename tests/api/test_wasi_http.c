/* wasi:http is linked for everybody and lets nobody out who was not granted it. The guest speaks it itself. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "one_host.h"

#define ERROR_CODES                                                                                                       \
	"(type $dns (record (field \"rcode\" (option string)) (field \"info-code\" (option u16))))\n"                         \
	"(export \"DNS-error-payload\" (type $dnse (eq $dns)))\n"                                                             \
	"(type $tls (record (field \"alert-id\" (option u8)) (field \"alert-message\" (option string))))\n"                   \
	"(export \"TLS-alert-received-payload\" (type $tlse (eq $tls)))\n"                                                    \
	"(type $field (record (field \"field-name\" (option string)) (field \"field-size\" (option u32))))\n"                 \
	"(export \"field-size-payload\" (type $fielde (eq $field)))\n"                                                        \
	"(type $ec (variant (case \"DNS-timeout\") (case \"DNS-error\" $dnse) (case \"destination-not-found\")\n"             \
	" (case \"destination-unavailable\") (case \"destination-IP-prohibited\") (case \"destination-IP-unroutable\")\n"     \
	" (case \"connection-refused\") (case \"connection-terminated\") (case \"connection-timeout\")\n"                     \
	" (case \"connection-read-timeout\") (case \"connection-write-timeout\") (case \"connection-limit-reached\")\n"       \
	" (case \"TLS-protocol-error\") (case \"TLS-certificate-error\") (case \"TLS-alert-received\" $tlse)\n"               \
	" (case \"HTTP-request-denied\") (case \"HTTP-request-length-required\")\n"                                           \
	" (case \"HTTP-request-body-size\" (option u64)) (case \"HTTP-request-method-invalid\")\n"                            \
	" (case \"HTTP-request-URI-invalid\") (case \"HTTP-request-URI-too-long\")\n"                                         \
	" (case \"HTTP-request-header-section-size\" (option u32)) (case \"HTTP-request-header-size\" (option $fielde))\n"    \
	" (case \"HTTP-request-trailer-section-size\" (option u32)) (case \"HTTP-request-trailer-size\" $fielde)\n"           \
	" (case \"HTTP-response-incomplete\") (case \"HTTP-response-header-section-size\" (option u32))\n"                    \
	" (case \"HTTP-response-header-size\" $fielde) (case \"HTTP-response-body-size\" (option u64))\n"                     \
	" (case \"HTTP-response-trailer-section-size\" (option u32)) (case \"HTTP-response-trailer-size\" $fielde)\n"         \
	" (case \"HTTP-response-transfer-coding\" (option string)) (case \"HTTP-response-content-coding\" (option string))\n" \
	" (case \"HTTP-response-timeout\") (case \"HTTP-upgrade-failed\") (case \"HTTP-protocol-error\")\n"                   \
	" (case \"loop-detected\") (case \"configuration-error\") (case \"internal-error\" (option string))))\n"              \
	"(export \"error-code\" (type $ece (eq $ec)))\n"

enum { DENIED = 15, HANDLE_FAILED = 1000, RESPONSE_FAILED = 2000, RESPONDED = 1 };

/* get(authority): asks http://authority/ and says how far that got. */
static const char client[] =
	"(component\n"
	"(import \"wasi:io/poll@0.2.0\" (instance $poll (export \"pollable\" (type $p (sub resource)))\n"
	"  (export \"[method]pollable.block\" (func (param \"self\" (borrow $p))))))\n"
	"(alias export $poll \"pollable\" (type $pollable))\n"
	"(import \"wasi:http/types@0.2.0\" (instance $types\n"
	"  (export \"fields\" (type $f (sub resource))) (export \"outgoing-request\" (type $r (sub resource)))\n"
	"  (export \"request-options\" (type (sub resource))) (export \"incoming-response\" (type $i (sub resource)))\n"
	"  (export \"future-incoming-response\" (type $fut (sub resource)))\n"
	"  (alias outer 1 $pollable (type $p))\n" ERROR_CODES
	"  (type $s1 (variant (case \"HTTP\") (case \"HTTPS\") (case \"other\" string)))\n"
	"  (export \"scheme\" (type $s (eq $s1)))\n"
	"  (export \"[constructor]fields\" (func (result (own $f))))\n"
	"  (export \"[constructor]outgoing-request\" (func (param \"headers\" (own $f)) (result (own $r))))\n"
	"  (export \"[method]outgoing-request.set-scheme\" (func (param \"self\" (borrow $r))\n"
	"    (param \"scheme\" (option $s)) (result (result))))\n"
	"  (export \"[method]outgoing-request.set-authority\" (func (param \"self\" (borrow $r))\n"
	"    (param \"authority\" (option string)) (result (result))))\n"
	"  (export \"[method]outgoing-request.set-path-with-query\" (func (param \"self\" (borrow $r))\n"
	"    (param \"path-with-query\" (option string)) (result (result))))\n"
	"  (export \"[method]future-incoming-response.subscribe\" (func (param \"self\" (borrow $fut)) (result (own $p))))\n"
	"  (export \"[method]future-incoming-response.get\" (func (param \"self\" (borrow $fut))\n"
	"    (result (option (result (result (own $i) (error $ece)))))))))\n"
	"(alias export $types \"outgoing-request\" (type $request)) (alias export $types \"error-code\" (type $code))\n"
	"(alias export $types \"request-options\" (type $options))\n"
	"(alias export $types \"future-incoming-response\" (type $future))\n"
	"(import \"wasi:http/outgoing-handler@0.2.0\" (instance $handler\n"
	"  (alias outer 1 $request (type $r)) (alias outer 1 $options (type $o)) (alias outer 1 $future (type $f))\n"
	"  (alias outer 1 $code (type $c))\n"
	"  (export \"handle\" (func (param \"request\" (own $r)) (param \"options\" (option (own $o)))\n"
	"    (result (result (own $f) (error $c)))))))\n"
	"(core module $memory (memory (export \"m\") 1)\n"
	"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))\n"
	"(core instance $memory (instantiate $memory))\n"
	"(alias core export $memory \"m\" (core memory $m)) (alias core export $memory \"realloc\" (core func $realloc))\n"
	"(core func $block (canon lower (func $poll \"[method]pollable.block\")))\n"
	"(core func $fields (canon lower (func $types \"[constructor]fields\")))\n"
	"(core func $request (canon lower (func $types \"[constructor]outgoing-request\")))\n"
	"(core func $scheme (canon lower (func $types \"[method]outgoing-request.set-scheme\") (memory $m)))\n"
	"(core func $authority (canon lower (func $types \"[method]outgoing-request.set-authority\") (memory $m)))\n"
	"(core func $path (canon lower (func $types \"[method]outgoing-request.set-path-with-query\") (memory $m)))\n"
	"(core func $subscribe (canon lower (func $types \"[method]future-incoming-response.subscribe\")))\n"
	"(core func $get (canon lower (func $types \"[method]future-incoming-response.get\") (memory $m)\n"
	"  (realloc $realloc)))\n"
	"(core func $handle (canon lower (func $handler \"handle\") (memory $m) (realloc $realloc)))\n"
	"(core module $main (import \"\" \"m\" (memory 1)) (import \"\" \"block\" (func $block (param i32)))\n"
	"  (import \"\" \"fields\" (func $fields (result i32)))\n"
	"  (import \"\" \"request\" (func $request (param i32) (result i32)))\n"
	"  (import \"\" \"scheme\" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))\n"
	"  (import \"\" \"authority\" (func $authority (param i32 i32 i32 i32) (result i32)))\n"
	"  (import \"\" \"path\" (func $path (param i32 i32 i32 i32) (result i32))) (data (i32.const 32) \"/\")\n"
	"  (import \"\" \"subscribe\" (func $subscribe (param i32) (result i32)))\n"
	"  (import \"\" \"get\" (func $get (param i32 i32)))\n"
	"  (import \"\" \"handle\" (func $handle (param i32 i32 i32 i32)))\n"
	"  (func (export \"get\") (param i32 i32) (result i32) (local $r i32) (local $f i32)\n"
	"    (local.set $r (call $request (call $fields)))\n"
	"    (if (call $scheme (local.get $r) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))\n"
	"      (then (return (i32.const 3000))))\n"
	"    (if (call $authority (local.get $r) (i32.const 1) (local.get 0) (local.get 1))\n"
	"      (then (return (i32.const 3001))))\n"
	"    (if (call $path (local.get $r) (i32.const 1) (i32.const 32) (i32.const 1)) (then (return (i32.const 3004))))\n"
	"    (call $handle (local.get $r) (i32.const 0) (i32.const 0) (i32.const 64))\n"
	"    (if (i32.load8_u (i32.const 64)) (then (return (i32.add (i32.const 1000) (i32.load8_u (i32.const 72))))))\n"
	"    (local.set $f (i32.load (i32.const 72)))\n"
	"    (call $block (call $subscribe (local.get $f)))\n"
	"    (call $get (local.get $f) (i32.const 128))\n"
	"    (if (i32.eqz (i32.load8_u (i32.const 128))) (then (return (i32.const 3002))))\n"
	"    (if (i32.load8_u (i32.const 136)) (then (return (i32.const 3003))))\n"
	"    (if (i32.load8_u (i32.const 144)) (then (return (i32.add (i32.const 2000) (i32.load8_u (i32.const 152))))))\n"
	"    (i32.const 1)))\n"
	"(core instance $i (instantiate $main (with \"\" (instance (export \"m\" (memory $m)) (export \"block\" (func $block))\n"
	"  (export \"fields\" (func $fields)) (export \"request\" (func $request)) (export \"scheme\" (func $scheme))\n"
	"  (export \"authority\" (func $authority)) (export \"path\" (func $path))\n"
	"  (export \"subscribe\" (func $subscribe)) (export \"get\" (func $get))\n"
	"  (export \"handle\" (func $handle))))))\n"
	"(func (export \"get\") (param \"authority\" string) (result u32)\n"
	"  (canon lift (core func $i \"get\") (memory $m) (realloc $realloc))))";

static bh_component *load(const char *peer, uint16_t port, int protocols)
{
	bh_permissions *permissions = NULL;
	if (peer) {
		OK(bh_permissions_new(&permissions, &t_err));
		OK(bh_permissions_allow_net(permissions, peer, port, protocols, &t_err));
	}
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.permissions = permissions;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, client, sizeof client - 1, &options, &t_err));
	bh_permissions_free(permissions);
	return component;
}

static uint64_t get(bh_component *component, const char *name, uint16_t port)
{
	char args[64];
	snprintf(args, sizeof args, "\"%s:%u\"", name, port);
	return t_number(component, "get", args);
}

static bool denied(uint64_t got)
{
	if (got != HANDLE_FAILED + DENIED && got != RESPONSE_FAILED + DENIED)
		print_error("got %llu\n", (unsigned long long)got);
	return got == HANDLE_FAILED + DENIED || got == RESPONSE_FAILED + DENIED;
}

/* A server for so many requests. */
typedef struct {
	int listening;
	int requests;
	_Atomic int served;
} server;

static void *serve(void *data)
{
	static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
	server *s = data;
	for (int i = 0; i < s->requests; i++) {
		char request[4096];
		int fd = accept(s->listening, NULL, NULL);
		EXPECT(fd >= 0 && read(fd, request, sizeof request) > 0);
		EXPECT(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1);
		close(fd);
		s->served++;
	}
	return NULL;
}

static int listen_here(uint16_t *port)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof local;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&local, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &size), 0);
	*port = ntohs(local.sin_port);
	return fd;
}

static void only_what_was_granted(void **state)
{
	(void)state;
	uint16_t port, other;
	server s = {.listening = listen_here(&port), .requests = 3};
	int quiet = listen_here(&other);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);

	bh_component *component = load(NULL, 0, 0);
	assert_true(denied(get(component, "127.0.0.1", port)));
	assert_true(denied(get(component, "localhost", port)));
	bh_component_unref(component);
	/* Sockets to the same peer are another grant. */
	component = load("127.0.0.1", port, BH_NET_TCP | BH_NET_UDP);
	assert_true(denied(get(component, "127.0.0.1", port)));
	bh_component_unref(component);
	assert_int_equal(s.served, 0);

	component = load("127.0.0.1", port, BH_NET_HTTP);
	assert_int_equal(get(component, "127.0.0.1", port), RESPONDED);
	assert_true(denied(get(component, "127.0.0.1", other)));
	assert_true(denied(get(component, "127.0.0.2", port)));
	assert_true(denied(get(component, "localhost", port))); /* a name is not the address it has */
	bh_component_unref(component);
	component = load("localhost", port, BH_NET_HTTP);
	assert_int_equal(get(component, "localhost", port), RESPONDED);
	assert_int_equal(get(component, "LocalHost", port), RESPONDED);
	assert_true(denied(get(component, "localhost", other)));
	assert_true(denied(get(component, "127.0.0.1", port)));
	bh_component_unref(component);
	pthread_join(thread, NULL);
	close(s.listening);
	close(quiet);
}

/* A server that accepts and says nothing: the execution limit ends the wait. */
static void a_server_that_is_silent(void **state)
{
	(void)state;
	uint16_t port;
	int listening = listen_here(&port);
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", port, BH_NET_HTTP, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.execution_ms = 200;
	options.permissions = permissions;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, client, sizeof client - 1, &options, &t_err));
	bh_permissions_free(permissions);
	char args[64];
	snprintf(args, sizeof args, "\"127.0.0.1:%u\"", port);
	size_t before = 0;
	for (int i = 0; i < 4; i++) {
		double start = t_now_ms();
		FAILS(BH_E_TIMEOUT, t_call(NULL, component, "get", args, NULL, NULL, &t_err));
		assert_true(t_now_ms() - start < 200 + 1000 * t_slack());
		t_sleep_ms(50); /* connections are closed by a thread of their own */
		before = i ? before : t_descriptors();
	}
	assert_true(t_descriptors() <= before);
	bh_component_unref(component);
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_granted),
		cmocka_unit_test(a_server_that_is_silent),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
