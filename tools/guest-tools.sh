#!/usr/bin/env bash
# Installs the pinned tools that build the test guests into a per-user cache folder.
#
#   tools/guest-tools.sh             wit-bindgen, wasm-tools and the WASI 0.1 adapters
#   tools/guest-tools.sh languages   these, and componentize-py and componentize-js
#
# Progress goes to stderr, one line a step. The last line on stdout is the folder with the
# commands; beside it lie adapters/ and, for languages, python/ and javascript/.
# A second run finds everything there and does nothing. Two runs at once wait for each other.
set -euo pipefail

wit_bindgen=0.63.0
wasm_tools=1.263.0
adapters=48.0.8
componentize_py=0.25.1
componentize_js=0.23.0

say() { printf 'guest-tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

need() {
	command -v "$1" >/dev/null || die "$1 is not installed ($2)"
}

case "${1:-}" in
'' | languages) ;;
*) die "unknown argument '$1'; usage: tools/guest-tools.sh [languages]" ;;
esac

root="${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead-build/tools"
home="$root/wit-bindgen-${wit_bindgen}_wasm-tools-${wasm_tools}_adapters-${adapters}"
python="$home/python-$componentize_py"
javascript="$home/javascript-$componentize_js"

mkdir -p "$home"
need flock "Debian package util-linux"
exec 9>"$root/lock"
if ! flock -n 9; then
	say "another run is installing; waiting for it"
	flock 9
fi

# A folder of this run, on the same file system as its goal, so that the last step is a rename.
# What a killed run left behind goes first: this run alone holds the lock.
rm -rf "$root"/.installing.*
scratch="$(mktemp -d "$root/.installing.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

# cargo_tool NAME VERSION FEATURES COMMAND: COMMAND of crate NAME goes to bin/
cargo_tool() {
	local crate="$1" version="$2" features="$3" command="$4"
	if [ -x "$home/bin/$command" ]; then
		say "$command $version is there"
		return
	fi
	need cargo "https://rustup.rs, Rust 1.95 or later"
	say "building $command $version (about a minute)"
	# The tools only see small files: unoptimised they take 30 ms, and build in a third of the time.
	CARGO_TARGET_DIR="$scratch/target" \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
	CARGO_PROFILE_RELEASE_DEBUG=0 \
	CARGO_PROFILE_RELEASE_LTO=off \
	CARGO_PROFILE_RELEASE_STRIP=symbols \
		cargo install --quiet --locked --root "$scratch/$command" --version "=$version" \
		--no-default-features --features "$features" "$crate" </dev/null >&2 9>&- ||
		die "could not build $command $version"
	mkdir -p "$home/bin"
	mv -f "$scratch/$command/bin/$command" "$home/bin/$command"
}

# The adapters are data inside a crate: a manifest that names it, vendored, is all it takes.
install_adapters() {
	local crate=wasi-preview1-component-adapter-provider
	if [ -d "$home/adapters" ]; then
		say "adapters $adapters are there"
		return
	fi
	need cargo "https://rustup.rs, Rust 1.95 or later"
	say "fetching the WASI 0.1 adapters $adapters"
	mkdir -p "$scratch/adapter-fetch/src" "$scratch/adapters"
	: >"$scratch/adapter-fetch/src/lib.rs"
	cat >"$scratch/adapter-fetch/Cargo.toml" <<-END
		[package]
		name = "adapter-fetch"
		version = "0.0.0"
		edition = "2021"
		[dependencies]
		$crate = "=$adapters"
		[workspace]
	END
	cargo vendor --quiet --versioned-dirs \
		--manifest-path "$scratch/adapter-fetch/Cargo.toml" "$scratch/vendor" \
		</dev/null >/dev/null 9>&- || die "could not fetch $crate $adapters"
	cp "$scratch/vendor/$crate-$adapters"/artefacts/*.wasm "$scratch/adapters/"
	mv "$scratch/adapters" "$home/adapters"
}

# The folder is renamed after pip has run, so call it as "python/bin/python -m componentize_py".
install_python() {
	if [ -d "$python" ]; then
		say "componentize-py $componentize_py is there"
	else
		need python3 "Debian packages python3 and python3-venv"
		say "installing componentize-py $componentize_py"
		python3 -m venv "$scratch/python" >&2 9>&- ||
			die "could not make a virtual environment (Debian package python3-venv)"
		"$scratch/python/bin/python" -m pip install --quiet --disable-pip-version-check \
			"componentize-py==$componentize_py" </dev/null >&2 9>&- ||
			die "could not install componentize-py $componentize_py"
		mv "$scratch/python" "$python"
	fi
	ln -sfn "$(basename "$python")" "$home/python"
}

install_javascript() {
	if [ -d "$javascript" ]; then
		say "componentize-js $componentize_js is there"
	else
		need npm "Debian packages nodejs and npm"
		say "installing componentize-js $componentize_js"
		mkdir "$scratch/javascript"
		printf '{"private": true}\n' >"$scratch/javascript/package.json"
		npm install --prefix "$scratch/javascript" --silent --no-audit --no-fund \
			--no-update-notifier --save-exact \
			"@bytecodealliance/componentize-js@$componentize_js" \
			</dev/null >&2 9>&- || die "could not install componentize-js $componentize_js"
		mv "$scratch/javascript" "$javascript"
	fi
	ln -sfn "$(basename "$javascript")" "$home/javascript"
}

install_adapters
cargo_tool wit-bindgen-cli "$wit_bindgen" c wit-bindgen
cargo_tool wasm-tools "$wasm_tools" component,parse,print,strip wasm-tools
if [ "${1:-}" = languages ]; then
	install_python
	install_javascript
fi
printf '%s\n' "$home/bin"
