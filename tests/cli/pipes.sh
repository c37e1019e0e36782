#!/usr/bin/env bash
# test: timeout=90
# Pipes that are full, empty or closed neither hang nor kill the command; nor do files that are full.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest flood.wasm readstdin.wasm cat.wasm hello.wasm spin.wasm

# in_time COMMAND: it reports as JSON that it was stopped within 150 ms of a limit of 100; a busy machine gets
# ten attempts
in_time() {
	local attempt
	for attempt in {1..10}; do
		"$@"
		expect_exit 124
		tail -n 1 err | json_holds '.usage.wall_ns < 150e6' && return
	done
	fail "stopping took more than 150 ms, $attempt times"
}

# Nobody reads: the guest waits in a write until its time is up.
mkfifo full
sleep 60 3<full &
reader=$!
blocked_writing() { run_raw run "$1" --memory 64MB --timeout 100ms flood.wasm >full </dev/null; }
blocked_writing --verbose
expect_exit 124
expect_err_has 'stopped after 100 ms (--timeout)'
expect_err_has 'It was waiting'
in_time blocked_writing --json
kill "$reader"

# Nobody writes: the guest waits in a read.
mkfifo empty
sleep 60 >empty &
writer=$!
blocked_reading() { run_raw run "$1" --memory 64MB --timeout 100ms readstdin.wasm <empty >out; }
blocked_reading --verbose
expect_exit 124
expect_no_out
expect_err_has 'It was waiting'
in_time blocked_reading --json
kill "$writer"

# The reader goes away: the guest sees an error, and nobody dies of SIGPIPE.
# shellcheck disable=SC2094 # the error text and the end are files of their own
run_raw run --memory 64MB --timeout 20s flood.wasm </dev/null | head -c 10 >out
expect_exit 1
expect_err_has 'flood: '
[ "$(cat out)" = xxxxxxxxxx ] || fail 'ten bytes'
run_raw run --memory 64MB hello.wasm >&- </dev/null
[[ "$(cat .end)" = exit* ]] || fail 'a closed stdout killed the command'

# A file that may not grow: the same, and nobody dies of SIGXFSZ.
(
	ulimit -f 64
	run_raw run --memory 64MB --timeout 20s flood.wasm </dev/null >limited
	expect_exit 1
	expect_err_has 'flood: '
) || exit 1
[ "$(stat -c %s limited)" = 65536 ] || fail 'what fits is written'

# The end of the input is the end.
printf '12345' | run_raw run --memory 64MB readstdin.wasm >out
expect_exit 0
expect_out 5
run_raw run --memory 64MB readstdin.wasm <&- >out
[[ "$(cat .end)" = exit* ]] || fail 'a closed stdin killed the command'

# A pipeline of guests.
run_raw run --memory 64MB flood.wasm 1000000 </dev/null | "$BULKHEAD" run --memory 64MB cat.wasm |
	"$BULKHEAD" run --memory 64MB readstdin.wasm >out
expect_exit 0
expect_out 1000000

# Our own output: a reader who goes away is no news, anything else is.
run_raw help </dev/null 2>err | true
[[ "$(cat .end)" = exit* ]] || fail 'a closed pipe killed the command'
run_raw help >/dev/full </dev/null
expect_exit 70
expect_err_has 'cannot write the output'
run_raw help >&- </dev/null
expect_exit 70
expect_err_has 'cannot write the output'
(
	ulimit -f 1
	run_raw help run >limited </dev/null
	expect_exit 70
	expect_err_has 'cannot write the output: File too large'
) || exit 1
