#!/usr/bin/env bash
# The end of `make demo`: requests through the gateway of the daemon, with modules that reject, rewrite, crash and spin. Each
# answer is checked.
#
#   BULKHEAD   the command        GUESTS   the folder of the built guests        UPSTREAM   tests/serve/upstream.c, built
set -euo pipefail
: "${BULKHEAD:?the command, such as build/bin/bulkhead}" "${GUESTS:?}" "${UPSTREAM:?}"

bold='' dim='' green='' red='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' off=$'\e[0m'
fi
BULKHEAD="$(realpath "$BULKHEAD")" GUESTS="$(realpath "$GUESTS")" UPSTREAM="$(realpath "$UPSTREAM")"
scratch="$(mktemp -d)"
started=()
clean_up() {
	for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done
	wait
	rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"
wrong=0

complain() {
	printf '%sNOT AS IT SHOULD BE: %s%s\n' "$red" "$1" "$off"
	wrong=$((wrong + 1))
}

until_there() { # FILE PATTERN
	local i
	for ((i = 0; i < 200; i++)); do
		! grep -qs -- "$2" "$1" || return 0
		sleep 0.05
	done
	cat "$1" >&2
	return 1
}

free_port() {
	local one
	while one=$((10000 + (RANDOM << 2 ^ RANDOM) % 20000)) && (exec 3<>"/dev/tcp/127.0.0.1/$one") 2>/dev/null; do :; done
	echo "$one"
}

"$UPSTREAM" >up.out 2>/dev/null &
started+=("$!")
until_there up.out '^port'
port="$(free_port)"
cat >bulkhead.toml <<TOML
[admin]
socket = "admin.sock"

[gateway]
listen = "127.0.0.1:$port"
upstream = "http://127.0.0.1:$(sed -n 's/^port //p' up.out)"
max_execution_time_ms = 100

[[gateway.module]]
name = "auth"                    # rejects requests without a key
file = "$GUESTS/gateway-auth.wasm"
attach = ["on-request"]
match = { path_prefix = "/echo", methods = ["POST"] }

[[gateway.module]]
name = "redact"                  # rewrites passwords in JSON
file = "$GUESTS/gateway-redact.wasm"
match = { path_prefix = "/echo", methods = ["POST"] }

[[gateway.module]]
name = "shaky"                   # crashes and spins when told to; then the request fails
file = "$GUESTS/gateway-edit.wasm"
attach = ["on-request"]
match = { path_prefix = "/hello" }

[[gateway.module]]
name = "shaky-open"              # the same, but the request passes as if it were not there
file = "$GUESTS/gateway-edit.wasm"
attach = ["on-request"]
match = { path_prefix = "/size" }
on_failure = "open"
TOML

printf '\n%sThe gateway: middleware that others wrote, on every request%s\n' "$bold" "$off"
grep -v '^$' bulkhead.toml | sed "s|$GUESTS/||; s/^/$dim/; s/\$/$off/"
"$(dirname "$BULKHEAD")/bulkheadd" bulkhead.toml >out 2>log </dev/null &
daemon=$!
started+=("$daemon")
until_there log 'started: '

# Words as a shell takes them.
quoted() {
	local word
	for word in "$@"; do
		case "$word" in
		*[!A-Za-z0-9_./:,=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
}

# ask WHAT STATUS TEXT CURL-ARGUMENT... PATH
ask() {
	local what="$1" status="$2" text="$3" code
	shift 3
	code="$(curl -s -m 10 -D head -o body -w '%{http_code}  %{time_total} s' "${@:1:$#-1}" "http://127.0.0.1:$port${!#}")" || true
	printf '\n%s$ curl%s http://gateway%s%s\n' "$bold" "$(quoted "${@:1:$#-1}")" "${!#}" "$off"
	printf '%-48s %s  %s\n' "$what" "$code" "$(cat head body | grep -aoE -- "$text" | head -n 1 || true)"
	[ "${code%% *}" = "$status" ] || complain "expected $status"
	cat head body | grep -qaE -- "$text" || complain "expected $text"
}

# Requests of others, as long as the rest goes on.
while [ ! -e enough ]; do
	curl -s -m 10 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/status/200" || echo lost
done >others &
beside=$!
started+=("$beside")

ask 'passes' 200 'hello' -s /hello
ask 'rejected: no key' 401 '' -d '{"user": "ada"}' /echo
ask 'rewritten on its way' 200 '"password": *"\*+"' -H 'x-api-key: let-me-in' -d '{"user": "ada", "password": "secret"}' /echo
ask 'the module crashes: closed' 503 'x-bulkhead-reason: [a-z]+' -H 'x-do: crash' /hello
ask 'the module spins: ended by its limit of 100 ms' 503 'x-bulkhead-reason: [a-z]+' -H 'x-do: spin' /hello
ask 'the module crashes: open, by configuration' 200 '' -H 'x-do: crash' /size/5
ask 'and the next request' 200 'hello' -s /hello
: >enough
wait "$beside"

printf '\n%sWhat the modules did%s\n' "$bold" "$off"
{
	printf 'module\tasked\tcalls\trejected\tmodified\tfailed\n'
	curl -s --unix-socket admin.sock http://localhost/v1/gateway |
		jq -r '.modules[] | .name as $n | .points[]? | [$n, .attach, .calls, .rejected, .modified, .failures] | @tsv'
} | awk -F '\t' '{ printf "%-12s %-12s %8s %8s %8s %8s\n", $1, $2, $3, $4, $5, $6 }'
asked="$(wc -l <others)" answered="$(grep -cx 200 others || true)"
if [ "$asked" != "$answered" ] || [ "$asked" -lt 5 ]; then
	complain "of $asked requests of others $answered were answered"
fi
printf '\n%sRequests of others meanwhile: %d of %d answered.%s\n' "$green" "$answered" "$asked" "$off"
kill -TERM "$daemon"
code=0
wait "$daemon" || code=$?
[ "$code" = 0 ] || complain "the daemon ended with $code"
if [ "$wrong" -gt 0 ]; then
	tail -n 20 log
	exit 1
fi
