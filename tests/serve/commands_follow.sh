#!/usr/bin/env bash
# test: timeout=60
# Following events and logs: over a daemon that is killed, without losing or repeating any; and the end of it.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm lines.wasm
export BULKHEAD_ADMIN="$PWD/admin.sock"
unset BULKHEAD_ADMIN_TOKEN_FILE

children counter
cat >>bulkhead.toml <<'TOML'
[task.say]
file = "lines.wasm"
limits = { max_memory = "16MiB" }
args = ["lines", "1000", "20"]
TOML
begin

follow() { # OUT COMMAND...
	local to="$1"
	shift
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$BULKHEAD" "$@" >"$to" 2>"$to.err" </dev/null &
	followers+=($!)
}
followers=()
follow events events -f --json -n 1000
follow wrote logs -f -n 1000 say
has_line() { grep -q "$2" "$1"; }
until_true has_line wrote 'line 20$' || failed 'the log is not followed'
until_true has_line events '"path":"say"' || failed 'events are not followed'

# Killed, and another in its place with as many events: all of those are news.
first=$(wc -l <events)
kill -9 "$pid"
wait "$pid" 2>/dev/null
until_true has_line events.err 'the daemon is gone; waiting for it' || failed 'nothing was said'
begin
again() { [ "$(jq -s 'map(select(.kind == "started" and .path == "counter")) | length' events)" = 2 ]; }
until_true again || failed "events of the second daemon: $(cat events)"
grep -q 'the daemon was started anew' events.err || failed 'that it is another was not said'
[ "$(tail -n +$((first + 1)) events | jq .sequence | head -n 1)" = 1 ] || failed 'its first events are missing'
"$BULKHEAD" call counter 'crash-at(1)' && "$BULKHEAD" call counter 'increment()' 2>err
until_true has_line events '"exit":"crashed"' || failed 'the crash'
jq -se '[range(1; length)] as $at | . as $all | $at | all(($all[.].sequence == $all[. - 1].sequence + 1) or $all[.].sequence == 1)' \
	events >/dev/null || failed 'events are lost, or came twice'

# The log: what the second one's child wrote follows, and nothing comes twice.
twice() { [ "$(grep -c 'line 5$' wrote)" = 2 ]; }
until_true twice || failed 'the log of the second daemon'
[ "$(sort wrote | uniq -d | wc -l)" = 0 ] || failed 'lines came twice'
[ "$(sed 's/.* //' wrote | awk 'NR > 1 && $1 != 1 && $1 != before + 1 { print } { before = $1 }' | wc -l)" = 0 ] ||
	failed 'lines are lost'

# Ctrl-C: 130, and no noise.
: >events.err
: >wrote.err
for follower in "${followers[@]}"; do
	kill -INT "$follower"
	wait "$follower"
	[ $? = 130 ] || failed 'it did not end with 130'
done
[ -z "$(cat events.err wrote.err)" ] || failed "noise: $(cat events.err wrote.err)"
run_signal INT 0.5 events -f
expect_exit 130
expect_no_err

# More than is kept happens while a reader is stopped: a gap says how many, and it goes on behind them.
follow slow events -f --json -n 0
slow="${followers[-1]}"
is_followed() {
	"$BULKHEAD" restart counter >out
	has_line slow '"counter"'
}
until_true is_followed || failed 'not followed'
kill -STOP "$slow"
# More than sockets hold, too.
sequence() { "$BULKHEAD" events --json -n 1 | jq .sequence; }
before=$(sequence)
for _ in $(seq 60); do
	[ "$(sequence)" -lt $((before + 5000)) ] || break
	seq 200 | sed 's/.*/url = "http:\/\/x\/v1\/children\/counter\/restart"\noutput = "\/dev\/null"/' |
		curl -sS -X POST --unix-socket admin.sock -K -
done
kill -CONT "$slow"
until_true has_line slow '"lost":' || failed 'no gap'
until_true has_line slow '"sequence":[0-9]*,"time_ms"' || failed 'nothing behind the gap'
kill "$slow"
run events
expect_out_lacks 'were lost'

# Stopped for good: it waits, but a reader who goes ends that.
follow rest events -f
sleep 0.3
kill -TERM "$pid"
ends 0
until_true has_line rest.err 'waiting for it' || failed 'the end was not said'
kill -TERM "${followers[-1]}"
wait "${followers[-1]}"
[ $? = 143 ] || failed 'SIGTERM'
exit 0
