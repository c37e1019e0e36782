#!/usr/bin/env bash
# Builds the programs that benchmarks are run beside, once a user.
#
#   tools/bench-peers.sh                     build what is missing; print the folders of their binaries
#   tools/bench-peers.sh --find raw-wasmtime print the path of one if it is built, fail otherwise; build nothing
#   tools/bench-peers.sh smg-wasm            build only that one; --find knows all of them
#
# wasmtime: the command, of the engine's own version, from the registry; about ten minutes on two cores.
# raw-wasmtime, smg-wasm: programs of our own, in bench/peers; eleven minutes of CPU time each, seconds when only our own
# sources changed. They are kept under keys, hashes of their sources, lock files, the compiler and the flags.
set -euo pipefail
cd "$(dirname "$0")/.."

version=48.0.8
keep=3
root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/peers"
own=(raw-wasmtime smg-wasm)

say() { printf 'bench-peers: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

# key NAME
key() {
	local rust
	rust="$(rustc -vV)" || die "rustc does not run: Rust 1.95 or later, from https://rustup.rs"
	{
		echo "$rust"
		env | grep -E '^(RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_BUILD_.*|CARGO_PROFILE_.*)=' | LC_ALL=C sort || true
		cd "bench/peers/$1"
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

# build_own NAME FOLDER
build_own() {
	local name="$1" folder="$2" target
	target="$root/${name%%-*}-target"
	say "building $name (six minutes on two cores the first time)"
	# Cargo trusts file times, which do not always change with the content; the key does.
	rm -rf "$target/release/.fingerprint/$name"-*
	cargo build --quiet --release --locked --manifest-path "bench/peers/$name/Cargo.toml" --target-dir "$target" >&2 9>&-
	rm -rf "$root/.staging"
	install -D "$target/release/$name" "$root/.staging/bin/$name"
	mv -T "$root/.staging" "$folder"
	find "$root" -mindepth 1 -maxdepth 1 -type d -name "$name-*" -printf '%T@ %p\n' | sort -rn |
		tail -n +$((keep + 1)) | cut -d ' ' -f 2- | while read -r old; do rm -rf "$old"; done
}

wasmtime="$root/wasmtime-$version"
declare -A folders
for name in "${own[@]}"; do
	folders[$name]="$root/$name-$(key "$name")"
done
wanted=(wasmtime "${own[@]}")

# program NAME: where it is, or will be
program() {
	if [ "$1" = wasmtime ]; then
		echo "$wasmtime/bin/wasmtime"
	else
		echo "${folders[$1]}/bin/$1"
	fi
}

case "${1:-}" in
'') ;;
--find)
	[[ " ${wanted[*]} " == *" ${2:-none} "* ]] || die "--find one of: ${wanted[*]}"
	found="$(program "$2")"
	[ -x "$found" ] || die "$2 is not built: make bench-peers"
	echo "$found"
	exit
	;;
*)
	[[ " ${wanted[*]} " == *" $1 "* ]] || die "unknown argument '$1'"
	wanted=("$1")
	;;
esac

missing=()
for name in "${wanted[@]}"; do
	[ -x "$(program "$name")" ] || missing+=("$name")
done
if [ "${#missing[@]}" -gt 0 ]; then
	command -v cargo >/dev/null || die "cargo is not installed: Rust 1.95 or later, from https://rustup.rs"
	mkdir -p "$root"
	exec 9>"$root/lock"
	flock 9
	for name in "${missing[@]}"; do
		if [ -x "$(program "$name")" ]; then
			continue # somebody else built it meanwhile
		elif [ "$name" = wasmtime ]; then
			build_wasmtime
		else
			build_own "$name" "${folders[$name]}"
		fi
	done
	exec 9>&-
fi
for name in "${wanted[@]}"; do
	touch "$(dirname "$(dirname "$(program "$name")")")"
	dirname "$(program "$name")"
done
