# shellcheck shell=bash
# shellcheck disable=SC2034,SC2059,SC2119,SC2238 # $code, $curl, $uuid are for the tests; formats come from them
# Helpers for tests of the gateway. Begin a test with:  . "$TESTS/support/gateway.sh"
#
#   upstream             starts tests/serve/upstream.c; sets $up (its port); its stderr goes to up.err
#   configure [LINE...]  writes bulkhead.toml: admin socket, gateway and compat_listen on free ports, lines of [gateway]
#                        after that; sets $port and $compat
#   get ARG... PATH      curl through the gateway: body in `body`, headers in `head`; sets $code and $curl (curl's own status)
#   direct ARG... PATH   the same to the upstream itself
#   admin ARG... PATH    the same over the admin socket;  compat ARG... PATH: on compat_listen
#   expect CODE [TEXT]   that was the status, and the body has TEXT in it
#   expect_head TEXT / no_head TEXT / expect_json FILTER
#   raw_says TEXT        raw's answer to stdin has TEXT in it
#   register NAME FILE [POINT...]   POST /wasm on compat_listen; sets $uuid
#
#   again                begin after an earlier one ended
#
# Daemon: begin, ends, says, never, until_true of daemon.sh.
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
: "${SERVE:?}"
[ -e "$GUESTS/gateway-edit.wasm" ] || { echo "skipped: the guests are not built"; exit 77; }
up_pid=
others=()
trap 'for one in "$pid" "$up_pid" "${others[@]}"; do [ -z "$one" ] || kill -9 "$one" 2>/dev/null; done' EXIT

failed() {
	printf 'FAILED: %s (lines %s)\n--- head\n' "$1" "${BASH_LINENO[*]}"
	cat head 2>/dev/null
	printf -- '--- body\n'
	head -c 2000 body 2>/dev/null
	printf -- '\n--- log\n'
	tail -c 4000 log 2>/dev/null
	exit 1
}

# A log of the one before says that it has started.
again() {
	rm -f log
	begin
}

upstream() {
	"$SERVE/serve_upstream" "$@" >up.out 2>>up.err &
	up_pid=$!
	until_true grep -qs '^port' up.out || failed 'no upstream'
	up=$(sed -n 's/^port //p' up.out)
}
stop_upstream() {
	kill -9 "$up_pid"
	wait "$up_pid" 2>/dev/null
	up_pid=
}

# A port that nobody listens on, outside those that the system hands out by itself.
free_port() {
	local one
	while :; do
		one=$((10000 + (RANDOM << 2 ^ RANDOM) % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$one") 2>/dev/null || break
	done
	echo "$one"
}

configure() {
	[ -n "${port:-}" ] || { port=$(free_port) compat=$(free_port); }
	printf '[admin]\nsocket = "admin.sock"\n[gateway]\nlisten = "127.0.0.1:%s"\nupstream = "http://127.0.0.1:%s"\ncompat_listen = "127.0.0.1:%s"\n' \
		"$port" "$up" "$compat" >bulkhead.toml
	[ $# = 0 ] || printf '%s\n' "$@" >>bulkhead.toml
}

curl_to() {
	: >body
	: >head
	code=$(curl -sS -m 20 --path-as-is -D head -o body -w '%{http_code}' "${@:2:$#-2}" "$1${!#}" 2>curl.err)
	curl=$?
}
get() { curl_to "http://127.0.0.1:$port" "$@"; }
direct() { curl_to "http://127.0.0.1:$up" "$@"; }
compat() { curl_to "http://127.0.0.1:$compat" "$@"; }
admin() { curl_to http://localhost --unix-socket admin.sock "$@"; }

expect() {
	[ "$code" = "$1" ] || failed "expected $1, got $code: $(cat curl.err)"
	[ $# = 1 ] || grep -qF -- "$2" body || failed "expected in the body: $2"
}
expect_head() { grep -qi -- "$1" head || failed "expected in the head: $1"; }
no_head() { ! grep -qi -- "$1" head || failed "not expected in the head: $1"; }
expect_json() { json_holds "$1" <body || failed "expected of the body: $1"; }

raw_says() {
	printf "$1" | timeout 20 "$SERVE/serve_raw" "$port" >body
	grep -qF -- "$2" body || failed "expected of raw: $2"
}

register() {
	local points=() point
	for point in "${@:3}"; do points+=("{\"Middleware\":\"$point\"}"); done
	compat -H 'Content-Type: application/json' -d "{\"modules\":[{\"name\":\"$1\",\"file_path\":\"$2\",\"module_type\":\"Middleware\",\"attach_points\":[$(IFS=,; echo "${points[*]:-{\"Middleware\":\"OnRequest\"\}}")]}]}" /wasm
	uuid=$(jq -r '.modules[0].add_result.Success // empty' body)
}
