#!/usr/bin/env bash
# test: timeout=60 cost=7 waits
# Upstreams that are broken or hostile: what they say in two ways, too much, too late, or without an end reaches no client as
# an answer to what it asked, and costs no more memory than there is for one.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
configure 'max_upstream_connections = 1' 'upstream_timeout = "2s"' 'max_header_size = "8KiB"' 'total_timeout = "8s"'
begin
rss() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status"; }

# With one connection the next request would meet what is left on it.
evil='HTTP/1.1_200_OK~Content-Length:_4~~evil'
for path in "/say/HTTP/1.1_200_OK~Content-Length:_4~~good$evil" "/say-late/$evil" \
	"/say/HTTP/1.1_204_No~~$evil" "/say/HTTP/1.1_304_No~~$evil" "/say/HTTP/1.1_204_No~Content-Length:_4~~evil"; do
	get "$path"
	[ "$code" = 200 ] || [ "$code" = 204 ] || [ "$code" = 304 ] || [ "$code" = 502 ] || failed "$path: $code"
	! grep -q evil body || failed "$path: its own answer has more"
	sleep 0.2
	for _ in 1 2; do get /hello; grep -q hello body || failed "behind $path: $code"; done
done
get -I "/say/HTTP/1.1_200_OK~Content-Length:_4~~evil" && expect 200
get /hello && expect 200 hello
get -I "/say/HTTP/1.1_200_OK~Content-Length:_99x~~" # what the length is must not be made up, nor take the gateway down
get /hello && expect 200 hello

# Two lengths, or none that is a length: an error, or a broken transfer; never an answer that looks whole and is another's.
for head in 'Content-Length:_4~Content-Length:_9' 'Content-Length:_-4' 'Content-Length:_4x' 'Content-Length:_99999999999999999999'; do
	get "/say/HTTP/1.1_200_OK~$head~~good$evil"
	[ "$code" != 200 ] || [ "$curl" != 0 ] || ! grep -q evil body || failed "$head: $(cat body)"
	get /hello && expect 200 hello
done
get "/say/HTTP/1.1_200_OK~Content-Length:_4~Transfer-Encoding:_chunked~~6~chunks~0~~"
[ "$code" = 502 ] || [ "$curl" != 0 ] || [ "$(cat body)" = chunks ] || failed "both lengths: $(cat body)"
[ "$(grep -ci '^content-length\|^transfer-encoding' head)" -le 1 ] || failed 'both go on'
get /hello && expect 200 hello
for chunks in 'zz~abc~0~~' '-1~abc~0~~' '5~abcdefgh~0~~' 'FFFFFFFFFFFFFFFFF~abc~0~~'; do
	get "/say/HTTP/1.1_200_OK~Transfer-Encoding:_chunked~~$chunks"
	[ "$code" = 502 ] || [ "$curl" != 0 ] || failed "chunks $chunks look whole"
	get /hello && expect 200 hello
done
for head in 'HTTP/1.1_101_Go~Upgrade:_x' 'HTTP/1.1_99_Low' 'HTTP/1.1_600_High' 'HTTP/9.9_200_New' 'HTTP/1.1_200_OK~:_none' 'HTTP/1.1_200_OK~A_b:_c'; do
	get "/say/$head~~"
	[ "$code" = 502 ] || [ "$code" = 504 ] || failed "$head: $code"
	get /hello && expect 200 hello
done

# Without an end.
before=$(rss)
get /interims
[ "$code" = 502 ] || failed "interim responses for ever: $code"
get /trailers
[ "$curl" != 0 ] || failed 'trailers for ever look whole'
[ $(($(rss) - before)) -lt 10000 ] || failed "heads for ever cost $(($(rss) - before)) KiB"

# An upstream that does not read: it is late, and what the client sends is held by nobody.
before=$(rss)
head -c 100M /dev/zero | curl -sS -m 20 -T - -o body -w '%{http_code} %{size_upload}' "http://127.0.0.1:$port/deaf" >deaf 2>curl.err
[ $(($(rss) - before)) -lt 10000 ] || failed "a body that is not read costs $(($(rss) - before)) KiB"
[ "$(cut -d' ' -f1 deaf)" = 504 ] || failed "an upstream that does not read: $(cat deaf curl.err)"

# Connections are kept: a client's for its next request, the upstream's for anybody's.
[ "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects} ' "http://127.0.0.1:$port/hello" "http://127.0.0.1:$port/hello")" = '1 0 ' ] || failed 'the client had to connect twice'
raw_says 'GET /size/3 HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' hello
[ "$(grep -c 'HTTP/1.1 200' body)" = 2 ] || failed 'two requests at once'
get /hello && expect 200 hello
kill -TERM "$pid"
ends 0
