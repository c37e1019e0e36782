#!/usr/bin/env bash
# test: timeout=60
# What only a restart puts in force is named when it changes; and a restart with a registered module that cannot be loaded.
# shellcheck disable=SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{auth,edit}.wasm .
count=0
reload() {
	kill -HUP "$pid"
	says 'reloaded: ' $((++count))
}
changed() { # KEYS: that is what the last reload said
	[ "$(grep -c 'in force after a restart' log)" = "$((++told))" ] || failed "not said once: $1"
	grep 'in force after a restart' log | tail -1 | grep -qF "[gateway] $1: changed" || failed "not said: $1"
}
told=0
configure
cp bulkhead.toml plain.toml
begin
reload
never 'after a restart'
sed -i "s/^listen =.*/listen = \"127.0.0.1:1\"/" bulkhead.toml
reload
changed listen
get /hello && expect 200 hello # where it was
printf 'max_connections = 9\nmax_header_size = "8KiB"\n' >>bulkhead.toml
reload
changed 'listen, max_header_size, max_connections'
cp plain.toml bulkhead.toml
reload
[ "$(grep -c 'after a restart' log)" = "$told" ] || failed 'said of what is as it was'
sed '/gateway/,$d' plain.toml >bulkhead.toml
reload
changed 'listen, which is gone'
get /hello && expect 200 hello
cp plain.toml bulkhead.toml
reload
kill -TERM "$pid"
ends 0

# Certificates: other files, and other ones in the same files.
make_cert() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1-key.pem" -out "$1.pem" -days 2 \
		-subj /CN=localhost -addext 'subjectAltName = DNS:localhost' 2>/dev/null
}
if command -v openssl >/dev/null && make_cert a && make_cert b; then
	configure 'tls_cert = "a.pem"' 'tls_key = "a-key.pem"'
	cp bulkhead.toml tls.toml
	count=0 told=0
	again
	reload
	never 'after a restart'
	sed -i 's/a\.pem/b.pem/; s/a-key/b-key/' bulkhead.toml
	reload
	changed 'tls_cert, tls_key'
	cp tls.toml bulkhead.toml
	cp b.pem a.pem && cp b-key.pem a-key.pem
	reload
	changed 'tls_cert (what the file has), tls_key (what the file has)'
	rm a.pem
	reload
	changed 'tls_cert (what the file has), tls_key (what the file has)'
	get_tls() { curl_to "https://localhost:$port" -k /hello; }
	get_tls && expect 200 hello
	kill -TERM "$pid"
	ends 0
	cp plain.toml bulkhead.toml
fi

# The manifest of a module that was registered is broken by the time of a restart: the daemon starts, says which and why; nothing
# passes that the module was to see, and nothing of it is lost.
again
register edit "$here/gateway-edit.wasm" && expect 200
register auth "$here/gateway-auth.wasm" && expect 200
auth=$uuid
kill -TERM "$pid"
ends 0
printf '[component]\nname = "x"\nversion = "1.0.0"\n[resources]\nmax_memory = \n' >gateway-auth.toml
again
says 'a registered module is missing: auth: '
says 'gateway-auth.toml:5:'
says 'all requests get 503'
never 'missing: edit'
get -H 'x-api-key: let-me-in' /hello && expect 503
compat /wasm && expect_json '[.modules[].module_meta.name] == ["edit", "auth"]'
count=0
reload
get -H 'x-api-key: let-me-in' /hello && expect 503
kill -TERM "$pid"
ends 0
# Put right it is back, as it was.
rm gateway-auth.toml
again
never 'is missing'
compat /wasm && expect_json ".modules[1].module_uuid == \"$auth\""
get /hello && expect 401
get -H 'x-api-key: let-me-in' -H 'x-reject: 418' /hello && expect 418
kill -TERM "$pid"
ends 0
# Removed, the others go on.
echo '[' >gateway-auth.toml
again
compat -X DELETE "/wasm/$auth" && expect 200
get -H 'x-reject: 418' /hello && expect 418
get /hello && expect 200 hello
kill -TERM "$pid"
ends 0
# Where failures are let pass, so is one that is missing.
echo '[' >gateway-edit.toml
sed -i 's/^upstream =/on_failure = "open"\n&/' bulkhead.toml
again
says 'a registered module is missing: edit: '
says 'requests pass it by'
get -H 'x-reject: 418' /hello && expect 200 hello
kill -TERM "$pid"
ends 0
