#!/usr/bin/env bash
# Builds the guests in other languages: build.sh OUTDIR writes OUTDIR/{python,javascript}.wasm, and the middleware
# OUTDIR/gateway-{python,javascript}.wasm, with the toolchains that tools/guest-tools.sh installs. Files newer than their
# sources are kept.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: guests/languages/build.sh OUTDIR" >&2
	exit 2
fi
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
mkdir -p "$1"
out="$(cd "$1" && pwd)"

# In steps, so that a failure of any of them ends the script.
installed="$("$root/tools/guest-tools.sh" languages)"
tools="$(dirname "$(tail -n 1 <<<"$installed")")"
scratch="$(mktemp -d "$out/.building.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

# build NAME SOURCES WIT COMMAND...: the command leaves the component in $scratch/NAME.wasm
build() {
	local name="$1" sources="$2" wit="$3" log="$scratch/log" started=$SECONDS
	shift 3
	if [ -e "$out/$name.wasm" ] &&
		[ -z "$(find "$sources" "$wit" "$here/build.sh" "$here/javascript/build.mjs" -type f -newer "$out/$name.wasm" -print -quit)" ]; then
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

# python NAME SOURCES WITDIR WITFILE WORLD
python() {
	# A copy, so that no compiled Python ends in the source tree.
	cp -r "$2" "$scratch/$1"
	build "$1" "$2" "$3/$4" env -u VIRTUAL_ENV "$tools/python/bin/python" "$tools/python/bin/componentize-py" \
		-d "$3" -w "$5" componentize app -p "$scratch/$1" -o "$scratch/$1.wasm"
}

# javascript NAME SOURCES WITDIR WITFILE WORLD
javascript() {
	build "$1" "$2" "$3/$4" node "$here/javascript/build.mjs" "$tools/javascript" "$3" "$5" "$2/app.js" "$scratch/$1.wasm"
}

guests="$root/wit/guests"
gateway="$root/wit/smg-gateway"
python python "$here/python" "$guests" lang.wit lang
javascript javascript "$here/javascript" "$guests" lang.wit lang
python gateway-python "$root/guests/gateway/python" "$gateway" gateway.wit smg
javascript gateway-javascript "$root/guests/gateway/javascript" "$gateway" gateway.wit smg
