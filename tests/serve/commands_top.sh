#!/usr/bin/env bash
# test: timeout=60
# bulkhead top and ps at a terminal: keys, sizes, and the terminal as it was afterwards.
# shellcheck disable=SC2119,SC2317
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 77; }
guest counter.wasm
export BULKHEAD_ADMIN="$PWD/admin.sock"
children counter other a-child-with-a-name-that-is-rather-long
begin
"$BULKHEAD" call other 'increment()' >out

tmux() { command tmux -S "$PWD/tmux" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null; [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null' EXIT
unset TMUX
TERM=xterm tmux new-session -d -x 120 -y 20 "env PS1='ready> ' TERM=xterm bash --norc --noprofile"
screen() { tmux capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
lacks() { ! shows "$1"; }
wait_for() { until_true shows "$1" || failed "expected on the screen: $1
$(screen)"; }
wait_until_gone() { until_true lacks "$1" || failed "still on the screen: $1
$(screen)"; }
typed() { tmux send-keys "$@"; }
settings() { stty -F "$(tmux display-message -p '#{pane_tty}')" -a | tr -d '\n'; }
is_as_before() { [ "$(settings)" = "$before" ]; }

wait_for '^ready>'
typed "$BULKHEAD ps" Enter
wait_for '^counter +running'
typed "clear" Enter
wait_until_gone '^counter'
before="$(settings)"

# Live: the rates change while calls are made; q gives the terminal back, with what was on it.
typed "$BULKHEAD top --interval 200ms" Enter
wait_for 'bulkhead top: '
wait_for '^q quit'
lacks 'ready>' || failed 'no screen of its own'
for _ in $(seq 30); do "$BULKHEAD" call counter 'increment()' >out; done
wait_for '^counter +running +[^ ]+ s +0 +[1-9]'
[ "$(screen | sed -n 4p | cut -d ' ' -f 1)" = counter ] || failed 'the order of the tree'
typed f
typed m
typed r
typed p
typed c
typed n
wait_for '^counter'
typed q
wait_for '^ready>'
until_true is_as_before || failed 'q: the terminal is not as it was'
lacks 'q quit' || failed 'its screen is left'

# Narrow, and wide again; few lines.
typed "$BULKHEAD top --interval 100ms" Enter
wait_for '^q quit'
tmux resize-window -x 40 -y 8
wait_for '^NAME +STATE'
wait_until_gone 'FUEL'
shows '~' || failed 'nothing was cut'
tmux resize-window -x 120 -y 20
wait_for 'FUEL/CALL'
wait_for '^a-child-with-a-name-that-is-rather-long +running'

# Stopped and continued, interrupted, terminated, and its daemon gone.
typed C-z
wait_for 'Stopped'
wait_for '^ready>'
lacks 'q quit' || failed 'stopped: its screen is left'
typed "fg" Enter
wait_for '^q quit'
typed C-c
wait_for '^ready>'
until_true is_as_before || failed 'C-c: the terminal is not as it was'
typed 'echo code $?' Enter
wait_for '^code 130'
typed clear Enter
typed "$BULKHEAD top --interval 100ms" Enter
wait_for '^q quit'
kill -TERM "$(tmux display-message -p '#{pane_pid}' | xargs pgrep -P)"
wait_for '^ready>'
until_true is_as_before || failed 'SIGTERM: the terminal is not as it was'
typed clear Enter
typed "$BULKHEAD top --interval 100ms; echo code \$?" Enter
wait_for '^q quit'
kill -TERM "$pid"
ends 0
wait_for 'NO ANSWER'
begin
wait_until_gone 'NO ANSWER'
typed q
wait_for '^code 0'
until_true is_as_before || failed 'at last: the terminal is not as it was'
exit 0
