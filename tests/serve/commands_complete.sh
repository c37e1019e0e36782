#!/usr/bin/env bash
# test: timeout=30
# What shells complete: commands, options, files, and the names of children.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm
export BULKHEAD_ADMIN="$PWD/admin.sock"
# shellcheck source=contrib/completions/bulkhead.bash
. "$TESTS/../contrib/completions/bulkhead.bash"

# completes WORD... -- EXPECTED...: the last of the words, as bash has it
completes() {
	local expected
	COMP_WORDS=("$BULKHEAD")
	while [ "$1" != -- ]; do
		COMP_WORDS+=("$1")
		shift
	done
	shift
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_bulkhead
	expected="$*"
	[ "${COMPREPLY[*]}" = "$expected" ] || failed "${COMP_WORDS[*]:1}: ${COMPREPLY[*]} instead of $expected"
}

completes st -- start stop
completes nosuch '' --
completes help res -- restart reset
completes ps --so -- --socket
completes logs --foll -- --follow
completes doctor '' --
completes run coun -- counter.wasm
completes run --memory '' --
mkdir sub
: >sub/bulkhead.toml
completes serve sub/b -- sub/bulkhead.toml

# Nobody is there, and somebody who does not answer: the shell is not kept.
completes ps '' --
perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "mute.sock", Listen => 1) or die; sleep 20' &
mute=$!
until_true test -S mute.sock || failed 'no mute server'
SECONDS=0
completes ps --socket mute.sock '' --
[ "$SECONDS" -lt 3 ] || failed 'the shell waited'
kill "$mute"

children counter cobalt other
begin
completes ps co -- counter cobalt
completes stop counter o -- other
completes call co -- counter cobalt counter.wasm
unset BULKHEAD_ADMIN
completes logs --socket "$PWD/admin.sock" ot -- other

# Each command has its own.
for name in $("$BULKHEAD" __complete '' | cut -f 1); do
	"$BULKHEAD" __complete "$name" --h >out 2>err || failed "$name"
	grep -q '^--help' out || failed "$name has no --help"
	[ ! -s err ] || failed "$name: $(cat err)"
done
exit 0
