#!/usr/bin/env bash
# test: timeout=180 labels=nosanitize cost=13
# Installs into a scratch folder, moves it, and builds a program against it: C through pkg-config, C++ through
# CMake; shared and static.
set -euo pipefail

here="$TESTS/install"
DESTDIR="$PWD/stage" cmake --install "$BUILD" --prefix /usr/local >/dev/null
# What works after a move holds no absolute path.
mv stage/usr/local installed
pc="$(find "$PWD/installed" -name bulkhead.pc)"
lib="$(dirname "$(dirname "$pc")")"
export PKG_CONFIG_PATH="$lib/pkgconfig"

test "$(pkg-config --modversion bulkhead)" = "$(sed -nE 's/.*define BH_VERSION "(.*)".*/\1/p' installed/include/bulkhead/version.h)"
test "$(readlink "$lib/libbulkhead.so")" = libbulkhead.so.0
if [ -e "$BUILD/bin/bulkhead" ]; then
	installed/bin/bulkhead --version
fi
if [ -e "$BUILD/bin/bulkheadd" ]; then
	installed/bin/bulkheadd --version
	grep -q '^ExecStart=/usr/local/bin/bulkheadd ' installed/lib/systemd/system/bulkhead.service
	# The command finds the daemon beside it.
	echo '[host' >wrong.toml
	installed/bin/bulkhead serve wrong.toml 2>said || true
	grep -q 'not started: wrong.toml: 1 error' said
fi

# HTTP is found from where the command is now: nobody listens there, but somebody was asked.
if [ -e "$BUILD/bin/bulkhead" ] && [ -e "$BUILD/guests/errand.wasm" ]; then
	installed/bin/bulkhead call --memory 64MB --timeout 20s --fuel unlimited --allow-net 127.0.0.1:1 \
		"$BUILD/guests/errand.wasm" 'get("http://127.0.0.1:1/")' | tee answer || true
	grep -q unreachable answer
fi

say() { printf -- '-- %s\n' "$*"; }
flags=(-std=c17 -Wall -Wextra -Wpedantic -Werror)

say "C, shared"
# shellcheck disable=SC2046 # flags are words
cc "${flags[@]}" "$here/program.c" $(pkg-config --cflags --libs bulkhead) -o c_shared
LD_LIBRARY_PATH="$lib" ./c_shared

say "C++, shared and static"
cmake -S "$here" -B cxx -G Ninja -DCMAKE_PREFIX_PATH="$PWD/installed" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build cxx >/dev/null
./cxx/cxx_shared
./cxx/cxx_static

# With the shared library gone, -lbulkhead is the archive.
say "C, static"
rm "$lib"/libbulkhead.so*
# shellcheck disable=SC2046
cc "${flags[@]}" "$here/program.c" $(pkg-config --static --cflags --libs bulkhead) -o c_static
./c_static
