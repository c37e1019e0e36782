#!/usr/bin/env bash
# test: timeout=60 cost=5 waits
# From start to end: one daemon a socket, draining, signals, systemd, the first process of a container.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm sleeper.wasm hello.wasm

# task NAME FILE SHUTDOWN ARGS...
task() {
	printf '[task.%s]\nfile = "%s.wasm"\nlimits = { max_memory = "16MiB" }\nrestart = "temporary"\nshutdown_timeout = "%s"\nargs = ["%s", "%s"]\n' \
		"$1" "$2" "$3" "$2" "$4"
}

# Of two daemons with one socket the second does not start; the first goes on.
children a
begin
first="$pid"
cp log first.log
launch
ends 69
says "another daemon runs with this socket, process $first"
pid="$first"
kill -0 "$pid" || failed 'the first is gone'

# What a killed one leaves behind is in nobody's way.
kill -9 "$pid"
wait "$pid" 2>/dev/null
begin
says 'a: up'
kill -TERM "$pid"
ends 0

# Relative to the configuration's folder, wherever the daemon runs.
mkdir sub
mv bulkhead.toml counter.wasm sub/
begin sub/bulkhead.toml
[ -e sub/admin.sock.lock ] || failed 'no lock beside the socket'
kill -TERM "$pid"
ends 0
mv sub/* .

# A folder that is not there, or not ours.
sed -i 's,socket = .*,socket = "none/admin.sock",' bulkhead.toml
launch
ends 66
says 'none/admin.sock.lock: No such file or directory'
mkdir locked && chmod 500 locked
sed -i 's,none/,locked/,' bulkhead.toml
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod -R go+rX "$HOME/.." 2>/dev/null
	setpriv --reuid 65534 --clear-groups env BULKHEAD_CACHE=0 "$daemon" >out 2>log </dev/null &
	pid=$!
	ends 77
	says 'Permission denied'
fi

# The default place: made, private, and nobody's but ours.
sed -i '/socket/d' bulkhead.toml
mkdir run
XDG_RUNTIME_DIR="$PWD/run" begin
[ "$(stat -c %a run/bulkhead)" = 700 ] || failed 'the folder is open'
[ -e run/bulkhead/admin.sock.lock ] || failed 'not in the default place'
kill -TERM "$pid"
ends 0
chmod 777 run/bulkhead
XDG_RUNTIME_DIR="$PWD/run" launch
ends 77
says 'not a folder that this user alone can write to'

# Draining: what runs may come to its end within its time, and is killed after that.
{
	printf '[admin]\nsocket = "admin.sock"\n'
	task ends sleeper 10s 0.6
	task endless sleeper 300ms 60
} >bulkhead.toml
begin
says 'endless: up'
kill -TERM "$pid"
ends 0
says 'endless: killed, as it did not stop in time'
never 'ends: killed'
says 'stopped'

# Who cannot wait says so again.
{
	printf '[admin]\nsocket = "admin.sock"\n'
	task endless sleeper 50s 60
} >bulkhead.toml
begin
kill -TERM "$pid"
says 'stopping; once more ends it at once'
kill -0 "$pid" || failed 'it ended too early'
kill -TERM "$pid"
ends 143
begin
kill -INT "$pid"
says 'SIGINT: stopping'
kill -INT "$pid"
ends 130

# A tree that fails is the end of the daemon, and no success.
children a
printf '[supervisor]\nmax_restarts = 0\n[task.bad]\nfile = "sleeper.wasm"\nlimits = { max_memory = "16MiB", max_fuel_per_execution = 1 }\n' >>bulkhead.toml
launch
ends 70
says 'crashed too often: the daemon ends'

# It can be stopped before it has started.
children a b c
BULKHEAD_CACHE=0 launch
# Not before it is there: until then it is a shell, which may take the signal and forget it.
is_the_daemon() { [ "$(readlink "/proc/$pid/exe")" = "$(realpath "$daemon")" ]; }
until_true is_the_daemon || failed 'it did not begin'
kill -TERM "$pid" 2>/dev/null
is_gone || until_true is_gone || failed 'it goes on'
wait "$pid"
code=$?
pid=
# Before it can catch signals they end it.
[ "$code" = 0 ] || [ "$code" = 143 ] || failed "it ended with $code"

# systemd: what is told, when, and with what rhythm.
children a
cat >listen.pl <<'PERL'
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
$| = 1;
print "listening\n";
while (defined $socket->recv(my $text, 4096)) { $text =~ s/\n/ /g; print "$text\n"; }
PERL
perl listen.pl notify.sock >told &
listener=$!
trap 'kill "$listener" 2>/dev/null; [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null' EXIT
until_true grep -q listening told
NOTIFY_SOCKET="$PWD/notify.sock" WATCHDOG_USEC=200000 begin
told() { until_true grep -q "$1" told || { cat told; failed "systemd was not told: $1"; }; }
told '^READY=1 STATUS=1 children, 0 cannot run'
told '^WATCHDOG=1'
# How long loading and stopping may take, which systemd cannot know: 5 s for the child, and a rest.
told '^EXTEND_TIMEOUT_USEC=120000000'
kill -HUP "$pid"
told '^RELOADING=1 MONOTONIC_USEC=[0-9]*$'
told '^READY=1 STATUS=reloaded'
kill -TERM "$pid"
ends 0
told '^STOPPING=1'
told '^EXTEND_TIMEOUT_USEC=35000000$'
[ "$(grep -c WATCHDOG told)" -ge 2 ] || failed 'the watchdog heard of it once'
order="$(grep -oE '^(READY=1 STATUS=1|RELOADING|READY=1 STATUS=reloaded|STOPPING)' told | uniq | tr '\n' ' ')"
[ "$order" = 'READY=1 STATUS=1 RELOADING READY=1 STATUS=reloaded STOPPING ' ] || failed "told in another order: $order"

# Without a watchdog an idle daemon sleeps, once it has settled: nothing in it looks every second whether there is something.
wakes() { awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$pid"/task/*/status; }
children a
begin
most=0
[ -z "${TSAN_OPTIONS:-}" ] || most=20 # a thread of the sanitizer looks up ten times a second
woken=1000
for _ in 1 2 3; do
	[ "$woken" -le "$most" ] && break
	before="$(wakes)"
	sleep 1.5
	woken="$(($(wakes) - before))"
done
[ "$woken" -le "$most" ] || failed "an idle daemon woke up $woken times in 1.5 seconds"
kill -TERM "$pid"
ends 0

# Below journald lines begin with their priority, and not with a time; JOURNAL_STREAM of something else is not ours.
JOURNAL_STREAM=1:1 begin
[ "$(grep -c '^<' log)" = 0 ] || failed 'another stream was taken for the journal'
kill -TERM "$pid"
ends 0
: >log
journal="$(stat -c %d:%i log)"
JOURNAL_STREAM="$journal" "$daemon" 2>>log </dev/null &
pid=$!
until_true grep -q '^<6>started: 1 kept\|^<6>started: 0 kept' log || failed 'no priority'
grep -qE '^[0-9]{4}-' log && failed 'a time of its own beside that of the journal'
kill -TERM "$pid"
ends 0

# As process 1: signals work there, and what is left to it is waited for.
if unshare -fp true 2>/dev/null; then
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -fp --kill-child sh -c 'sleep 0.2 & exec "$0" bulkhead.toml' "$daemon" >out 2>log </dev/null &
	pid=$!
	says 'started: '
	first="$(cat "/proc/$pid/task/$pid/children")"
	first="${first% }"
	of_first() { cat "/proc/$first/task/$first/children"; }
	one_left() { [ "$(of_first | wc -w)" = 1 ]; }
	until_true one_left || failed "not waited for: $(of_first)"
	kill -HUP "$first"
	says 'reloaded: 1 kept'
	kill -TERM "$first"
	ends 0
	says 'stopped'
fi
