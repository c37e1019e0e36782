# shellcheck shell=bash
# Helpers for tests of the command. Begin a test with:  . "$TESTS/support/cli.sh"
#
#   run ARG...             runs bulkhead with stdin from /dev/null; stdout goes to the file `out`, stderr to `err`
#   run_raw ARG...         the same with this shell's stdin and stdout
#   run_signal SIG S ARG.. the same as run, and sends SIG after S seconds
#   expect_exit CODE       it ended by itself with that code: a death by signal is never one
#   expect_out TEXT        stdout is TEXT
#   expect_out_has TEXT    stdout has TEXT in it; expect_err_has: stderr has
#   expect_err_lacks TEXT  stderr has not; expect_no_err: stderr is empty
#   expect_json FILTER     stdout is JSON, and jq's FILTER is true of it; expect_err_json: of stderr's last line
#   guest NAME...          copies guests into the working folder; skips the test where one is not built
#
# The first expectation that does not hold ends the test.
set -u
# shellcheck source=tests/support/json.sh
. "$TESTS/support/json.sh"
: "${BULKHEAD:?}" "${GUESTS:?}" "${TESTS:?}"

# $? cannot tell exit code 134 from SIGABRT, so Perl looks at the wait status. SIGINT is reset: a shell that
# runs in the background has its children ignore it.
_run() {
	ran="bulkhead $*"
	perl -e '
		my ($signal, $after) = splice @ARGV, 0, 2;
		my $child = fork // die;
		if (!$child) { $SIG{INT} = $SIG{PIPE} = "DEFAULT"; exec { $ARGV[0] } @ARGV or exit 127; }
		if ($signal) { select undef, undef, undef, $after; kill $signal, $child; }
		waitpid $child, 0;
		open my $end, ">", ".end" or die;
		print $end $? & 127 ? "signal " . ($? & 127) : "exit " . ($? >> 8);
	' "${_signal:-}" "${_after:-0}" "$BULKHEAD" "$@" 2>err
}

run_raw() { _run "$@"; }
run() { _run "$@" >out </dev/null; }
run_signal() {
	local _signal="$1" _after="$2"
	shift 2
	_run "$@" >out </dev/null
}

fail() {
	printf 'FAILED: %s\n  in: %s\n' "$1" "${ran:-}"
	printf -- '--- ended with: %s\n--- stdout\n' "$(cat .end 2>/dev/null)"
	head -c 4000 out 2>/dev/null
	printf -- '\n--- stderr\n'
	head -c 4000 err 2>/dev/null
	printf '\n'
	exit 1
}

expect_exit() { [ "$(<.end)" = "exit $1" ] || fail "expected exit $1"; }
expect_out() { [ "$(<out)" = "$1" ] || fail "expected stdout: $1"; }
expect_out_has() { grep -qF -- "$1" out || fail "expected in stdout: $1"; }
expect_out_lacks() { ! grep -qF -- "$1" out || fail "not expected in stdout: $1"; }
expect_err_has() { grep -qF -- "$1" err || fail "expected in stderr: $1"; }
expect_err_lacks() { ! grep -qF -- "$1" err || fail "not expected in stderr: $1"; }
expect_no_err() { [ ! -s err ] || fail "expected nothing on stderr"; }
expect_no_out() { [ ! -s out ] || fail "expected nothing on stdout"; }
expect_json() { json_holds "$1" <out || fail "expected of the JSON on stdout: $1"; }
expect_err_json() { tail -n 1 err | json_holds "$1" || fail "expected of the JSON on stderr: $1"; }

# expect_usage COMMAND: one line, and where to read on
expect_usage() {
	expect_exit 64
	expect_no_out
	expect_err_has "Read on with:  bulkhead $1"
}

guest() {
	local name
	for name in "$@"; do
		if [ ! -e "$GUESTS/$name" ]; then
			echo "guest $name is not built"
			exit 77
		fi
		cp "$GUESTS/$name" .
	done
}

command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }
