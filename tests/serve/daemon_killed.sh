#!/usr/bin/env bash
# test: timeout=60
# kill -9, at any moment: the next daemon has all services and tasks back, and no file was left half-written.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm sleeper.wasm lines.wasm parent.wasm
command -v curl >/dev/null || exit 77

ask() { curl -sS --max-time 10 --unix-socket admin.sock "http://bulkhead$1" "${@:2}"; }
cat >bulkhead.toml <<'TOML'
[admin]
socket = "admin.sock"
[log]
directory = "logs"
max_size = "8KiB"
keep = 3
[service.counter]
file = "counter.wasm"
replicas = 2
limits = { max_memory = "16MiB" }
[supervisor.group]
[service.front]
file = "parent.wasm"
supervisor = "group"
limits = { max_memory = "32MiB" }
permissions = { capabilities = ["supervision"] }
spawn = ["counter"]
[task.long]
file = "sleeper.wasm"
limits = { max_memory = "16MiB" }
args = ["sleeper", "60"]
[task.often]
file = "lines.wasm"
limits = { max_memory = "16MiB" }
args = ["lines", "20"]
every = "20ms"
[component.counter]
file = "counter.wasm"
limits = { max_memory = "16MiB" }
TOML
run serve --check
expect_exit 0

states() { ask /v1/children | jq -r '.children[] | select(.path | test("children") | not) | .path + " " + .state' | sort -u; }
all_back() {
	local is
	is="$(states)"
	for up in 'counter running' 'group running' 'group/front running' 'long running'; do
		grep -qx "$up" <<<"$is" || return 1
	done
	grep -qE '^often (running|scheduled|starting)$' <<<"$is"
}
killed() {
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	pid=
}
# What is left: nothing that was to get another name, logs within their bounds, and each of their lines from end to end.
whole() {
	local left
	left="$(find . \( -name '*.tmp*' -o -name '*.new' -o -name '.*~' \) -print -quit)"
	[ -z "$left" ] || failed "a half-written file: $left"
	[ "$(find logs -name 'often.log*' | wc -l)" -le 4 ] || failed 'more log files than are kept'
	[ -z "$(find logs -size +8192c)" ] || failed 'a log is too large'
	cat logs/often.log* | grep -avE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z line [0-9]+$' >odd
	[ ! -s odd ] || failed "half a line: $(head -n 1 odd)"
}

# Once it runs; then at moments from its first instant on, which are other ones each time.
begin
until_true all_back || failed "not up: $(states)"
[ "$(ask /v1/children/counter/call -d '{"wave": "increment()"}' | jq .result)" = 1 ] || failed 'no call'
printed() { ask '/v1/children/often/logs' | grep -q 'line'; }
until_true printed || failed 'the task prints nothing'
killed
whole
for after in 0.005 0.02 0.05 0.1 0.2 0.4; do
	launch
	sleep "$after"
	killed
	whole
done
begin
until_true all_back || failed "not back: $(states)"
[ "$(states | wc -l)" = 6 ] || failed "not the same: $(states)"
[ "$(ask /v1/children/counter/call -d '{"wave": "increment()"}' | jq .result)" = 1 ] || failed 'no call afterwards'

# In the middle of reloads and of calls.
for round in 1 2 3; do
	sed -i "s/^replicas = .*/replicas = $((3 - round % 3))/" bulkhead.toml
	kill -HUP "$pid"
	curl -sS --max-time 5 --unix-socket admin.sock http://bulkhead/v1/children/counter/call -d '{"wave": "increment()"}' >/dev/null 2>&1 &
	sleep 0.0$((3 * round - 2))
	killed
	wait $!
	whole
	begin
	until_true all_back || failed "not back after a reload: $(states)"
done
kill -TERM "$pid"
ends 0
