#!/usr/bin/env bash
# test: timeout=120
# Every public header compiles alone, twice included, as C17 and as C++17, without a warning.
set -euo pipefail

include="$(dirname "$TESTS")/include"
check() {
	local compiler="$1" header="$2"
	shift 2
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"$compiler" "$@" -Wall -Wextra -Wpedantic -Werror -I "$include" -fsyntax-only - || {
		echo "$header does not compile alone ($compiler $*)"
		return 1
	}
}

failed=0
while read -r header; do
	check cc "$header" -x c -std=c17 || failed=1
	check c++ "$header" -x c++ -std=c++17 || failed=1
done < <(cd "$include" && find . -name '*.h' | sed 's#^\./##' | sort)

# What the umbrella header promises: it has all of them.
while read -r header; do
	grep -q "#include \"$header\"" "$include/bulkhead.h" || {
		echo "bulkhead.h does not include $header"
		failed=1
	}
done < <(cd "$include" && find bulkhead -name '*.h' | sort)
exit "$failed"
