#!/usr/bin/env bash
# Usage: tools/merge-archive.sh AR OUT ENGINE_ARCHIVE OBJECT_LIST
# One archive of the engine's members and the objects named in OBJECT_LIST, a path a line.
set -euo pipefail

ar="$1" out="$2" engine="$3" list="$4"
new="$out.new"
# ar's script language splits at blanks and knows no quoting: give it short relative names.
here="$(dirname "$out")"
ln -sfn "$engine" "$here/.engine.a"
cd "$here"
rm -f "$new"
{
	echo "CREATE $(basename "$new")"
	echo "ADDLIB .engine.a"
	echo "SAVE"
	echo "END"
} | "$ar" -M
rm -f .engine.a
# Members are added by name with q: rooms may have files of the same name.
xargs -d '\n' -a "$list" "$ar" qs "$new"
mv -f "$new" "$out"
