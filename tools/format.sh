#!/usr/bin/env bash
# Usage: tools/format.sh [--check] [FILE...]
# Formats our C, or with --check says what is not formatted and fails. Without files: all of it.
set -euo pipefail
cd "$(dirname "$0")/.."

check=
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
if [ $# -eq 0 ]; then
	mapfile -t files < <(find include src tests bench fuzz guests examples engine/include -name '*.[ch]' 2>/dev/null | sort)
	set -- "${files[@]}"
fi

# clang-format 14 takes the braces of "#define X_INIT {0}" for a block. It sees a call instead.
format_one() {
	sed -E 's/^(#define [A-Za-z_0-9]+(\([^)]*\))?) \{(.*[^\\])\}$/\1 BRACES_(\3)/' "$1" |
		clang-format --assume-filename="$1" |
		sed -E '/BRACES_\(/ { s/ BRACES_\((.*)\)$/ {\1}/ }'
}

scratch="$(mktemp)"
trap 'rm -f "$scratch"' EXIT
wrong=0
for file in "$@"; do
	format_one "$file" >"$scratch"
	cmp -s "$scratch" "$file" && continue
	if [ -n "$check" ]; then
		wrong=1
		diff -u --label "$file" --label "$file, formatted" "$file" "$scratch" | head -n 30 || true
	else
		cat "$scratch" >"$file"
		printf 'formatted %s\n' "$file"
	fi
done
if [ "$wrong" = 1 ]; then
	echo "format: run tools/format.sh"
	exit 1
fi
