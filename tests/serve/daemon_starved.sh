#!/usr/bin/env bash
# test: timeout=120 cost=5
# No memory: each allocation of the daemon fails in turn, from its start to its end.
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm parent.wasm

limits='limits = { max_memory = "32MiB" }'
printf '[admin]\nsocket = "admin.sock"\n[log]\ndirectory = "logs"\n[service.a]\nfile = "counter.wasm"\n%s\n' "$limits" >bulkhead.toml
printf '[service.front]\nfile = "parent.wasm"\n%s\npermissions = { capabilities = ["supervision"] }\nspawn = ["c"]\n[component.c]\nfile = "counter.wasm"\n%s\n' \
	"$limits" "$limits" >>bulkhead.toml
sed 's/^\[service.front\]/&\nmailbox = 5/; s/service.a/service.b/' bulkhead.toml >other.toml
timeout 110 "$SERVE/serve_starve" 1 1 100000 >got 2>log || failed "it ended with $?"
[ "$(sed -n 's/ allocations//p' got)" -gt 100 ] || failed "few allocations: $(cat got)"
