#!/usr/bin/env bash
# Where limits and permissions come from: Component.toml beside FILE, --manifest, options over both.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest hello.wasm spin.wasm hog.wasm open.wasm counter.wasm

write() {
	mkdir -p "$(dirname "$1")"
	printf '[component]\nname = "x"\nversion = "0.1.0"\n[resources]\nmax_memory = "16MiB"\nmax_stack = "1MB"\n%s\n' "$2" >"$1"
}

write Component.toml ''
run run hello.wasm ada
expect_exit 0
expect_out 'hello ada'
expect_no_err

# Beside the component, not in the current folder.
mkdir -p apart
cp hello.wasm apart/
run run apart/hello.wasm
expect_exit 78
write apart/Component.toml ''
run run apart/hello.wasm
expect_exit 0

# The limits hold, and the manifest is named.
run run hog.wasm
expect_exit 137
expect_err_has '16 MiB allowed'
expect_err_has '(max_memory in '
write Component.toml 'max_execution_time_ms = 80'
run run spin.wasm
expect_exit 124
expect_err_has 'stopped after 80 ms (max_execution_time_ms in '
write Component.toml 'max_fuel_per_execution = 5000'
run run spin.wasm
expect_exit 152
expect_err_has 'all 5,000 used (max_fuel_per_execution in '

# Options are stronger than the manifest.
run run --fuel 7000 spin.wasm
expect_exit 152
expect_err_has 'all 7,000 used (--fuel)'
run run --fuel unlimited --timeout 50ms spin.wasm
expect_exit 124
expect_err_has 'stopped after 50 ms (--timeout)'
write Component.toml 'on_memory_limit = "trap"'
run run --json --memory 32MiB hog.wasm
expect_exit 137
expect_err_json '.error.limit == {name: "max_memory", allowed: 33554432, attempted: .error.limit.attempted, source: "option"}'

# NAME.toml is nearer than Component.toml; --manifest beats both.
write spin.toml 'max_fuel_per_execution = 6000'
run run spin.wasm
expect_err_has 'all 6,000 used'
write other/limits.toml 'max_fuel_per_execution = 9000'
run run --manifest other/limits.toml spin.wasm
expect_exit 152
expect_err_has 'all 9,000 used (max_fuel_per_execution in other/limits.toml)'
run run --manifest missing.toml hello.wasm
expect_exit 66
expect_err_has 'bulkhead: missing.toml: '

# The same for call.
write Component.toml 'max_fuel_per_execution = 50_000'
run call counter.wasm 'increment()'
expect_exit 0
expect_out 1
run call counter.wasm 'spin()'
expect_exit 152
expect_err_has 'all 50,000 used (max_fuel_per_execution in '

# Permissions: relative to the manifest, added to by options.
mkdir -p apart/data elsewhere
echo content >apart/data/in.txt
echo content >elsewhere/in.txt
cp open.wasm apart/
write apart/Component.toml '[permissions]
filesystem.read = ["./data"]'
run run apart/open.wasm data/in.txt r
expect_exit 0
run run apart/open.wasm data/out.txt w
expect_exit 1
run run --dir elsewhere::/elsewhere:ro apart/open.wasm /elsewhere/in.txt r
expect_exit 0
run run --dir elsewhere::/elsewhere:ro apart/open.wasm data/in.txt r
expect_exit 0

# Mistakes: an error stops with its place, a warning does not stop.
write Component.toml 'max_fuel_per_execution = "lots"'
run run hello.wasm
expect_exit 78
expect_no_out
expect_err_has 'Component.toml:7:26: '
expect_err_has 'lots'
run run --json hello.wasm
expect_exit 78
expect_err_json '.error.kind == "InvalidConfiguration" and .error.location.line == 7 and .error.location.column == 26'
write Component.toml 'max_fule_per_execution = 3'
run run hello.wasm
expect_exit 0
expect_out 'hello world'
expect_err_has 'Component.toml:7:1: warning: unknown key max_fule_per_execution (did you mean max_fuel_per_execution?)'
run run --quiet hello.wasm
expect_exit 0
expect_no_err
printf '[component]\nname = "x"\n[resources]\nmax_stack = "1MB"\n' >Component.toml
run run hello.wasm
expect_exit 78
expect_err_has 'max_memory = "64MB"'
run run --json hello.wasm
expect_err_json '.error.kind == "MissingResourceLimits"'
printf '[component\n' >Component.toml
run run hello.wasm
expect_exit 78
expect_err_has 'Component.toml:1:'

# The other dialects.
printf '[component]\nname = "x"\n[resources.memory]\nmax_bytes = 4194304\n[resources.cpu]\nmax_fuel = 2000\ntimeout_seconds = 1\n' >Component.toml
rm spin.toml
run run spin.wasm
expect_exit 152
expect_err_has 'all 2,000 used ('
expect_err_lacks 'max_fuel_per_execution'
printf '[package]\nname = "x"\nversion = "1.0.0"\n[runtime]\nmemory_max_mb = 16\ntimeout_ms = 60\n' >Component.toml
run run spin.wasm
expect_exit 124
expect_err_has 'stopped after 60 ms ('
