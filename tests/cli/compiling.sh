#!/usr/bin/env bash
# test: timeout=120 cost=5
# While compiling takes long: what a person at a terminal sees, and how to get out of it.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
export BULKHEAD_CACHE=0
command -v script >/dev/null || exit 77

# Five thousand functions, compiled on one processor, take seconds.
awk 'BEGIN {
	print "(component (core module $m"
	for (i = 0; i < 5000; i++) {
		printf "(func (param i32) (result i32) (local i32)"
		for (j = 0; j < 40; j++)
			printf " local.get 0 i32.const %d i32.mul local.get 1 i32.xor local.set 1 local.get 1 i32.const %d i32.rotl local.set 0", i + j, j
		print " local.get 0)"
	}
	print ") (core instance (instantiate $m)))"
}' </dev/null >large.wat
one_processor="taskset -c $(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')"

TERM=xterm script -qec "$one_processor '$BULKHEAD' run --memory 64MB large.wat" /dev/null >out </dev/null
grep -q 'compiling large.wat ... 1 s' out || fail 'expected progress'
grep -q "$(printf '\r\033\\[K')" out || fail 'the line is erased when it is done'
TERM=xterm script -qec "$one_processor '$BULKHEAD' inspect --quiet large.wat" /dev/null >out </dev/null
! grep -q 'compiling' out || fail 'quiet is quiet'

run_signal INT 0.3 run --memory 64MB large.wat
expect_exit 130
run_signal TERM 0.3 call --memory 64MB large.wat 'f()'
expect_exit 143
