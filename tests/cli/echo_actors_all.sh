#!/usr/bin/env bash
# test: timeout=300 labels=slow,nosanitize,alone
# The example examples/echo-actors with 10,000 connections at once, each with an actor of its own: none is refused, no line is
# wrong, and when they have gone so has what they took.
set -u
server="$(dirname "$BULKHEAD")/../examples/echo-actors"
[ -x "$server" ] && [ -f "$GUESTS/actor.wasm" ] || exit 77
connections=10000
ulimit -n $((2 * connections)) 2>/dev/null || { echo "skipped: too few descriptors: ulimit -Hn is $(ulimit -Hn)"; exit 77; }
[ "$(cat /proc/sys/vm/max_map_count)" -ge 40000 ] || { echo 'skipped: vm.max_map_count is too small'; exit 77; }

"$server" serve "$GUESTS/actor.wasm" >out 2>err &
pid=$!
trap 'kill "$pid" 2>/dev/null' EXIT
for _ in $(seq 100); do
	port="$(sed -n 's/^listening on 127\.0\.0\.1://p' out)"
	[ -n "$port" ] && break
	sleep 0.1
done
[ -n "$port" ] || { echo "it does not listen"; cat out err; exit 1; }
kib() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
# gone DESCRIPTORS: no more than so many are open, within ten seconds
gone() {
	for _ in $(seq 100); do
		[ "$(descriptors)" -le "$1" ] && return
		sleep 0.1
	done
	echo "$(descriptors) descriptors, $1 before"
	exit 1
}
load() {
	"$server" load "$port" "$connections" "$1" >answers 2>>err || { cat answers err; exit 1; }
	cat answers
	grep -q ' 0 wrong' answers || exit 1
}

"$server" load "$port" 1 1 >answers || { cat answers err; exit 1; }
before="$(descriptors)"
load 10
gone "$before"
after="$(kib)"
# A second time there is nothing new to keep.
load 10
gone "$before"
echo "$after KiB after the first 10,000, $(kib) KiB after the second"
[ "$(kib)" -le $((after + after / 10)) ] || exit 1

kill -INT "$pid"
wait "$pid" || { echo "it ended with $?"; cat err; exit 1; }
trap - EXIT
cat out
grep -q 'lost: 0' out || exit 1
