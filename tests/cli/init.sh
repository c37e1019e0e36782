#!/usr/bin/env bash
# bulkhead init: what it writes is right, and it never overwrites.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest hello.wasm calc.wasm hello.core.wasm

run init hello.wasm
expect_exit 0
expect_out_has 'wrote Component.toml: memory 16 MiB'
grep -qx 'name = "hello"' Component.toml || fail 'name'
grep -qx 'max_memory = "16MiB"' Component.toml || fail 'memory'
grep -qx 'max_stack = "1MiB"' Component.toml || fail 'stack'
grep -q 'filesystem.read' Component.toml || fail 'a hint at folders'
run check
expect_exit 0
expect_out_has 'Component.toml: ok (flat dialect)'
run run hello.wasm ada
expect_exit 0
expect_out 'hello ada'

# The comments are right, too: each may be switched on.
sed -n 's/^# \(\[permissions\]\|[a-z_.]* = .*\)$/\1/p' Component.toml >switched_on
[ "$(wc -l <switched_on)" -ge 4 ] || fail 'few comments to switch on'
sed -i 's/^# \(\[permissions\]\|[a-z_.]* = .*\)$/\1/' Component.toml
mkdir data
run check
expect_exit 0
expect_out_lacks warning

# Never.
cp Component.toml before
run init hello.wasm
expect_exit 64
expect_err_has 'bulkhead: Component.toml: it exists, and is never overwritten'
expect_err_has 'bulkhead check Component.toml'
cmp -s before Component.toml || fail 'the file was changed'
ln -s nowhere link.toml
run init -o link.toml hello.wasm
expect_exit 64
[ ! -e nowhere ] || fail 'written through a link'

# Elsewhere; for a library; beside the component.
run init -o other.toml calc.wasm
expect_exit 0
grep -q 'A call may use 1,000,000' other.toml || fail 'a library has other defaults'
run init -o - hello.core.wasm
expect_exit 0
expect_out_has '[resources]'
expect_out_has 'name = "hello"'
mkdir -p 'a b'
cp hello.wasm 'a b/we"ird.name.wasm'
run init 'a b/we"ird.name.wasm'
expect_exit 0
grep -qx 'name = "we-ird"' 'a b/Component.toml' || fail 'a name of its own'
run check 'a b/Component.toml'
expect_exit 0

# The memory is four times what it starts with, as a power of two, and never more than there is.
for pages in 1:16MiB 64:16MiB 65:32MiB 1000:256MiB 16384:4GiB 60000:4GiB; do
	echo "(component (core module \$m (memory ${pages%:*})) (core instance (instantiate \$m)))" >memory.wat
	run init -o - memory.wat
	expect_exit 0
	expect_out_has "max_memory = \"${pages#*:}\""
done

run init
expect_usage init
run init missing.wasm
expect_exit 66
run init -q -o quiet.toml hello.wasm
expect_exit 0
expect_no_out
run init -o missing/x.toml hello.wasm
expect_exit 70
expect_err_has 'missing/x.toml: cannot be created'

# A manifest that does not fit is not left half.
long="$(printf 'n%.0s' {1..200}).wasm"
cp hello.wasm "$long"
(
	ulimit -f 1
	run init -o half.toml "$long"
	expect_exit 70
	expect_err_has 'half.toml: cannot be written: File too large'
) || exit 1
[ ! -e half.toml ] || fail 'half a manifest was left'
