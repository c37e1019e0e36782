#!/usr/bin/env bash
# Usage: bench/bench_gateway_proxy.sh   (run by tools/bench.sh, which sets $BULKHEAD and $GUESTS)
# Requests a second through the gateway of `bulkhead serve`, with no module, 1 and 5, in turn with the same upstream asked
# directly: proxy_rps.0, .1, .5; and with 5 that import WASI: .5.wasi. wrk on the same machine has its share of the processors.
set -euo pipefail

build="$(dirname "$(dirname "$BULKHEAD")")"
command -v wrk >/dev/null || { echo 'bench: no wrk' >&2; exit 1; }
[ -x "$build/tests/serve_upstream" ] || cmake --build "$build" -t serve_upstream >&2
folder="$(mktemp -d)"
pids=()
# shellcheck disable=SC2154 # set in the trap itself
trap 'for one in "${pids[@]}"; do kill -9 "$one" 2>/dev/null || true; wait "$one" 2>/dev/null || true; done; rm -rf "$folder"' EXIT
cd "$folder"
rounds="${BENCH_ROUNDS:-5}" seconds="${BENCH_SECONDS:-3}"

"$build/tests/serve_upstream" >up.out &
pids+=($!)
for _ in $(seq 100); do if grep -qs "^port" up.out; then break; fi; sleep 0.05; done
up=$(sed -n 's/^port //p' up.out)

# The modules: each sees every request and changes one header of it. Those with WASI change nothing, and write nothing.
begin() { # MODULES[.wasi] PORT
	local guest=gateway-edit
	[[ $1 != *.wasi ]] || guest=gateway-print
	mkdir "d$1"
	{
		printf '[admin]\nsocket = "%s/d%s/s"\n[gateway]\nlisten = "127.0.0.1:%s"\nupstream = "http://127.0.0.1:%s"\n' "$folder" "$1" "$2" "$up"
		for i in $(seq "${1%.wasi}"); do
			printf '[[gateway.module]]\nname = "m%s"\nfile = "%s/%s.wasm"\nattach = ["on-request"]\n' "$i" "$GUESTS" "$guest"
		done
	} >"d$1/bulkhead.toml"
	"$(dirname "$BULKHEAD")/bulkheadd" "d$1/bulkhead.toml" 2>"d$1/log" &
	pids+=($!)
	for _ in $(seq 400); do if grep -qs "started: " "d$1/log"; then return; fi; sleep 0.05; done
	cat "d$1/log" >&2
	return 1
}
declare -A port=([direct]="$up")
for n in 0 1 5 5.wasi; do
	port[$n]=$((21000 + RANDOM % 8000))
	begin "$n" "${port[$n]}"
done

for ((round = 0; round < rounds; round++)); do
	for what in direct 0 1 5 5.wasi; do
		wrk -t1 -c32 -d"${seconds}s" -H 'x-set: x-seen=1' "http://127.0.0.1:${port[$what]}/hello" >wrk.out
		! grep -qE 'Non-2xx|Socket errors' wrk.out || { cat wrk.out >&2; exit 1; }
		sed -n 's/^Requests\/sec: *//p' wrk.out >>"rps.$what"
	done
done
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
direct=$(median rps.direct)
for n in 0 1 5 5.wasi; do
	jq -nc --arg name "proxy_rps.$n" --argjson median "$(median "rps.$n")" --argjson low "$(sort -n "rps.$n" | head -1)" \
		--argjson direct "$direct" --argjson samples "$rounds" \
		'{name: $name, unit: "req/s", median: $median, p99: $low, samples: $samples, better: "higher", peer: "the upstream itself", peer_median: $direct, ratio: ($median / $direct)}'
done
