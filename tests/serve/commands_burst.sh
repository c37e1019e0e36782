#!/usr/bin/env bash
# test: timeout=30
# Who follows a log gets all of it, also where more lines come at once than one look usually finds.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest lines.wasm
export BULKHEAD_ADMIN="$PWD/admin.sock"
cat >bulkhead.toml <<'TOML'
[admin]
socket = "admin.sock"
[task.say]
file = "lines.wasm"
limits = { max_memory = "16MiB" }
args = ["lines", "900"]
restart = "temporary"
TOML
begin
says 'say: normal'
"$BULKHEAD" logs -f -n 1 say >wrote 2>&1 </dev/null &
follower=$!
until_true grep -q 'line 900$' wrote || failed 'the log is not followed'
"$BULKHEAD" restart say >out || failed 'it is not run again'
twice() { [ "$(grep -c 'line 900$' wrote)" = 2 ]; }
until_true twice || failed 'the log of the second run'
{ echo 900; seq 900; } | cmp -s - <(sed 's/.* //' wrote) || failed "lines are lost: $(wc -l <wrote) of 901 are there"
kill "$follower"
kill -TERM "$pid"
ends 0
