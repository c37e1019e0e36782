#!/usr/bin/env bash
# test: timeout=60
# The example examples/recorder: what it records it replays; where a guest does something else it says so; and records
# that are damaged are errors with a place.
# shellcheck disable=SC2016 # the guest's text has names with $
set -u
recorder="$(dirname "$BULKHEAD")/../examples/recorder"
visitor="$TESTS/../examples/recorder/visitor.wat"
[ -x "$recorder" ] || exit 77
command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }
cp "$visitor" visitor.wat

fail() {
	printf 'FAILED: %s\n--- stdout\n' "$1"
	head -c 4000 out
	printf -- '--- stderr\n'
	head -c 4000 err
	exit 1
}
# run CODE ARG...
run() {
	local wanted="$1" code
	shift
	timeout 30 "$recorder" "$@" >out 2>err </dev/null
	code=$?
	[ "$code" = "$wanted" ] || fail "recorder $*: exit $code, not $wanted"
}
says() { grep -qF -- "$1" out err || fail "expected: $1"; }
# other SED: another guest
other() {
	sed "$1" visitor.wat >other.wat
	! cmp -s visitor.wat other.wat || fail "nothing is other: $1"
}

# Record.
run 0 record visitor.wat 'dice(3, 6)' 'elapsed()' 'remember("k\u{e4}se", "a\"b\n")' 'remember("k\u{e4}se", "c")' 'visit()' \
	'crash()' 'visit()' 'dice(1, 0)' -o calls.jsonl
says 'visit() = 1'
says 'crash(): BH_E_TRAP'
[ "$(wc -l <calls.jsonl)" = 19 ] || fail 'lines of the record'
digest="$(sha256sum visitor.wat | cut -d' ' -f1)"
jq -es --arg digest "$digest" '
	([.[] | select(.kind == "import")] | length) == 11 and all(.[]; .component == "visitor.wat" and .digest == $digest) and
	.[0].interface == "acme:visitor/host@1.0.0" and .[0].function == "roll" and .[0].args == ["6"] and
	.[0].call == .[3].call and .[3].function == "dice" and .[3].interface == null and .[3].fuel > 0 and
	([.[0:3][].result | tonumber] | add) == (.[3].result | tonumber) and
	.[12].result == "some(\"a\\\"b\\n\")" and .[15].status == "BH_E_TRAP" and .[17].status == "BH_E_HOST_FUNCTION" and
	all(.[]; .duration_ns > 0 and (.time | test("^2[0-9-]+T[0-9:.]+Z$")))' calls.jsonl >/dev/null || {
	cat calls.jsonl
	fail 'the record'
}

# The same guest does the same, although clock and dice do not; as often as one likes.
for _ in 1 2; do
	run 0 replay calls.jsonl visitor.wat
	says '8 calls, 11 imports answered: 0 differences'
done

# Other guests do not: other arguments, another import, one fewer, one more, another result, another end, no such export.
other 's/(call $roll (local.get $sides))/(call $roll (i32.const 7))/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:1: it calls roll(7); recorded is roll(6)'
says 'calls.jsonl:18: it calls roll(7); recorded is roll(0)'
other 's/(drop (call $now)) unreachable/(drop (call $roll (i32.const 6))) unreachable/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:15: it calls roll; recorded is a call of now'
other '/(call $put /d'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:9: put is not called any more'
other 's/(i64.sub (call $now) (local.get $from))/(drop (call $now)) (i64.sub (call $now) (local.get $from))/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:7: it calls now; recorded is the end of elapsed'
other 's/^      (local.get $sum))$/      (i32.add (i32.const 1) (local.get $sum)))/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:4: dice returns '
other 's/(drop (call $now)) unreachable/(drop (call $now))/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:16: crash ends with BH_OK; recorded is BH_E_TRAP'
other 's/(func (export "visit") (result u32)/(func (export "visits") (result u32)/'
run 1 replay calls.jsonl other.wat
says 'calls.jsonl:14: there is no visit any more'

# Functions that answer later, from another thread, also with a failure; and handles, which are replayed by number.
run 0 record visitor.wat 'wait(300)' 'draws(1000000000)' 'wait(5000)' 'draws(0)' 'draws(6)' -o later.jsonl
says 'wait(5000): BH_E_HOST_FUNCTION'
says 'draws(0): BH_E_HOST_FUNCTION'
jq -es '[.[].function] == ["later", "wait", "[constructor]pot", "[constructor]pot", "[method]pot.draw", "[method]pot.draw",
	"draws", "later", "wait", "[constructor]pot", "draws", "[constructor]pot", "[constructor]pot", "[method]pot.draw",
	"[method]pot.draw", "draws"] and
	.[0].duration_ns >= 300000000 and .[0].result == .[1].result and
	[.[2].result, .[3].result, .[4].args[0], .[5].args[0]] == ["pot#0", "pot#1", "pot#1", "pot#0"] and
	(.[4].result | tonumber) + (.[5].result | tonumber) == (.[6].result | tonumber) and
	(.[7].error | test("5000 ms is too long a while$")) and (.[9].error | test("an empty pot$")) and
	.[11].result == "pot#0"' later.jsonl >/dev/null || {
	cat later.jsonl
	fail 'the record of what answers later'
}
run 0 replay later.jsonl visitor.wat
says '5 calls, 11 imports answered: 0 differences'
sed '1s/"result":"[0-9]*"/"result":"1"/; 2s/"result":"[0-9]*"/"result":"1"/' later.jsonl >other.jsonl
run 0 replay other.jsonl visitor.wat
sed '5s/pot#1/pot#7/' later.jsonl >other.jsonl
run 1 replay other.jsonl visitor.wat
says 'other.jsonl:5: it calls [method]pot.draw(pot#1); recorded is [method]pot.draw(pot#7)'
other 's/(call $draw (local.get $two)) (call $draw (local.get $one))/(call $draw (local.get $one)) (call $draw (local.get $two))/'
run 1 replay later.jsonl other.wat
says 'later.jsonl:5: it calls [method]pot.draw(pot#0); recorded is [method]pot.draw(pot#1)'

# Records that are none.
damaged() {
	run 2 replay damaged.jsonl visitor.wat
	says "damaged.jsonl:$1"
}
head -c -1 calls.jsonl >damaged.jsonl && damaged '19: the line is cut off'
head -c -40 calls.jsonl >damaged.jsonl && damaged '19: the line is cut off'
head -n 2 calls.jsonl >damaged.jsonl && damaged '3: the record ends in the middle of a call'
: >damaged.jsonl && damaged '1: the record ends in the middle of a call'
sed '3s/"kind"/kind/' calls.jsonl >damaged.jsonl && damaged '3:'
sed '5s/.*/[1]/' calls.jsonl >damaged.jsonl && damaged '5: not an object'
sed '5s/"BH_OK"/"BH_FINE"/' calls.jsonl >damaged.jsonl && damaged '5: "status"'
sed '2s/"args":\["6"\]/"args":[6]/' calls.jsonl >damaged.jsonl && damaged '2: "args"'
sed '2s/"args":\["6"\]/"args":"6"/' calls.jsonl >damaged.jsonl && damaged '2: "args"'
sed '2s/"result":"[0-9]*"/"result":"six"/' calls.jsonl >damaged.jsonl && damaged '2: six is no answer to roll'
sed '2s/"result":"[0-9]*"/"result":null/' calls.jsonl >damaged.jsonl && damaged '2: nothing is no answer to roll'
sed '4s/"args":\["3"/"args":[null/' calls.jsonl >damaged.jsonl && damaged '4: cannot be replayed'
for handle in pot# pot#x pot#1x pot#-1 pot#99999999999999999999 x 1; do
	sed "3s/pot#0/$handle/" later.jsonl >damaged.jsonl && damaged "3: $handle is no answer to [constructor]pot"
done
{ head -n 1 calls.jsonl; head -c 300 /dev/zero; echo; } >damaged.jsonl && damaged '2:'
{ head -n 1 calls.jsonl; head -c 100000 /dev/zero | tr '\0' '['; echo; } >damaged.jsonl && damaged '2:'
run 2 replay . visitor.wat
run 2 replay nowhere.jsonl visitor.wat
run 2 replay calls.jsonl nowhere.wat
run 2 record visitor.wat 'nobody()' -o none.jsonl
run 2 record visitor.wat 'dice(1)' -o none.jsonl
[ ! -e none.jsonl ] || fail 'a record of nothing'
run 2

# It overwrites nothing. Where the record cannot grow, the call fails, and whole lines stay.
sum="$(sha256sum <calls.jsonl)"
run 2 record visitor.wat 'visit()' -o calls.jsonl
[ "$sum" = "$(sha256sum <calls.jsonl)" ] || fail 'the record was overwritten'
(ulimit -f 4 && run 0 record visitor.wat 'dice(100, 6)' -o full.jsonl && says 'BH_E_HOST_FUNCTION') || exit 1
jq -es 'length > 5 and all(.[]; .function == "roll")' full.jsonl >/dev/null || fail 'lines are not whole'
[ "$(tail -c 1 full.jsonl | od -An -tx1 | tr -d ' ')" = 0a ] || fail 'the last line is cut off'

# Killed in the middle.
"$recorder" record visitor.wat 'dice(1000000, 6)' -o killed.jsonl >out 2>err &
pid=$!
for _ in $(seq 100); do
	[ "$(stat -c %s killed.jsonl 2>/dev/null || echo 0)" -gt 100000 ] && break
	sleep 0.05
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null
sed '$d' killed.jsonl | jq -es 'length > 100' >/dev/null || fail 'lines are not whole after a kill'
run 2 replay killed.jsonl visitor.wat
says "killed.jsonl:"
exit 0
