#!/usr/bin/env bash
# test: timeout=60 cost=8 waits
# The proxy without modules: messages go through as they are, what can be read in two ways does not.
# shellcheck disable=SC2059,SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
configure 'idle_timeout = "2s"' 'header_timeout = "1s"' 'upstream_timeout = "1s"' 'max_header_size = "8KiB"'
begin

# Messages, both ways.
get /hello && expect 200 hello && expect_head '^content-length: 5'
get -d 'abc' '/echo/%2e%2e/a//b;c?x=%20&y' && expect 200 'POST /echo/%2e%2e/a//b;c?x=%20&y HTTP/1.1' && expect 200 abc
expect 200 'x-forwarded-for: 127.0.0.1'
expect 200 'x-forwarded-proto: http'
expect 200 "Host: 127.0.0.1:$port"
grep -Eq 'x-request-id: [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}' body || failed 'no UUIDv7'
get -H 'X-Forwarded-For: 10.0.0.1' -H 'X-Request-Id: mine' -H 'Host: other.example' /echo
expect 200 'x-forwarded-for: 10.0.0.1, 127.0.0.1' && expect 200 'X-Request-Id: mine' && expect 200 'Host: other.example'
get -H 'Connection: X-Secret, close' -H 'X-Secret: 1' -H 'TE: trailers' -H 'Keep-Alive: 5' -H 'X-Empty;' /echo
expect 200 'X-Empty:'
! grep -qiE '^(x-secret|te|keep-alive|connection):' body || failed 'a header for one connection went on'
get /hops && expect 200 && expect_head '^x-kept: 1' && no_head x-secret && no_head keep-alive && no_head proxy-auth
[ "$(grep -ci '^set-cookie' head)" = 2 ] || failed 'a cookie was lost'
get /split && expect 200 hello && expect_head '^content-length: 5'
get /interim && expect 200 hello && no_head x-early
for n in 204 304 404 503; do get "/status/$n" && expect "$n"; done
get -I /size/1234 && expect 200 && expect_head '^content-length: 1234'
get -I /chunks/5 && expect 200
get -X OPTIONS --request-target '*' / && expect 200
get -X DELETE /echo && expect 200 'DELETE /echo HTTP/1.1'

# Bodies of all sizes and framings are the same bytes.
for n in 0 1 65535 65536 65537 1000000; do
	head -c "$n" /dev/urandom >sent
	get --data-binary @sent -H 'Transfer-Encoding: chunked' /echo && expect 200
	tail -c "$n" body | cmp - sent || failed "chunked body of $n"
	get --data-binary @sent -H 'Expect: 100-continue' /echo && expect 200
	tail -c "$n" body | cmp - sent || failed "body of $n"
	for kind in size chunks until-close; do
		get "/$kind/$n"
		[ "$curl $code $(wc -c <body)" = "0 200 $n" ] || failed "$kind of $n"
	done
done
[ ! -s up.err ] || failed "the upstream saw a cut: $(cat up.err)"
get --http1.0 /chunks/1000 && expect 200
[ "$(wc -c <body)" = 1000 ] || failed 'HTTP/1.0'

# The upstream fails: before the head there is an answer, behind it no whole transfer.
for path in /cut/5000 /cut-chunks/5000 /cut/0; do
	get "$path"
	[ "$curl" != 0 ] || failed "$path looks whole"
done
for path in /junk /huge-head /bad-head /fold; do get "$path" && expect 502; done
get /slow && expect 504
get -m 3 /drip
[ "$curl" = 28 ] || failed 'what goes on was ended'
before=$(wc -l <up.err)
"$SERVE/serve_raw" cut "$port" 500
saw_the_cut() { [ "$(wc -l <up.err)" -gt "$before" ]; }
until_true saw_the_cut || failed 'the upstream did not see the cut'

# What can be read in two ways.
h='Host: x\r\n'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n${h}\r\n" 'HTTP/1.1 400'
[ "$(grep -c 'HTTP/1.1' body)" = 1 ] || failed 'a second answer'
grep -q '<closed>\|<reset>' body || failed 'it goes on'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef" 'HTTP/1.1 400'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: 5, 5\r\n\r\nabcde" 'HTTP/1.1 400'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: +5\r\n\r\nabcde" 'HTTP/1.1 400'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: 0x5\r\n\r\nabcde" 'HTTP/1.1 400'
raw_says "POST /echo HTTP/1.1\r\n${h}Content-Length: 99999999999999999999\r\n\r\nabcde" 'HTTP/1.1 4'
raw_says "POST /echo HTTP/1.1\r\n${h}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" 'HTTP/1.1 501'
raw_says "POST /echo HTTP/1.1\r\n${h}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" 'HTTP/1.1 501'
raw_says "POST /echo HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" 'HTTP/1.1 400'
raw_says "POST /echo HTTP/1.0\r\n${h}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ' 400'
raw_says "POST /echo HTTP/1.1\r\n${h}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" 'HTTP/1.1 400'
raw_says "GET /echo HTTP/1.1\r\n${h}X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n" 'HTTP/1.1'
! grep -qi '^transfer-encoding: chunked' body || failed 'a folded header became one'
for chunk in 'zz\r\nabc' '-1\r\nabc' '5;\x01\r\nabcdeX' '5\nabcde\n0\n\n' 'FFFFFFFFFFFFFFFFF\r\nabc'; do
	printf "POST /echo HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\n\r\n$chunk\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n${h}\r\n" |
		timeout 20 "$SERVE/serve_raw" "$port" >body
	! grep -q hello body || failed "behind the chunk '$chunk' a request was found"
done
raw_says "GET /echo HTTP/1.1\r\n\r\n" 'HTTP/1.1 400'
raw_says "GET /echo HTTP/1.1\r\n${h}Host: y\r\n\r\n" 'HTTP/1.1 400'
raw_says "GET http://x/echo HTTP/1.1\r\n${h}Connection: close\r\n\r\n" 'GET /echo HTTP/1.1'
raw_says "GET http://y/echo HTTP/1.1\r\n${h}\r\n" 'HTTP/1.1 400'
raw_says "GET ftp://x/echo HTTP/1.1\r\n${h}\r\n" 'HTTP/1.1 400'
raw_says "CONNECT x:80 HTTP/1.1\r\n${h}\r\n" 'HTTP/1.1 '
! grep -q 'HTTP/1.1 200' body || failed 'a tunnel'
raw_says "GET /echo HTTP/1.1\r\n${h}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" 'HTTP/1.1 501'
grep -q upgrade body || failed 'no reason'
raw_says "POST /echo HTTP/1.1\r\n${h}Expect: magic\r\nContent-Length: 1\r\n\r\na" 'HTTP/1.1 417'
raw_says "GET /echo HTTP/1.1\r\n${h}X-\x01: a\r\n\r\n" 'HTTP/1.1 400'
raw_says "GET /echo HTTP/1.1\r\n${h}X-A: a\x01b\r\n\r\n" 'HTTP/1.1 400'
raw_says "G\x7fT /echo HTTP/1.1\r\n${h}\r\n" 'HTTP/1.1 400'
raw_says "GET /echo HTTP/2.5\r\n${h}\r\n" 'HTTP/1.1 505'

# Bounds.
get -H "X-Long: $(head -c 9000 /dev/zero | tr '\0' a)" /hello && expect 431
get -H "X-Long: $(head -c 60000 /dev/zero | tr '\0' a)" /hello && expect 431
many=()
for i in $(seq 300); do many+=(-H "X-$i: a"); done
get "${many[@]}" /hello && expect 431
timeout 20 "$SERVE/serve_raw" drip "$port" 100 >body
grep -q '408' body || failed 'a slow head is waited for'
timeout 20 "$SERVE/serve_raw" half "$port" /slow
get /hello && expect 200 hello

# Down, and up again.
stop_upstream
get /hello && expect 502
upstream "$up"
get /hello && expect 200 hello
admin /v1/gateway && expect 200 && expect_json '.requests > 50 and .upstream_failures > 5 and .refused > 10 and .gone > 0'
admin /metrics && expect 200 'bulkhead_gateway_answers_total{status="5xx"}'
kill -TERM "$pid"
ends 0
