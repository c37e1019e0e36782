#!/usr/bin/env bash
# --coredump: what a guest leaves behind when it traps goes to a file, and the run ends as it would without.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest crasher.wasm crasher.core.wasm exitcode.wasm hello.wasm spin.wasm wat/twomem.wat wat/adder.wat

# The guest's argument is in its memory; the file is this user's alone, whatever it was before.
expect_dump() {
	[ "$(head -c 8 "$1" | od -An -tx1)" = ' 00 61 73 6d 01 00 00 00' ] || fail "$1 is no WebAssembly module"
	for section in core coremodules coreinstances corestack; do
		grep -qa "$section" "$1" || fail "$1 has no section $section"
	done
	[ "$(stat -c %a "$1")" = 600 ] || fail "$1 has mode $(stat -c %a "$1")"
}
expect_files() {
	[ "$(find . -maxdepth 1 -name '.bulkhead-*' -o -maxdepth 1 -name '*.dump' | sort | tr '\n' ' ')" = "$1" ] ||
		fail "expected the files $1, there are: $(ls -A)"
}

umask 000
for file in crasher.wasm crasher.core.wasm; do
	rm -f a.dump
	run run --memory 64MB --coredump a.dump "$file" div0 'hidden in memory'
	expect_exit 134
	expect_err_has "bulkhead: $file: trapped: integer divide by zero"
	expect_err_has "bulkhead: $file: core dump written to a.dump"
	expect_dump a.dump
	grep -qa 'hidden in memory' a.dump || fail 'the memory is not in the dump'
done
echo 'anybody may read this' >a.dump
run run --memory 64MB --coredump=a.dump crasher.wasm oob
expect_exit 134
expect_dump a.dump
run call --memory 3MB --coredump b.dump twomem.wat 'run()'
expect_exit 137
expect_err_has 'core dump written to b.dump'
expect_dump b.dump
run call --fuel 1000000 --memory 3MB --coredump c.dump spin.wasm 'run()'
expect_exit 152
expect_dump c.dump
expect_files './a.dump ./b.dump ./c.dump '
rm -f ./*.dump

# Without a trap there is no file, and where that was no success a word about it.
run run --memory 64MB --coredump a.dump hello.wasm
expect_exit 0
expect_out 'hello world'
expect_no_err
run call --memory 64MB --coredump a.dump adder.wat 'add(1, 2)'
expect_exit 0
expect_out 3
expect_no_err
run run --memory 64MB --coredump a.dump exitcode.wasm 1
expect_exit 1
expect_no_err
run run --memory 64MB --timeout 50ms --coredump a.dump spin.wasm
expect_exit 124
expect_err_has 'warning: --coredump: no core dump: the guest was stopped from outside'
run run --memory 64MB --coredump a.dump missing.wasm
expect_exit 66
expect_err_lacks 'core dump'
expect_files ''

# What cannot be written is one warning; the trap stays the trap, and an older dump stays whole.
mkdir folder.d
mkfifo pipe
echo older >old.dump
for to in /dev/full /sys/dump folder.d pipe missing/a.dump old.dump/a.dump; do
	run run --memory 64MB --coredump "$to" crasher.wasm unreachable
	expect_exit 134
	expect_err_has 'trapped: unreachable code reached'
	expect_err_has "warning: --coredump: $to: "
	[ "$(grep -c 'warning' err)" = 1 ] || fail 'more than one warning'
done
expect_err_lacks 'written to'
if [ ! -c /dev/full ] || [ ! -p pipe ]; then
	fail 'something that was no file was replaced'
fi
(
	ulimit -f 4
	trap '' XFSZ
	run run --memory 64MB --coredump old.dump crasher.wasm unreachable
	expect_exit 134
	expect_err_has 'warning: --coredump: old.dump: File too large'
) || exit
[ "$(cat old.dump)" = older ] || fail 'an older dump was damaged'
expect_files './old.dump '

# Quietly, and for machines.
run run --quiet --memory 64MB --coredump a.dump crasher.wasm div0
expect_exit 134
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
expect_dump a.dump
run run --json --memory 64MB --coredump a.dump crasher.wasm div0
expect_exit 134
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
expect_err_json '.coredump == {"file": "a.dump", "written": true, "reason": null} and .error.trap.frames[0].function_index > 0'
run call --json --memory 3MB --coredump /dev/full twomem.wat 'run()'
expect_exit 137
expect_no_err
expect_json '.coredump.written == false and (.coredump.reason | test("No space left")) and .error.limit.name == "max_memory"'
run call --json --memory 3MB twomem.wat 'run()'
expect_json 'has("coredump") | not'

# Code that was compiled for one is used for the other.
export BULKHEAD_CACHE_DIR="$PWD/cache" BULKHEAD_CACHE=1
run run --json --memory 64MB crasher.wasm div0
expect_err_json '.usage.code == "compiled"'
run run --json --memory 64MB --coredump a.dump crasher.wasm div0
expect_err_json '.usage.code == "disk" and .coredump.written'

for command in run call; do
	run "$command" --help
	expect_out_has '--coredump OUT'
	expect_out_has 'no file'
done
