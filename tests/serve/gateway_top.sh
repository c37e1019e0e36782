#!/usr/bin/env bash
# test: timeout=60
# bulkhead top: the gateway's modules below the children, as text, as JSON and at a terminal of 80 columns; from a daemon that lies.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
cp "$GUESTS"/gateway-{auth,edit}.wasm "$GUESTS/counter.wasm" .
export BULKHEAD_ADMIN="$PWD/admin.sock"
rows() { jq -s 'last | .gateway.modules' out; }
expect_rows() { rows | json_holds "$1" || failed "expected of the rows: $1: $(rows)"; }

# A daemon that lies: other kinds of values, escapes, numbers that fall or are none, more modules than there may be.
cat >liar.pl <<'PERL'
use IO::Socket::UNIX;
my $door = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "liar.sock", Listen => 5) or die;
my $point = '{"attach": "on-request", "calls": %s, "rejected": "9223372036854775808", "modified": -1, "failures": 1e300, "p99_ns": "x"}';
my @modules = ('7', 'null', '{"points": {}}', '{"name": "a\u001b[31m\nb", "missing": 1, "points": [3, %s, {"attach": "\u202eon"}]}',
	'{"name": "a", "missing": true, "points": []}');
my $asked = 0;
while (my $peer = $door->accept) {
	my $line = <$peer>;
	my $calls = $asked++ < 4 ? 1000 : 10; # the second look sees fewer
	my $answer = $line =~ /children/ ? '{"children": []}' : $line =~ /stats/ ? '{"host": {}}' :
		sprintf('{"modules": [' . join(",", @modules) . "]}", sprintf($point, $calls));
	print $peer "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($answer) . "\r\nConnection: close\r\n\r\n$answer";
}
PERL
perl liar.pl &
others+=($!)
until_true test -S liar.sock || failed 'no liar'
run top --once --socket liar.sock
expect_exit 0
expect_out_lacks $'\033'
expect_out_has 'a\u{1b}[31m b'
grep -Eq '^a +missing +0 +0 +0 +0 +-$' out || failed "a missing module: $(cat out)"
run top --json --once --socket liar.sock
expect_exit 0
expect_rows 'length == 7 and all(.calls_per_s == null or .calls_per_s >= 0)'

# Where there is no gateway, nothing is said of one.
children counter
begin
run top --once
expect_exit 0
expect_out_lacks MODULE
[ "$(wc -l <out)" = 3 ] || failed "more than a line, a heading, a child: $(cat out)"
run top --json --once
[ "$(jq -c .gateway out)" = null ] || failed 'a gateway that is not there'
kill -TERM "$pid"
ends 0

# Modules that were never asked, and then are.
upstream
port=
configure
{
	printf '[[gateway.module]]\nname = "auth"\nfile = "auth.wasm"\nmatch = { path_prefix = "/echo" }\n' | sed 's/auth.wasm/gateway-auth.wasm/'
	printf '[[gateway.module]]\nname = "a-module-with-a-name-that-is-long"\nfile = "gateway-edit.wasm"\n'
} >>bulkhead.toml
again
run top --once
grep -Eq '^MODULE +POINT +CALLS/S +REJECTED/S +MODIFIED/S +FAILED/S +P99$' out || failed "the heading: $(cat out)"
grep -Eq '^auth +- +0 +0 +0 +0 +-$' out || failed "never asked: $(cat out)"
run top --json --once
expect_rows 'length == 2 and .[0].name == "auth" and .[0].attach == null and .[0].calls_per_s == 0 and .[1].calls == 0'

load() {
	while :; do
		curl -s -o got -o got -o got -o got -o got "http://127.0.0.1:$port/hello" -H 'x-set: x-new=1' "http://127.0.0.1:$port/echo"
		curl -s -o got -H 'x-do: crash' "http://127.0.0.1:$port/other"
	done
}
load &
others+=($!)
counted() {
	run top --json -n 2 --interval 500ms
	rows | json_holds 'any(.name == "auth" and .attach == "on-request" and .rejected_per_s > 0 and .rejected_per_s <= .calls_per_s and .modified == 0)
		and any((.name | startswith("a-module")) and .attach == "on-request" and .modified_per_s > 0 and .failed_per_s > 0 and .p99_ns > 0
			and .failed_per_s < .calls_per_s)'
}
until_true counted || failed "rates: $(rows)"
expect_rows 'all(.missing == false and .rejected + .modified + .failed <= .calls)'
# Each is what the daemon counted: no more than it says later.
admin /v1/gateway && expect 200
later=$(jq '[.modules[] | select(.name == "auth") | .points[0].rejected][0]' body)
expect_rows "map(select(.name == \"auth\"))[0].rejected | . > 0 and . <= $later"
# Two looks are a quarter of a second apart, in which a slow machine may refuse nothing.
shown_plainly() {
	run top --once
	grep -Eq '^auth +on-request +[1-9][0-9.,]* +[1-9][0-9.,]* +0 +0 +[0-9.]+ (us|ms)$' out
}
until_true shown_plainly || failed "the rates, plainly: $(cat out)"
[ "$(grep -c '^$' out)" = 1 ] || failed 'a blank line between the tables'

# At a terminal of 80 columns, of a few lines, and of a few columns.
command -v tmux >/dev/null || exit 0
tmux() { command tmux -S "$PWD/tmux" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null; for one in "$pid" "$up_pid" "${others[@]}"; do [ -z "$one" ] || kill -9 "$one" 2>/dev/null; done' EXIT
unset TMUX
TERM=xterm tmux new-session -d -x 80 -y 24 "env PS1='ready> ' TERM=xterm bash --norc --noprofile"
screen() { tmux capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
lacks() { ! shows "$1"; }
wait_for() { until_true shows "$1" || failed "expected on the screen: $1
$(screen)"; }
tmux send-keys "$BULKHEAD top --interval 200ms" Enter
wait_for '^MODULE +POINT +CALLS/S +REJECTED/S +MODIFIED/S +FAILED/S +P99$'
wait_for '^auth +on-request +[1-9][0-9.,]* +[1-9][0-9.,]* +0 +0 +[0-9.]+ (us|ms)$'
wait_for '^a-module-with[^ ]*~ +on-request +[1-9]'
wait_for '^q quit'
[ -n "${SHOW:-}" ] && screen
tmux resize-window -x 40 -y 24
wait_for '^MODULE +POINT +CALLS/S$|^MODULE +POINT +CALLS/S +FAILED/S$'
wait_for '^auth +on-request'
tmux resize-window -x 80 -y 6
until_true lacks '^MODULE' || failed "no room for two: $(screen)"
wait_for '^q quit'
tmux resize-window -x 80 -y 9
wait_for '^MODULE'
wait_for '^q quit'
tmux resize-window -x 1 -y 2
tmux resize-window -x 80 -y 24
wait_for '^a-module-with[^ ]*~ +on-request +[1-9]'
tmux send-keys q
wait_for '^ready>'

kill -9 "${others[1]}"
kill -TERM "$pid"
ends 0
exit 0
