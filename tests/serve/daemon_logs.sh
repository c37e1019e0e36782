#!/usr/bin/env bash
# test: timeout=60 cost=5 waits
# What children print: every line of it, in files of bounded size, whatever happens to the daemon or the disk.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest lines.wasm flood.wasm hello.wasm counter.wasm

# task NAME FILE ARGS...
task() {
	printf '[task.%s]\nfile = "%s.wasm"\nlimits = { max_memory = "16MiB" }\nrestart = "temporary"\nargs = [' "$1" "$2"
	shift
	printf '"%s", ' "$@"
	printf ']\n'
}
# config TEXT: bulkhead.toml begins so
config() { printf '[admin]\nsocket = "admin.sock"\n%b' "$1"; }
count() { find logs -name 'say.log*' | wc -l; }

# Four files of 8 KiB: the lines are all there, once and in order, over all of them.
{
	config '[log]\ndirectory = "logs"\nmax_size = "8KiB"\nkeep = 50\n'
	task say lines 5000
	task flood flood 100000
} >bulkhead.toml
begin
says 'say: normal'
until_true grep -q 'line 5000$' logs/say.log || failed 'the last line is missing'
for n in $(seq 100 -1 1) ''; do
	file="logs/say.log${n:+.$n}"
	[ ! -e "$file" ] || cat "$file"
done | sed 's/^[^ ]* //' >got
seq -f 'line %.0f' 5000 | cmp -s - got || failed 'lines are missing, or in another order'
[ "$(count)" -gt 10 ] || failed 'there is one file'
for file in logs/say.log*; do
	[ "$(stat -c %s "$file")" -le 8192 ] || failed "$file is too large"
done
grep -vqE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z line [0-9]+$' logs/say.log && failed 'a line is not whole'

# Who writes no line ends has long lines.
says 'flood: normal'
kill -TERM "$pid"
ends 0
[ "$(cat logs/flood.log* | tr -cd x | wc -c)" = 100000 ] || failed 'bytes of the flood are missing'

# Old files go.
rm -r logs
sed -i 's/keep = 50/keep = 2/' bulkhead.toml
begin
says 'say: normal'
kill -TERM "$pid"
ends 0
[ "$(count)" = 3 ] || failed "not three files: $(ls logs)"
tail -n 1 logs/say.log | grep -q 'line 5000$' || failed 'the last line is missing'

# Somebody takes the file away: a new one is begun.
rm -r logs
{
	config '[log]\ndirectory = "logs"\n'
	task say lines 200 5
} >bulkhead.toml
begin
until_true grep -qs 'line 20$' logs/say.log
mv logs/say.log logs/taken
until_true grep -qs 'line 200$' logs/say.log || failed 'no new file'
cat logs/taken logs/say.log | sed 's/^[^ ]* //' >got
seq -f 'line %.0f' 200 | cmp -s - got || failed 'lines are missing'

# Killed in the middle: what was written is whole, and what comes goes on behind it.
sed -i 's/"200", "5"/"100000", "1"/' bulkhead.toml
kill -HUP "$pid"
until_true grep -qs 'line 300$' logs/say.log
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
printf 'half a li' >>logs/say.log
sed -i 's/"100000", "1"/"3"/' bulkhead.toml
begin
says 'say: normal'
kill -TERM "$pid"
ends 0
grep -q '^half a li$' logs/say.log || failed 'the half line was gone on with'
tail -n 1 logs/say.log | grep -q 'Z line 3$' || failed 'the last line is missing'
grep -v '^half' logs/say.log | grep -vqE '^[0-9TZ:.-]+ line [0-9]+$' && failed 'a line is not whole'

# A full disk: one warning, and the child knows nothing of it. The files have whole lines.
rm -r logs
{
	config '[log]\ndirectory = "logs"\nmax_size = "1MB"\n'
	task say lines 20000
	task other hello
} >bulkhead.toml
(
	ulimit -f 64
	exec "$daemon"
) 2>log </dev/null &
pid=$!
says 'say: normal'
says 'logs cannot be written: File too large'
kill -TERM "$pid"
ends 0
[ "$(grep -c 'cannot be written' log)" = 1 ] || failed 'more than one warning'
[ "$(stat -c %s logs/say.log)" -le 65536 ] || failed 'it grew on'
tail -c 1 logs/say.log | od -c | grep -q '\\n' || failed 'half a line was left'
grep -vqE '^[0-9TZ:.-]+ line [0-9]+$' logs/say.log && failed 'a line is not whole'
grep -q 'hello' logs/other.log || failed 'another log suffers from it'

# No folder, and no way to make it: the daemon does not start, and says why.
{
	config '[log]\ndirectory = "no/such/folder"\n'
	task other hello
} >bulkhead.toml
launch
ends 66
says 'no/such/folder: No such file or directory'

# Something else in a log's place is left alone.
{
	config '[log]\ndirectory = "odd"\n'
	task fifo hello
	task link hello
} >bulkhead.toml
mkdir odd && mkfifo odd/fifo.log && ln -s ../target odd/link.log
begin
says 'link: normal'
says 'fifo: normal'
kill -TERM "$pid"
ends 0
[ ! -e target ] || failed 'a link was followed'
