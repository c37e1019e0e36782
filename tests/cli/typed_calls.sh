#!/usr/bin/env bash
# The example examples/typed-calls: its header was made by the command that was built.
set -u
program="$(dirname "$BULKHEAD")/../examples/typed-calls"
[ -x "$program" ] && [ -f "$GUESTS/shop.wasm" ] || exit 77

# says TEXT WORD...
says() {
	local wanted="$1" said
	shift
	said="$(timeout 20 "$program" "$@" 2>&1)"
	[ "$said" = "$wanted" ] || {
		echo "$*: $said"
		exit 1
	}
}

says 4.15 "$GUESTS/shop.wasm" apple=3 melon
says 'there are no 3 of melon' "$GUESTS/shop.wasm" melon=3
says 'there is no cherry' "$GUESTS/shop.wasm" apple cherry
! timeout 20 "$program" "$GUESTS/echo.wasm" apple >out 2>&1 || {
	echo "a component of another world was called"
	exit 1
}
grep -q 'no export named quote' out || {
	cat out
	exit 1
}
