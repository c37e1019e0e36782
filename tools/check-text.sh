#!/usr/bin/env bash
# Nothing in the tree may name a path of somebody's machine or the host of somebody's package mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

# Hosts that this machine gets its packages from, unless they are the public ones that everybody knows.
hosts="$(cat "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" /etc/pip.conf \
	"$HOME/.npmrc" /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
	grep -oE 'https?://[^/" ]+' | sed -E 's#.*//##; s#.*@##; s#:.*##' | sort -u |
	grep -vE '^(deb|security)\.debian\.org$|^crates\.io$|^pypi\.org$|^registry\.npmjs\.org$' || true)"

failed=0
look() {
	if git grep -nI --untracked "$@" -- . ':!tools/check-text.sh'; then
		failed=1
	fi
}
# Homes, and the folder that this checkout lies in.
look -E '(^|[^A-Za-z0-9_.}/-])/(home|Users)/[a-z]+/'
look -F "$HOME/"
case "$(dirname "$PWD")" in
/ | /tmp | /home | /src | /usr/src) ;;
*) look -F "$(dirname "$PWD")/" ;;
esac
for host in $hosts; do
	look -F "$host"
done
# Cargo writes the registry it used into the lock file.
if grep -n '^source = ' engine/Cargo.lock | grep -v 'registry+https://github.com/rust-lang/crates.io-index"'; then
	failed=1
fi
[ "$failed" = 0 ] || echo "text: paths of one machine, or package hosts, in the lines above"
exit "$failed"
