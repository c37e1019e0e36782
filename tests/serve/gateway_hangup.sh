#!/usr/bin/env bash
# test: timeout=60
# Who asks for a change of the gateway and hangs up before it is its turn: what he asked for is done as he asked, and nothing
# of his connection is looked at any more. Freed memory is filled with garbage, so that looking there shows.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{auth,edit}.wasm .
export MALLOC_PERTURB_=90 GLIBC_TUNABLES=glibc.malloc.tcache_count=0
configure
begin
register auth "$here/gateway-auth.wasm" OnRequest && expect 200

# Reading this one takes long; what comes meanwhile waits.
truncate -s 60M large.wasm
one="{\"name\":\"large\",\"file_path\":\"$here/large.wasm\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]}"
printf '{"modules":[%s]}' "$(for _ in $(seq 3); do printf '%s,' "$one"; done)$one" >long
curl -sS -m 50 --data-binary @long -o long.out "http://127.0.0.1:$compat/wasm" 2>long.err &
others+=($!)
sleep 0.1
for _ in 1 2 3; do
	compat -m 0.05 -d "{\"modules\":[{\"name\":\"try\",\"file_path\":\"$here/gateway-edit.wasm\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]}]}" '/wasm?dry_run=true'
	[ "$curl" = 28 ] || failed 'nobody had to wait: the test shows nothing'
	admin -m 0.05 -d '{"order": ["auth"]}' '/v1/gateway/order?dry_run=true'
	[ "$curl" = 28 ] || failed 'nobody had to wait: the test shows nothing'
done
wait "${others[0]}"
others=()
compat /wasm && expect 200
expect_json '[.modules[].module_meta.name] == ["auth"]'
kill -TERM "$pid"
ends 0
