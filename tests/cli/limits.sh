#!/usr/bin/env bash
# test: timeout=120 labels=alone,nosanitize
# Each limit stops its guest with its own exit code, and says which limit, how much, and who set it.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest spin.wasm sleeper.wasm hog.wasm recurse.wasm crasher.wasm calc.wasm counter.wasm

# No memory limit: refused, with what to paste.
run run spin.wasm
expect_exit 78
expect_no_out
expect_err_has 'bulkhead: spin.wasm: no memory limit declared'
for line in '[component]' 'name = "spin"' '[resources]' 'max_memory = "64MB"' 'max_stack = "1MB"' \
	'bulkhead init spin.wasm' 'bulkhead run --memory 64MB spin.wasm'; do
	expect_err_has "$line"
done
run call calc.wasm 'area(point)'
expect_exit 78
expect_err_has "bulkhead call --memory 64MB calc.wasm 'export(args)'"

# Time. The fuel used is told; a guest that waits is told from one that computes.
# A busy machine may give it next to nothing of its time, or stop it late.
for _ in {1..10}; do
	run run --memory 64MB --timeout 100ms --fuel 1000000000000 --usage spin.wasm
	expect_exit 124
	grep -qF 'It was still computing: ' err && grep -qF 'usage: wall 10' err && break
done
expect_err_has 'bulkhead: spin.wasm: stopped after 100 ms (--timeout)'
expect_err_has 'It was still computing: '
expect_err_has ' fuel used. Raise it with --timeout, or max_execution_time_ms in Component.toml [resources].'
expect_err_has 'usage: wall 10'
run run --memory 64MB --timeout 100ms sleeper.wasm
expect_exit 124
expect_err_has 'stopped after 100 ms (--timeout)'
expect_err_has 'It was waiting'
for attempt in {1..10}; do
	run run --json --memory 64MB --timeout 100ms --fuel unlimited spin.wasm
	expect_exit 124
	tail -n 1 err | json_holds '.usage.wall_ns < 150e6' && break
	[ "$attempt" = 10 ] && fail 'stopping took more than 150 ms, ten times'
done

# Fuel.
run run --memory 64MB --fuel 1000000 spin.wasm
expect_exit 152
expect_err_has 'bulkhead: spin.wasm: out of fuel: all 1,000,000 used (--fuel)'
expect_err_has '--fuel unlimited'
expect_err_lacks '      at '

# Memory: refused growth that the guest does not survive, or a trap where it asked.
run run --memory 16MiB hog.wasm
expect_exit 137
expect_err_has 'bulkhead: hog.wasm: memory limit reached: 16 MiB allowed, 16.'
expect_err_has '(--memory)'
expect_err_lacks '      at '
run run --memory 16MiB hog.wasm trap
expect_exit 137
printf '[component]\nname = "hog"\n[resources]\nmax_memory = "16MiB"\nmax_stack = "1MiB"\non_memory_limit = "trap"\n' >trap.toml
run run --manifest trap.toml hog.wasm
expect_exit 137
expect_err_has '(max_memory in trap.toml)'
expect_err_has '      at main'
# What it needs to begin with is a limit too.
run run --memory 64KiB hog.wasm
expect_exit 137
expect_err_has '64 KiB allowed'

# Other limits, by their keys.
cat >tables.wat <<'END'
(component
	(core module $m (table 1 funcref)
		(func (export "run") (drop (table.grow 0 (ref.null func) (i32.const 20000))))
		(func (export "hold") (if (i32.eq (table.grow 0 (ref.null func) (i32.const 20000)) (i32.const -1)) (then unreachable))))
	(core instance $i (instantiate $m))
	(func (export "run") (canon lift (core func $i "run")))
	(func (export "hold") (canon lift (core func $i "hold"))))
END
run call --memory 64MB tables.wat 'run()'
expect_exit 0
run call --memory 64MB tables.wat 'hold()'
expect_exit 137
expect_err_has '10,000 allowed, 20,001 wanted'
expect_err_has 'Raise it with max_table_elements in Component.toml [resources].'

# Stack and other traps. Frames have names, and files and lines where there is debug information.
run run --memory 64MB recurse.wasm
expect_exit 134
expect_err_has 'bulkhead: recurse.wasm: trapped: call stack exhausted'
run run --memory 64MB crasher.wasm div0
expect_exit 134
expect_err_has 'bulkhead: crasher.wasm: trapped: integer divide by zero'
expect_err_has '      at divide_by_zero'
run run --memory 64MB --debug-info crasher.wasm div0
expect_exit 134
expect_err_has 'at divide_by_zero (crasher.c:'
expect_err_has 'at main (crasher.c:'
expect_err_lacks 'cause:'
run run --memory 64MB --debug-info --verbose crasher.wasm oob
expect_exit 134
expect_err_has 'trapped: memory access out of bounds'
expect_err_has 'cause:'
run run --memory 64MB crasher.wasm unreachable
expect_exit 134
expect_err_has 'trapped: unreachable code reached'
run run --memory 64MB --json crasher.wasm div0
expect_exit 134
expect_err_json '.error.trap.kind == "integer-division-by-zero" and .error.kind == "ComponentTrapped" and .exit == 134'
expect_err_json '[.error.trap.frames[].function] | any(. != null and test("divide_by_zero"))'

# At most eight frames, unless more are wanted.
run run --memory 64MB recurse.wasm
[ "$(grep -c '^      at ' err)" -le 8 ] || fail 'more than eight frames'
expect_err_has ' more (--verbose)'
run run --memory 64MB --verbose recurse.wasm
[ "$(grep -c '^      at ' err)" -gt 8 ] || fail 'not all frames'

# --quiet leaves one line.
run run --quiet --memory 64MB crasher.wasm div0
expect_exit 134
[ "$(wc -l <err)" = 1 ] || fail 'more than one line'

# The defaults of `call`, and who is named as their author.
run call --memory 64MB --fuel unlimited counter.wasm 'spin()'
expect_exit 124
expect_err_has "stopped after 100 ms (the default of \`call\`)"
run call --memory 64MB --timeout 60s counter.wasm 'spin()'
expect_exit 152
expect_err_has "out of fuel: all 1,000,000 used (the default of \`call\`)"
run call --memory 64MB counter.wasm 'sleep-ms(10000)'
expect_exit 124
expect_err_has 'It was waiting'
run call --memory 64MB --fuel unlimited --timeout unlimited counter.wasm 'sleep-ms(200)'
expect_exit 0

# A death by signal is not an exit code: the helpers of these tests can tell.
perl -e 'kill "ABRT", $$' >out 2>err; BULKHEAD=perl run -e 'kill "ABRT", $$'
grep -qx 'signal 6' .end || fail 'a death by SIGABRT was not seen'
BULKHEAD=perl run -e 'exit 134'
expect_exit 134
