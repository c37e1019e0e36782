#!/usr/bin/env bash
# Usage: BULKHEAD=build/bin/bulkhead GUESTS=build/guests tools/demo.sh
set -euo pipefail
"$BULKHEAD" run --memory 16MB "$GUESTS/hello.wasm"
