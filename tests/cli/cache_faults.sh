#!/usr/bin/env bash
# test: timeout=120 cost=16
# The compile cache when something is wrong with it: the guest runs as it would without, after one warning at most.
# And who decides where it is: options, environment, cache.toml, XDG, in that order.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest wat/hello.wat hello.wasm exitcode.core.wasm crasher.wasm
unset BULKHEAD_CACHE BULKHEAD_CACHE_DIR WASMTIME_CACHE_DIR WASMTIME_CACHE_ENABLED
export XDG_CONFIG_HOME="$PWD/config"
mkdir -p config/bulkhead
settings=config/bulkhead/cache.toml

# says_hello WARNINGS: and nothing else on stderr. In text, which compiles in a tenth of the time of hello.wasm.
says_hello() {
	run run --memory 64MB hello.wat
	expect_exit 0
	expect_out 'hello world'
	[ "$(grep -c 'warning: compile cache: ' err)" = "$1" ] || fail "expected $1 warnings"
	[ "$(wc -l <err)" = "$1" ] || fail "expected $1 lines on stderr"
}

# kept FOLDER: how many artifacts are in it
kept() { find "$1" -name '*.cwasm' 2>/dev/null | wc -l; }

# goes_to FOLDER: the cache is there now, and nowhere else
goes_to() {
	says_hello 0
	local folder
	for folder in "$PWD/"{options,ours,theirs,toml} "$XDG_CACHE_HOME/bulkhead" "$HOME/.cache/bulkhead"; do
		if [ "$folder" = "$1" ]; then
			[ "$(kept "$folder")" = 1 ] || fail "nothing was kept in $folder"
			run cache path
			expect_exit 0
			expect_out "$folder"
		else
			[ ! -e "$folder" ] || fail "$folder was made, where $1 was to be"
		fi
		rm -rf "$folder"
	done
}

# Where: the first one wins. Each round takes away what was stronger.
rm -rf "$XDG_CACHE_HOME/bulkhead"
echo "cache.directory = \"$PWD/toml\"" >"$settings"
export BULKHEAD_CACHE_DIR="$PWD/ours" WASMTIME_CACHE_DIR="$PWD/theirs"
goes_to "$PWD/ours"
BULKHEAD_CACHE_DIR='' goes_to "$PWD/theirs"
unset BULKHEAD_CACHE_DIR
goes_to "$PWD/theirs"
unset WASMTIME_CACHE_DIR
goes_to "$PWD/toml"
rm "$settings"
goes_to "$XDG_CACHE_HOME/bulkhead"
XDG_CACHE_HOME=relative goes_to "$HOME/.cache/bulkhead"
XDG_CACHE_HOME='' goes_to "$HOME/.cache/bulkhead"
[ ! -e relative ] || fail 'a relative XDG_CACHE_HOME was taken'
(
	unset XDG_CONFIG_HOME
	mkdir -p "$HOME/.config/bulkhead"
	printf '[cache]\ndirectory = "%s/toml"\n' "$PWD" >"$HOME/.config/bulkhead/cache.toml"
	goes_to "$PWD/toml"
	rm -r "$HOME/.config"
) || exit 1

# Whether: likewise. Nothing is made where it is off.
is_off() {
	says_hello 0
	says_hello 0
	local folder
	for folder in "$PWD/"{ours,theirs,toml} "$XDG_CACHE_HOME/bulkhead" "$HOME/.cache/bulkhead"; do
		[ ! -e "$folder" ] || fail "$folder was made, though the cache is off"
	done
	run cache path
	expect_exit 78
	expect_err_has 'switched off by'
	expect_err_has "$1"
}
for word in 0 false off no; do
	BULKHEAD_CACHE=$word is_off BULKHEAD_CACHE
	WASMTIME_CACHE_ENABLED=$word is_off WASMTIME_CACHE_ENABLED
done
BULKHEAD_CACHE=0 WASMTIME_CACHE_ENABLED=1 is_off BULKHEAD_CACHE
BULKHEAD_CACHE=0 BULKHEAD_CACHE_DIR="$PWD/ours" is_off BULKHEAD_CACHE
printf '[cache]\nenabled = true\n' >"$settings"
BULKHEAD_CACHE=0 is_off BULKHEAD_CACHE
BULKHEAD_CACHE=1 WASMTIME_CACHE_ENABLED=0 goes_to "$XDG_CACHE_HOME/bulkhead"
printf '[cache]\nenabled = false\n' >"$settings"
is_off "$settings"
BULKHEAD_CACHE_DIR="$PWD/ours" is_off "$settings"
BULKHEAD_CACHE=1 goes_to "$XDG_CACHE_HOME/bulkhead"
WASMTIME_CACHE_ENABLED=1 goes_to "$XDG_CACHE_HOME/bulkhead"
rm "$settings"

# A cache.toml with mistakes: told once, and otherwise as if it were not there.
i=0
while IFS= read -r text; do
	printf '%b\n' "$text" >"$settings"
	rm -rf "$XDG_CACHE_HOME/bulkhead"
	for _ in 1 2; do
		says_hello 1
		expect_err_has "$settings"
	done
	[ "$(kept "$XDG_CACHE_HOME/bulkhead")" = 1 ] || fail "not kept with: $text"
	run run --quiet --memory 64MB hello.wat
	expect_exit 0
	expect_no_err
	run cache path
	expect_exit 78
	expect_err_has "$settings"
	i=$((i + 1))
done <<'END'
cache
[cache
[cache]\nenabled = "yes"
[cache]\nenabled = 0
[cache]\ndirectory = 1
[cache]\ndirectory = "relative"
[cache]\ndirectory = ""
[cache]\ndirectory = "/a\\u0000b"
[cache]\nmax_bytes = "much"
[cache]\nmax_bytes = 0
[cache]\nmax_bytes = -1
[cache]\nmax_age = "30 fortnights"
[cache]\nmax_age = 0
[cache]\nmax_age = "0d"
[cache]\nmax_age = "99999999999d"
[cache]\nmax_age = 3153600001
[cache]\nmax_age = "30d\\u0000junk"
[cache]\nmax_bytes = "1GiB\\u0000junk"
[cache]\n"enabled\\u0000x" = false
[cache]\nmax_bites = 1
[cache]\nenabled = true\nenabled = true
\\0377\\0376
END
[ "$i" = 22 ] || fail 'not all of them were tried'
# The place is said once, and nothing in a key reaches the terminal as a command.
printf '[cache]\n"\\u001b[31mred" = 1\n' >"$settings"
run cache path
expect_err_has "bulkhead: $PWD/$settings:2:1: cache.?[31mred: no such key"
[ "$(grep -c "$settings" err)" = 1 ] || fail 'the place is said twice'
says_hello 1
expect_err_has "warning: compile cache: $PWD/$settings:2:1: cache.?[31mred: no such key"
# What is not there, or is somebody else's table, is no mistake.
rm "$settings"
for make in 'ln -s nowhere' ': >' 'echo "[other]" >' 'echo "# nothing" >'; do
	eval "$make $settings" || fail "$make"
	says_hello 0
	rm -r "$settings"
done
# What is there and cannot be read might say anything.
for make in 'mkdir' 'mkfifo' 'ln -s cache.toml' 'yes "# much" | head -c 70000 >'; do
	eval "$make $settings" || fail "$make"
	says_hello 1
	expect_err_has "$settings"
	run cache path
	expect_exit 78
	expect_err_has "$settings"
	rm -r "$settings"
done
printf '[cache]\nmax_bytes = "1GiB"\nmax_age = "7d"\n[later]\nthing = 1\n' >"$settings"
says_hello 0
printf '[cache]\nmax_bytes = "unlimited"\nmax_age = "unlimited"\n' >"$settings"
says_hello 0
rm "$settings"
rm -rf "$XDG_CACHE_HOME/bulkhead"

# Folders that are of no use.
export BULKHEAD_CACHE_DIR="$PWD/bad"
mkdir real
for make in ': >bad' 'ln -s real bad' 'ln -s nowhere bad' 'ln -s bad bad' 'mkfifo bad' 'mkdir -m 0770 bad' \
	'mkdir -m 0707 bad' 'mkdir bad && : >bad/v1' 'mkdir bad && ln -s ../real bad/v1' 'mkdir bad && mkfifo bad/v1' \
	'mkdir bad && mkdir -m 0777 bad/v1'; do
	eval "$make" || fail "$make"
	for _ in 1 2; do
		says_hello 1
		run run --memory 64MB exitcode.core.wasm 42
		expect_exit 42
	done
	[ "$(find real | wc -l)" = 1 ] || fail 'something was written through a link'
	run run --quiet --memory 64MB hello.wat
	expect_exit 0
	expect_no_err
	run run --json --memory 64MB hello.wat
	expect_exit 0
	expect_err_json '.exit == 0'
	run cache stats
	expect_exit 66
	rm -rf bad
done
for folder in /dev/null /proc/nothing /dev/null/deeper; do
	BULKHEAD_CACHE_DIR="$folder" says_hello 1
done
# The warning says what is wrong, and what to do about it is with `bulkhead cache`.
mkdir -m 0777 bad
chmod 0777 bad
says_hello 1
expect_err_has 'others may write to the folder'
run cache stats
expect_err_has "chmod go-w $PWD/bad"
chmod 0700 bad
says_hello 0

# Damaged code is replaced; the exit status of a guest is its own all the while.
artifact="$(find bad -name '*.cwasm')"
# shellcheck disable=SC2016 # expanded by eval
for damage in ': >"$artifact"' 'truncate -s 1000 "$artifact"' 'truncate -s -1 "$artifact"' \
	'truncate -s +1 "$artifact"' \
	'rm "$artifact" && mkfifo "$artifact"' 'rm "$artifact" && ln -s /dev/zero "$artifact"' \
	'printf x | dd of="$artifact" bs=1 seek=5000 conv=notrunc 2>dd.err' 'chmod 0666 "$artifact"' \
	'truncate -s 0 "$artifact" && truncate -s 100000 "$artifact"'; do
	eval "$damage" || fail "$damage"
	says_hello 1
	expect_err_has 'damaged'
	says_hello 0
	[ -f "$artifact" ] || fail "not replaced after: $damage"
done
run cache verify
expect_exit 0
run cache stats --json
expect_json '.corrupt == 9 and .entries == 1'
run run --memory 64MB crasher.wasm
cp .end crashed
cp err crashed.err
expect_err_lacks warning
BULKHEAD_CACHE=0 run run --memory 64MB crasher.wasm
cmp -s .end crashed || fail 'it ends otherwise without the cache'
cmp -s err crashed.err || fail 'it says something else without the cache'

# The first time, many at once.
rm -rf bad
for i in {1..16}; do
	"$BULKHEAD" run --memory 64MB hello.wasm >"out.$i" 2>"err.$i" </dev/null &
done
wait
for i in {1..16}; do
	[ "$(cat "out.$i")" = 'hello world' ] || fail "run $i of 16 at once"
	[ ! -s "err.$i" ] || fail "run $i of 16 at once said: $(cat "err.$i")"
done
[ "$(kept bad)" = 1 ] || fail 'one artifact was expected'
[ -z "$(find bad -name '.new-*')" ] || fail 'something half-written was left'

# A source that is edited to the same length and time, again and again.
wat() {
	cat <<-END
		(component (core module \$m (func (export "f") (result i32) i32.const $1))
			(core instance \$i (instantiate \$m))
			(func (export "answer") (result u32) (canon lift (core func \$i "f"))))
	END
}
for i in {1..20}; do
	wat "$((10000 + i % 3))" >edited.wat
	touch -d 2020-01-01 edited.wat
	run call --memory 64MB edited.wat answer
	expect_exit 0
	expect_out "$((10000 + i % 3))"
done

# No place at all.
(
	unset HOME XDG_CACHE_HOME XDG_CONFIG_HOME BULKHEAD_CACHE_DIR
	says_hello 0
	run cache stats
	expect_exit 66
	expect_err_has 'HOME is not set'
) || exit 1

# Files may not grow: what is too long for that is not kept, and nothing is killed for it.
rm -rf bad
(
	ulimit -f 8
	says_hello 1
) || exit 1
