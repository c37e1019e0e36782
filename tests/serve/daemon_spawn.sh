#!/usr/bin/env bash
# test: timeout=60
# Services that spawn children of their own: what the configuration allows them, and what it does not.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest parent.wasm counter.wasm echo.wasm lines.wasm hello.wasm
command -v curl >/dev/null || exit 77

interface='bulkhead:host/supervision@0.1.0#'
ask() { curl -sS --max-time 20 --unix-socket admin.sock "http://bulkhead$1" "${@:2}"; }
call() { ask "/v1/children/$1/call" -d "$(jq -n --arg w "$2" '{wave: $w}')" | jq -r '.result // .detail'; }
# spawn WHO NAME COMPONENT KIND [ARG]
spawn() {
	call "$1" "${interface}spawn({name: \"$2\", component: \"$3\", kind: $4, restart: temporary, args: [${5:+\"$5\"}], capabilities: none, memory: none})"
}
expect_said() { [[ $1 == *"$2"* ]] || failed "it said: $1, not: $2"; }
is_up() { [ "$(ask "/v1/children/$1" | jq -r .state)" = running ]; }
gone() { [ "$(ask "/v1/children/$1" -o /dev/null -w '%{http_code}')" = 404 ]; }
paths() { ask /v1/children | jq -r '.children[].path'; }

front='[service.front]
file = "parent.wasm"
limits = { max_memory = "32MiB", max_execution_time_ms = "10s", max_fuel_per_execution = 100000000 }
permissions = { capabilities = ["supervision"] }
'
limits='limits = { max_memory = "16MiB" }'

# Mistakes, each with its place and what to do about it.
wrong() {
	printf '%b' "$1" >wrong.toml
	run serve --check wrong.toml
	expect_exit 78
	expect_out_has "wrong.toml:$2: error: "
	expect_out_has "$3"
	expect_out_has "$4"
	launch wrong.toml
	if [ "${5:-}" ]; then
		says "$5"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
	else
		ends 78
		says "wrong.toml:$2: "
	fi
}
counter="[component.counter]\nfile = \"counter.wasm\"\n$limits\n"
wrong "${front}spawn = [\"conter\"]\n$counter" 5:10 'no component named conter (did you mean counter?)' 'a table of its own'
wrong "${front}spawn = [\"other\"]\n$counter" 5:10 'no component named other' '[component.other]'
wrong "${front}spawn = [\"counter\", \"counter\"]\n$counter" 5:21 'counter is named twice' 'spawn_children'
wrong "${front}spawn = \"counter\"\n$counter" 5:9 'not a list' 'spawn = ["counter"]'
wrong "${front}spawn = [\"counter\"]\nspawn_depth = 13\n$counter" 6:15 'spawn_depth = 13' '12'
wrong "${front}spawn = [7]\n$counter" 5:10 '' ''
wrong "[component.counter]\n$limits\n" 1:1 'counter: no file' 'file = "counter.wasm"'
wrong "[component.counter]\nfile = \"counter.wasm\"\n$limits\nreplicas = 2\n[component.'a b']\nfile = \"x\"\n" 5:12 'not a name' 'unknown key replicas'
# What the file alone does not show: a child without the capability, and components that are not there or have no limit.
admin='[admin]\nsocket = "admin.sock"\n'
wrong "$admin${front/\"supervision\"/}spawn = [\"counter\"]\n$counter" 3:1 'front: spawn without the capability supervision' '[service.front.permissions]' 'front: failed'
wrong "$admin${front}spawn = [\"lost\"]\n[component.lost]\nfile = \"lost.wasm\"\n$limits\n" 9:8 'component.lost: file: lost.wasm' '' 'component.lost: '
launch --strict wrong.toml
ends 66
never 'front: up'
wrong "$admin${front}spawn = [\"more\"]\n[component.more]\nfile = \"counter.wasm\"\n" 8:1 'no memory limit declared' '[component.more.limits]' 'component.more: '

# It spawns what is on its list, as many as it may, and no more granted or less limited than itself.
cat >bulkhead.toml <<TOML
[admin]
socket = "admin.sock"
${front}spawn = ["counter", "lines", "large", "lost", "parent"]
spawn_children = 3
spawn_depth = 2
[service.alone]
file = "counter.wasm"
$limits
[component.counter]
file = "counter.wasm"
$limits
[component.unlisted]
file = "counter.wasm"
$limits
[component.lines]
file = "lines.wasm"
$limits
[component.large]
file = "counter.wasm"
limits = { max_memory = "64MiB" }
[component.lost]
file = "lost.wasm"
$limits
[component.parent]
file = "parent.wasm"
limits = { max_memory = "32MiB" }
permissions = { capabilities = ["supervision"] }
spawn = ["parent", "counter"]
spawn_depth = 2
TOML
run serve --check
expect_exit 78
begin
says 'component.lost: '
says 'front cannot spawn large: '
says 'some cannot run'
[ "$(grep -c 'cannot spawn' log)" = 1 ] || failed 'more than one is told of'
expect_said "$(spawn front one counter service)" ok
until_true is_up front.children%2Fone || failed "not in the tree: $(paths)"
expect_said "$(call front "${interface}call(\"one\", \"increment\", \"()\", 5000)")" '1'
expect_said "$(spawn front two unlisted service)" not-found
expect_said "$(spawn front two lost service)" not-found
expect_said "$(spawn front two large service)" denied
expect_said "$(spawn front two counter service)" ok
expect_said "$(spawn front three counter service)" ok
expect_said "$(spawn front four counter service)" limit
expect_said "$(call front "${interface}stop(\"three\")")" ok
# Through its like to the depth that there is.
expect_said "$(spawn front below parent service)" ok
expect_said "$(call front "${interface}call(\"below\", \"dig\", \"()\", 9000)")" '(1, \"limit:'
# What they print is in the log of the service that has them.
expect_said "$(call front "${interface}stop(\"below\")")" ok
expect_said "$(spawn front say lines task 2)" ok
printed() { ask /v1/children/front/logs | grep -q 'line 2$'; }
until_true printed || failed 'what a spawned child printed is not in the log'
# In numbers they are one row, however many there are.
ask /metrics >metrics
grep -q '^bulkhead_child_instances{child="front.children",state="running"} [12]$' metrics || failed "spawned children are not counted: $(grep children metrics)"
grep -q 'child="front.children/' metrics && failed 'a row for each spawned child'
grep -q 'calls_total{child="front.children' metrics && failed 'a counter that falls when a child goes'
# At the prompt they are children like all others.
run ps --socket admin.sock
expect_out_has 'front.children/one'
run call --socket admin.sock front.children/one 'increment()'
expect_exit 0
expect_out 2

# A reload that changes something else leaves them alone; the list follows the file, and what was spawned goes on.
sed -i 's/^\[service.alone\]/&\nmailbox = 7/; s/^file = "lost.wasm"/file = "echo.wasm"/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 1 kept, 0 added, 1 changed, 0 upgraded, 0 removed'
expect_said "$(call front "${interface}call(\"one\", \"increment\", \"()\", 5000)")" '3'
expect_said "$(spawn front three lost service)" ok
cp echo.wasm counter.wasm.new && mv counter.wasm.new counter.wasm
sed -i '/^\[service.alone/,/^limits/d; s/^mailbox.*//' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 1 kept, 0 added, 0 changed, 0 upgraded, 1 removed'
expect_said "$(call front "${interface}call(\"one\", \"increment\", \"()\", 5000)")" '4'
expect_said "$(call front "${interface}stop(\"two\")")" ok
expect_said "$(spawn front two counter service)" ok
expect_said "$(call front "${interface}call(\"two\", \"increment\", \"()\", 5000)")" err

# Another list is another service, and its children go with the old one.
sed -i 's/^spawn_children = 3/spawn_children = 4/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 0 kept, 0 added, 1 changed'
until_true gone front.children%2Fone || failed 'children of the old one are left'
expect_said "$(spawn front one counter service)" ok
until_true is_up front.children%2Fone || failed 'not in the tree'

# A new version of the service spawns from the same list; killed and started again, the daemon begins without children.
printf '[resources]\nmax_memory = "31MiB"\nmax_stack = "1MiB"\n' >parent.toml
sed -i '0,/max_memory = "32MiB", /s///' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 0 kept, 0 added, 1 changed' 2
cp parent.wasm v2.wasm
ask /v1/children/front/upgrade -d "{\"file\": \"$PWD/v2.wasm\"}" | json_holds .upgraded || failed 'not upgraded'
expect_said "$(spawn front one counter service)" ok
until_true is_up front.children%2Fone || failed 'not in the tree after an upgrade'
printf '[resources]\nmax_memory = "30MiB"\nmax_stack = "1MiB"\n' >parent.toml
kill -HUP "$pid"
says 'reloaded: 0 kept, 0 added, 0 changed, 1 upgraded'
expect_said "$(spawn front two counter service)" ok
until_true is_up front.children%2Ftwo || failed 'not in the tree after an upgrade by reload'
expect_said "$(spawn front lines lines task 3)" ok
printed_more() { ask /v1/children/front/logs | grep -q 'line 3$'; }
until_true printed_more || failed 'what is spawned after an upgrade prints nowhere'
kill -9 "$pid"
wait "$pid" 2>/dev/null
begin
paths | grep -q children/ && failed 'children of before'
expect_said "$(spawn front one counter service)" ok
kill -TERM "$pid"
ends 0
