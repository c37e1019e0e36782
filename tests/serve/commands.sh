#!/usr/bin/env bash
# test: timeout=60
# The commands that talk to the daemon: what they show, as text and as JSON; and what they say where they cannot.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm lines.wasm
unset BULKHEAD_ADMIN BULKHEAD_ADMIN_TOKEN_FILE
sock=(--socket admin.sock)

# Nobody is there, nothing is, a socket that nobody listens on, one that may not be.
run ps "${sock[@]}"
expect_exit 69
expect_no_out
expect_err_has 'admin.sock: no daemon there'
expect_err_has 'Start it:  bulkhead serve'
run ps --json "${sock[@]}"
expect_exit 69
expect_json '.exit == 69 and .error.status == "BH_E_DOWN" and (.error.hint | test("bulkhead serve"))'
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "stale.sock", Listen => 1) or die'
[ -S stale.sock ] || failed 'no stale socket'
run events --socket stale.sock
expect_exit 69
expect_err_has 'no daemon there'
run ps --socket "$(printf '%0110d' 0)"
expect_exit 64
run ps --url 'ftp://127.0.0.1'
expect_exit 64
run ps --url http://127.0.0.1:1 "${sock[@]}"
expect_exit 64
BULKHEAD_ADMIN=elsewhere.sock run logs x
expect_exit 69
expect_err_has 'elsewhere.sock'
if [ "$(id -u)" != 0 ]; then
	mkdir -m 0 shut
	run ps --socket shut/admin.sock
	expect_exit 77
fi

# One that is no daemon, and one that says too much, or nothing.
cat >odd.pl <<'PERL'
use IO::Socket::UNIX;
my ($path, $kind) = @ARGV;
my $door = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $path, Listen => 5) or die;
while (my $peer = $door->accept) {
	my $line = <$peer>;
	my $answer = $kind eq "html" ? "<html>" : $kind eq "list" ? '{"children": 7}' :
		'{"children": [{"path": "a\u001b[31m\nb", "state": "\u202eok", "last_exit": 3, "statistics": {"p99_ns": "x", "calls": -1, "memory_limit": 1e300}}, 7, null, {"path": 3}]}';
	print $peer "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($answer) . "\r\nConnection: close\r\n\r\n$answer";
}
PERL
odd() {
	rm -f odd.sock
	perl odd.pl odd.sock "$1" &
	odd_pid=$!
	until_true test -S odd.sock || failed 'no odd server'
}
for kind in html list; do
	odd "$kind"
	run ps --socket odd.sock
	expect_exit 70
	expect_no_out
	expect_err_has 'no daemon of Bulkhead'
	kill "$odd_pid"
done
odd names
run ps --socket odd.sock
expect_exit 0
expect_out_has 'a\u{1b}[31m b'
expect_out_lacks $'\033'
[ "$(wc -l <out)" = 2 ] || fail 'one child, one line'
run top --once --socket odd.sock
[ "$(cat .end)" = 'exit 69' ] || [ "$(cat .end)" = 'exit 70' ] || fail 'top without statistics'
kill "$odd_pid"
wait "$odd_pid" 2>/dev/null

# A daemon, with a tree.
(umask 077 && echo 0123456789abcdef0123456789abcdef >token)
port=$((20000 + $$ % 20000))
cat >bulkhead.toml <<TOML
[admin]
socket = "admin.sock"
listen = "127.0.0.1:$port"
token_file = "token"
[service.counter]
file = "counter.wasm"
limits = { max_memory = "16MiB", max_fuel_per_execution = 10_000_000 }
[task.say]
file = "lines.wasm"
restart = "temporary"
limits = { max_memory = "16MiB" }
args = ["lines", "5"]
[supervisor.web]
on_intensity = "fail-child"
max_restarts = 1
[service.front]
supervisor = "web"
file = "counter.wasm"
replicas = 2
limits = { max_memory = "16MiB" }
TOML
begin
export BULKHEAD_ADMIN="$PWD/admin.sock"

run ps
expect_exit 0
expect_no_err
head -n 1 out | grep -Eqx 'NAME +STATE +UPTIME +RESTARTS +CALLS/S +P99 +FUEL/CALL +MEMORY +LAST EXIT' || fail 'the heading'
for name in counter web web/front#1 web/front#2; do
	grep -Eq "^$name +running " out || fail "no $name"
done
run ps web/front
expect_exit 0
[ "$(wc -l <out)" = 3 ] || fail 'two replicas and a heading'
run ps --json
expect_json '.exit == 0 and ([.children[].path] | index("web/front") != null) and (.children[0].path == "")'
run ps nosuch
expect_exit 66
expect_err_has 'there is no child nosuch'
run ps --json '../../x%2f'
expect_exit 66
expect_json '.error.status == "BH_E_NOT_FOUND" and .exit == 66'
run ps counter web
expect_usage ps

# Calls: a name, a file of that name, and both.
run call counter 'increment()'
expect_exit 0
expect_out 1
run call --json counter increment
expect_json '.result == 2 and .exit == 0 and .usage.fuel > 0 and .usage.host_ns == 0'
run call --usage web/front 'get()'
grep -Eq '^  usage: wall [^,]*, waited [^,]*, fuel [0-9]+, peak memory ' err || fail 'usage without host functions'
run call web/front 'get()'
expect_out 0
run call counter 'nosuch()'
expect_exit 64
run call counter 'increment(7)'
expect_exit 64
run call counter 'crash-at(3)'
expect_exit 0
expect_no_out
run call counter 'increment()'
expect_exit 134
expect_err_has 'counter: trapped: unreachable'
run call --json counter 'spin()'
expect_exit 152
expect_json '.error.status == "BH_E_OUT_OF_FUEL" and .error.limit.name == "max_fuel_per_execution" and .usage.fuel > 0'
run call --timeout 20ms counter 'sleep-ms(90)'
expect_exit 124
run call web 'get()'
expect_exit 64
run call nosuch 'get()'
expect_exit 66
run call --memory 16MB counter 'get()'
expect_exit 66
expect_err_has 'no such file'
run call --memory 16MB "${sock[@]}" counter 'get()'
expect_exit 64
expect_err_has '--memory is for calls of a file'
run call ./counter 'get()'
expect_exit 66
cp counter.wasm counter
run call --memory 16MB counter 'increment()'
expect_out 1
run call "${sock[@]}" counter 'crash-at(0)'
expect_exit 0
rm counter
BULKHEAD_ADMIN=elsewhere.sock run call counter 'get()'
expect_exit 66
expect_err_has 'no such file, and no daemon'

run ps
grep -Eq '^counter +running .* 0\.[0-9]/16 MiB  +out of fuel \(' out || fail 'how counter ended'

# Starting and stopping, seen to the end.
run stop counter web/front
expect_exit 0
expect_out $'counter: stopped\nweb/front: stopped'
run call counter 'get()'
expect_exit 69
run start --json counter
expect_json '.path == "counter" and .state == "running" and .exit == 0'
run start web/front
expect_out 'web/front: running'
run restart web/front
expect_out 'web/front: running'
run restart --no-wait counter
expect_exit 0
run stop nosuch counter
expect_exit 66
expect_out 'counter: stopped'
run start counter
run reset counter
expect_exit 64
expect_err_has 'did not fail for good'
fails() { [ "$("$BULKHEAD" ps --json web/front | jq '[.children[] | select(.state == "failed")] | length')" = 2 ]; }
crash() {
	run call web/front 'crash-at(1)'
	run call web/front 'increment()'
	fails
}
until_true crash || failed 'nothing failed'
run ps
grep -Eq '^web/front#. +failed .*trapped: unreachable code reached \(gave up after' out || fail 'what gave up'
run reset web/front
expect_exit 0
run start
expect_usage start
run stop --wait soon counter
expect_exit 64

# Another version, and the configuration again.
run upgrade counter nosuch.wasm
expect_exit 66
run upgrade counter lines.wasm
[ "$(cat .end)" != 'exit 0' ] || fail 'a component without those exports was taken'
run upgrade --json counter counter.wasm
expect_exit 0
expect_json '.upgraded and .path == "counter"'
echo 'nonsense = 1 1' >>bulkhead.toml
run reload
[ "$(cat .end)" != 'exit 0' ] || fail 'a wrong file was taken'
expect_err_has 'bulkhead.toml'
sed -i '$d' bulkhead.toml
run reload
expect_exit 0
expect_out reloaded

# What was written, and what happened.
run logs say
expect_exit 0
[ "$(sed 's/^[^ ]* //' out | tr '\n' ' ')" = 'line 1 line 2 line 3 line 4 line 5 ' ] || fail 'the lines'
run logs -n 2 --json say
jq -se 'length == 2 and .[1].line == "line 5" and (.[1].time | test("^20.*Z$"))' out >/dev/null || fail 'lines as JSON'
run logs -n 0 say
expect_exit 64
run logs nosuch
expect_exit 66
run events
expect_exit 0
grep -Eq '^20[^ ]*Z  counter +exited +crashed: trapped: unreachable code reached \(restart: permanent, restart 1 of 3 within 60 s\)$' out || fail 'the crash'
grep -Eq '^20[^ ]*Z  web/front#. +exited +crashed: .* \(fail: too many restarts: 1 within 60 s, and more are not allowed\)$' out ||
	fail 'why it was given up'
grep -Eq 'Z  counter +exited +stopped \(nothing to do: it was asked to stop\)$' out || fail 'why nothing was to be done'
says 'counter: crashed: trapped: unreachable code reached (restart: permanent, restart 1 of 3 within 60 s)'
run events -n 3
[ "$(wc -l <out)" = 3 ] || fail 'three lines'
run events --json web
jq -se 'length > 4 and all(.path | startswith("web"))' out >/dev/null || fail 'events of web'

# Pipes: a reader who goes is no news, and ends one who follows.
timeout 20 "$BULKHEAD" events -f -n 5 2>err | head -n 1 >out
[ "${PIPESTATUS[0]}" != 124 ] || fail 'it follows for nobody'
expect_no_err
[ "$(wc -l <out)" = 1 ] || fail 'one line'
timeout 20 "$BULKHEAD" top --interval 100ms 2>err | head -n 3 >out
expect_no_err
grep -q '^NAME' out || fail 'the table, plainly'
expect_out_lacks $'\033'
run top --json -n 2 --interval 100ms
jq -se 'length == 2 and all(.host.calls_per_s != null and (.children | length) == 6)' out >/dev/null || fail 'top as JSON'
run_raw ps >/dev/full </dev/null
expect_exit 70
expect_err_has 'cannot write the output'

# By TCP, with a token, another one, and none.
unset BULKHEAD_ADMIN
url=(--url "http://127.0.0.1:$port")
run ps "${url[@]}" --token-file token
expect_exit 0
expect_out_has counter
run ps "${url[@]}"
expect_exit 77
expect_err_has '--token-file FILE'
echo 0123456789abcdef0123456789abcdeX >other
run events -f --json "${url[@]}" --token-file other
expect_exit 77
expect_json '.error.status == "BH_E_DENIED" and .exit == 77'
run ps "${url[@]}" --token-file bulkhead.toml
expect_exit 78
run ps "${url[@]}" --token-file nosuch
expect_exit 66
BULKHEAD_ADMIN="http://127.0.0.1:$port/" BULKHEAD_ADMIN_TOKEN_FILE=token run call counter 'get()'
expect_exit 0

kill -TERM "$pid"
ends 0
exit 0
