#!/usr/bin/env bash
# bulkhead run: arguments, streams, folders, exit status, core modules.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest hello.wasm hello.core.wasm exitcode.wasm exitcode.core.wasm cat.wasm copy.wasm ls.wasm open.wasm

run run
expect_usage run
expect_err_has 'which FILE?'
run run --memory 64MB hello.wasm
expect_exit 0
expect_out 'hello world'
expect_no_err
run run --memory 64MB hello.wasm ada
expect_out 'hello ada'

for file in missing.wasm missing/hello.wasm hello.wasm/hello.wasm; do
	run run "$file"
	expect_exit 66
	expect_no_out
	expect_err_has "bulkhead: $file: no such file"
done
run run --memory 64MB .
expect_exit 66
echo 'not wasm' >text.wasm
run run --memory 64MB text.wasm
expect_exit 65
expect_err_has 'bulkhead: text.wasm: '
head -c 1000 hello.wasm >cut.wasm
run run --memory 64MB cut.wasm
expect_exit 65
: >empty.wasm
run run --memory 64MB empty.wasm
expect_exit 65

# A module for WASI 0.1 runs as it is, and keeps its number; any other core module cannot.
run run --memory 64MB hello.core.wasm ada
expect_exit 0
expect_out 'hello ada'
run run --memory 64MB exitcode.core.wasm 42
expect_exit 42
run run --memory 64MB exitcode.wasm 0
expect_exit 0
run run --memory 64MB exitcode.wasm 3
expect_exit 1
echo '(module (func (export "f")))' >module.wat
run run --memory 64MB module.wat
expect_exit 65
expect_err_has 'core WebAssembly module'
expect_err_has 'wasm-tools component new'
echo '(component (import "acme:store/blobs" (instance (export "get" (func)))))' >imports.wat
run run --memory 64MB imports.wat
expect_exit 65
expect_err_has 'acme:store/blobs'
echo '(component)' >library.wat
run run --memory 64MB library.wat
expect_exit 64
expect_err_has 'bulkhead: library.wat: '

# A status of one's own gets a note where a folder was perhaps missing, and only there.
run run --memory 64MB open.wasm /etc/passwd r
expect_exit 1
expect_out_has 'open /etc/passwd: '
expect_err_has 'bulkhead: open.wasm: exited with 1'
expect_err_has 'note: it imports wasi:filesystem and no folder is granted'
expect_err_has '--dir ./data::/data:ro'
expect_err_has 'filesystem.read = ["./data"]'
run run --quiet --memory 64MB open.wasm /etc/passwd r
expect_exit 1
expect_no_err
mkdir -p data
run run --memory 64MB --dir ./data::/data:ro open.wasm /etc/passwd r
expect_exit 1
expect_no_err
run run --memory 64MB exitcode.wasm 3
expect_exit 1
expect_no_err
run run --verbose --memory 64MB exitcode.wasm 3
expect_err_has 'bulkhead: exitcode.wasm: exited with 1'

# Streams.
printf 'some text' | run_raw run --memory 64MB cat.wasm >out
expect_exit 0
expect_out 'some text'
head -c 3000000 /dev/urandom >random
run_raw run --memory 64MB cat.wasm <random >out
expect_exit 0
cmp -s random out || fail 'cat changed the bytes'

# Folders: nothing without a grant, reading with :ro, writing without.
echo content >data/in.txt
run run --memory 64MB open.wasm data/in.txt r
expect_exit 1
run run --memory 64MB --dir data::/data:ro open.wasm /data/in.txt r
expect_exit 0
expect_out 'read 8 bytes of /data/in.txt'
run run --memory 64MB --dir data::/data:ro open.wasm /data/new.txt w
expect_exit 1
[ ! -e data/new.txt ] || fail 'a read-only folder was written to'
run run --memory 64MB --dir data::/data copy.wasm /data/in.txt /data/out.txt
expect_exit 0
cmp -s data/in.txt data/out.txt || fail 'copy'
run run --memory 64MB --dir data:rw ls.wasm data
expect_exit 0
expect_out_has in.txt
for folder in missing data/in.txt; do
	run run --memory 64MB --dir "$folder::/data" ls.wasm /data
	expect_exit 66
	expect_err_has "bulkhead: --dir $folder::/data: $folder: no such folder"
done

# Machines are told on stderr, in one line at the end.
run run --json --memory 64MB hello.wasm
expect_exit 0
expect_out 'hello world'
expect_err_json '.exit == 0 and .usage.wall_ns > 0 and .usage.peak_memory > 0 and .usage.fuel == null and .usage.output_bytes == 12'
run run --json --memory 64MB --fuel 100000000 exitcode.core.wasm 9
expect_exit 9
expect_err_json '.exit == 9 and .usage.fuel > 0'

run run --usage --memory 64MiB --fuel 100000000 hello.wasm
expect_out 'hello world'
for part in 'usage: wall ' ' cpu ' ' fuel ' 'peak memory ' ' of 64 MiB' 'compiled in ' 'start: finding ' ', compiling ' ', instantiating '; do
	expect_err_has "$part"
done
