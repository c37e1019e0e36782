#!/usr/bin/env bash
# test: timeout=60 waits
# A disk that hangs: children print on, what is dropped is counted and said, and the daemon still ends.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
failed() {
	printf 'FAILED: %s\n--- log\n' "$1"
	head -c 4000 log
	exit 1
}

# 100,000 lines of 114 bytes are more than twice what may wait.
touch stuck
timeout 50 "$SERVE/serve_logs" 100000 >got 2>log || failed "it ended with $?"
grep -q '^read after a moment' got || failed 'who printed waited for the disk'
grep -q 'lines are dropped' log || failed 'nothing was said'
[ "$(grep -c 'lines are dropped' log)" = 1 ] || failed 'it was said more than once'
dropped="$(sed -n 's/.*logs are written again; \([0-9]*\) lines were dropped/\1/p' log)"
[ -n "$dropped" ] || failed 'how many were dropped was not said'
written="$(cat logs/one.log logs/other.log logs/late.log | wc -l)"
[ "$((written + dropped))" = 100002 ] || failed "$written written, $dropped dropped: not all"
[ "$dropped" -gt 10000 ] || failed 'the bound does not hold'
grep -vqE '^[0-9TZ:.-]+ line [0-9]+ *$' logs/one.log && failed 'a line is not whole'

# A disk that never comes back does not keep the daemon.
rm -r logs
touch stuck
timeout 50 "$SERVE/serve_logs" forever >got 2>log || failed "it ended with $?"
grep -q '^ended' got || failed 'it did not end'
grep -q "disk does not answer: [0-9]* bytes" log || failed 'what is lost was not said'
rm stuck
