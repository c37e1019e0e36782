#!/usr/bin/env bash
# test: timeout=60 cost=10 waits
# Every route of the admin server: what it answers, and that openapi.json says so.
# shellcheck source=tests/support/admin.sh
. "$TESTS/support/admin.sh"

# The table and the file are the same, both ways.
"$SERVE/serve_harness" routes | sort >table
jq -r '.paths | to_entries[] | .key as $path | .value | keys[] | ascii_upcase + " " + $path' "$api" | sort >file
diff table file || fail "routes that openapi.json has not, or has too many"
jq -e '[.. | objects | select(has("$ref")) | .["$ref"][2:] / "/"] as $refs | . as $root | $refs | all(. as $p | $root | getpath($p) != null)' \
	"$api" >/dev/null || fail "a reference in openapi.json that leads nowhere"
# The checker sees what is wrong.
echo '{"path": 1, "state": "asleep", "more": null}' >body
expect_schema Asked
[ "$(jq -r --slurpfile api "$api" -f "$TESTS/serve/schema.jq" records | wc -l)" = 3 ] || fail "the checker of schemas"
rm records

# shellcheck disable=SC2119 # no bounds of its own
begin reload_ms=700
[ "$(stat -c %a admin)" = 600 ] || fail "the socket is open to others"
[ "$port" = 0 ] || fail "it listens on TCP"
[ ! -e admin.new ] || fail "the socket's first name is still there"

ask /v1/version && expect 200 && expect_schema Version
ask /v1/openapi.json && expect 200
cmp body "$api" || fail "not the file in the tree"
ask /healthz && expect 200 && expect_type text/plain
ask /readyz && expect 200
touch not-ready
ask /readyz && expect_problem 503
rm not-ready

broken_failed() { ask /v1/children && json_holds '.children[] | select(.name == "broken") | .state == "failed"' <body; }
until_ broken_failed
ask /v1/children && expect 200 && expect_schema Children
expect_json '[.children[].path] == ["", "web", "web/front", "web/logs", "counter", "calc", "twins", "twins", "down", "broken"]'
expect_json '[.children[] | select(.path == "twins") | .replica] == [1, 2]'
expect_json '.children[] | select(.path == "broken") | .last_exit.how == "not-up" and .restarts > 0'
expect_json '.children[] | select(.path == "counter") | .last_exit == null and .statistics.memory_limit == 16777216'

# Calls, in both forms.
call counter '{"export": "increment"}' && expect 200 && expect_schema Result && expect_json '.result == 1 and .wave == "1"'
call counter '{"wave": "increment()"}' && expect_json '.result == 2'
call counter '{"wave": "crash-at(0)", "deadline_ms": 1000}' && expect_json '.result == null and .wave == null'
call calc '{"export": "divide", "args": [{"numerator": 7, "denominator": 2}]}' && expect_json '.result == {ok: 3.5} and .wave == "ok(3.5)"'
call calc '{"wave": "divide({numerator: 7, denominator: 0})"}' && expect 200 && expect_json '.result == {err: "division by zero"}'
call calc '{"export": "roundtrip-u64", "args": ["18446744073709551615"]}' && expect_json '.result == "18446744073709551615"'
call calc '{"export": "roundtrip-string", "args": ["a\u0000\ud83d\udca7"]}' && expect_json '.result == "a\u0000\ud83d\udca7"'
call counter '{"export": "[constructor]bag"}' && expect 200 && expect_json '.result == {resource: true} and .wave == null'
call web%2Ffront '{"export": "get"}' && expect_json '.result == 0'
call twins '{"export": "get"}' && expect 200

# What goes wrong with them.
call calc '{"export": "divde"}' && expect_problem 404 && expect_json '.code == "BH_E_NO_EXPORT" and (.hint | test("divide"))'
call calc '{"export": "divide", "args": [7]}' && expect_problem 400 && expect_json '.code == "BH_E_TYPE" and (.hint | test("numerator"))'
call calc '{"wave": "divide(7)"}' && expect_problem 400
call down '{"export": "get"}' && expect_problem 503 && expect_json '.code == "BH_E_DOWN"' && expect_head '^retry-after: 1'
call broken '{"export": "get"}' && expect_problem 404
call web '{"export": "get"}' && expect_problem 409
call none '{"export": "get"}' && expect_problem 404
call counter '{"export": "spin", "deadline_ms": 50}' && expect_problem 504 && expect_json '.code == "BH_E_DEADLINE"'
call counter '{"export": "spin"}' && expect_problem 504 && expect_json '.code == "BH_E_TIMEOUT" and .usage.wall_ns > 1000000 and .usage.host_ns == 0'
call counter '{"export": "crash-at", "args": [1]}' && expect 200
call counter '{"export": "increment"}' && expect_problem 422
expect_json '.code == "BH_E_TRAP" and .trap == "unreachable-code-reached" and (.frames | length > 0)'
call counter '{"export": "get"}' && expect 200 && expect_json '.result == 0'

# One after the other: the mailbox holds four, so of twelve at once some are told that it is busy.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	curl -sS -m 10 --unix-socket admin -o "busy.$i" -w '%{http_code}\n' http://localhost/v1/children/web%2Flogs/call \
		-d '{"export": "sleep-ms", "args": [150]}' >"busy.$i.code" &
	jobs[i]=$!
done
wait "${jobs[@]}"
[ "$(cat busy.*.code | sort -u | tr '\n' ' ')" = "200 429 " ] || fail "busy: $(cat busy.*.code)"
code=429 expect_schema Problem "$(grep -l BH_E_BUSY busy.? busy.?? | head -n 1)"

# Looking closer.
ask /v1/children/counter && expect 200 && expect_schema Inspection
expect_json '.component.file == "/guests/counter.wasm" and .component.limits.max_memory == 16777216'
expect_json '.component.exports | any(.name == "increment" and .signature == "func() -> u32")'
ask /v1/children/web && expect_schema Inspection && expect_json '.component == null and (.children | map(.path)) == ["web", "web/front", "web/logs"]'
ask /v1/children/web%2Flogs && expect_schema Inspection && expect_json '.path == "web/logs" and .children[0].path == "web/logs"'
ask /v1/children/web%2flogs && expect 200
ask /v1/children/none && expect_problem 404
ask /v1/children/web%2 && expect_problem 400
ask /v1/children/web%zz && expect_problem 400
ask /v1/children/web%00 && expect_problem 400
ask /v1/children/ && expect_problem 404
ask /v1/children/.. && expect_problem 404

# Asking for things.
for what in stop start restart; do
	ask -X POST "/v1/children/twins/$what" && expect 202 && expect_schema Asked
done
ask -X POST /v1/children/down/start && expect 202
down_answers() { call down '{"export": "get"}' && [ "$code" = 200 ]; }
until_ down_answers
ask -X POST /v1/children/broken/reset && expect 202 && expect_schema Asked
ask -X POST /v1/children/counter/reset && expect_problem 409
ask -X POST /v1/children/none/stop && expect_problem 404
touch v2.wasm v2.text
ask -d "{\"file\": \"$PWD/v2.wasm\"}" /v1/children/counter/upgrade && expect 200 && expect_schema Upgraded
ask -d "{\"file\": \"$PWD/v2.text\"}" /v1/children/counter/upgrade && expect_problem 422 && expect_json '.code == "BH_E_NOT_A_COMPONENT"'
ask -d "{\"file\": \"$PWD/none.wasm\"}" /v1/children/counter/upgrade && expect_problem 404
for bad in '{"file": "v2.wasm"}' '{"file": 1}' '{}' '[]' '' '{"file": "/a", "more": 1}'; do
	ask -d "$bad" /v1/children/counter/upgrade && expect_problem 400
done
ask -X POST /v1/reload && expect 200 && expect_schema Reloaded
touch fail-reload
ask -X POST /v1/reload && expect_problem 422 && expect_json '.detail | test("bulkhead.toml:3:1")'
rm fail-reload
# A disk that does not answer keeps nobody waiting: neither who asked, nor the others.
touch slow-reload
curl -sS -m 9 --unix-socket admin -o late -w '%{http_code}' -X POST http://localhost/v1/reload >late.code &
late=$!
ask /healthz && expect 200
wait "$late"
[ "$(cat late.code)" = 504 ] || fail "a reload that takes too long: $(cat late.code late)"
rm slow-reload
ask -X POST /v1/reload && expect 200

# Numbers.
ask /v1/stats && expect 200 && expect_schema Stats
ask /metrics && expect 200 && expect_type 'text/plain; version=0.0.4'
grep -q '^bulkhead_host_calls_total' body || fail "no metrics"
twice=$(grep -v '^#' body | sed 's/ [^ ]*$//' | sort | uniq -d)$(grep '^# TYPE' body | sort | uniq -d)
[ -z "$twice" ] || fail "series that are there twice: $twice"
! grep -vqE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+(Inf)?)$' body || fail "a line that is none"
# Children by their paths: in which state so many replicas are, and what their calls came to.
shows() { grep -qE "^bulkhead_child_$1$" body || fail "no row: $1: $(grep "^bulkhead_child_${1%%[\\\[{ ]*}" body)"; }
shows 'instances\{child="twins",state="running"\} 2'
shows 'instances\{child="twins",state="failed"\} 0'
shows 'instances\{child="broken",state="failed"\} 1'
shows 'instances\{child="",state="running"\} 1'
shows 'restarts_total\{child="broken"\} [1-9][0-9]*'
shows 'starts_total\{child="web/front"\} [1-9][0-9]*'
shows 'calls_total\{child="counter"\} [1-9][0-9]*'
shows 'failures_total\{child="counter"\} [1-9][0-9]*'
shows 'call_seconds\{child="counter",quantile="0.99"\} 0.[0-9]+'
shows 'call_seconds_count\{child="counter"\} [1-9][0-9]*'
! grep -q '^bulkhead_child_calls_total{child="web"}' body || fail "a supervisor has no calls"
ask /v1/children && sleep 1.1
for _ in 1 2 3 4 5; do call calc '{"wave": "divide({numerator: 7, denominator: 2})"}'; done
ask /v1/children && expect_schema Children
expect_json '.children[] | select(.path == "calc") | .statistics | .calls_per_s > 0 and .p99_ns >= .p50_ns and .calls >= 5'

# Children of one component are counted each by itself, replicas together; a component's name stands beside.
of() { jq -c "[.children[] | select(.path == \"$1\") | .statistics | $2]" body; }
expect_of() { [ "$(of "$1" "$2")" = "$3" ] || fail "of $1, $2: $(of "$1" "$2"), not $3"; }
ask /v1/children
front=$(of web/front .calls) twins=$(of twins .calls | jq -c 'map(. + 3)') counter=$(of counter .calls)
for _ in 1 2 3; do call twins '{"export": "get"}' && expect 200; done
call twins '{"export": "nosuch"}' && expect 404
sleep 0.3
ask /v1/children && expect_of web/front .calls "$front" && expect_of counter .calls "$counter" && expect_of twins .calls "$twins"
expect_of twins '.calls_per_s > 0' '[true,true]'
expect_of web/front '.calls_per_s' '[0]'
expect_of twins '.peak_memory > 0 and .memory > 0 and .peak_memory >= .memory and .fuel_per_call == 0' '[true,true]'
expect_of counter '.failures > 0 and .component == "counter.wasm"' '[true]'
expect_of down '.calls > 0 and .failures < .calls' '[true]'
expect_of web . '[null]'
# What is below one has the same numbers as in the whole list.
list=$(of web/front .calls)
ask /v1/children/web && expect_of web/front .calls "$list"
ask /v1/children/web%2Ffront && expect_of web/front .calls "$list"
expect_of web/front '.calls_per_s' '[0]'

# Logs.
ask '/v1/children/web%2Fsvc/logs' && expect_problem 404
ask '/v1/children/web%2Flogs/logs?lines=3' && expect 200 && expect_type text/plain
[ "$(wc -l <body)" = 3 ] || fail "three lines were wanted"
for bad in lines=0 lines=x lines= lines=1000000 follow=2 'lines=-1'; do
	ask "/v1/children/counter/logs?$bad" && expect_problem 400
done
curl -sS -N -m 1 --unix-socket admin 'http://localhost/v1/children/counter/logs?lines=2&follow=1' >followed
[ "$(wc -l <followed)" -ge 6 ] || fail "following: $(cat followed)"
[ "$(sed 's/.* //' followed | sort -n | uniq | wc -l)" = "$(wc -l <followed)" ] || fail "lines came twice"
awk '{ if (last && $3 != last + 1) exit 1; last = $3 }' followed || fail "lines are missing: $(cat followed)"

# Methods, and what there is not.
ask -X DELETE /v1/children && expect_problem 405 && expect_head '^allow: GET, HEAD'
ask /v1/reload && expect_problem 405 && expect_head '^allow: POST'
ask -X POST -d '' /v1/events && expect_problem 405
ask /v2/children && expect_problem 404
ask -I /v1/children && expect 200 && expect_type application/json
[ ! -s body ] || ! grep -q children body || fail "HEAD has a body"
ask -I /v1/events && expect 200
finish
check_schemas
