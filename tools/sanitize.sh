#!/usr/bin/env bash
# Usage: tools/sanitize.sh SANITIZERS BUILD
# Builds our C with clang's sanitizers into BUILD and runs the quick tests there. The engine is not instrumented.
# Tests labelled nosanitize, which measure time or memory, are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizers="$1" build="$2"
tools/setup.sh sanitize
guest_tools="$(tools/guest-tools.sh)"
cmake -S . -B "$build" -G Ninja -DBULKHEAD_DEV=ON -DBULKHEAD_SANITIZE="$sanitizers" \
	-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DBULKHEAD_GUEST_TOOLS="$guest_tools" >/dev/null
cmake --build "$build" -t all guests tests
cd "$build"
exec ctest --output-on-failure --repeat until-pass:2 --no-tests=error -j $(($(nproc) * 2)) -LE 'slow|languages|nosanitize'
