#!/usr/bin/env bash
# Usage: tools/check-symbols.sh [BUILD]
# Every function that a public header declares is in src/libbulkhead.map and exported by libbulkhead.so; and
# nothing else is in the map, or exported, or callable in a header without being marked BH_API.
set -euo pipefail
cd "$(dirname "$0")/.."
library="${1:-build}/lib/libbulkhead.so"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C

# Declarations may go over several lines; the name is the first bh_ word before a parenthesis.
awk '
	function take(declaration) {
		if (match(declaration, /bh_[a-z0-9_]+ *\(/)) {
			name = substr(declaration, RSTART, RLENGTH)
			sub(/ *\($/, "", name)
			print name
		}
	}
	/^BH_API / { text = $0; inside = 1 }
	inside && !/^BH_API / { text = text " " $0 }
	inside && /;/ { take(text); inside = 0 }
' include/bulkhead.h include/bulkhead/*.h | sort -u >"$scratch/headers"
sed -nE 's/^[[:space:]]*(bh_[a-z0-9_]+);$/\1/p' src/libbulkhead.map | sort -u >"$scratch/map"
nm -D --defined-only --without-symbol-versions "$library" | awk '$2 != "A" { print $3 }' | sort -u >"$scratch/exported"

failed=0
# report LEFT RIGHT TEXT: names in LEFT that are not in RIGHT
report() {
	local name
	while read -r name; do
		printf 'symbols: %s %s\n' "$name" "$3"
		failed=1
	done < <(comm -23 "$scratch/$1" "$scratch/$2")
}
report headers map "is declared BH_API, but not in src/libbulkhead.map"
report map headers "is in src/libbulkhead.map, but no public header declares it"
report map exported "is in src/libbulkhead.map, but not exported: it has no definition"
report exported map "is exported, but not in src/libbulkhead.map"

# A bare declaration in a public header would be hidden.
if grep -nE '^[a-z][A-Za-z0-9_ ]*[ *](bh_[a-z0-9_]+)\(.*\);' include/bulkhead/*.h | grep -v 'typedef'; then
	echo "symbols: declared in a public header without BH_API"
	failed=1
fi
[ "$failed" = 0 ] && printf 'symbols: %d exported, as declared\n' "$(wc -l <"$scratch/exported")"
exit "$failed"
