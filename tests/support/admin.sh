# shellcheck shell=bash
# Helpers for tests of the admin server. Begin a test with:  . "$TESTS/support/admin.sh"
#
#   begin WORD...        starts the harness (tests/serve/harness.c) with its socket at ./admin; sets $pid and $port
#   finish               SIGTERM; it must end by itself, with 0, within 10 s
#   ask ARG... PATH      curl over the socket: body in `body`, headers in `head`; sets $code
#   call CHILD BODY      POST .../call
#   expect CODE          ... was the status
#   expect_type TYPE     ... of the body
#   expect_json FILTER   jq's FILTER is true of the body
#   expect_schema NAME   the body is what the schema of openapi.json says; seen in check_schemas
#   expect_problem CODE  the status, with a problem of its schema
#   until COMMAND...     within 10 s
set -u
# shellcheck source=tests/support/json.sh
. "$TESTS/support/json.sh"
: "${SERVE:?}" "${GUESTS:?}" "${TESTS:?}"
export BULKHEAD_CACHE_DIR="$PWD/cache" GUESTS
api="$TESTS/../src/serve/openapi.json"
# shellcheck disable=SC2034 # for the tests
token=0123456789abcdef0123456789ABCDEF
[ -e "$GUESTS/counter.wasm" ] || { echo "skipped: the guests are not built"; exit 77; }

pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null' EXIT

fail() {
	printf 'FAILED: %s (line %s)\n--- asked: %s\n--- head\n' "$1" "${BASH_LINENO[*]}" "${asked:-}"
	cat head 2>/dev/null
	printf -- '--- body\n'
	head -c 3000 body 2>/dev/null
	printf -- '\n--- harness\n'
	cat harness.out harness.err 2>/dev/null
	exit 1
}

until_() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" && return
		sleep 0.05
	done
	fail "not within 10 s: $*"
}

begin() {
	: >harness.out # so that nothing of one before is taken for its own
	"$SERVE/serve_harness" "socket=$PWD/admin" "$@" >harness.out 2>harness.err &
	pid=$!
	until_ grep -q '^ready$' harness.out
	# shellcheck disable=SC2034 # for the test
	port=$(sed -n 's/^port //p' harness.out)
}

is_gone() { ! kill -0 "$pid" 2>/dev/null; }
finish() {
	local status
	kill -TERM "$pid"
	until_ is_gone
	wait "$pid"
	status=$?
	pid=
	[ "$status" = 0 ] || fail "it ended with $status"
	grep -q '^stopped$' harness.out || fail "it did not stop as it should"
	[ ! -e admin ] || fail "the socket is still there"
}

ask() {
	local path="${!#}"
	asked="$*"
	: >body
	code=$(curl -sS -m 10 --path-as-is --unix-socket admin -D head -o body -w '%{http_code}' "${@:1:$#-1}" "http://localhost$path" 2>curl.err)
}
call() { ask -d "$2" "/v1/children/$1/call"; }
expect() { [ "$code" = "$1" ] || fail "expected $1, got $code"; }
expect_head() { grep -qi -- "$1" head || fail "expected in the head: $1"; }
expect_type() { expect_head "^content-type: $1"; }
expect_json() { json_holds "$1" <body || fail "expected of the body: $1"; }
# Kept, and looked at all together: jq takes longer to start than to check.
expect_schema() {
	{
		printf '{"schema": "%s", "status": %s, "asked": "%s, line %s", "value": ' "$1" "${code:-0}" "$0" "${BASH_LINENO[*]}"
		cat "${2:-body}"
		echo '}'
	} >>records
}
check_schemas() {
	local wrong
	[ -s records ] || fail "nothing was to be checked"
	wrong=$(jq -r --slurpfile api "$api" -f "$TESTS/serve/schema.jq" records) || fail "a body is no JSON"
	[ -z "$wrong" ] || fail "not as the schemas say: $wrong"
	rm records
}
expect_problem() {
	expect "$1"
	expect_type application/problem+json
	expect_schema Problem
}
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
