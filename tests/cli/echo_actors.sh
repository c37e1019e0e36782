#!/usr/bin/env bash
# test: timeout=60
# The example examples/echo-actors: an actor for each connection, all answering for themselves.
# shellcheck source=tests/support/echo.sh
. "$TESTS/support/echo.sh"

serve
load 300 20

# One that talks to it by hand sees its own lines numbered, whatever the others sent.
answer="$(printf 'one\ntwo\n' | timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; cat >&3; head -n 2 <&3")"
[ "$answer" = $'1: one\n2: two' ] || { echo "answer: $answer"; exit 1; }

finish
grep -q 'lines: 6002, lost: 0' out || { cat out; exit 1; }
