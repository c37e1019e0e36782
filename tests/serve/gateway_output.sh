#!/usr/bin/env bash
# test: timeout=60
# What modules write reaches the daemon's log, with their names, and no more of it than there is room for.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
cp "$GUESTS"/gateway-{print,tracing}.wasm .
configure 'max_execution_time_ms = 200'
cat >>bulkhead.toml <<-'END'
	[[gateway.module]]
	name = "print"
	file = "gateway-print.wasm"
	[[gateway.module]]
	name = "tracing"
	file = "gateway-tracing.wasm"
END
begin

get -H 'x-request-id: id-77' -H 'x-do: print' /hello && expect 200
says 'module print, request id-77: a line'
says 'module print, request id-77: another'
says 'module tracing, request id-77: id-77 /hello 200 5'
# Last words before a trap, and before a limit.
get -H 'x-request-id: id-78' -H 'x-do: print-crash' /hello && expect 503
says 'module print, request id-78: last words'
get -H 'x-request-id: id-79' -H 'x-do: print-spin' /hello && expect 503
says 'module print, request id-79: last words'
# A long line is cut, what is more than a module may write is cut off; neither is held against the request.
get -H 'x-do: print-much' /hello && expect 200
says 'yyyyyyyy...'
says 'more was cut off'
[ "$(awk '{ if (length > most) most = length } END { print most }' log)" -lt 1400 ] || failed 'a line is too long'
# What a client says comes through the module that writes it: it cannot forge a line, nor move a terminal's cursor.
get -H 'x-do: print-header' -H "$(printf 'x-say: a\xc2\x9b2Jb')" /hello && expect 200
says 'a??2Jb'
# A flood: so many lines a second, the others are counted; the next second there are lines again, also of others meanwhile.
get -H 'x-do: print-lines' /hello && expect 200
get -H 'x-request-id: id-81' /hello && expect 200
says 'request id-81: id-81 /hello'
says 'lines left out (100 a second are written)'
[ "$(grep -c 'a flood' log)" -le 201 ] || failed 'too many lines'
left=$(grep -o '[0-9]* lines left out' log | awk '{ sum += $1 } END { print sum }')
[ $((left + $(grep -c 'a flood' log))) -ge 2000 ] || failed "not all are accounted for: $left"
get -H 'x-request-id: id-82' -H 'x-do: print' /hello && expect 200
says 'request id-82: a line'
# What was written last is not lost when it ends.
get -H 'x-request-id: id-83' -H 'x-do: print' /hello && expect 200
kill -TERM "$pid"
ends 0
says 'request id-83: another'
