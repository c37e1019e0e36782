#!/usr/bin/env bash
# test: timeout=60 waits
# No descriptor is left to take a client in with: he waits, the server does not turn round in circles, and he is answered then.
# shellcheck disable=SC2119
# shellcheck source=tests/support/admin.sh
. "$TESTS/support/admin.sh"
begin
ask /healthz && expect 200
used() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; } # hundredths of a second
prlimit --pid "$pid" --nofile=3:
curl -sS -m 20 --unix-socket admin -o late -w '%{http_code}' http://localhost/healthz >late.code &
waits=$!
sleep 0.2
before=$(used)
sleep 1.5
took=$(($(used) - before))
[ "$took" -lt 20 ] || fail "$took hundredths of a second of work while a client waited"
kill -0 $waits || fail "nobody had to wait: the test shows nothing: $(cat late.code)"
prlimit --pid "$pid" --nofile=1000:
wait $waits
[ "$(cat late.code)" = 200 ] || fail "who waited got $(cat late.code)"
finish
