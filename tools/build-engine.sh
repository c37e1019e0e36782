#!/usr/bin/env bash
# Builds the engine archive, unless it is already there.
#
#   tools/build-engine.sh                build if needed, print the folder
#   tools/build-engine.sh --link FOLDER  build if needed, make FOLDER show it: lib/, include/ and the file key,
#                                        which changes exactly when the engine does
#
# The archive is kept per user, in ~/.cache/bulkhead-build/engine/<key>, where the key is a hash of the crate's
# sources, its lock file, the compiler and the flags: a fresh clone of known sources builds nothing. What
# cargo compiles on the way is shared by all keys, so a change of our own crate costs seconds.
#
# Progress goes to stderr: one live line on a terminal, a line every 30 s elsewhere.
# What is printed on stdout is the folder, which holds lib/libbulkhead_engine.a and include/.
set -euo pipefail

# Raise it when this script publishes something else than before.
format=2
keep=3

say() { printf 'engine: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

link=
case "${1:-}" in
'') ;;
--link) link="${2:?--link needs a folder}" ;;
*) die "unknown argument '$1'" ;;
esac

crate="$(cd "$(dirname "$0")/../engine" && pwd)"
root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/engine"
command -v cargo >/dev/null || die "cargo is not installed: Rust 1.95 or later, from https://rustup.rs"

rust="$(rustc -vV)" || die "rustc does not run"

# What decides the archive's content. Headers of ours (engine/include) do not: C takes them from the tree.
key="$(
	{
		echo "$format"
		echo "$rust"
		env | grep -E '^(RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_BUILD_.*|CARGO_PROFILE_.*)=' | LC_ALL=C sort || true
		cd "$crate"
		find . \( -path ./include -o -path ./target -o -name rustfmt.toml \) -prune -o -type f -print | LC_ALL=C sort | xargs -d '\n' sha256sum
	} | sha256sum | cut -c 1-16
)"
out="$root/$key"
target="$root/target"

# Shows how far cargo is while process $1 runs. $2: the messages it writes, $3: packages in all.
watch_progress() {
	local pid="$1" messages="$2" total="$3" start=$SECONDS next=30 finished
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		[ -t 2 ] || [ $((SECONDS - start)) -ge "$next" ] || continue
		# Each library that was compiled, or found compiled, is one message.
		finished="$(grep '^{"reason":"compiler-artifact"' "$messages" | grep -v '"kind":\["custom-build"\]' |
			grep -o '"package_id":"[^"]*"' | sort -u | wc -l)"
		if [ -t 2 ]; then
			printf '\r\033[Kengine: %d of %d crates, %d s' "$finished" "$total" $((SECONDS - start)) >&2
		else
			say "$finished of $total crates, $((SECONDS - start)) s"
			next=$((next + 30))
		fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# The lines of cargo's stderr that a person needs: diagnostics, not the list of what is compiled.
show_diagnostics() {
	grep -vE '^ +(Compiling|Finished|Downloading|Downloaded|Updating|Locking|Adding|Blocking|Fresh|Dirty) ' "$1" >&2 || true
}

build() {
	local messages="$root/messages.json" log="$root/cargo.log" start=$SECONDS total headers staging
	say "building (ten to twenty minutes: all crates the first time, linked into one each time)"
	: >"$messages"
	# Cargo trusts file times, which do not always change with the content; the key does.
	rm -rf "$target"/release/.fingerprint/bulkhead-engine-*
	# Compiled code depends on this crate too: its build is part of what artifacts are kept for.
	BULKHEAD_ENGINE_KEY="$key" cargo build --release --locked --manifest-path "$crate/Cargo.toml" --target-dir "$target" \
		--message-format json-render-diagnostics </dev/null >"$messages" 2>"$log" 9>&- &
	cargo=$!
	trap 'kill "$cargo" 2>/dev/null || true' EXIT
	total="$(cargo tree --locked --manifest-path "$crate/Cargo.toml" --prefix none -e normal,build 2>/dev/null 9>&- |
		sed 's/ (\*)$//; s/ (proc-macro)$//' | sort -u | wc -l)"
	watch_progress "$cargo" "$messages" "$total"
	trap - EXIT
	if ! wait "$cargo"; then
		show_diagnostics "$log"
		die "cargo failed"
	fi
	show_diagnostics "$log"

	# Cargo says where the build script of Wasmtime's C API put the headers, also when it had no need to run.
	headers="$(grep '^{"reason":"build-script-executed"' "$messages" | grep 'wasmtime-c-api-impl' |
		grep -o '"out_dir":"[^"]*"' | cut -d '"' -f 4)/include"
	[ -f "$headers/wasmtime/conf.h" ] || die "Wasmtime's headers are not where cargo said: $headers"

	staging="$root/.staging"
	rm -rf "$staging"
	mkdir -p "$staging/lib"
	cp -r "$headers" "$staging/include"
	# Rust's standard library brings debug information, and bitcode that other versions of LLVM's linker plugin
	# complain about.
	objcopy --strip-debug --remove-section .llvmbc --remove-section .llvmcmd \
		"$target/release/libbulkhead_engine.a" "$staging/lib/libbulkhead_engine.a"
	sync "$staging/lib/libbulkhead_engine.a"
	mv -T "$staging" "$out"
	rm -f "$messages" "$log"
	say "built in $((SECONDS - start)) s"
}

prune() {
	local old
	find "$root" -mindepth 1 -maxdepth 1 -type d -name '????????????????' -printf '%T@ %p\n' | sort -rn |
		tail -n +$((keep + 1)) | cut -d ' ' -f 2- | while read -r old; do rm -rf "$old"; done
}

# Headers are copied one by one and only when they differ, so that nothing is compiled again for nothing.
show_in() {
	local file folder="$1"
	[ "$(cat "$folder/key" 2>/dev/null)" != "$out" ] || return 0
	mkdir -p "$folder/lib"
	(cd "$out/include" && find . -type f) | while read -r file; do
		cmp -s "$out/include/$file" "$folder/include/$file" ||
			install -D -m 644 "$out/include/$file" "$folder/include/$file"
	done
	ln -sfn "$out/lib/libbulkhead_engine.a" "$folder/lib/libbulkhead_engine.a"
	printf '%s\n' "$out" >"$folder/key"
}

if [ ! -f "$out/lib/libbulkhead_engine.a" ]; then
	mkdir -p "$root"
	exec 9>"$root/lock"
	if ! flock -n 9; then
		say "another build is running; waiting for it"
		flock 9
	fi
	[ -f "$out/lib/libbulkhead_engine.a" ] || build
	prune
	exec 9>&-
fi
touch "$out"
if [ -n "$link" ]; then
	show_in "$link"
else
	printf '%s\n' "$out"
fi
