#!/usr/bin/env bash
# test: timeout=60 cost=11 waits
# The stream of events: in order, resumed, with gaps for who is slow, and bounded in number.
# shellcheck source=tests/support/admin.sh
. "$TESTS/support/admin.sh"

events() { # SECONDS ARG...
	curl -sS -N -m "$1" --unix-socket admin "${@:2}" http://localhost/v1/events 2>/dev/null
}
data() { sed -n 's/^data: //p' "$1"; }

begin heartbeat_ms=300 streams=4 idle_ms=2000
events 2 -H 'Last-Event-ID: 0' >all &
sleep 0.5
call counter '{"export": "crash-at", "args": [1]}'
call counter '{"export": "increment"}' && expect 422
wait $!
while read -r line; do
	echo "$line" >one
	expect_schema Event one
done < <(data all)
data all | jq -se 'map(.sequence) == [range(1; length + 1)]' >/dev/null || fail "events are not in order: $(data all)"
[ "$(sed -n 's/^id: //p' all | tr '\n' ' ')" = "$(data all | jq .sequence | tr '\n' ' ')" ] || fail "ids"
data all | jq -se 'map(select(.kind == "exited" and .path == "counter")) | length == 1 and
	(.[0] | .exit == "crashed" and .decision == "restart" and .reason == "permanent, restart 1 of 10 within 60 s" and
	.intensity == {restarts: 1, most_restarts: 10, window_ms: 60000} and .cause.code == "BH_E_TRAP" and .cause.trap != null)' >/dev/null ||
	fail "the crash: $(data all)"
data all | jq -se 'map(select(.kind == "exited" and .path == "broken")) | last |
	.decision == "fail" and .reason == "too many restarts: 10 within 60 s, and more are not allowed"' >/dev/null ||
	fail "why it was given up: $(data all)"
data all | jq -se 'all(has("reason") == (.kind == "exited"))' >/dev/null || fail "reasons of what is no exit"
grep -q '^event: exited$' all || fail "kinds"
grep -q '^:$' all || fail "no heartbeat in 2 s"

# Going on after one: nothing twice, nothing left out.
last=$(data all | jq -s 'last.sequence')
events 0.5 -H "Last-Event-ID: $((last - 3))" >some
[ "$(data some | jq .sequence | tr '\n' ' ')" = "$((last - 2)) $((last - 1)) $last " ] || fail "resumed: $(cat some)"
# One that there never was is of another daemon: all there is, is new.
events 0.5 -H "Last-Event-ID: 99999999" >anew
[ "$(data anew | jq .sequence | head -n 1)" = 1 ] || fail "of another daemon: $(cat anew)"
# Without it, from now on; what is no number is as if it was not there.
events 0.5 -H 'Last-Event-ID: nonsense' >none
[ -z "$(data none)" ] || fail "old events: $(cat none)"

# So many happen that the oldest are gone: a gap says how many.
for ((i = 0; i < 450; i++)); do
	echo "url = http://localhost/v1/children/twins/restart"
	echo "output = /dev/null"
done >many
curl -sS -X POST --unix-socket admin -K many
many_told() { [ "$(curl -sS -N -m 0.3 --unix-socket admin -H 'Last-Event-ID: 0' http://localhost/v1/events 2>/dev/null | grep -c '^id')" -gt 1000 ]; }
many_told || { curl -sS -X POST --unix-socket admin -K many; until_ many_told; }
events 0.5 -H 'Last-Event-ID: 5' >gap
sed -n 2p gap | grep -q '^event: gap$' || fail "no gap: $(head gap)"
data gap | head -n 1 >one
expect_schema Event one
[ "$(grep -c '^event: gap' gap)" = 1 ] || fail "more than one gap"
data gap | jq -se '.[0].sequence - .[0].lost == 5 and .[1].sequence == .[0].sequence + 1' >/dev/null || fail "the gap: $(head gap)"

# Readers beyond the bound are told so; those there are are not hurt, and their places come free.
for i in 1 2 3 4; do
	events 1.2 >"reader.$i" &
	readers[i]=$!
done
sleep 0.4
ask /v1/events && expect_problem 503 && expect_head '^retry-after'
ask '/v1/children/counter/logs?follow=1' && expect_problem 503
wait "${readers[@]}"
grep -q '^:' reader.1 || fail "a reader was hurt"
free_again() { events 0.4 -D head >free; grep -q ' 200 ' head; }
until_ free_again

# One that never reads is let go of after the idle time, and costs no more than a place until then.
before=$(descriptors)
"$SERVE/serve_client" never-reads admin 4 &
reader=$!
sleep 0.5
for _ in 1 2 3 4 5 6 7 8; do curl -sS -X POST --unix-socket admin -K many; done
ask /healthz && expect 200
kill $reader
wait $reader 2>/dev/null
is_as_before() { [ "$(descriptors)" -le "$before" ]; }
until_ is_as_before
until_ free_again

# Who follows is told of the end.
events 10 >last &
reader=$!
sleep 0.3
finish
wait $reader || fail "the stream was cut, not ended"
check_schemas
