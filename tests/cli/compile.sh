#!/usr/bin/env bash
# test: timeout=120
# Compiling ahead of time: what is taken, what is refused, and why; signatures; a cache carried to another folder.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest hello.wasm calc.wasm exitcode.core.wasm
chmod 700 .

run compile hello.wasm
expect_exit 0
expect_out 'hello.cwasm'
BULKHEAD_CACHE=0 run run --memory 64MB --usage hello.cwasm ada
expect_exit 0
expect_out 'hello ada'
expect_err_has 'loaded in'
run inspect hello.cwasm
expect_exit 0
expect_out_has 'artifact'

# A core module for WASI 0.1 keeps its exit code.
run compile exitcode.core.wasm -o exitcode.cwasm
expect_exit 0
run run --memory 64MB exitcode.cwasm 42
expect_exit 42

# With fuel and without are two kinds of code; the refusal says how to make the other.
run call --memory 64MB --fuel 1000000 hello.cwasm 'f()'
expect_exit 65
expect_err_has 'bulkhead compile --metered hello.wasm -o hello.cwasm'
run compile --metered calc.wasm -o calc.cwasm
expect_exit 0
run call --memory 64MB calc.cwasm 'roundtrip-s32(7)'
expect_exit 0
expect_out '7'

# Others could have written it.
chmod g+w hello.cwasm
run run --memory 64MB hello.cwasm
expect_exit 77
chmod 600 hello.cwasm
mkdir shared && chmod 777 shared && cp hello.cwasm shared
run run --memory 64MB shared/hello.cwasm
expect_exit 77

# Signatures: what the named key signed, and nothing else, wherever it lies.
run keygen release
expect_exit 0
[ "$(stat -c %a release.key)" = 600 ] || fail 'the secret key is its owner'\''s alone'
run keygen release
expect_exit 78
run keygen other
run compile hello.wasm -o shared/signed.cwasm --sign release.key --target-cpu baseline
expect_exit 0
run run --memory 64MB --trust release.pub shared/signed.cwasm bob
expect_exit 0
expect_out 'hello bob'
run run --memory 64MB --trust other.pub shared/signed.cwasm
expect_exit 77
run run --memory 64MB --trust release.pub hello.cwasm
expect_exit 77
expect_err_has 'not signed'
printf '\001' | dd of=shared/signed.cwasm bs=1 seek=5000 conv=notrunc status=none
run run --memory 64MB --trust release.pub shared/signed.cwasm
expect_exit 65
chmod 644 release.key
run compile hello.wasm -o x.cwasm --sign release.key
expect_exit 78
chmod 600 release.key
run run --memory 64MB --trust release.key hello.cwasm
expect_exit 78

# Damaged, cut off, something else.
head -c 20000 hello.cwasm >cut.cwasm
run run --memory 64MB cut.cwasm
expect_exit 65
cp hello.wasm wrong.cwasm
run run --memory 64MB wrong.cwasm
expect_exit 65
run compile missing.wasm
expect_exit 66

# From one cache to the next, as one signed file.
BULKHEAD_CACHE_DIR="$PWD/one" run run --memory 64MB hello.wasm
expect_exit 0
BULKHEAD_CACHE_DIR="$PWD/one" run cache export --sign release.key all.bundle
expect_exit 0
expect_out '1 exported'
BULKHEAD_CACHE_DIR="$PWD/two" run cache import --trust other.pub all.bundle
expect_exit 77
BULKHEAD_CACHE_DIR="$PWD/two" run cache import --trust release.pub all.bundle
expect_exit 0
BULKHEAD_CACHE_DIR="$PWD/two" run run --memory 64MB --json hello.wasm
expect_exit 0
tail -n 1 err | json_holds '.usage.code == "disk"' || fail 'what was imported is used'
printf '\001' | dd of=all.bundle bs=1 seek=9000 conv=notrunc status=none
BULKHEAD_CACHE_DIR="$PWD/three" run cache import --trust release.pub all.bundle
expect_exit 77
BULKHEAD_CACHE_DIR="$PWD/three" run cache list
expect_out_has 'nothing is cached'
head -c 100 all.bundle >short.bundle
BULKHEAD_CACHE_DIR="$PWD/three" run cache import --trust release.pub short.bundle
expect_exit 65

# In a process of its own, the same.
BULKHEAD_CACHE=0 run run --untrusted --memory 64MB hello.wasm eve
expect_exit 0
expect_out 'hello eve'

# Where the artifact does not fit, that is said, and not of the component.
(
	ulimit -f 64
	BULKHEAD_CACHE=0 run run --untrusted --memory 64MB hello.wasm eve
	expect_exit 70
	expect_err_has "the compiler's files cannot be written"
	expect_err_has 'File too large'
) || exit 1

# Damage that cannot be removed is not called removed.
export BULKHEAD_CACHE_DIR="$PWD/one"
artifact="$(find one -name '*.cwasm')"
rm "$artifact"
mkdir "$artifact"
: >"$artifact/something"
run cache verify
expect_exit 66
expect_err_has "$PWD/$artifact: damaged, and cannot be removed"
run cache stats --json
expect_json '.corrupt == 0'
rm -r "$artifact"
run cache prune
expect_exit 0
[ ! -e "$(dirname "$artifact")" ] || fail 'an empty folder was left'
