/* The network: TCP to what was granted and to nothing else. The guest speaks wasi:sockets itself. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "one_host.h"

/*
 * connect(a, b, c, d, port): how far it got. 256: connected; up to 20: the error code of creating the socket;
 * 100 and more: of beginning to connect; 200 and more: of finishing it. Code 1 is access-denied.
 */
static const char connector[] =
	"(component\n"
	"(import \"wasi:io/poll@0.2.0\" (instance $poll (export \"pollable\" (type $p (sub resource)))\n"
	"  (export \"[method]pollable.block\" (func (param \"self\" (borrow $p))))))\n"
	"(alias export $poll \"pollable\" (type $pollable))\n"
	"(import \"wasi:io/streams@0.2.0\" (instance $streams (export \"input-stream\" (type (sub resource)))\n"
	"  (export \"output-stream\" (type (sub resource)))))\n"
	"(alias export $streams \"input-stream\" (type $input)) (alias export $streams \"output-stream\" (type $output))\n"
	"(import \"wasi:sockets/network@0.2.0\" (instance $network\n"
	"  (export \"network\" (type (sub resource)))\n"
	"  (type $c1 (enum \"unknown\" \"access-denied\" \"not-supported\" \"invalid-argument\" \"out-of-memory\"\n"
	"    \"timeout\" \"concurrency-conflict\" \"not-in-progress\" \"would-block\" \"invalid-state\"\n"
	"    \"new-socket-limit\" \"address-not-bindable\" \"address-in-use\" \"remote-unreachable\"\n"
	"    \"connection-refused\" \"connection-reset\" \"connection-aborted\" \"datagram-too-large\"\n"
	"    \"name-unresolvable\" \"temporary-resolver-failure\" \"permanent-resolver-failure\"))\n"
	"  (export \"error-code\" (type (eq $c1)))\n"
	"  (type $f1 (enum \"ipv4\" \"ipv6\")) (export \"ip-address-family\" (type (eq $f1)))\n"
	"  (type $v4 (record (field \"port\" u16) (field \"address\" (tuple u8 u8 u8 u8))))\n"
	"  (export \"ipv4-socket-address\" (type $v4e (eq $v4)))\n"
	"  (type $v6 (record (field \"port\" u16) (field \"flow-info\" u32)\n"
	"    (field \"address\" (tuple u16 u16 u16 u16 u16 u16 u16 u16)) (field \"scope-id\" u32)))\n"
	"  (export \"ipv6-socket-address\" (type $v6e (eq $v6)))\n"
	"  (type $a1 (variant (case \"ipv4\" $v4e) (case \"ipv6\" $v6e)))\n"
	"  (export \"ip-socket-address\" (type (eq $a1)))))\n"
	"(alias export $network \"network\" (type $net)) (alias export $network \"error-code\" (type $code))\n"
	"(alias export $network \"ip-address-family\" (type $family))\n"
	"(alias export $network \"ip-socket-address\" (type $address))\n"
	"(import \"wasi:sockets/instance-network@0.2.0\" (instance $instance (alias outer 1 $net (type $n))\n"
	"  (export \"instance-network\" (func (result (own $n))))))\n"
	"(import \"wasi:sockets/tcp@0.2.0\" (instance $tcp (export \"tcp-socket\" (type $s (sub resource)))\n"
	"  (alias outer 1 $net (type $n)) (alias outer 1 $code (type $c)) (alias outer 1 $address (type $a))\n"
	"  (alias outer 1 $input (type $i)) (alias outer 1 $output (type $o)) (alias outer 1 $pollable (type $p))\n"
	"  (export \"[method]tcp-socket.start-connect\" (func (param \"self\" (borrow $s)) (param \"network\" (borrow $n))\n"
	"    (param \"remote-address\" $a) (result (result (error $c)))))\n"
	"  (export \"[method]tcp-socket.finish-connect\" (func (param \"self\" (borrow $s))\n"
	"    (result (result (tuple (own $i) (own $o)) (error $c)))))\n"
	"  (export \"[method]tcp-socket.subscribe\" (func (param \"self\" (borrow $s)) (result (own $p))))))\n"
	"(alias export $tcp \"tcp-socket\" (type $socket))\n"
	"(import \"wasi:sockets/tcp-create-socket@0.2.0\" (instance $create\n"
	"  (alias outer 1 $socket (type $s)) (alias outer 1 $code (type $c)) (alias outer 1 $family (type $f))\n"
	"  (export \"create-tcp-socket\" (func (param \"address-family\" $f) (result (result (own $s) (error $c)))))))\n"
	"(core module $memory (memory (export \"m\") 1)) (core instance $memory (instantiate $memory))\n"
	"(core func $block (canon lower (func $poll \"[method]pollable.block\")))\n"
	"(core func $network (canon lower (func $instance \"instance-network\")))\n"
	"(core func $create (canon lower (func $create \"create-tcp-socket\") (memory (core memory $memory \"m\"))))\n"
	"(core func $start (canon lower (func $tcp \"[method]tcp-socket.start-connect\")\n"
	"  (memory (core memory $memory \"m\"))))\n"
	"(core func $finish (canon lower (func $tcp \"[method]tcp-socket.finish-connect\")\n"
	"  (memory (core memory $memory \"m\"))))\n"
	"(core func $subscribe (canon lower (func $tcp \"[method]tcp-socket.subscribe\")))\n"
	"(core module $m (import \"\" \"m\" (memory 1)) (import \"\" \"block\" (func $block (param i32)))\n"
	"  (import \"\" \"network\" (func $network (result i32)))\n"
	"  (import \"\" \"create\" (func $create (param i32 i32)))\n"
	"  (import \"\" \"start\" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))\n"
	"  (import \"\" \"finish\" (func $finish (param i32 i32)))\n"
	"  (import \"\" \"subscribe\" (func $subscribe (param i32) (result i32)))\n"
	"  (func (export \"connect\") (param i32 i32 i32 i32 i32) (result i32) (local $s i32)\n"
	"    (call $create (i32.const 0) (i32.const 16))\n"
	"    (if (i32.load8_u (i32.const 16)) (then (return (i32.load8_u (i32.const 20)))))\n"
	"    (local.set $s (i32.load (i32.const 20)))\n"
	"    (call $start (local.get $s) (call $network) (i32.const 0) (local.get 4) (local.get 0) (local.get 1)\n"
	"      (local.get 2) (local.get 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)\n"
	"      (i32.const 0) (i32.const 16))\n"
	"    (if (i32.load8_u (i32.const 16)) (then (return (i32.add (i32.const 100) (i32.load8_u (i32.const 17))))))\n"
	"    (call $block (call $subscribe (local.get $s)))\n"
	"    (call $finish (local.get $s) (i32.const 16))\n"
	"    (if (i32.load8_u (i32.const 16)) (then (return (i32.add (i32.const 200) (i32.load8_u (i32.const 20))))))\n"
	"    (i32.const 256)))\n"
	"(core instance $i (instantiate $m (with \"\" (instance (export \"m\" (memory $memory \"m\"))\n"
	"  (export \"block\" (func $block)) (export \"network\" (func $network)) (export \"create\" (func $create))\n"
	"  (export \"start\" (func $start)) (export \"finish\" (func $finish))\n"
	"  (export \"subscribe\" (func $subscribe))))))\n"
	"(func (export \"connect\") (param \"a\" u8) (param \"b\" u8) (param \"c\" u8) (param \"d\" u8) (param \"port\" u16)\n"
	"  (result u32) (canon lift (core func $i \"connect\"))))";

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
	OK(bh_component_load_bytes(&component, host, connector, sizeof connector - 1, &options, &t_err));
	bh_permissions_free(permissions);
	return component;
}

static bool connects(bh_component *component, const char *address, uint16_t port)
{
	unsigned a, b, c, d;
	char args[64];
	assert_int_equal(sscanf(address, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	snprintf(args, sizeof args, "%u, %u, %u, %u, %u", a, b, c, d, port);
	uint64_t got = t_number(component, "connect", args);
	if (got != 256)
		assert_true(got == 1 || got == 2 || got == 101 || got == 201); /* denied, or no sockets at all */
	return got == 256;
}

static int listen_on(const char *address, uint16_t *port)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	socklen_t size = sizeof local;
	assert_int_equal(inet_pton(AF_INET, address, &local.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
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
	int listening = listen_on("127.0.0.1", &port), second = listen_on("127.0.0.1", &other);
	bh_component *component = load(NULL, 0, 0);
	assert_false(connects(component, "127.0.0.1", port));
	bh_component_unref(component);
	component = load("127.0.0.1", port, BH_NET_TCP);
	for (int i = 0; i < 3; i++) {
		assert_true(connects(component, "127.0.0.1", port));
		assert_false(connects(component, "127.0.0.1", other));
		assert_false(connects(component, "127.0.0.2", port));
		assert_false(connects(component, "10.0.0.1", port));
	}
	bh_component_unref(component);
	component = load("127.0.0.1", 0, BH_NET_TCP);
	assert_true(connects(component, "127.0.0.1", port));
	assert_true(connects(component, "127.0.0.1", other));
	assert_false(connects(component, "127.0.0.2", other));
	bh_component_unref(component);
	component = load("127.0.0.0/30", port, BH_NET_TCP);
	assert_true(connects(component, "127.0.0.1", port));
	assert_false(connects(component, "127.0.0.4", port));
	bh_component_unref(component);
	component = load("localhost", port, BH_NET_TCP);
	assert_true(connects(component, "127.0.0.1", port));
	assert_false(connects(component, "127.0.0.1", other));
	assert_false(connects(component, "127.0.0.2", port));
	bh_component_unref(component);
	close(listening);
	close(second);
}

/* Grants for other protocols, and for listening, are no grants to connect. */
static void other_grants(void **state)
{
	(void)state;
	uint16_t port;
	int listening = listen_on("127.0.0.1", &port);
	static const int protocols[] = {BH_NET_UDP, BH_NET_HTTP, BH_NET_UDP | BH_NET_HTTP};
	for (size_t i = 0; i < 3; i++) {
		bh_component *component = load("127.0.0.1", port, protocols[i]);
		assert_false(connects(component, "127.0.0.1", port));
		bh_component_unref(component);
	}
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_listen(permissions, "*", 0, BH_NET_TCP, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.permissions = permissions;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, connector, sizeof connector - 1, &options, &t_err));
	bh_permissions_free(permissions);
	assert_false(connects(component, "127.0.0.1", port));
	bh_component_unref(component);
	close(listening);
}

/* A peer that does not answer: the execution limit ends the wait, and nothing is left open. */
static void a_peer_that_does_not_answer(void **state)
{
	(void)state;
	uint16_t port;
	/* A full backlog lets no more connections in, and refuses none. */
	int listening = listen_on("127.0.0.1", &port), waiting[32];
	assert_int_equal(listen(listening, 0), 0);
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr), 1);
	for (int i = 0; i < 32; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&peer, sizeof peer);
	}
	bh_permissions *permissions = NULL;
	OK(bh_permissions_new(&permissions, &t_err));
	OK(bh_permissions_allow_net(permissions, "127.0.0.1", port, BH_NET_TCP, &t_err));
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.limits.execution_ms = 100;
	options.permissions = permissions;
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, connector, sizeof connector - 1, &options, &t_err));
	bh_permissions_free(permissions);
	char args[64];
	snprintf(args, sizeof args, "127, 0, 0, 1, %u", port);
	size_t before = 0;
	for (int i = 0; i < 3; i++) {
		double start = t_now_ms();
		FAILS(BH_E_TIMEOUT, t_call(NULL, component, "connect", args, NULL, NULL, &t_err));
		assert_true(t_now_ms() - start < 100 + 1000 * t_slack());
		before = i ? before : t_descriptors();
	}
	assert_int_equal(t_descriptors(), before);
	bh_component_unref(component);
	for (int i = 0; i < 32; i++)
		close(waiting[i]);
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_granted),
		cmocka_unit_test(other_grants),
		cmocka_unit_test(a_peer_that_does_not_answer),
	};
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
