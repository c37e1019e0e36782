#!/usr/bin/env bash
# test: timeout=60 labels=slow
# Clients that take their time or too many places, TLS, and the end.
# shellcheck disable=SC2015,SC2094,SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
times=('idle_timeout = "1s"' 'header_timeout = "1s"' 'total_timeout = "2s"')
configure "${times[@]}" 'max_connections = 40'
begin

# A body that stops coming; one that comes for ever, an answer that does.
timeout 20 "$SERVE/serve_raw" body "$port" 1500 >body
grep -q '408' body || failed 'a slow body is waited for'
timeout 20 "$SERVE/serve_raw" body "$port" 300 >body
grep -q '504\|<closed>\|<reset>' body || failed 'a request takes for ever'
get /drip
[ "$curl" != 0 ] && [ "$curl" != 28 ] || failed 'an answer takes for ever'
get /slow && expect 504

# All places taken by those who say nothing: they go, others come.
"$SERVE/serve_raw" idle "$port" 60 >idle.out &
others+=($!)
until_true grep -qs connected idle.out
get /hello && expect 200 hello
kill "${others[0]}"
others=()

# One who does not read holds no more than the pipes; the rest is not read from the upstream.
timeout 3 curl -s --limit-rate 1000 -o slow.body "http://127.0.0.1:$port/size/300000000" &
before=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
wait $!
after=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
[ "$((after - before))" -lt 20000 ] || failed "a slow reader costs $((after - before)) KiB"
kill -TERM "$pid"
ends 0

# The end waits for what is under way, then cuts it.
configure
again
curl -s -m 20 -o drip.body -w '%{exitcode}' "http://127.0.0.1:$port/drip" >drip.code &
drip=$!
sleep 0.5
kill -TERM "$pid"
ends 0
wait "$drip"
[ "$(cat drip.code)" != 0 ] || failed 'what was cut looks whole'

# TLS, from files; with mistakes in them the start fails and says so.
command -v openssl >/dev/null || exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 \
	-subj /CN=localhost -addext 'subjectAltName = DNS:localhost' 2>/dev/null || exit 0
configure 'tls_cert = "cert.pem"' 'tls_key = "key.pem"'
again
curl_to "https://localhost:$port" --cacert cert.pem -d abc /echo && expect 200 'x-forwarded-proto: https'
curl_to "https://localhost:$port" --cacert cert.pem /size/1000000 && expect 200
[ "$(wc -c <body)" = 1000000 ] || failed 'TLS loses bytes'
kill -TERM "$pid"
ends 0
echo nonsense >key.pem
rm log
launch
ends 78
says 'a certificate and its key'
rm key.pem log
launch
ends 78
says 'key.pem'
