#!/usr/bin/env bash
# test: timeout=60
# What modules may: their Component.toml, what the gateway says for all, and what is said of one; and when that changes.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{edit,auth}.wasm .
module='[[gateway.module]]
name = "edit"
file = "gateway-edit.wasm"'
manifest() { # FILE TIME_MS [LINE...]
	printf '[component]\nname = "x"\nversion = "1.0.0"\n[resources]\nmax_memory = "8MB"\nmax_stack = "1MB"\nmax_execution_time_ms = %s\n' "$2" >"$1"
	printf '%s\n' "${@:3}" >>"$1"
}
# How long a module that spins may: to the millisecond it does not matter, but which limit it was does.
limit_is() { # MS
	get -H 'x-do: spin' /hello && expect 503
	says "after $1 ms"
}
reload() {
	kill -HUP "$pid"
	says 'reloaded: ' "$1"
}

# The gateway's; the manifest's beside the file; over both what is said of the module; a change of it is a change.
configure 'max_execution_time_ms = 110'
echo "$module" >>bulkhead.toml
begin
limit_is 110
manifest gateway-edit.toml 120
reload 1
limit_is 120
get -H 'x-do: hog' /hello && expect 503
says 'memory limit reached: 8'
echo 'limits = { max_execution_time_ms = 130 }' >>bulkhead.toml
reload 2
limit_is 130
# A manifest with a mistake: nothing changes, and where it is is said.
echo 'max_memory = ' >>gateway-edit.toml
kill -HUP "$pid"
says 'not reloaded, all stays as it was: gateway.module edit: '
grep -q 'gateway-edit.toml:9: ' log || failed 'not said where'
limit_is 130
rm gateway-edit.toml
# What is no file is none, and holds nobody.
mkfifo gateway-edit.toml
reload 3
rm gateway-edit.toml
kill -TERM "$pid"
ends 0

# Over HTTP a manifest makes limits narrower, and no wider; a mistake in it is not shown to who asks.
configure 'max_execution_time_ms = 140'
again
manifest gateway-edit.toml 125
register edit "$here/gateway-edit.wasm" && expect 200
limit_is 125
compat -X DELETE "/wasm/$uuid" && expect 200
manifest gateway-edit.toml 5000 'max_fuel_per_execution = 100000000000' '[permissions.filesystem]' 'read = ["/etc"]'
register edit "$here/gateway-edit.wasm" && expect 200
limit_is 140
compat -X DELETE "/wasm/$uuid" && expect 200
rm gateway-edit.toml
echo 'secret = 1 = s3cret' >elsewhere
ln -s "$here/elsewhere" gateway-edit.toml
register edit "$here/gateway-edit.wasm" && expect 400 'see the log'
! grep -q 's3cret' body || failed 'a file was shown'
rm gateway-edit.toml

# One line for everyone, those that were registered before included: in force at once, and back.
register edit "$here/gateway-edit.wasm" && expect 200
edit=$uuid
register auth "$here/gateway-auth.wasm" OnResponse && expect 200
get -H 'x-do: crash' /hello && expect 503
sed -i 's/^upstream =/on_failure = "open"\n&/; s/max_execution_time_ms = 140/max_execution_time_ms = 150/' bulkhead.toml
reload 1
get -H 'x-do: crash' /hello && expect 200 hello
admin /v1/gateway && expect_json 'all(.modules[]; .on_failure == "open")'
compat /wasm && expect_json ".modules[0].module_uuid == \"$edit\" and [.modules[].module_meta.name] == [\"edit\", \"auth\"]"
sed -i '/^on_failure/d' bulkhead.toml
reload 2
get -H 'x-do: crash' /hello && expect 503
limit_is 150
# One whose file has gone goes on with what it has; only that nothing is lost.
rm gateway-edit.wasm
sed -i 's/^upstream =/on_failure = "open"\n&/; s/max_execution_time_ms = 150/max_execution_time_ms = 160/' bulkhead.toml
reload 3
says 'a registered module keeps the limits it has'
get -H 'x-do: crash' /hello && expect 200 hello
get -H 'x-reject: 418' /hello && expect 418
kill -TERM "$pid"
ends 0
# And after a restart it is missing: passed over, as that was said.
again
get -H 'x-reject: 418' /hello && expect 200 hello
kill -TERM "$pid"
ends 0
