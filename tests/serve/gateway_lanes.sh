#!/usr/bin/env bash
# test: timeout=60
# Connections are shared out among the proxy's threads: none gets lost, places are counted once, and all of them come back.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
configure 'max_connections = 5' 'max_upstream_connections = 3' 'header_timeout = "30s"' 'idle_timeout = "30s"'
begin
idle() { "$SERVE/serve_raw" idle "$port" "$1" >idle.out & others+=($!); until_true grep -qs connected idle.out; }
holds() { admin /v1/gateway && json_holds ".connections == $1" <body; }
let_go() { kill "${others[@]}"; wait "${others[@]}" 2>/dev/null; others=(); }

# One place is left: short connections, one after another and many at once, take turns.
idle 4
until_true holds 4 || failed 'not all are there'
for _ in $(seq 50); do get /hello && expect 200 hello; done
seq 40 | timeout 30 xargs -P 20 -I{} curl -sS -m 25 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/hello" >codes
[ "$(sort codes | uniq -c | tr -d '\n')" = '     40 200' ] || failed "$(sort codes | uniq -c)"

# None is left: who comes waits, is not refused, and gets in when somebody goes.
idle 1
until_true holds 5 || failed 'the last place'
curl -sS -m 20 -o late -w '%{http_code}' "http://127.0.0.1:$port/hello" >late.code &
late=$!
sleep 0.5
[ ! -s late.code ] || failed 'more than there may be'
holds 5 || failed 'the bound'
let_go
wait "$late"
[ "$(cat late.code late)" = 200hello ] || failed 'who waited got nothing'
until_true holds 0 || failed 'a place was not given back'

# As many at once as there may be, with bodies, on all threads: all are whole. The upstream's bound is shared.
seq 60 | timeout 40 xargs -P 12 -I{} curl -sS -m 30 -o /dev/null -w '%{http_code} %{size_download}\n' "http://127.0.0.1:$port/size/300000" >codes
[ "$(sort codes | uniq -c | tr -d '\n')" = '     60 200 300000' ] || failed "$(sort codes | uniq -c)"
until_true holds 0 || failed 'a place was not given back'

# Without descriptors nobody is let in; there is no busy wait, and it goes on when there are some.
prlimit --pid "$pid" --nofile=3: || failed 'prlimit'
curl -sS -m 20 -o late -w '%{http_code}' "http://127.0.0.1:$port/hello" >late.code &
late=$!
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
before=$(ticks)
sleep 1
[ ! -s late.code ] || failed 'let in without a descriptor'
[ "$(($(ticks) - before))" -lt 40 ] || failed 'it waits busily'
prlimit --pid "$pid" --nofile=1024:
wait "$late"
[ "$(cat late.code late)" = 200hello ] || failed "without descriptors: $(cat late.code)"
get /hello && expect 200 hello
kill -TERM "$pid"
ends 0
