# shellcheck shell=bash
# Helpers for tests of the daemon. Begin a test with:  . "$TESTS/support/daemon.sh"
#
#   begin [ARG...]     starts bulkheadd with bulkhead.toml; its stderr goes to the file `log`; waits until it has started
#   launch [ARG...]    the same without waiting
#   ends CODE          it has ended, or does within ten seconds, with that code
#   says TEXT [N]      the log has TEXT in it (N times), or gets it within ten seconds
#   never TEXT         the log has not
#   until_true CMD...  waits ten seconds at most for a command to succeed
#   children NAME...   writes bulkhead.toml: an admin socket, and a service of counter.wasm for each name
#
# What is left running when a test ends is killed. The first expectation that does not hold ends the test.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
daemon="$(dirname "$BULKHEAD")/bulkheadd"
[ -x "$daemon" ] || { echo "bulkheadd is not built"; exit 77; }
export BULKHEAD_CACHE_DIR="$XDG_CACHE_HOME/bulkhead"
unset XDG_RUNTIME_DIR NOTIFY_SOCKET
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null' EXIT

failed() {
	printf 'FAILED: %s\n--- log\n' "$1"
	head -c 6000 log 2>/dev/null
	exit 1
}

until_true() {
	local _
	for _ in $(seq 500); do
		"$@" && return 0
		sleep 0.02
	done
	return 1
}

has() { [ "$(grep -cF -- "$1" log)" -ge "${2:-1}" ]; }
says() { until_true has "$@" || failed "expected in the log: $*"; }
never() { ! grep -qF -- "$1" log || failed "not expected in the log: $1"; }

launch() {
	"$daemon" "$@" >out 2>log </dev/null &
	pid=$!
}

has_started() { grep -q 'info *started: ' log || ! kill -0 "$pid" 2>/dev/null; }
begin() {
	launch "$@"
	until_true has_started
	says 'started: '
}

is_gone() { ! kill -0 "$pid" 2>/dev/null; }
ends() {
	local code=0
	until_true is_gone || failed "it goes on"
	wait "$pid" || code=$?
	pid=
	[ "$code" = "$1" ] || failed "it ended with $code, expected $1"
}

children() {
	printf '[admin]\nsocket = "admin.sock"\n' >bulkhead.toml
	local name
	for name in "$@"; do
		printf '[service.%s]\nfile = "counter.wasm"\nlimits = { max_memory = "16MiB" }\n' "$name" >>bulkhead.toml
	done
}
