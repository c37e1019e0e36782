#!/usr/bin/env bash
# test: timeout=60 waits
# SIGHUP: what did not change goes on untouched, the rest follows the file; a file with a mistake changes nothing.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm hello.wasm lines.wasm echo.wasm

# up NAME N: it came up N times and no more
up() {
	says "info    $1: up" "$2"
	[ "$(grep -cF "info    $1: up" log)" = "$2" ] || failed "$1 came up more than $2 times"
}
reload() { kill -HUP "$pid"; }

children kept changed gone
begin
up kept 1
up changed 1
up gone 1

# Nothing changed: nothing happens.
reload
says 'reloaded: 3 kept, 0 added, 0 changed, 0 upgraded, 0 removed'

# Moved about in the file is no change.
{
	printf '# moved\n\n'
	cat bulkhead.toml
} >moved.toml && mv moved.toml bulkhead.toml
reload
says 'reloaded: 3 kept, 0 added, 0 changed, 0 upgraded, 0 removed' 2

children kept changed new
printf 'mailbox = 5\n' >>bulkhead.toml
sed -i 's/^\[service.changed\]/&\nreplicas = 2/' bulkhead.toml
reload
says 'reloaded: 1 kept, 1 added, 1 changed, 0 upgraded, 1 removed'
up changed#1 1
up changed#2 1
up new 1
says 'gone: stopped'
up kept 1

# A mistake, anywhere: all stays as it was, also what was right in the file.
cp bulkhead.toml good.toml
children kept new another
echo 'replicas = "many"' >>bulkhead.toml
reload
says 'not reloaded, all stays as it was'
says 'bulkhead.toml:12:12: replicas = "many": not a count'
never 'another: up'
echo '[[[' >bulkhead.toml
reload
says 'not reloaded, all stays as it was' 2
rm bulkhead.toml
reload
says 'not reloaded, all stays as it was' 3
says 'bulkhead.toml: no such file'
cp good.toml bulkhead.toml
reload
says 'reloaded: 3 kept, 0 added, 0 changed, 0 upgraded, 0 removed' 3
up kept 1

# Another component in the same file is an upgrade; the same bytes anew are nothing.
children one two
sed -i '/service.two/,$ s/counter.wasm/other.wasm/' bulkhead.toml
cp counter.wasm other.wasm
reload
says 'reloaded: 0 kept, 2 added, 0 changed, 0 upgraded, 3 removed'
up two 1
cp counter.wasm fresh && mv fresh other.wasm
reload
says 'reloaded: 2 kept, 0 added, 0 changed, 0 upgraded, 0 removed'
cp echo.wasm fresh && mv fresh other.wasm
reload
says 'reloaded: 1 kept, 0 added, 0 changed, 1 upgraded, 0 removed'
says 'two: upgraded'
up one 1

# So is one whose manifest says something else.
printf '[resources]\nmax_memory = "8MiB"\nmax_stack = "512KiB"\n' >other.toml
reload
says 'reloaded: 1 kept, 0 added, 0 changed, 1 upgraded, 0 removed' 2
says 'two: upgraded' 2
reload
says 'reloaded: 2 kept, 0 added, 0 changed, 0 upgraded, 0 removed' 2

# What is lost and found again.
mv other.wasm away.wasm
reload
says 'two: failed'
mv away.wasm other.wasm
reload
says 'two: up' 2
up one 1

# Below another supervisor it is another child. A supervisor that changes takes with it what is below.
{
	cat bulkhead.toml
	printf '[service.low]\nfile = "counter.wasm"\nlimits = { max_memory = "16MiB" }\nsupervisor = "mid"\n[supervisor.mid]\n'
} >next.toml
cp next.toml bulkhead.toml
reload
up mid/low 1
echo 'max_restarts = 9' >>bulkhead.toml
reload
says 'reloaded: 2 kept, 0 added, 2 changed, 0 upgraded, 0 removed'
up mid/low 2
sed '/mid/d; s/max_restarts.*//' next.toml >bulkhead.toml
reload
up low 1
up one 1

# Logs go on in the same file when their child is replaced.
printf '[log]\ndirectory = "logs"\n[task.say]\nfile = "lines.wasm"\nlimits = { max_memory = "16MiB" }\nrestart = "temporary"\nargs = ["lines", "3"]\n' >>bulkhead.toml
reload
until_true grep -qs 'line 3' logs/say.log || failed 'no log'
sed -i 's/"3"/"4"/' bulkhead.toml
reload
until_true grep -qs 'line 4' logs/say.log || failed 'no log of the one after it'
[ "$(wc -l <logs/say.log)" = 7 ] || failed "the log has other lines: $(cat logs/say.log)"

# A task that runs again and again.
printf '[task.often]\nfile = "lines.wasm"\nlimits = { max_memory = "16MiB" }\nargs = ["lines", "1"]\nevery = "100ms"\n' >>bulkhead.toml
reload
three_times() { [ "$(grep -c 'line 1' logs/often.log)" -ge 3 ]; }
until_true three_times || failed 'it does not run again'

# [host] is for the next start, and that is said.
printf '[host]\nworkers = 2\n' >>bulkhead.toml
reload
says 'in force after a restart'
up one 1

# Many at once count as one more at the most, and end well.
for _ in 1 2 3 4 5 6 7 8 9 10; do reload; done
kill -TERM "$pid"
ends 0
