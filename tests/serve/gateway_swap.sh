#!/usr/bin/env bash
# test: timeout=180 labels=slow
# Chains that change a thousand times under load: no request is lost, none is answered wrongly, and each sees one chain or the
# other: what is always there is seen always, what comes and goes is seen whole or not at all.
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
# Each thread counts for itself; a thread's numbers are its globals.
cat >check.lua <<'LUA'
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() right, wrong, first = 0, 0, '' end
function response(status, headers, body)
  local policy = false
  for name, value in pairs(headers) do
    if name:lower() == 'x-content-type-options' then policy = value == 'nosniff' end
  end
  if status == 200 and body == 'hello' and policy then right = right + 1
  else wrong = wrong + 1; if first == '' then first = status .. ' ' .. body .. ' ' .. tostring(policy) end end
end
function done()
  local right, wrong = 0, 0
  for _, thread in ipairs(threads) do
    right = right + thread:get('right'); wrong = wrong + thread:get('wrong')
    if thread:get('first') ~= '' then print('first: ' .. thread:get('first')) end
  end
  print('right ' .. right .. ' wrong ' .. wrong)
end
LUA
wrk -t2 -c20 -d170 --timeout 10 -s check.lua "http://127.0.0.1:$port/hello" >wrk.out 2>&1 &
load=$!
others+=("$load")
for i in $(seq 500); do
	register tracing "$here/gateway-tracing.wasm" OnRequest OnResponse && expect 200
	compat -X DELETE "/wasm/$uuid" && expect 200
	[ $((i % 50)) != 0 ] || { get /hello && expect 200 hello && expect_head nosniff; }
done
kill -INT "$load"
wait "$load" 2>/dev/null
others=()
grep -q '^right [1-9][0-9]* wrong 0$' wrk.out || failed "wrk: $(cat wrk.out)"
! grep -qE 'Socket errors|Non-2xx' wrk.out || failed "lost: $(cat wrk.out)"
admin /v1/gateway && expect_json '.answered["5xx"] == 0 and .answered["4xx"] == 0 and .version >= 1001'
kill -TERM "$pid"
ends 0
