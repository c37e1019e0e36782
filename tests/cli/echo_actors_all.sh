#!/usr/bin/env bash
# test: timeout=300 labels=slow,nosanitize,alone
# The example examples/echo-actors with 10,000 connections at once, each with an actor of its own: none is refused, no line is
# wrong, and when they have gone so has what they took.
# shellcheck source=tests/support/echo.sh
. "$TESTS/support/echo.sh"
connections=10000
ulimit -n $((2 * connections)) 2>/dev/null || { echo "skipped: too few descriptors: ulimit -Hn is $(ulimit -Hn)"; exit 77; }
[ "$(cat /proc/sys/vm/max_map_count)" -ge 40000 ] || { echo 'skipped: vm.max_map_count is too small'; exit 77; }

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

serve
load 1 1
before="$(descriptors)"
load "$connections" 10
cat answers
gone "$before"
after="$(kib)"
# A second time there is nothing new to keep.
load "$connections" 10
cat answers
gone "$before"
echo "$after KiB after the first 10,000, $(kib) KiB after the second"
[ "$(kib)" -le $((after + after / 10)) ] || exit 1

finish
cat out
grep -q 'lost: 0' out || exit 1
