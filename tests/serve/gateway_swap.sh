#!/usr/bin/env bash
# test: timeout=90 labels=slow
# Chains that change all the time under load: no request is lost, and each sees one chain or the other.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
command -v wrk >/dev/null || { echo 'skipped: no wrk'; exit 77; }
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{policy,tracing}.wasm .
configure
begin
register policy "$here/gateway-policy.wasm" OnResponse && expect 200
wrk -t2 -c20 -d60 --timeout 10 "http://127.0.0.1:$port/hello" >wrk.out 2>&1 &
load=$!
others+=("$load")
for _ in $(seq 100); do
	register tracing "$here/gateway-tracing.wasm" OnRequest OnResponse && expect 200
	compat -X DELETE "/wasm/$uuid" && expect 200
	get /hello && expect 200 hello && expect_head nosniff
done
kill -INT "$load"
wait "$load" 2>/dev/null
others=()
grep -q 'Requests/sec' wrk.out || failed "wrk: $(cat wrk.out)"
! grep -qE 'Socket errors|Non-2xx' wrk.out || failed "lost: $(cat wrk.out)"
admin /v1/gateway && expect_json '.answered["5xx"] == 0 and .answered["4xx"] == 0 and .version >= 201'
kill -TERM "$pid"
ends 0
