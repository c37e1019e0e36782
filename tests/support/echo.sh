# shellcheck shell=bash
# Helpers for tests of examples/echo-actors. Begin a test with:  . "$TESTS/support/echo.sh"
#
#   serve              starts it with stdout in the file `out`, stderr in `err`; sets $pid and $port
#   load N LINES       N connections at once that send so many lines each; none of the answers may be wrong; in `answers`
#   finish             SIGINT; it must end with 0
#
# What is left running when a test ends is killed.
set -u
: "${BULKHEAD:?}" "${GUESTS:?}"
server="$(dirname "$BULKHEAD")/../examples/echo-actors"
[ -x "$server" ] && [ -f "$GUESTS/actor.wasm" ] || exit 77
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null' EXIT

serve() {
	"$server" serve "$GUESTS/actor.wasm" >out 2>err &
	pid=$!
	for _ in $(seq 100); do
		port="$(sed -n 's/^listening on 127\.0\.0\.1://p' out)"
		[ -n "$port" ] && return
		sleep 0.1
	done
	echo "it does not listen"
	cat out err
	exit 1
}

load() {
	"$server" load "$port" "$1" "$2" >answers 2>>err && grep -q " 0 wrong" answers && return
	cat answers err
	exit 1
}

finish() {
	kill -INT "$pid"
	wait "$pid" || { echo "it ended with $?"; cat err; exit 1; }
	pid=
}
