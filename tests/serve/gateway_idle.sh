#!/usr/bin/env bash
# test: timeout=60 labels=slow
# An idle gateway sleeps, with clients connected or without; and what is due while it sleeps is done when it is due.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
cp "$GUESTS/gateway-policy.wasm" .
wakes() { awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$pid"/task/*/status; }
# Once it has settled, however busy the machine is.
sleeps() { # WHEN SECONDS
	local woken=1 before _
	for _ in 1 2 3 4 5 6; do
		before=$(wakes)
		sleep "$2"
		woken=$(($(wakes) - before))
		[ "$woken" -gt 2 ] || return 0
	done
	failed "$1: woke up $woken times in $2 seconds"
}
stay() { # PROGRAM ARG...: in the background, with a connection that says nothing more
	"$@" >stay.out 2>&1 &
	others+=($!)
}
configure 'header_timeout = "120s"' 'idle_timeout = "120s"' 'total_timeout = "300s"'
printf '[[gateway.module]]\nname = "policy"\nfile = "gateway-policy.wasm"\n' >>bulkhead.toml
begin
get /hello && expect 200 hello
compat /wasm && expect 200
admin /v1/gateway && expect 200
sleeps 'after requests' 1

# Somebody is connected to each of the servers, and one waits for an answer.
stay "$SERVE/serve_raw" idle "$port" 3
stay "$SERVE/serve_raw" idle "$compat" 1
stay curl -s -m 60 "http://127.0.0.1:$port/slow"
sleeps 'with clients' 2

# It is awake for the next one, and notes it.
get /hello && expect 200 hello
accessed() { compat /wasm && jq -r '.modules[0].module_meta.last_accessed_at' body; }
before=$(accessed)
sleeps 'after one more' 1
[ "$(accessed)" = "$before" ] || before=$(accessed)
get /hello && expect 200 hello
is_later() { [[ $(accessed) > $before ]]; }
until_true is_later || failed 'a call after a rest is not noted'

# Other times hold for those who are there already: they go when they are due, though nothing else happens.
sed -i 's/120s/1s/; s/300s/2s/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: '
are_gone() { admin /v1/gateway && json_holds '.connections <= 1' <body; } # /slow began under the times of before
until_true are_gone || failed 'they stay'
get /slow && expect 504
kill -TERM "$pid"
ends 0
