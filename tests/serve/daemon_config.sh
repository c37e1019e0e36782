#!/usr/bin/env bash
# test: timeout=60 waits
# The daemon's configuration: checking it, and what happens where it is wrong.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
guest counter.wasm hello.wasm

children a b
run serve --check
expect_exit 0
expect_out 'bulkhead.toml: ok: 2 children'
run serve --check --json
expect_exit 0
expect_json '.ok and .children == 2 and .diagnostics == [] and .exit == 0'
run serve --check none.toml
expect_exit 66
run serve --json
expect_usage serve
run serve one two
expect_usage serve

# wrong TEXT PLACE SAYS: the first error, where, and what is said of it
wrong() {
	printf '%b' "$1" >wrong.toml
	run serve --check wrong.toml
	expect_exit 78
	expect_out_has "wrong.toml:$2: error: "
	expect_out_has "$3"
	launch wrong.toml
	ends 78
	says "wrong.toml:$2: "
}
wrong '[service.a]\nfile = "counter.wasm"\nreplicas = 0\n' 3:12 'replicas = 0: less than is allowed'
wrong '[service.a]\nfile = "counter.wasm"\nbackof = "linear"\nrestart = "x"\n' 4:11 'unknown key backof (did you mean backoff?)'
wrong '[admin]\nlisten = "127.0.0.1:9797"\n' 2:10 'token_file = "admin.token"'
wrong '[log]\nmax_size = 10 MB\n' 2:12 ''
wrong '[task.a]\nfile = "counter.wasm"\nlimits = { max_memory = "16MiB" }\ncron = "61 * * * *"\n' 4:8 'a: cron: "61 * * * *": minute: "61": not a value'
wrong '[host]\nworkers = "all"\n' 2:11 'not a count'

# What the file names is checked as well; the daemon runs without it, or with --strict not at all.
printf '[service.here]\nfile = "counter.wasm"\nlimits = { max_memory = "16MiB" }\n[service.unsaid]\nfile = "counter.wasm"
[service.lost]\nfile = "lost.wasm"\nlimits = { max_memory = "16MiB" }\n[admin]\nsocket = "admin.sock"\n' >bulkhead.toml
run serve --check
expect_exit 78
expect_out_has 'bulkhead.toml:4:1: error: unsaid: no memory limit declared'
expect_out_has '[service.unsaid.limits]'
expect_out_has 'bulkhead.toml:7:8: error: lost: file: lost.wasm: No such file or directory'
expect_out_lacks 'here'
begin
says 'here: up'
says 'lost: failed'
says 'unsaid: failed'
kill -TERM "$pid"
ends 0
launch --strict
ends 78
never 'here: up'
sed -i '/unsaid/,+1d' bulkhead.toml
launch --strict bulkhead.toml
ends 66

# So are components themselves, and exports: each with its place and key, all in one go, and nothing is run.
guest parent.wasm
head -c 2000 counter.wasm >cut.wasm
amiss() { expect_out_has "amiss.toml:$1: error: $2"; }
cat >amiss.toml <<'TOML'
[host.ceilings]
max_memory = "32MiB"
[service.ready]
file = "counter.wasm"
limits = { max_memory = "16MiB" }
ready = "no-such"
[service.health]
file = "counter.wasm"
limits = { max_memory = "16MiB" }
ready = "get"
health = "crash-at"
[task.command]
file = "counter.wasm"
limits = { max_memory = "16MiB" }
[task.export]
file = "counter.wasm"
limits = { max_memory = "16MiB" }
export = "no-such"
[service.cut]
file = "cut.wasm"
limits = { max_memory = "16MiB" }
[service.small]
file = "counter.wasm"
limits = { max_memory = "64KiB" }
[service.large]
file = "counter.wasm"
limits = { max_memory = "64MiB" }
[supervisor.group]
[service.spawns]
file = "parent.wasm"
supervisor = "group"
limits = { max_memory = "16MiB" }
[task.right]
file = "hello.wasm"
limits = { max_memory = "16MiB" }
TOML
run serve --check amiss.toml
expect_exit 78
amiss 6:9 'ready: ready: no export named no-such'
amiss 11:10 'health: health: crash-at takes parameters'
amiss 13:8 'command: file: this is not a command'
amiss 18:10 'export: export: no export named no-such'
amiss 20:8 'cut: file: '
amiss 23:8 'small: file: memory limit reached'
amiss '25:1' 'large: max_memory: 64 MiB asked for, 32 MiB allowed by the host'
amiss 30:8 'group/spawns: file: an import is not provided: bulkhead:host/supervision'
expect_out_has 'spawn = ["NAME"]'
expect_out_lacks 'right'
[ "$(grep -c ': error: ' out)" = 8 ] || fail 'more or less than eight mistakes'
run serve --check --json amiss.toml
expect_exit 78
expect_json '(.diagnostics | length) == 8 and all(.diagnostics[]; .line > 0 and .key and .message) and .diagnostics[0].key == "ready"'

# An export that is not there makes a child that cannot run.
children a
echo 'ready = "no-such"' >>bulkhead.toml
begin
says 'a: failed'
says 'no-such'
kill -INT "$pid"
ends 0

# The command becomes the daemon: same process, same signals.
children a
"$BULKHEAD" serve bulkhead.toml 2>log &
pid=$!
says 'a: up'
[ "$(cat admin.sock.lock)" = "$pid" ] || failed "the lock names another process"
kill -TERM "$pid"
ends 0

# Whoever has the command alone is told where the daemon belongs.
mkdir alone && cp "$BULKHEAD" alone/bulkhead
PATH=/nowhere ./alone/bulkhead serve bulkhead.toml 2>log
[ $? = 66 ] || failed "expected 66"
says 'bulkheadd: not found'

launch --frobnicate
ends 64
launch none.toml
ends 66

# The token of TCP is nobody else's.
children a
sed -i 's/^socket.*/&\nlisten = "127.0.0.1:19797"\ntoken_file = "token"/' bulkhead.toml
launch
ends 78
says 'token_file token: No such file'
(umask 022 && echo 0123456789012345678901234567890123456789 >token)
launch
ends 78
says 'chmod 600 token'
