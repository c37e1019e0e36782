#!/usr/bin/env bash
# bulkhead inspect: what a component exports, imports and needs.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest calc.wasm hello.wasm hello.core.wasm counter.wasm parent.wasm

run inspect calc.wasm
expect_exit 0
expect_no_err
for part in 'component, ' "sha256 $(sha256sum calc.wasm | cut -c 1-12)" 'exports     acme:calc/math@1.0.0' \
	'divide: func(fraction: record { numerator: s64, denominator: s64 }) -> result<f64, string>' \
	'memories    1: starts at ' 'without bound of its own' 'limits      none declared' 'bulkhead init calc.wasm' 'compiled    '; do
	expect_out_has "$part"
done

run inspect hello.wasm
expect_out_has 'command component'
expect_out_has ', wasi 0.2.'
expect_out_has 'exports     wasi:cli/run@0.2.'
grep -qE '^ *wasi:filesystem/preopens@0\.2\.[0-9]+ +\(empty unless granted: --dir\)$' out || fail 'preopens'
expect_out_has '(always available)'

# Who spawns children is told what that takes, and init writes it down.
run inspect parent.wasm
expect_exit 0
grep -qE '^ *bulkhead:host/supervision@0\.1\.0 +\(in the daemon, where granted: capability supervision, spawn = \[\.\.\.\]\)$' out || fail 'supervision'
run inspect --json parent.wasm
expect_json '[.imports[] | select(.interface | startswith("bulkhead:host/supervision")) | .available | test("capability supervision")] | length > 0 and all'
run init parent.wasm
expect_exit 0
grep -q '^# capabilities = \["supervision"\]$' parent.toml Component.toml 2>/dev/null || fail 'init does not say what grants it'
rm -f parent.toml Component.toml

run inspect hello.core.wasm
expect_exit 0
expect_out_has 'core module for WASI 0.1'

printf '[component]\nname = "calc"\n[resources]\nmax_memory = "64MiB"\nmax_stack = "1MiB"\n[permissions]\nfilesystem.read = ["./data"]\n' >calc.toml
run inspect calc.wasm
expect_out_has 'calc.toml: memory 64 MiB, stack 1 MiB, fuel 1,000,000, time 100 ms'
expect_out_has 'grants      read '
run inspect -m calc.toml hello.wasm
expect_out_has 'calc.toml: memory 64 MiB, stack 1 MiB, fuel unlimited, time unlimited'

run inspect --json calc.wasm
expect_exit 0
expect_no_err
expect_json '.kind == "component" and .command == false and .memories.count == 1 and .memories.maximum == null'
expect_json ".sha256 == \"$(sha256sum calc.wasm | cut -d ' ' -f 1)\" and .size == $(stat -c %s calc.wasm)"
expect_json '[.exports[] | select(.name == "divide" and .interface == "acme:calc/math@1.0.0")] | length == 1'
expect_json '.limits.max_memory == 67108864 and .limits.max_execution_time_ms == 100 and .grants != []'
run inspect --json hello.wasm
expect_json '.command and (.wasi | startswith("0.2.")) and (.imports | length > 3) and .limits == null'

echo '(component)' >empty.wat
run inspect empty.wat
expect_exit 0
expect_out_has 'exports     none'
expect_out_has 'imports     none'
expect_out_has 'memories    none'

# It looks at components that need more than they declare.
printf '[component]\nname = "hello"\n[resources]\nmax_memory = "64KiB"\nmax_stack = "1MiB"\n' >hello.toml
run inspect hello.wasm
expect_exit 0
expect_out_has 'memory 64 KiB'

run inspect
expect_usage inspect
run inspect a b
expect_usage inspect
run inspect missing.wasm
expect_exit 66
run inspect .
expect_exit 66
run inspect --json missing.wasm
expect_exit 66
expect_json '.error.kind == "ComponentNotFound"'
echo '(module)' >module.wat
run inspect module.wat
expect_exit 65
expect_err_has 'wasm-tools component new'
head -c 2000 calc.wasm >cut.wasm
run inspect cut.wasm
expect_exit 65
