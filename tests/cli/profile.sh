#!/usr/bin/env bash
# test: timeout=60
# --profile: where a guest computes, in a file that is there whole or not at all; the run ends as it would without.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest primes.wasm spin.wasm hello.wasm crasher.wasm wat/spin.wat

# expect_profile FILE: what Firefox's profiler reads; and no other file is beside it
expect_profile() {
	json_holds '(.meta.interval | type) == "number" and (.threads | length) > 0' <"$1" || fail "$1 is no profile"
	[ -z "$(find . -name '*.json.*')" ] || fail 'something is left beside it'
}
samples() { jq '[.threads[].samples.length] | add' "$1"; }

umask 022
run run --memory 64MB --profile a.json hello.wasm
expect_exit 0
expect_out 'hello world'
expect_err_has 'profile written to a.json'
expect_profile a.json
[ "$(stat -c %a a.json)" = 644 ] || fail "mode $(stat -c %a a.json)"

# A guest that is stopped has one too: at a limit, and by a signal. It has the place where it was.
run call --memory 64MB --fuel unlimited --timeout 200ms --profile spin.json spin.wat 'run()'
expect_exit 124
expect_profile spin.json
[ "$(samples spin.json)" -gt 10 ] || fail "$(samples spin.json) samples of a guest that computed for 200 ms"
begins=0.5
[ -z "${TSAN_OPTIONS:-}" ] || begins=5 # a sanitizer's compilation takes longer
run_signal INT "$begins" run --memory 64MB --quiet --profile int.json spin.wasm
expect_exit 130
expect_profile int.json
[ "$(samples int.json)" -gt 10 ] || fail "$(samples int.json) samples of a guest that was interrupted"
run run --memory 64MB --profile trap.json crasher.wasm div0
expect_exit 134
expect_profile trap.json

# Whatever was there is replaced, where a link leads to, with its mode.
echo older >b.json
chmod 600 b.json
ln -s b.json link.json
run run --memory 64MB --profile link.json hello.wasm
expect_exit 0
expect_profile b.json
if [ ! -L link.json ] || [ "$(stat -c %a b.json)" != 600 ]; then fail 'the link, or the mode'; fi

# What cannot be written is said before the guest runs.
mkdir folder.d
for to in folder.d missing/a.json hello.wasm/a.json; do
	run run --memory 64MB --profile "$to" hello.wasm
	[ "$(cat .end)" != 'exit 0' ] || fail "$to was written"
	expect_no_out
	expect_err_has "bulkhead: $to: cannot be written: "
done
# And what fails later leaves what was there.
echo older >full.json
for command in 'run --memory 64MB --profile full.json hello.wasm' 'bindgen hello.wasm -o full.json'; do
	(
		ulimit -f 0
		trap '' XFSZ
		# shellcheck disable=SC2086 # words
		"$BULKHEAD" $command 2>&1 | cat >/dev/null
		exit "${PIPESTATUS[0]}"
	) && fail "$command: it was written"
	[ "$(cat full.json)" = older ] || fail "$command: an older file was damaged"
	[ -z "$(find . -name 'full.json.*')" ] || fail "$command: something is left beside it"
done
run run --memory 64MB --profile /dev/full hello.wasm
[ "$(cat .end)" != 'exit 0' ] || fail '/dev/full took a profile'
[ -c /dev/full ] || fail '/dev/full was replaced'

# Our own stdout by another name is no file to replace, and what is in it stays; nor is the link in /dev.
before="$(stat -c %i /dev/stdout)"
{
	echo first
	"$BULKHEAD" bindgen hello.wasm -o /dev/stdout
	"$BULKHEAD" run --memory 64MB --quiet --profile /dev/stdout hello.wasm
	"$BULKHEAD" run --memory 64MB --quiet --coredump /dev/stdout crasher.wasm div0
	echo last
} >>all 2>/dev/null
[ "$(stat -c %i /dev/stdout)" = "$before" ] || fail '/dev/stdout was replaced'
if [ "$(head -n 1 all)" != first ] || [ "$(tail -c 5 all)" != last ]; then fail 'what was in stdout is lost'; fi
for text in hello_exports_prepare 'hello world' '"samples"' corestack; do
	grep -qa "$text" all || fail "stdout has no $text"
done
# shellcheck disable=SC2094 # that is the point
"$BULKHEAD" bindgen hello.wasm -o same.h >same.h || fail 'the same file twice'
grep -q hello_exports_prepare same.h || fail 'the file that is stdout too'

# A pipe is written to as it is.
mkfifo pipe
timeout 20 cat pipe >piped.json &
run run --memory 64MB --profile pipe hello.wasm
expect_exit 0
wait "$!"
[ -p pipe ] || fail 'the pipe was replaced'
expect_profile piped.json

# Quietly, and for machines.
run run --json --memory 64MB --profile c.json hello.wasm
expect_exit 0
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
expect_profile c.json
