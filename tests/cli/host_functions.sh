#!/usr/bin/env bash
# test: timeout=60 waits
# bulkhead:host at the prompt: what grants what, where the HTTP client is, and that nobody links it who does not fetch.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest errand.wasm wat/nap.wat

# Nobody carries libcurl but the part that needs it.
linked() { ldd "$1" | grep -cE 'curl|ssl'; }
[ "$(linked "$BULKHEAD")" = 0 ] || fail 'the command is linked with libcurl'
lib="$(dirname "$(dirname "$BULKHEAD")")/lib"
if [ -e "$lib/libbulkhead.so" ]; then
	[ "$(linked "$lib/libbulkhead.so")" = 0 ] || fail 'the library is linked with libcurl'
fi
[ "$(linked "$lib/libbulkhead-net.so")" != 0 ] || fail 'libbulkhead-net is not linked with libcurl'

mkdir data
echo 'twelve bytes' >data/in
limits=(--memory 64MB --timeout 5s --fuel unlimited)

run call "${limits[@]}" --dir data::/data:ro errand.wasm 'size("/data/in")'
expect_exit 0
expect_out 'ok(13)'
run call "${limits[@]}" --dir data::/data:ro errand.wasm 'size("/data/../in")'
expect_exit 1
expect_out_has 'denied: /data/../in: it leads out of the granted folder'
run call "${limits[@]}" errand.wasm 'size("/data/in")'
expect_exit 77
expect_err_has 'filesystem::read'
expect_err_has '--allow filesystem::read'
run call "${limits[@]}" --allow filesystem::read errand.wasm 'size("/data/in")'
expect_exit 1
expect_out_has 'in no folder that was granted'

run run --memory 64MB nap.wat
expect_exit 77
run run --memory 64MB --allow time::sleep --usage nap.wat
expect_exit 0
grep -Eq 'usage: wall [^,]*, cpu [^,]*, host functions [0-9.]+ ms, fuel' err || fail 'time in host functions'
run run --memory 64MB --allow time::sleep --json nap.wat
expect_err_json '.usage | .host_ns > 1000000 and .host_ns <= .wall_ns'
run run --memory 64MB --allow time::sleep --timeout 100ms nap.wat
expect_exit 124
run run --memory 64MB --allow 'no such' nap.wat
expect_exit 64

# By the manifest: folders and capabilities are said there one by one.
printf '[component]\nname = "errand"\n[resources]\nmax_memory = "64MB"\nmax_stack = "1MB"\nmax_fuel_per_execution = "unlimited"\nmax_execution_time_ms = "5s"\n[permissions]\nfilesystem.read = ["./data"]\n' >errand.toml
run call errand.wasm 'size("/data/in")'
expect_exit 77
printf 'capabilities = ["filesystem::read"]\n' >>errand.toml
run call errand.wasm 'size("/data/in")'
expect_exit 0
run inspect errand.wasm
expect_out_has 'call what needs filesystem::read'
expect_out_has '(refused unless granted: --allow time::sleep)'
rm errand.toml
run init -o - errand.wasm
expect_out_has '# capabilities = ["filesystem::read", "network::http_fetch", "time::sleep"]'
expect_out_has '# network.outbound ='

# HTTP: a server that says what it was asked.
# shellcheck disable=SC2016 # Perl's
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
	open my $f, ">", "port.new" or die; print $f $s->sockport; close $f; rename "port.new", "port";
	alarm 50;
	while (my $c = $s->accept) {
		my $line = <$c>; while (defined(my $more = <$c>)) { last if $more =~ /^\r?$/ }
		my $body = "asked: " . substr($line, 0, -2);
		print $c "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body"; close $c;
	}' &
server=$!
trap 'kill $server 2>/dev/null' EXIT
for _ in $(seq 200); do [ -e port ] && break; sleep 0.05; done
port="$(cat port)"

run call "${limits[@]}" --allow-net "127.0.0.1:$port" errand.wasm "get(\"http://127.0.0.1:$port/x\")"
expect_exit 0
expect_out_has 'asked: GET /x HTTP/1.1'
run call "${limits[@]}" --allow-net "127.0.0.1:$((port + 1))" errand.wasm "get(\"http://127.0.0.1:$port/x\")"
expect_exit 1
expect_out_has 'denied: '
run call "${limits[@]}" --allow-net "localhost:$port" errand.wasm "get(\"http://localhost:$port/x\")"
expect_exit 1
expect_out_has 'private network'
run call "${limits[@]}" errand.wasm "get(\"http://127.0.0.1:$port/x\")"
expect_exit 77

BULKHEAD_NET_LIBRARY=/nonexistent run call "${limits[@]}" --allow-net "127.0.0.1:$port" errand.wasm "get(\"http://127.0.0.1:$port/x\")"
expect_exit 1
expect_out_has 'unavailable: '
expect_out_has 'install libbulkhead-net'
exit 0
