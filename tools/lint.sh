#!/usr/bin/env bash
# Usage: tools/lint.sh [BUILD]
# Everything that can be checked without running the program. BUILD must be built: it holds the exports and how
# each file is compiled. All checks run, then the failed ones are named.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build="${1:-build}"
jobs="$(nproc)"
failed=()
mkdir -p "$build/lint"

# step NAME COMMAND...
step() {
	local name="$1" start=$SECONDS
	shift
	if "$@"; then
		printf 'lint: %-12s ok, %d s\n' "$name" $((SECONDS - start))
	else
		printf 'lint: %-12s FAILED\n' "$name"
		failed+=("$name")
	fi
}

# One file; the analyzer's paths to a finding are left out: run clang-tidy on the file to see them.
tidy_one() {
	local build="$1" file="$2" output arguments=(--extra-arg=-Wno-unknown-warning-option)
	case "$file" in
	src/base/alloc.c | src/base/error.c | src/base/toml.c | src/cli/*) ;;
	src/serve/*) arguments+=(--extra-arg-before=-include --extra-arg-before="$PWD/tools/lint/analyzer_serve.h") ;;
	*) arguments+=(--extra-arg-before=-include --extra-arg-before="$PWD/tools/lint/analyzer.h") ;;
	esac
	output="$(clang-tidy -p "$build" --quiet "${arguments[@]}" "$file" 2>/dev/null | awk '
		/: (error|warning): / { show = 1 }
		/: note: / { show = 0 }
		show')"
	[ -z "$output" ] || {
		printf '%s\n' "$output"
		return 1
	}
}
export -f tidy_one

# clang-tidy is slow: a file that passed is read again only when it, a header or the configuration changed.
check_with_tidy() {
	local passed="$build/lint/tidy" common file hash todo=()
	mkdir -p "$passed"
	common="$({
		clang-tidy --version
		cat .clang-tidy tools/lint.sh
		find include src engine/include tools/lint -name '*.h' | sort | xargs cat
	} | sha256sum)"
	while read -r file; do
		hash="$(printf '%s' "$common" | cat - "$file" | sha256sum | cut -c 1-32)"
		[ -e "$passed/$hash" ] || todo+=("$file" "$passed/$hash")
	done < <(find src -name '*.c' | sort)
	[ "${#todo[@]}" -gt 0 ] || return 0
	# shellcheck disable=SC2016 # expanded by the inner shell
	printf '%s\n' "${todo[@]}" |
		xargs -d '\n' -n 2 -P "$jobs" bash -c 'tidy_one "$0" "$1" && touch "$2"' "$build"
}

check_with_cppcheck() {
	local output
	mkdir -p "$build/lint/cppcheck"
	output="$(cppcheck -j "$jobs" --quiet --inline-suppr --std=c11 --language=c \
		--enable=warning,performance,portability --suppressions-list=tools/lint/cppcheck.supp \
		--cppcheck-build-dir="$build/lint/cppcheck" -D__GNUC__ -D_GNU_SOURCE -I include -I src src 2>&1)"
	[ -z "$output" ] || {
		printf '%s\n' "$output"
		return 1
	}
}

check_rust() {
	if ! cargo fmt --version >/dev/null 2>&1; then
		echo "lint: rustfmt is not installed, the Rust is not checked"
		return 0
	fi
	cargo fmt --check --manifest-path engine/Cargo.toml -- --color never >"$build/lint/rust" && return
	head -n 40 "$build/lint/rust"
	echo "lint: run cargo fmt --manifest-path engine/Cargo.toml"
	return 1
}

check_scripts() {
	git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run |
		xargs -0 shellcheck --external-sources
}

step includes tools/check-includes.sh
step text tools/check-text.sh
step symbols tools/check-symbols.sh "$build"
step format tools/format.sh --check
step rust-format check_rust
step shellcheck check_scripts
step cppcheck check_with_cppcheck
step clang-tidy check_with_tidy

if [ "${#failed[@]}" -gt 0 ]; then
	printf 'lint: failed: %s\n' "${failed[*]}"
	exit 1
fi
