#!/usr/bin/env bash
# Builds the programs that benchmarks are run beside, once a user.
#
#   tools/bench-peers.sh                     build what is missing; print the folders of their binaries
#   tools/bench-peers.sh --find raw-wasmtime print the path of one if it is built, fail otherwise; build nothing
#
# wasmtime: the command, of the engine's own version, from the registry; about ten minutes on two cores.
# raw-wasmtime: bench/peers/raw-wasmtime; eleven minutes of CPU time, seconds when only our own sources changed. It is
# kept under a key, a hash of its sources, its lock file, the compiler and the flags.
set -euo pipefail
cd "$(dirname "$0")/.."

version=48.0.8
keep=3
root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/peers"
crate=bench/peers/raw-wasmtime

say() { printf 'bench-peers: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

raw_key() {
	local rust
	rust="$(rustc -vV)" || die "rustc does not run: Rust 1.95 or later, from https://rustup.rs"
	{
		echo "$rust"
		env | grep -E '^(RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_BUILD_.*|CARGO_PROFILE_.*)=' | LC_ALL=C sort || true
		cd "$crate"
		find . \( -path ./target -o -name rustfmt.toml \) -prune -o -type f -print | LC_ALL=C sort |
			xargs -d '\n' sha256sum
	} | sha256sum | cut -c 1-16
}

build_wasmtime() {
	say "building wasmtime $version (about ten minutes)"
	cargo install --quiet --locked --version "$version" --root "$root/.staging" --target-dir "$root/target" wasmtime-cli >&2 9>&-
	mv -T "$root/.staging" "$wasmtime"
	rm -rf "$root/target"
}

build_raw() {
	say "building raw-wasmtime (six minutes on two cores the first time)"
	# Cargo trusts file times, which do not always change with the content; the key does.
	rm -rf "$root"/raw-target/release/.fingerprint/raw-wasmtime-*
	cargo build --quiet --release --locked --manifest-path "$crate/Cargo.toml" --target-dir "$root/raw-target" >&2 9>&-
	rm -rf "$root/.staging"
	install -D "$root/raw-target/release/raw-wasmtime" "$root/.staging/bin/raw-wasmtime"
	mv -T "$root/.staging" "$raw"
	find "$root" -mindepth 1 -maxdepth 1 -type d -name 'raw-wasmtime-*' -printf '%T@ %p\n' | sort -rn |
		tail -n +$((keep + 1)) | cut -d ' ' -f 2- | while read -r old; do rm -rf "$old"; done
}

wasmtime="$root/wasmtime-$version"
key="$(raw_key)"
raw="$root/raw-wasmtime-$key"

case "${1:-}" in
'') ;;
--find)
	case "${2:-}" in
	wasmtime) found="$wasmtime/bin/wasmtime" ;;
	raw-wasmtime) found="$raw/bin/raw-wasmtime" ;;
	*) die "--find wasmtime, or --find raw-wasmtime" ;;
	esac
	[ -x "$found" ] || die "$2 is not built: make bench-peers"
	echo "$found"
	exit
	;;
*) die "unknown argument '$1'" ;;
esac

if [ ! -x "$wasmtime/bin/wasmtime" ] || [ ! -x "$raw/bin/raw-wasmtime" ]; then
	command -v cargo >/dev/null || die "cargo is not installed: Rust 1.95 or later, from https://rustup.rs"
	mkdir -p "$root"
	exec 9>"$root/lock"
	flock 9
	[ -x "$wasmtime/bin/wasmtime" ] || build_wasmtime
	[ -x "$raw/bin/raw-wasmtime" ] || build_raw
	exec 9>&-
fi
touch "$raw"
printf '%s\n' "$wasmtime/bin" "$raw/bin"
