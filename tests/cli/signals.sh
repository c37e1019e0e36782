#!/usr/bin/env bash
# test: timeout=60 cost=11 waits
# SIGINT and SIGTERM stop the guest, and the command ends by itself.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest spin.wasm sleeper.wasm counter.wasm hello.wasm

# Compiled before, so that the guest runs when the signal comes, however busy the machine is.
for file in spin.wasm sleeper.wasm; do
	run run --memory 64MB --timeout 10ms "$file"
	expect_exit 124
	run_signal INT 1.5 run --memory 64MB --usage "$file"
	expect_exit 130
	expect_err_has "bulkhead: $file: "
	expect_err_has 'usage: wall '
	run_signal TERM 1.5 run --memory 64MB --json "$file"
	expect_exit 143
	expect_err_json '.error.status == "BH_E_CANCELLED" and .exit == 143 and .usage.wall_ns > 0'
done
run call --memory 64MB --fuel unlimited --timeout 10ms counter.wasm 'spin()'
expect_exit 124
run call --memory 64MB counter.wasm 'spin()'
expect_exit 152
run_signal INT 1.5 call --memory 64MB --fuel unlimited --timeout 30s counter.wasm 'spin()'
expect_exit 130
run_signal INT 1.5 call --json --memory 64MB --timeout 30s counter.wasm 'sleep-ms(20000)'
expect_exit 130
expect_json '.exit == 130'

# While there is no guest yet to be stopped it is said, too: this compiles for seconds.
perl -e 'print "(component (core module ";
	print "(func (param i32) (result i32) ", "(i32.add (local.get 0) (i32.mul (i32.const $_) " x 60, "(local.get 0)", "))" x 60, ")" for 1 .. 5000;
	print "))"' >large.wat
run_signal INT 0.5 run --memory 64MB large.wat
expect_exit 130
expect_err_has "bulkhead: large.wat: interrupted"
run_signal TERM 0.5 run --memory 64MB --json large.wat
expect_exit 143
expect_err_json '.error.status == "BH_E_CANCELLED" and .exit == 143 and .usage == null'
run_signal INT 0.5 call --memory 64MB --json large.wat 'none()'
expect_exit 130
expect_json '.error.file == "large.wat" and .exit == 130'
run_signal TERM 0.5 compile large.wat
expect_exit 143
expect_err_has "bulkhead: large.wat: interrupted"
[ ! -e large.cwasm ] || fail "half a file"

# Who has told us to ignore it is not contradicted.
(
	trap '' INT
	perl -e '
		my $child = fork;
		if (!$child) { exec @ARGV; }
		select undef, undef, undef, 1; kill "INT", $child; waitpid $child, 0; exit $? >> 8;
	' "$BULKHEAD" run --memory 64MB --timeout 2500ms spin.wasm >out 2>err
	echo "exit $?" >.end
)
expect_exit 124
