#!/usr/bin/env bash
# test: timeout=90
# Who may ask, and clients that mean harm or know no better: nobody else notices.
# shellcheck source=tests/support/admin.sh
. "$TESTS/support/admin.sh"

# What cannot be begun is said.
refuses() { # STATUS TEXT WORD...
	"$SERVE/serve_harness" "${@:3}" >refused.out 2>refused && fail "it served: ${*:3}"
	grep -q "^$1: .*$2" refused || fail "$1, $2 expected of ${*:3}, got: $(cat refused)"
}
refuses BH_E_CONFIG 'without a token' listen=127.0.0.1:0
refuses BH_E_CONFIG 'of 31 characters' listen=127.0.0.1:0 token="${token:1}"
refuses BH_E_CONFIG 'none of A-Z' listen=127.0.0.1:0 token="$token "
refuses BH_E_CONFIG 'no address' listen=nonsense token="$token"
refuses BH_E_CONFIG 'no address' listen=127.0.0.1:99999 token="$token"
refuses BH_E_CONFIG 'at most' socket="$PWD/$(printf '%0120d' 1)"
refuses BH_E_SYSTEM 'No such file' socket="$PWD/no/folder"
echo mine >precious
refuses BH_E_CONFIG 'something else than a socket' socket="$PWD/precious"
[ "$(cat precious)" = mine ] || fail "a file was lost"

umask 000
begin listen=127.0.0.1:0 token="$token" body=20000 request_ms=1500 connections=32
[ "$(stat -c %a admin)" = 600 ] || fail "the socket is open to others"
refuses BH_E_BUSY 'answers there' socket="$PWD/admin"
refuses BH_E_BUSY 'in use' listen="127.0.0.1:$port" token="$token"
before=$(descriptors)

# By TCP every route asks for the token: none, wrong ones, a prefix, more than it, another scheme.
tcp() { code=$(curl -sS -m 10 -D head -o body -w '%{http_code}' "${@:1:$#-1}" "http://127.0.0.1:$port${!#}" 2>curl.err); asked="$*"; }
"$SERVE/serve_harness" routes >table
while read -r method path; do
	path="${path/\{path\}/counter}"
	tcp -X "$method" "$path" && expect_problem 401 && expect_head '^www-authenticate: Bearer'
	tcp -X "$method" -H "Authorization: Bearer ${token:0:31}" "$path" && expect_problem 401
done <table
for bad in "Bearer ${token/0/1}" "Bearer ${token}x" "Bearer $token$token" "Bearer" "Bearer " "Basic $token" "$token" "bearer ${token^^}"; do
	tcp -H "Authorization: $bad" /healthz && expect_problem 401
done
tcp -H "Authorization: Bearer $token" /healthz && expect 200
tcp -H "authorization: bearer $token" /v1/children && expect 200
# Names that others can point here are refused, with the token too; no page may read from here.
tcp -H "Authorization: Bearer $token" -H 'Host: rebound.example' /healthz && expect_problem 421
tcp -H "Authorization: Bearer $token" -H 'Host: 127.0.0.1.rebound.example:80' /healthz && expect_problem 421
tcp -H "Authorization: Bearer $token" -H 'Host: localhost' /healthz && expect 200
tcp -H "Authorization: Bearer $token" -H 'Host: [::1]:80' /healthz && expect 200
tcp -H "Authorization: Bearer $token" -H 'Host: [::1' /healthz && expect_problem 421
tcp -H "Authorization: Bearer $token" -H 'Origin: http://rebound.example' /healthz && expect 200
! grep -qi access-control head || fail "CORS"

# Another user cannot connect; where somebody opened the socket to him, he is still not let in.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	other() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	chmod 711 "$PWD" "$PWD/.."
	other curl -sS -m 5 -o /dev/null --unix-socket "$PWD/admin" http://localhost/healthz >other.out 2>&1 && fail "another user got in"
	chmod 666 admin
	# All of them with one start of another user's shell, and with the token, which is for TCP.
	while read -r method path; do
		printf 'curl -sS -m 5 -o /dev/null -w "%%{http_code} %s\n" -X %s -H "Authorization: Bearer %s" --unix-socket "%s/admin" "http://localhost%s"\n' \
			"$method $path" "$method" "$token" "$PWD" "${path/\{path\}/counter}"
	done <table >as-other
	other sh <as-other >other.out 2>&1
	[ "$(grep -c '^403 ' other.out)" = "$(wc -l <table)" ] || fail "another user was let in: $(grep -v '^403 ' other.out)"
	chmod 600 admin
fi

# Bodies and heads of all kinds.
head -c 30000 /dev/zero | tr '\0' ' ' >large
head -c 19990 large >fits
ask --data-binary @large /v1/children/counter/call && expect_problem 413
ask -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary @large /v1/children/counter/call && expect_problem 413
ask --data-binary @fits /v1/children/counter/call && expect_problem 400
ask -H 'Transfer-Encoding: chunked' -d '{"export": "get"}' /v1/children/counter/call && expect 200
ask -H "X-Long: $(head -c 100000 /dev/zero | tr '\0' x)" /healthz
[ "$code" = 431 ] || [ "$code" = 000 ] || fail "a long header: $code"
ask "/$(head -c 100000 /dev/zero | tr '\0' x)"
[ "$code" = 414 ] || [ "$code" = 000 ] || fail "a long path: $code"
while read -r bad; do
	ask -d "$bad" /v1/children/counter/call && expect_problem 400
done <<'BAD'

null
[]
1
"get"
{"export": 1}
{"export": ""}
{"export": "get", "args": {}}
{"export": "get", "wave": "get()"}
{"export": "get", "more": 1}
{"export": "get", "export": "get"}
{"export": "get", "deadline_ms": 0}
{"export": "get", "deadline_ms": 1.5}
{"export": "get", "deadline_ms": 99999999999}
{"export": "get"} {}
{"export": "g\u0000et"}
{"wave": ""}
{"wave": "(1)"}
{"wave": "get(}"}
{"export": "crash-at", "args": [99999999999999999999999]}
{"export": "crash-at", "args": [1, 2]}
{"args": []}
BAD
printf '{"export": "\xff"}' >bytes
ask --data-binary @bytes /v1/children/counter/call && expect_problem 400
printf '%0.s[' {1..5000} >deep
ask --data-binary @deep /v1/children/counter/call && expect_problem 400

# Requests that are none.
raw() { printf %b "$1" | "$SERVE/serve_client" raw "${2:-admin}" >answer; }
answers() { head -n 1 answer | grep -q " $1 " || fail "expected $1: $(head -c 300 answer)"; }
raw 'GET /healthz HTTP/1.1\r\n\r\n' && answers 400
raw 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' && answers 200
raw 'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n' && answers 400
raw 'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n' && answers 413
raw 'POST /v1/children/counter/call HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' && answers 400
raw 'POST /v1/children/counter/call HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n'
! head -n 1 answer | grep -q ' 200 ' || fail "an endless chunk"
raw '\0\1\2\3\r\n\r\n'
! grep -q ' 200 ' answer || fail "bytes that are no request"
raw 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
[ "$(grep -c ' 200 OK' answer)" = 2 ] || fail "two requests at once: $(cat answer)"
# A request that does not come to its end is given up after request_ms.
started=$(date +%s%N)
raw 'POST /v1/children/counter/call HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'
took=$((($(date +%s%N) - started) / 1000000))
if [ "$took" -lt 1000 ] || [ "$took" -ge 4500 ]; then fail "half a request took $took ms"; fi

# A client who goes in the middle of a call: nothing stays behind.
for _ in 1 2 3 4 5; do "$SERVE/serve_client" half admin web%2Ffront; done
free_again() { call web%2Ffront '{"export": "get"}'; [ "$code" = 200 ]; }
until_ free_again

# A thousand that send a byte a second, on the socket, then by TCP: who has something to ask is answered.
for where in admin "$port"; do
	"$SERVE/serve_client" slow "$where" 1000 >slow.out 2>/dev/null &
	slow=$!
	until_ grep -q connected slow.out
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		ask /healthz && expect 200
		call calc '{"wave": "divide({numerator: 7, denominator: 2})"}' && expect 200
	done
	[ "$(descriptors)" -le $((before + 2 * 32 + 20)) ] || fail "so many connections: $(descriptors)"
	kill $slow
	wait $slow 2>/dev/null
done
as_before() { [ "$(descriptors)" -le "$before" ]; }
until_ as_before

# Stopping while a call runs: it is answered, if it ends in time; and cut, where it does not.
curl -sS -m 10 --unix-socket admin -o late -w '%{http_code}' -d '{"export": "sleep-ms", "args": [200]}' http://localhost/v1/children/counter/call >late.code &
sleep 0.1
finish
wait $!
[ "$(cat late.code)" = 200 ] || fail "a call was lost: $(cat late.code late)"
begin stop=100
touch slow.wasm
curl -sS -m 10 --unix-socket admin -o slow -w '%{http_code}' -d "{\"file\": \"$PWD/slow.wasm\"}" http://localhost/v1/children/counter/upgrade >slow.code &
upgrade=$!
sleep 0.8
curl -sS -m 10 --unix-socket admin -o late -w '%{http_code}' -d '{"export": "spin"}' http://localhost/v1/children/counter/call >late.code &
sleep 0.2
finish
wait $! $upgrade
[ "$(cat slow.code)" = 503 ] || fail "an upgrade of 3 s was waited for, or lost: $(cat slow.code)"
[[ "$(cat late.code)" = 50[34] ]] || fail "a call was lost: $(cat late.code)"

# One that was killed leaves its socket, and that is replaced.
begin
kill -KILL "$pid"
wait "$pid" 2>/dev/null
[ -S admin ] || fail "no socket to replace"
begin
ask /healthz && expect 200
# A socket that is not ours any more is left alone.
rm admin && touch admin
kill -TERM "$pid"
until_ is_gone
pid=
[ -e admin ] || fail "a file that was not ours was removed"
check_schemas
