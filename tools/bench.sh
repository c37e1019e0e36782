#!/usr/bin/env bash
# Usage: tools/bench.sh [BUILD] [NAME...]
# Runs the benchmarks, or only those named (bench_core_calls), and prints a table.
#
# A benchmark is BUILD/bench/bin/bench_SUITE or bench_SUITE_WHAT, or a script bench/bench_SUITE_WHAT.sh. It prints
# one JSON object a figure on stdout (name, unit, median, p99, samples, better; and peer, peer_median, ratio where
# a peer ran beside it), which go to BUILD/bench/SUITE.jsonl with the time (at); what it says on stderr is shown.
# Figures of the suite that an earlier run made stay there, and are marked in the table.
# It finds the command in $BULKHEAD and the guests in $GUESTS.
set -euo pipefail
cd "$(dirname "$0")/.."

build="$(cd "${1:-build}" && pwd)"
shift || true
export BULKHEAD="$build/bin/bulkhead" GUESTS="$build/guests"
# Nothing of the user's cache is used, nor left there; the benchmarks of starts make caches of their own.
export BULKHEAD_CACHE=0
RAW_WASMTIME="$(tools/bench-peers.sh --find raw-wasmtime 2>/dev/null)" || RAW_WASMTIME=
SMG_WASM="$(tools/bench-peers.sh --find smg-wasm 2>/dev/null)" || SMG_WASM=
export RAW_WASMTIME SMG_WASM

governor=/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
if [ -r $governor ] && [ "$(cat $governor)" != performance ]; then
	echo "bench: the CPU's governor is $(cat $governor); figures vary less with performance" >&2
fi

mapfile -t programs < <(find "$build/bench/bin" bench -name 'bench_*' \( -perm -u+x -type f -o -name '*.sh' \) 2>/dev/null | sort)
declare -A begun=()
failed=()
started="$(date +%s)"
for program in "${programs[@]}"; do
	name="$(basename "$program" .sh)"
	if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
		continue
	fi
	suite="$(cut -d _ -f 2 <<<"$name")"
	out="$build/bench/$suite.jsonl"
	# Whole suites are replaced; a benchmark run by itself replaces its own figures only.
	if [ -z "${begun[$suite]:-}" ] && [ $# -eq 0 ]; then
		: >"$out"
	fi
	begun[$suite]=1
	echo "bench: $name" >&2
	if ! "$program" >"$build/bench/$name.part" || ! jq -e -s 'all(has("name") and has("unit") and has("median"))' \
		"$build/bench/$name.part" >/dev/null; then
		failed+=("$name")
		continue
	fi
	touch "$out"
	jq -c -s --slurpfile old "$out" '(map(.name)) as $new | ($old | map(select(.name as $n | $new | index($n) | not))) + map(.at = (now | floor)) | .[]' \
		"$build/bench/$name.part" >"$out.new"
	mv "$out.new" "$out"
	rm "$build/bench/$name.part"
done

for suite in "${!begun[@]}"; do
	[ -s "$build/bench/$suite.jsonl" ] || continue
	printf '\n%s\n' "$suite"
	jq -r --argjson started "$started" '[.name, (.median * 1000 | round / 1000 | tostring), (.p99 // "" | if . == "" then "" else . * 1000 | round / 1000 | tostring end), .unit,
		(if .peer then "\(.ratio * 100 | round / 100) x \(.peer) (\(.peer_median))" else "" end) +
			(if (.at // 0) < $started then "  of an earlier run" else "" end)] | @tsv' \
		"$build/bench/$suite.jsonl" |
		awk -F '\t' '
			BEGIN { printf "  %-34s %14s %14s  %-8s %s\n", "", "median", "p99", "unit", "beside" }
			{ printf "  %-34s %14s %14s  %-8s %s\n", $1, $2, $3, $4, $5 }'
done
if [ "${#failed[@]}" -gt 0 ]; then
	printf '\nbench: failed: %s\n' "${failed[*]}" >&2
	exit 1
fi
