#!/usr/bin/env bash
# test: timeout=120 labels=slow
# No memory while a daemon with a gateway starts and reloads: it is all of one configuration, or all of the other.
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm gateway-policy.wasm gateway-auth.wasm

port=$((10000 + RANDOM % 20000))
printf '[admin]\nsocket = "admin.sock"\n[service.a]\nfile = "counter.wasm"\nlimits = { max_memory = "32MiB" }\n[gateway]\nlisten = "127.0.0.1:%s"\nupstream = "http://127.0.0.1:1"\n[[gateway.module]]\nname = "policy"\nfile = "gateway-policy.wasm"\n' "$port" >bulkhead.toml
sed 's/127.0.0.1:1"/127.0.0.1:2"\non_failure = "open"/' bulkhead.toml >other.toml
printf '[[gateway.module]]\nname = "auth"\nfile = "gateway-auth.wasm"\n' >>other.toml
timeout 110 "$SERVE/serve_starve" 1 1 100000 >got 2>log || failed "it ended with $?"
[ "$(sed -n 's/ allocations//p' got)" -gt 100 ] || failed "few allocations: $(cat got)"
