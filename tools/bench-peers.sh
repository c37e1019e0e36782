#!/usr/bin/env bash
# Builds the programs that benchmarks are run beside, once a user: the wasmtime command, of the engine's own version,
# from the registry. Takes about ten minutes on two cores. Prints the folder with their binaries.
set -euo pipefail
cd "$(dirname "$0")/.."

version=48.0.8
root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/peers"
if [ ! -x "$root/wasmtime-$version/bin/wasmtime" ]; then
	command -v cargo >/dev/null || { echo "bench-peers: cargo is not installed" >&2; exit 1; }
	mkdir -p "$root"
	exec 9>"$root/lock"
	flock 9
	if [ ! -x "$root/wasmtime-$version/bin/wasmtime" ]; then
		echo "bench-peers: building wasmtime $version (about ten minutes)" >&2
		cargo install --quiet --locked --version "$version" --root "$root/.staging" --target-dir "$root/target" wasmtime-cli >&2 9>&-
		mv -T "$root/.staging" "$root/wasmtime-$version"
		rm -rf "$root/target"
	fi
fi
echo "$root/wasmtime-$version/bin"
