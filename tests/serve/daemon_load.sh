#!/usr/bin/env bash
# test: timeout=120
# A hundred reloads while a service is called: other children change, come and go, and the service itself is upgraded. Of ten
# thousand calls and more, none fails.
# shellcheck disable=SC2119
# shellcheck source=tests/support/daemon.sh
. "$TESTS/support/daemon.sh"
reloads=100 calls=10000

# adder UNUSED: the same service, from other bytes
adder() {
	cat >steady.new <<END
(component
  (core module \$m
    (func (export "unused") (result i32) i32.const $1)
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance \$i (instantiate \$m))
  (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func \$i "add"))))
END
	mv steady.new steady.wasm
}

# configure TURN: what is in the file besides the service
configure() {
	{
		printf '[admin]\nsocket = "admin.sock"\n'
		printf '[service.steady]\nfile = "steady.wasm"\nreplicas = 2\nlimits = { max_memory = "16MiB" }\n'
		[ $(($1 % 2)) = 0 ] || printf '[service.guest]\nfile = "steady.wasm"\nlimits = { max_memory = "16MiB" }\n'
		printf '[service.changing]\nfile = "steady.wasm"\nmailbox = %d\nlimits = { max_memory = "16MiB" }\n' $((100 + $1))
	} >bulkhead.new
	mv bulkhead.new bulkhead.toml
}

# One connection's worth of calls, again and again until there is a file `enough`.
for _ in $(seq 250); do
	printf 'url = "http://localhost/v1/children/steady/call"\njson = "{\\"export\\": \\"add\\", \\"args\\": [40, 2]}"\n'
	printf 'unix-socket = "admin.sock"\nsilent\noutput = "/dev/null"\nwrite-out = "%%{http_code}\\n"\nnext\n'
done | sed '$d' >requests
caller() {
	while [ ! -e enough ]; do
		timeout 60 curl -K requests >>"codes.$1" 2>>"curl.$1" || echo "curl: $?" >>"codes.$1"
	done
}

adder 0
configure 0
begin
answer="$(curl -s --unix-socket admin.sock --json '{"export": "add", "args": [40, 2]}' http://localhost/v1/children/steady/call)"
[ "$(jq .result <<<"$answer")" = 42 ] || failed "the service answers $answer"

callers=()
for n in 1 2; do
	caller "$n" &
	callers+=($!)
done
for turn in $(seq "$reloads"); do
	configure "$turn"
	[ $((turn % 4)) != 0 ] || adder "$turn"
	kill -HUP "$pid"
	until_true has 'reloaded: ' "$turn" || failed "no reload $turn"
done
count() { cat codes.* | wc -l; }
enough() { [ "$(count)" -ge "$calls" ]; }
for _ in $(seq 600); do
	enough && break
	sleep 0.1
done
touch enough
wait "${callers[@]}"
enough || failed "only $(count) calls"
others="$(cat codes.* | grep -vcx 200 || true)"
[ "$others" = 0 ] || failed "$others of $(count) calls failed: $(cat codes.* | sort | uniq -c | tr '\n' ' ')"
says 'steady#1: upgraded' $((reloads / 4))
kill -TERM "$pid"
ends 0
echo "$(count) calls across $reloads reloads, 0 failed"
