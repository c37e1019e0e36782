#!/usr/bin/env bash
# Usage: tools/run-script-test.sh SCRIPT
# Runs one test script in a fresh working folder with a home and cache of its own, removed afterwards.
# Its exit status is the script's: 0 passes, 77 skips.
set -u

folder="$(mktemp -d)" || exit 1
trap 'chmod -R u+rwX "$folder" 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 143' TERM INT

unset BULKHEAD_CACHE BULKHEAD_CACHE_DIR XDG_CONFIG_HOME
export HOME="$folder/home" XDG_CACHE_HOME="$folder/cache" TMPDIR="$folder/tmp" LC_ALL=C.UTF-8
mkdir -p "$HOME" "$XDG_CACHE_HOME" "$TMPDIR" "$folder/work"
cd "$folder/work" || exit 1
bash "$1"
