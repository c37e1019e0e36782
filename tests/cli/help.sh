#!/usr/bin/env bash
# Every command explains itself, and says what is wrong with an option.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"

run --help
expect_exit 0
expect_no_err
expect_out_has 'Usage: bulkhead COMMAND'
run help
expect_exit 0
cp out overview
run
expect_exit 64
expect_no_out
cmp -s err overview || fail 'expected the overview on stderr'

for command in run call inspect init bindgen check serve doctor help version; do
	grep -q "^  $command " overview || fail "$command is not in the overview"
	for ask in --help -h; do
		run "$command" "$ask"
		expect_exit 0
		expect_no_err
		expect_out_has "Usage: bulkhead $command"
		for part in 'Options:' 'Examples:' 'Exit codes:' 'Read on: man'; do
			expect_out_has "$part"
		done
	done
	cp out by_option
	run help "$command"
	expect_exit 0
	cmp -s out by_option || fail "help $command differs from $command --help"
	awk 'length > 110 { exit 1 }' out || fail 'a line of the help is too long'

	run "$command" --frobnicate
	expect_usage "$command"
	expect_err_has "bulkhead: $command: unknown option --frobnicate"
	run "$command" -Z
	expect_usage "$command"
	run "$command" --help=yes
	expect_usage "$command"
	expect_err_has '--help takes no value'
done

# Every limit that has a flag is explained, by the library's own text.
run run --help
for option in --memory --stack --fuel --timeout --dir --env --allow-net --allow-listen --manifest --json --usage; do
	expect_out_has "$option "
done

run --version
expect_exit 0
expect_out_has 'bulkhead 0.'
expect_out_has 'wasmtime 48.'
cp out version
run version
cmp -s out version || fail 'version and --version differ'

run doctr
expect_usage --help
expect_err_has 'no command named doctr (did you mean doctor?)'
run --frobnicate
expect_usage --help
run help frobnicate
expect_usage --help
touch hello.wasm
run hello.wasm
expect_usage --help
expect_err_has 'bulkhead run hello.wasm'
