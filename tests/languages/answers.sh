#!/usr/bin/env bash
# test: timeout=600
# Guests built by the toolchains of Python and JavaScript answer, under limits.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"

for language in python javascript; do
	file="$GUESTS/languages/$language.wasm"
	if [ ! -e "$file" ]; then
		echo "$file is not built: make languages" >&2
		exit 77
	fi
	cp "$file" .
done

# call LANGUAGE 'export(args)': metered code of an interpreter is large, so it is compiled without fuel.
call() {
	run call --memory 128MB --fuel unlimited --timeout 20s "$1.wasm" "$2"
}

for language in python javascript; do
	call "$language" 'greet("ada")'
	expect_exit 0
	expect_out_has "hello ada from"
done

call python 'stats([1.0, 2.0, 6.0])'
expect_exit 0
expect_out_has "mean: 3"
call javascript 'reverse-bytes([1, 2, 255])'
expect_exit 0
expect_out "[255, 2, 1]"

# A limit holds for an interpreter as for anything else.
run call --memory 1MB --fuel unlimited --timeout 20s python.wasm 'greet("ada")'
expect_exit 137
