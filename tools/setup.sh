#!/usr/bin/env bash
# Makes sure that a machine has what the project needs.
#
#   tools/setup.sh build      to build, run the demo and the tests
#   tools/setup.sh lint       for make lint
#   tools/setup.sh sanitize   for make sanitize
#   tools/setup.sh bench      for make bench
#   tools/setup.sh languages  for make languages
#
# On Debian, missing packages are installed when this runs as root or sudo works without a password; otherwise
# the one command to run is printed. Rust is checked, never installed.
set -euo pipefail

rust_needed=1.95

build=(gcc g++ libc6-dev binutils make cmake ninja-build pkg-config git curl jq ca-certificates
	clang lld wasi-libc libclang-rt-14-dev-wasm32
	libjansson-dev libsodium-dev libcurl4-openssl-dev libmicrohttpd-dev libseccomp-dev libcmocka-dev)
lint=(clang-tidy clang-format cppcheck shellcheck)
sanitize=(libclang-rt-14-dev)
bench=(hyperfine wrk)

say() { printf 'setup: %s\n' "$*" >&2; }

missing_packages() {
	local package status
	while read -r package status; do
		[ "$status" = installed ] || echo "$package"
	done < <(
		# dpkg-query is silent about packages it never heard of: every name gets a line of its own first.
		{
			printf '%s\n' "$@" | sed 's/$/ missing/'
			dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed 's/:[a-z0-9]* / /'
		} | awk '{ status[$1] = $2 } END { for (name in status) print name, status[name] }' | sort
	)
}

check_packages() {
	local missing
	if ! command -v dpkg-query >/dev/null; then
		say "not a Debian system: see to it yourself that these are there: $*"
		return
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0

	local sudo=()
	if [ "$(id -u)" -ne 0 ]; then
		sudo=(sudo)
		if ! sudo -n true 2>/dev/null; then
			say "packages are missing. Run this once, then try again:"
			say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
			exit 1
		fi
	fi
	say "installing ${missing[*]}"
	"${sudo[@]}" apt-get update -qq >&2
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

check_rust() {
	local found tool
	for tool in cargo rustc; do
		if ! command -v $tool >/dev/null; then
			say "$tool is not installed. The engine is built with Rust $rust_needed or later: install it from"
			say "https://rustup.rs, then open a new shell (or: . ~/.cargo/env)."
			exit 1
		fi
	done
	found="$(rustc --version | cut -d ' ' -f 2)"
	if [ "$(printf '%s\n%s\n' "$rust_needed" "${found%%-*}" | sort -V | head -n 1)" != "$rust_needed" ]; then
		say "rustc $found is too old: the engine needs Rust $rust_needed or later. With rustup: rustup update stable"
		exit 1
	fi
}

packages=("${build[@]}")
case "${1:-build}" in
build) ;;
lint) packages+=("${lint[@]}") ;;
sanitize) packages+=("${sanitize[@]}") ;;
bench) packages+=("${bench[@]}") ;;
languages)
	# Python often comes from elsewhere than Debian; Node.js is tools/node.sh's business.
	if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then packages+=(python3 python3-venv); fi
	;;
*)
	say "unknown argument '$1'; usage: tools/setup.sh [build|lint|sanitize|bench|languages]"
	exit 2
	;;
esac
# Rust installed by rustup is on the path of new shells only.
if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
	PATH="$HOME/.cargo/bin:$PATH"
fi
check_packages "${packages[@]}"
check_rust
