#!/usr/bin/env bash
# test: timeout=60
# The example examples/echo-actors: an actor for each connection, all answering for themselves.
set -u
server="$(dirname "$BULKHEAD")/../examples/echo-actors"
[ -x "$server" ] && [ -f "$GUESTS/actor.wasm" ] || exit 77

"$server" serve "$GUESTS/actor.wasm" >out 2>err &
pid=$!
trap 'kill "$pid" 2>/dev/null' EXIT
for _ in $(seq 100); do
	port="$(sed -n 's/^listening on 127\.0\.0\.1://p' out)"
	[ -n "$port" ] && break
	sleep 0.1
done
[ -n "$port" ] || { echo "it does not listen"; cat out err; exit 1; }

"$server" load "$port" 300 20 >answers || { cat answers err; exit 1; }
grep -q " 0 wrong" answers || { cat answers; exit 1; }

# One that talks to it by hand sees its own lines numbered, whatever the others sent.
answer="$(printf 'one\ntwo\n' | timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; cat >&3; head -n 2 <&3")"
[ "$answer" = $'1: one\n2: two' ] || { echo "answer: $answer"; exit 1; }

kill -INT "$pid"
wait "$pid" || { echo "it ended with $?"; cat err; exit 1; }
trap - EXIT
grep -q 'lines: 6002, lost: 0' out || { cat out; exit 1; }
