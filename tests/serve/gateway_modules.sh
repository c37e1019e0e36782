#!/usr/bin/env bash
# test: timeout=60 cost=6 waits
# The proxy with modules of bulkhead.toml: what they see and change, how they fail, reloading.
# shellcheck disable=SC2059,SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
cp "$GUESTS"/gateway-{auth,edit,policy,redact,tracing,notes,limiter}.wasm .

module() { # NAME FILE LINE...
	printf '[[gateway.module]]\nname = "%s"\nfile = "%s"\n' "$1" "$2"
	printf '%s\n' "${@:3}"
}
reload() { kill -HUP "$pid"; }

configure 'max_body_size = 10000' 'max_execution_time_ms = 200' 'upstream_timeout = "1s"'
cp bulkhead.toml plain.toml
{
	module auth gateway-auth.wasm 'attach = ["on-request"]' 'match = { path_prefix = "/echo", methods = ["POST", "PUT"] }'
	module edit gateway-edit.wasm
} >>bulkhead.toml
begin

# Rules; the order; what is changed; bodies whole, and bounded.
get /echo && expect 200
get -d abc /echo && expect 401
get -d abc -H 'x-api-key: wrong' /echo && expect 403
get -d abc -H 'x-api-key: let-me-in' /echo && expect 200 abc
get -d abc '/%65cho' && expect 401
get -d abc -H 'x-set: x-new=1' -H 'x-body: other' -H 'x-rm: user-agent' /other && expect 200 'x-new: 1' && expect 200 other
! grep -qi '^user-agent' body || failed 'a header was not removed'
expect 200 'Content-Length: 5'
get -H 'x-reject: 418' /hello && expect 418
head -c 9000 /dev/zero | tr "\0" y >fits
head -c 10001 /dev/zero | tr "\0" y >large
get --data-binary @fits /other && expect 200 yyyy
get --data-binary @large /other && expect 413
get --data-binary @large -H 'Transfer-Encoding: chunked' /other && expect 413
get --data-binary @fits -H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' /other && expect 200 yyyy
get /size/10000 && expect 200
get /size/10001 && expect 502
get /chunks/10001 && expect 502
get /until-close/20000 && expect 502
get /cut/500 && expect 502
get -I /size/5000 && expect 200 && expect_head '^content-length: 5000'
get /slow && expect 504

# Failures close; each ends by its own limit, and others do not notice.
for what in crash spin hog lie; do
	get -H "x-do: $what" /hello && expect 503 && expect_head '^x-bulkhead-reason: middleware'
	get /hello && expect 200 hello
done
says 'edit failed'

# The same with failures let pass, said once for all; a module may say otherwise.
sed -i 's/^upstream =/on_failure = "open"\n&/' bulkhead.toml
reload
says 'reloaded: '
for what in crash spin; do get -H "x-do: $what" /hello && expect 200 hello; done
sed -i 's/^name = "edit"/&\non_failure = "closed"/' bulkhead.toml
reload
says 'reloaded: ' 2
get -H 'x-do: crash' /hello && expect 503

# A reload that fails keeps what was; counts go on through those that work.
cp bulkhead.toml good.toml
module broken plain.toml >>bulkhead.toml
reload
says 'not reloaded, all stays as it was: gateway.module broken'
get -d abc /echo && expect 401
cp good.toml bulkhead.toml
sed -i 's/127.0.0.1:'"$up"'/127.0.0.1:1/' bulkhead.toml
reload
says 'reloaded: ' 3
get /hello && expect 502
cp good.toml bulkhead.toml
reload
says 'reloaded: ' 4
get /hello && expect 200 hello
sed -i 's/^listen =.*/listen = "127.0.0.1:1"/' bulkhead.toml
reload
says 'in force after a restart'

# Without modules large bodies pass again; responses and errors, and an answer of a module's own.
{
	cat plain.toml
	module policy gateway-policy.wasm 'attach = ["on-response"]' 'match = { path_prefix = "/hello" }'
	module tracing gateway-tracing.wasm
	module shadow gateway-edit.wasm 'shadow = true' 'match = [{ headers = { x-shadow = "" } }]'
} >bulkhead.toml
reload
says 'reloaded: ' 6
get /hello && expect 200 && expect_head '^x-content-type-options: nosniff'
get -H 'x-shadow: 1' -H 'x-reject: 418' /hello && expect 200
get -H 'x-shadow: 1' -H 'x-do: crash' /hello && expect 200
admin /v1/gateway && expect 200 && expect_json '[.modules[].name] == ["policy", "tracing", "shadow"]'
# A shadow is asked beside the request.
shadow_is_through() { admin /v1/gateway && json_holds '.modules[2].points[0] | .rejected == 1 and .opened == 1' <body; }
until_true shadow_is_through || failed 'the shadow was not asked'
expect_json '.modules[2].points[0] | .failed == {BH_E_TRAP: 1} and .skipped == 0'
admin /metrics && expect 200 'bulkhead_gateway_calls_total{module="policy",attach="on-response",result="modify"}'
expect 200 'bulkhead_gateway_failures_total{module="shadow",attach="on-request",status="BH_E_TRAP"} 1'
expect 200 'bulkhead_gateway_call_seconds_bucket{module="shadow",attach="on-request",le="+Inf"} 2'
expect 200 'bulkhead_gateway_call_seconds_count{module="shadow",attach="on-request"} 2'
# Prometheus takes a type for a name once, no line twice, and buckets that grow.
[ -z "$(grep -v '^#' body | sed 's/ [^ ]*$//' | sort | uniq -d)" ] || failed 'a series is there twice'
[ -z "$(grep '^# TYPE' body | sort | uniq -d)" ] || failed 'a type is said twice'
awk '/^bulkhead_gateway_call_seconds_bucket/ { key = $1; sub(/,le=.*/, "", key); if (key == last && $2 < before) exit 1; last = key; before = $2 }' body ||
	failed 'buckets are no sums'
kill -TERM "$pid"
ends 0

# What the file must say.
check() { # TEXT TOML
	printf "$2" >wrong.toml
	"$BULKHEAD" serve --check wrong.toml >check.out 2>&1 && failed "good: $2"
	grep -qF -- "$1" check.out || failed "expected '$1' of '$2', got: $(cat check.out)"
}
g='[gateway]\nlisten = "127.0.0.1:1"\nupstream = "http://x:1"\n'
check 'without listen' '[gateway]\nupstream = "http://x:1"\n'
check 'without upstream' '[gateway]\nlisten = "127.0.0.1:1"\n'
check 'not the address of a server' '[gateway]\nlisten = "127.0.0.1:1"\nupstream = "http://x/path"\n'
check 'not the address of a server' '[gateway]\nlisten = "127.0.0.1:1"\nupstream = "file:///etc/passwd"\n'
check 'not an address and a port' '[gateway]\nlisten = "nonsense"\nupstream = "http://x:1"\n'
check 'not on this machine alone' "${g}compat_listen = \"0.0.0.0:1\"\n"
check 'without a' "${g}compat_listen = \"192.168.0.1:1\"\n"
check 'tls_cert without tls_key' "${g}tls_cert = \"a.pem\"\n"
check 'max_body_size = "101MiB"' "${g}max_body_size = \"101MiB\"\n"
check 'max_memory_pages = 65537' "${g}max_memory_pages = 65537\n"
check 'max_execution_time_ms = 300001' "${g}max_execution_time_ms = 300001\n"
check 'max_stack_size = "32MiB"' "${g}max_stack_size = \"32MiB\"\n"
check 'module_cache_size = 1001' "${g}module_cache_size = 1001\n"
check 'on_failure = "ajar"' "${g}on_failure = \"ajar\"\n"
check 'a module without a name' "${g}[[gateway.module]]\nfile = \"a.wasm\"\n"
check 'a: no file' "${g}[[gateway.module]]\nname = \"a\"\n"
check 'the name is taken' "${g}[[gateway.module]]\nname = \"a\"\nfile = \"a\"\n[[gateway.module]]\nname = \"a\"\nfile = \"b\"\n"
check 'not a list of points' "${g}[[gateway.module]]\nname = \"a\"\nfile = \"a\"\nattach = [\"onRequest\"]\n"
check 'not a share' "${g}[[gateway.module]]\nname = \"a\"\nfile = \"a\"\nsample = 101\n"
check 'not a rule' "${g}[[gateway.module]]\nname = \"a\"\nfile = \"a\"\nmatch = { methods = \"GET\" }\n"
