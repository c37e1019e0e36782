#!/usr/bin/env bash
# Builds the guests in other languages: build.sh OUTDIR writes OUTDIR/{python,javascript}.wasm,
# with the toolchains that tools/guest-tools.sh installs. Files newer than their sources are kept.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: guests/languages/build.sh OUTDIR" >&2
	exit 2
fi
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
wit="$root/wit/guests"
mkdir -p "$1"
out="$(cd "$1" && pwd)"

# In steps, so that a failure of any of them ends the script.
installed="$("$root/tools/guest-tools.sh" languages)"
tools="$(dirname "$(tail -n 1 <<<"$installed")")"
scratch="$(mktemp -d "$out/.building.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

# build NAME COMMAND...: the command leaves the component in $scratch/NAME.wasm
build() {
	local name="$1" log="$scratch/log" started=$SECONDS
	shift
	if [ -e "$out/$name.wasm" ] &&
		[ -z "$(find "$here" "$wit/lang.wit" -type f -newer "$out/$name.wasm" -print -quit)" ]; then
		echo "languages: $name.wasm is up to date"
		return
	fi
	echo "languages: building $name.wasm"
	if ! "$@" >"$log" 2>&1; then
		cat "$log" >&2
		echo "languages: could not build $name.wasm" >&2
		exit 1
	fi
	mv "$scratch/$name.wasm" "$out/$name.wasm"
	echo "languages: built $name.wasm, $(($(stat -c %s "$out/$name.wasm") / 1048576)) MiB, in $((SECONDS - started)) s"
}

# A copy, so that no compiled Python ends in the source tree.
cp -r "$here/python" "$scratch/python"
build python env -u VIRTUAL_ENV "$tools/python/bin/python" "$tools/python/bin/componentize-py" \
	-d "$wit" -w lang componentize app -p "$scratch/python" -o "$scratch/python.wasm"
build javascript node "$here/javascript/build.mjs" "$tools/javascript" "$wit" "$scratch/javascript.wasm"
