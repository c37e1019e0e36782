#!/usr/bin/env bash
# At a terminal: colour, unless it is not wanted.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
command -v script >/dev/null || exit 77
guest crasher.wasm

escape="$(printf '\033')"
# at_terminal COMMAND: stderr and stdout are a terminal
at_terminal() { script -qec "$1" /dev/null >out </dev/null; }

export TERM=xterm
at_terminal "'$BULKHEAD' run missing.wasm"
grep -q "$escape" out || fail 'expected colour at a terminal'
grep -q 'missing.wasm: no such file' out || fail 'the message'
NO_COLOR=1 at_terminal "'$BULKHEAD' run missing.wasm"
! grep -q "$escape" out || fail 'NO_COLOR'
TERM=dumb at_terminal "'$BULKHEAD' run missing.wasm"
! grep -q "$escape" out || fail 'a dumb terminal'
run run missing.wasm
! grep -q "$escape" err || fail 'colour in a file'

# Names that others choose are made safe.
cp crasher.wasm "$(printf 'a\033[31m\nb.wasm')"
run run "$(printf 'a\033[31m\nb.wasm')"
expect_exit 78
! grep -q "$escape" err || fail 'an escape reached stderr'
