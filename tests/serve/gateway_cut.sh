#!/usr/bin/env bash
# test: timeout=60 labels=slow
# A module collects responses: one that is cut, or stops coming, is an error, and never half a body with a good status.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
cp "$GUESTS"/gateway-{policy,edit}.wasm .
configure 'upstream_timeout = "1s"' 'total_timeout = "2s"'
cp bulkhead.toml plain.toml
printf '[[gateway.module]]\nname = "policy"\nfile = "gateway-policy.wasm"\nattach = ["on-response"]\n' >>bulkhead.toml
begin
no_body() { ! grep -q xxx body || failed "half a body: $(wc -c <body) bytes"; }
# Before the first byte of the body, in its first piece, behind several; with a length, in chunks, with a reset.
for n in 0 1 500 99999; do
	for path in "/cut/$n" "/cut-chunks/$n" "/reset/$n"; do
		get "$path" && expect 502 && no_body
		get /hello && expect 200 hello
	done
done
get '/say/HTTP/1.1_200_OK~Transfer-Encoding:_chunked~~5~xxxxx~zz~' && expect 502 && no_body
for path in /stall/0 /stall/50000 /stall-chunks/50000; do
	get "$path" && expect 504 && no_body
	get /hello && expect 200 hello
done
get /drip && expect 504 && no_body # always a little more
kill -9 "$up_pid" # while nothing is under way: kept connections end
wait "$up_pid" 2>/dev/null
up_pid=
get /hello && expect 502
upstream "$up"
get /hello && expect 200 hello
# The upstream goes in the middle of a body.
curl -sS -m 20 -o late -w '%{http_code}' "http://127.0.0.1:$port/drip" >late.code &
late=$!
sleep 0.5
stop_upstream
wait "$late"
if [ "$(cat late.code)" != 502 ] || grep -q x late; then failed "the upstream went: $(cat late.code late)"; fi
upstream "$up"
# Nobody collects: the status has gone, and what is cut looks cut.
cp plain.toml bulkhead.toml
kill -HUP "$pid"
says 'reloaded: '
for path in /cut/500 /cut-chunks/500 /reset/500 /stall/500 /stall-chunks/500; do
	get "$path"
	if [ "$curl" = 0 ] || [ "$curl" = 28 ]; then failed "$path looks whole"; fi
done
kill -TERM "$pid"
ends 0
