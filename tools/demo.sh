#!/usr/bin/env bash
# Usage: BULKHEAD=build/bin/bulkhead GUESTS=build/guests tools/demo.sh
# Runs guests that behave and guests that do not, each under limits, and ends with a table of how each of them
# ended. Then the daemon supervises services, three of which crash, while calls of the fourth go on. Fails if something ends
# in another way than it should.
set -euo pipefail

: "${BULKHEAD:?the command, such as build/bin/bulkhead}" "${GUESTS:?the folder of guests, such as build/guests}"
BULKHEAD="$(realpath "$BULKHEAD")"
GUESTS="$(realpath "$GUESTS")"

# No guest takes this long, unless a limit does not hold: seconds.
patience=20

scratch="$(mktemp -d)"
helpers=()
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	[ "${#helpers[@]}" = 0 ] || kill "${helpers[@]}" 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"
ln -s "$GUESTS"/*.wasm "$GUESTS"/wat/*.wat .
mkdir out data

bold='' green='' red='' dim='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\033[1m' green=$'\033[32m' red=$'\033[1;31m' dim=$'\033[2m' off=$'\033[0m'
fi

total=0
wrong=0

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$off"; }

complain() {
	printf '%s%s%s\n' "$red" "$1" "$off"
	wrong=$((wrong + 1))
}

# Words as a shell takes them.
quoted() {
	local word
	for word in "$@"; do
		case "$word" in
		*[!A-Za-z0-9_./:,=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
}

# What it said, as it said it; of a long backtrace only the beginning.
show_output() {
	head -c 2000 out/stdout | head -n 3
	awk -v dim="$dim" -v off="$off" '
		/^      (at |\.\.\. )/ && ++frames > 2 {
			if (frames == 3) print dim "      ..." off
			next
		}
		{ print dim $0 off }' out/stderr
}

# One of the amounts in the line that --usage adds.
field() { sed -nE "s/^ *usage: .*$1.*/\\1/p" out/stderr | tail -n 1; }

# How it ended, in the words of the command, without what the table says elsewhere.
reason() {
	local code="$1" text said
	text="$(sed -nE '/^bulkhead: /{ s/^bulkhead: [^:]*: //; s/ \(--?[a-z]+\)$//; s/[^:]* allowed, (.* wanted)/ \1/; p; q }' out/stderr)"
	said="$(cat out/stdout out/stderr | grep -m 1 -vE '^(bulkhead:|  )')" || true
	case "$text" in
	'') text="${said:-$([ "$code" = 0 ] || echo "exited with $code")}" ;;
	'exited with '*) text="$text${said:+: $said}" ;;
	esac
	printf '%s' "${text:-ran to its end}" | tr -d '\t' | cut -c 1-44
}

# "--memory 64MB --fuel 100" as "64MB, fuel 100".
limits_text() { sed -E 's/ --/, /g; s/^--//; s/(memory|timeout) //g' <<<"$1"; }

# show EXPECTED NAME LIMITS COMMAND ARGUMENT...: run the command with limits, and give it a row in the table.
# $input and $output are where its stdin comes from and its stdout goes to.
show() {
	local expected="$1" name="$2" limits="$3" code=0 mark="$green" begin=$SECONDS
	local from="${input:-/dev/null}" to="${output:-out/stdout}"
	shift 3
	# shellcheck disable=SC2086 # limits are words
	set -- "$1" --usage $limits "${@:2}"
	printf '\n%s$ bulkhead%s%s%s%s%s\n' "$bold" "$(quoted "$@")" "${input:+ <$input}" "${output:+ >$output}" \
		"${note:+    # $note}" "$off"
	: >out/stdout
	timeout --foreground "$patience" "$BULKHEAD" "$@" <"$from" >"$to" 2>out/stderr || code=$?
	show_output
	total=$((total + 1))
	if [ "$code" != "$expected" ] || [ $((SECONDS - begin)) -ge "$patience" ]; then
		mark="$red"
		complain "expected exit code $expected, got $code after $((SECONDS - begin)) s"
	fi
	printf '%s\t' "$mark" "$name" "$(limits_text "${limits:-none}")" "$code" "$(reason "$code")" \
		"$(field 'wall ([^,]*),')" "$(field 'peak memory (.*) of ')" "$(field ' fuel ([0-9]+)')" >>out/table
	printf '\n' >>out/table
}

heading 'Guests that behave'
note='a program, as a component' show 0 'hello' '--memory 64MB' run hello.wasm ada
note='a core module for WASI 0.1, with an exit code of its own' \
	show 42 'exitcode' '--memory 64MB' run exitcode.core.wasm 42
echo 'some text' >data/in.txt
note='it sees the one folder that is granted' \
	show 0 'copy' '--memory 64MB' run --dir data::/data copy.wasm /data/in.txt /data/out.txt
cmp -s data/in.txt data/out.txt || complain 'the copy differs'
show 0 'calc, 7 / 2' '--memory 64MB' call calc.wasm 'divide({numerator: 7, denominator: 2})'
note='the function returns an error' \
	show 1 'calc, 7 / 0' '--memory 64MB' call calc.wasm 'divide({numerator: 7, denominator: 0})'
show 0 'echo' '--memory 64MB' call echo.wasm 'greet("ada")'
show 0 'primes' '--memory 64MB --fuel 100000000' run primes.wasm 1000000

heading 'Guests that do not'
note='no limit declared: it does not begin' show 78 'hello' '' run hello.wasm
note='computes for ever' show 124 'spin' '--memory 64MB --timeout 100ms --fuel 10000000000' run spin.wasm
show 152 'spin' '--memory 64MB --fuel 50000000' run spin.wasm
note='sleeps for a minute' show 124 'sleeper' '--memory 64MB --timeout 100ms' run sleeper.wasm
note='recurses for ever' show 134 'recurse' '--memory 64MB --stack 256KiB' run recurse.wasm
note='allocates for ever' show 137 'hog' '--memory 64MiB' run hog.wasm
note='two memories that grow in turns: one limit for both' \
	show 137 'twomem' '--memory 64MiB --fuel unlimited' call twomem.wat 'run()'
show 134 'crasher, div0' '--memory 64MB' run crasher.wasm div0
show 134 'crasher, oob' '--memory 64MB' run crasher.wasm oob
show 134 'crasher, unreachable' '--memory 64MB' run crasher.wasm unreachable
note='no folder is granted' show 1 'open /etc/passwd' '--memory 64MB' run open.wasm /etc/passwd r

mkfifo closed full empty
head -c 10 <closed >/dev/null &
output=closed note='a pipe whose reader goes away' show 1 'flood, closed pipe' '--memory 64MB --timeout 5s' run flood.wasm
sleep "$patience" 3<full &
helpers+=($!)
output=full note='a pipe that nobody reads' show 124 'flood, full pipe' '--memory 64MB --timeout 100ms' run flood.wasm
sleep "$patience" >empty &
helpers+=($!)
input=empty note='a pipe that nobody writes to' \
	show 124 'readstdin, empty pipe' '--memory 64MB --timeout 100ms' run readstdin.wasm

heading 'Files that are not what they seem'
head -c 1000 hello.wasm >cut.wasm
note='the first 1,000 bytes of hello.wasm' show 65 'half a component' '--memory 64MB' run cut.wasm
# Ten instances of ten instances of ...
ten="$(printf '(instance (instantiate 0)) %.0s' 1 2 3 4 5 6 7 8 9 10)"
bomb="(component (core module) ${ten//instance (/core instance (})"
for _ in 1 2 3 4 5 6 7 8; do bomb="(component $bomb $ten)"; done
printf '%s\n' "$bomb" >bomb.wat
note="$(wc -c <bomb.wat) bytes that ask for a billion instances" \
	show 65 'instance bomb' '--memory 64MB' call bomb.wat 'run()'

heading 'What ran, under what limits, how it ended, how long and how much'
awk -F '\t' -v bold="$bold" -v off="$off" '
	function row(n,   i, line) {
		line = ""
		for (i = 2; i <= 8; i++)
			line = line sprintf(i == 4 || i > 5 ? "%*s  " : "%-*s  ", width[i], cell[n, i])
		sub(/ +$/, "", line)
		print cell[n, 1] line off
	}
	BEGIN { split(bold "\tguest\tlimits\texit\thow it ended\ttime\tmemory\tfuel", head, "\t") }
	{
		for (i = 1; i <= 8; i++) {
			if (NR == 1) width[i] = length(cell[0, i] = head[i])
			cell[NR, i] = i > 5 && $i == "" ? "-" : $i
			if (length(cell[NR, i]) > width[i]) width[i] = length(cell[NR, i])
		}
	}
	END { for (n = 0; n <= NR; n++) row(n) }' out/table
printf '\nThe time is that of the guest, without loading and compiling it. Fuel is counted where it is limited.\n'
[ "$wrong" -gt 0 ] || printf '%sAll %d ended as they should.%s\n' "$green" "$total" "$off"

# The daemon: four services under one supervisor, of which three do what they should not.
daemon="$(dirname "$BULKHEAD")/bulkheadd"
mkdir -m 700 live
cat >live/bulkhead.toml <<'TOML'
[admin]
socket = "admin.sock"
[supervisor]
max_restarts = 8
on_intensity = "fail-child"
[service.healthy]
file = "../counter.wasm"
limits = { max_memory = "16MiB" }
[service.flaky]
file = "../counter.wasm"
limits = { max_memory = "16MiB" }
[service.spinner]
file = "../counter.wasm"
limits = { max_memory = "16MiB", max_fuel_per_execution = "unlimited", max_execution_time_ms = "100ms" }
backoff = "exponential"
backoff_first = "500ms"
[service.leaky]
file = "../counter.wasm"
limits = { max_memory = "16MiB", on_memory_limit = "trap" }
TOML
export BULKHEAD_ADMIN="$scratch/live/admin.sock"
bulkhead() { timeout --foreground "$patience" "$BULKHEAD" "$@"; }

# ask NAME CALL...: calls, of which some end badly, as they should
ask() {
	local name="$1" what
	shift
	for what in "$@"; do bulkhead call --quiet "$name" "$what" >>out/misbehaved 2>&1 || true; done
}

# It crashes at every third call; then it begins anew, and is told so again.
crash_every_third() { ask flaky 'crash-at(3)' 'increment()' 'increment()' 'increment()'; }
spin() { ask spinner 'spin()'; }
leak() { ask leaky 'grow(100)' 'grow(100)' 'grow(100)'; }

# Calls the healthy one until the file out/enough is there: one line for each, its answer.
keep_calling() {
	while [ ! -e out/enough ]; do
		bulkhead call --quiet healthy 'increment()' 2>>out/unanswered || true
		echo >>out/asked
	done >out/answered
}

show_live() {
	printf '\n%s$ bulkhead %s%s\n' "$bold" "$*" "$off"
	bulkhead "$@" || complain "that failed"
}

is_up() { timeout 2 "$BULKHEAD" ps >out/stdout 2>&1; }

supervise() {
	local i daemon_pid caller
	heading 'Crashing is an event: services under a supervisor'
	sed "s/^/$dim/; s/\$/$off/" live/bulkhead.toml
	printf '\n%s$ bulkhead serve &%s\n' "$bold" "$off"
	"$daemon" live/bulkhead.toml >live/out 2>live/log </dev/null &
	daemon_pid=$!
	helpers+=("$daemon_pid")
	for ((i = 0; i < 200; i++)); do
		! is_up || break
		sleep 0.05
	done
	show_live ps
	printf '\n%sCalling all of them at once; what happens:%s\n' "$bold" "$off"
	keep_calling &
	caller=$!
	timeout "$patience" "$BULKHEAD" events -f -n 0 >out/events 2>&1 &
	helpers+=("$!")
	(for ((i = 0; i < 8; i++)); do crash_every_third; sleep 0.1; done) &
	helpers+=("$!")
	(for ((i = 0; i < 4; i++)); do spin; done) &
	helpers+=("$!")
	(for ((i = 0; i < 12; i++)); do leak; done) &
	helpers+=("$!")
	sleep 2
	show_live ps
	wait "${helpers[-1]}" "${helpers[-2]}" "${helpers[-3]}"
	: >out/enough
	wait "$caller"
	printf '\n%s$ bulkhead events -f%s\n' "$bold" "$off"
	grep exited out/events | awk '++seen[$2] <= 3' | cut -c 1-140
	printf '%s... %d crashes in all%s\n' "$dim" "$(grep -c crashed out/events || true)" "$off"
	show_live ps
	local asked answered
	asked="$(wc -l <out/asked)" answered="$(grep -c '^[0-9]' out/answered || true)"
	if [ "$asked" != "$answered" ] || [ "$asked" -le 20 ]; then
		complain 'calls of the healthy service were hurt'
	fi
	# It counts them: were it restarted in between, the count would not be theirs.
	[ "$(tail -n 1 out/answered)" = "$asked" ] || complain 'the healthy service lost its count'
	printf '\n%sCalls of the healthy service meanwhile: %d of %d answered, all by one instance.%s\n' \
		"$green" "$answered" "$asked" "$off"
	kill -TERM "$daemon_pid"
	i=0
	wait "$daemon_pid" || i=$?
	[ "$i" = 0 ] || complain "the daemon ended with $i"
}

supervise

if [ "$wrong" -gt 0 ]; then
	printf '\n%s%d things were not as they should be.%s\n' "$red" "$wrong" "$off"
	exit 1
fi
