#!/usr/bin/env bash
# test: timeout=60
# The daemon and its admin API together: instances that outlive a reload, calls that outlive a signal, sockets handed over.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm lines.wasm echo.wasm
command -v curl >/dev/null || exit 77

ask() { curl -sS --max-time 20 --unix-socket admin.sock "http://bulkhead$1" "${@:2}"; }
code() { ask "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
call() { ask "/v1/children/$1/call" -d "{\"wave\": \"$2\"}"; }
# counts NAME N: the instance of that service has counted so far, and counts on
counts() { [ "$(call "$1" 'increment()' | jq -r .result)" = "$2" ] || failed "$1 did not count to $2"; }
state() { ask "/v1/children/$1" | jq -r .state; }

children kept changed
begin
[ "$(stat -c %a admin.sock)" = 600 ] || failed 'the socket is open'
[ "$(code /readyz)" = 200 ] || failed 'not ready'
for n in 1 2 3; do counts kept "$n"; done
counts changed 1

# An unchanged service counts on, a changed one begins anew; with a mistake in the file both count on.
sed -i 's/^\[service.changed\]/&\nmailbox = 9/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 1 kept, 0 added, 1 changed'
counts kept 4
counts changed 1
echo 'replicas = "big"' >>bulkhead.toml
kill -HUP "$pid"
says 'not reloaded'
counts kept 5
counts changed 2

# Who asks the API for it is told what is wrong, at once.
[ "$(code /v1/reload -X POST)" -ge 400 ] || failed 'a mistake was taken'
ask /v1/reload -X POST | grep -q 'not a count' || failed 'what is wrong was not said'
sed -i '$d' bulkhead.toml
# Also of what another part of the daemon reads.
cp bulkhead.toml good.toml
printf '[task.late]\nfile = "counter.wasm"\nlimits = { max_memory = "16MiB" }\ncron = "61 * * * *"\n' >>bulkhead.toml
[ "$(code /v1/reload -X POST)" = 422 ] || failed 'a wrong cron line was taken'
ask /v1/reload -X POST | jq -r .detail | grep -q 'bulkhead.toml:[0-9]*:8: late: cron: .*minute' || failed 'what is wrong with it was not said'
cp good.toml bulkhead.toml
[ "$(code /v1/reload -X POST)" -lt 300 ] || failed 'not reloaded'
says 'reloaded: 2 kept'
never 'late'
counts kept 6

# Where it listens, and with what token, is for the next start, and that is said; so is it of nothing else that follows.
cp bulkhead.toml good.toml
(umask 077 && echo 0123456789012345678901234567890123456789 >token)
sed -i 's/^socket.*/&\nlisten = "127.0.0.1:19798"\ntoken_file = "token"/' bulkhead.toml
[ "$(code /v1/reload -X POST)" -lt 300 ] || failed 'not reloaded'
says '[host], [admin] or [supervisor] has changed: that is in force after a restart'
cp good.toml bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 2 kept' 3
counts kept 7

# Another component is an upgrade, at once for the API, on SIGHUP for a file that changed; calls go on meanwhile.
cp echo.wasm other.wasm
[ "$(code /v1/children/kept/upgrade -d "{\"file\": \"$PWD/none.wasm\"}")" = 404 ] || failed 'no file, and no error'
[ "$(code /v1/children/kept/upgrade -d "{\"file\": \"$PWD/other.wasm\"}")" -ge 400 ] || failed 'an export was lost'
counts kept 8
cp counter.wasm other.wasm
ask /v1/children/kept/upgrade -d "{\"file\": \"$PWD/other.wasm\"}" | json_holds .upgraded || failed 'not upgraded'
counts kept 1
[ "$(code /v1/reload -X POST)" -lt 300 ] || failed 'not reloaded'
says 'reloaded: 2 kept' 4
counts kept 2
(
	while [ ! -e enough ]; do
		call kept 'get()' | json_holds 'has("result")' || touch refused
	done
) &
caller=$!
printf '[resources]\nmax_memory = "16MiB"\nmax_stack = "512KiB"\n' >counter.toml
kill -HUP "$pid"
says 'reloaded: 0 kept, 0 added, 0 changed, 2 upgraded'
touch enough
wait "$caller"
[ ! -e refused ] || failed 'a call was lost in an upgrade'
rm counter.toml

# Readers of a log get its lines, the old child's and the new one's.
printf '[task.say]\nfile = "lines.wasm"\nlimits = { max_memory = "16MiB" }\nrestart = "temporary"\nargs = ["lines", "3"]\n' >>bulkhead.toml
kill -HUP "$pid"
says 'say: normal'
sed -i 's/"3"/"2"/' bulkhead.toml
kill -HUP "$pid"
says 'say: normal' 2
got="$(ask '/v1/children/say/logs?lines=4' | sed 's/^[^ ]* //' | tr '\n' ' ')"
[ "$got" = 'line 2 line 3 line 1 line 2 ' ] || failed "other lines: $got"

# Killed: the socket is replaced, and the children are back.
kill -9 "$pid"
wait "$pid" 2>/dev/null
[ -S admin.sock ] || failed 'no stale socket to replace'
begin
counts kept 1

# A call that runs when the daemon is asked to stop comes to its end; what comes then is refused.
sed -i 's/^limits = .*/limits = { max_memory = "16MiB", max_execution_time_ms = "10s" }/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: 0 kept'
call kept 'sleep-ms(700)' >answer &
caller=$!
in_flight() { [ "$(ask /v1/children/kept | jq '.children[0].in_flight')" = 1 ]; }
until_true in_flight || failed 'the call does not run'
kill -TERM "$pid"
says 'stopping'
[ "$(code /readyz)" = 503 ] || failed 'ready while it stops'
wait "$caller" || failed 'the call was cut off'
json_holds '.usage' <answer || failed "the call failed: $(cat answer)"
ends 0
[ ! -e admin.sock ] || failed 'the socket is left'

# A socket that was handed over: nobody is turned away while the daemon starts, or between two of them.
children kept
cat >hand.pl <<'PERL'
use IO::Socket::UNIX;
use Fcntl;
my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => shift @ARGV, Listen => 5) or die;
$socket->fileno == 3 or (POSIX::dup2($socket->fileno, 3) or die);
fcntl(STDIN, F_GETFD, 0);
open my $three, "<&=", 3 or die;
fcntl($three, F_SETFD, 0) or die;
$ENV{LISTEN_PID} = $$;
$ENV{LISTEN_FDS} = 1;
$ENV{LISTEN_FDNAMES} = "admin";
exec @ARGV or die;
PERL
sed -i '1a use POSIX ();' hand.pl
(umask 077 && exec perl hand.pl "$PWD/admin.sock" "$daemon" bulkhead.toml) >out 2>log </dev/null &
pid=$!
says 'started: '
counts kept 1
kill -TERM "$pid"
ends 0
