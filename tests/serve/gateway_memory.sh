#!/usr/bin/env bash
# test: timeout=60 labels=nosanitize,slow
# Large bodies through modules: what they took is given back.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
cp "$GUESTS"/gateway-{edit,redact}.wasm .
configure
printf '[[gateway.module]]\nname = "edit"\nfile = "gateway-edit.wasm"\n' >>bulkhead.toml
begin
rss() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status"; }
head -c 1000000 /dev/zero | tr '\0' y >large
send() { # COUNT: as many at once as there are places for a while, then one after another
	seq "$1" | timeout 50 xargs -P 8 -I{} curl -sS -m 30 -o /dev/null -w '%{http_code} %{size_download}\n' --data-binary @large "http://127.0.0.1:$port/other" >codes
	[ "$(grep -c '^200 100' codes)" = "$1" ] || failed "$(sort codes | uniq -c)"
}
get /hello && expect 200 hello
start=$(rss)
send 200
sleep 1
after=$(rss)
echo "before $start KiB, after 200 requests $after KiB"
[ "$((after - start))" -lt 40000 ] || failed "1 MB bodies cost $((after - start)) KiB for good"
send 100
sleep 1
[ "$(($(rss) - after))" -lt 10000 ] || failed "and $(($(rss) - after)) KiB more with each hundred"
kill -TERM "$pid"
ends 0
