#!/usr/bin/env bash
# bulkhead doctor: findings, in words and for machines.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"

run doctor
expect_exit 0
expect_no_err
for name in version kernel cpu engine pool 'address space' 'memory maps' 'open files' openat2 memory 'cache folder' 'config folder'; do
	grep -qE "^(ok|warning|failure) +$name " out || fail "no finding about $name"
done
run doctor --json
expect_exit 0
expect_json '.exit == 0 and (.findings | length) >= 12'
expect_json '.findings[] | select(.name == "engine") | .state == "ok"'

# A folder that cannot be written is a warning, not a failure. (Root may write everywhere.)
touch file
XDG_CACHE_HOME="$PWD/file" run doctor --json
expect_exit 0
expect_json '.findings[] | select(.name == "cache folder") | .state == "warning" and .advice != null'
XDG_CACHE_HOME="$PWD/cache" run doctor --json
expect_json ".findings[] | select(.name == \"cache folder\") | .state == \"ok\" and .value == \"$PWD/cache/bulkhead (can be made)\""
[ ! -e cache ] || fail 'the doctor makes nothing'

run doctor now
expect_usage doctor
