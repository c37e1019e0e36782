#!/usr/bin/env bash
# test: timeout=60
# What may be said of a module over the management API beside its file: limits, permissions, a manifest, rules, sampling, shadows,
# failures, reuse, its place. Whoever has no token may say less; mistakes name the member; a restart finds all of it.
# shellcheck disable=SC2015,SC2016,SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{auth,edit,policy,tracing}.wasm .
configure 'max_execution_time_ms = 140'
begin

# say ROUTE NAME FILE MEMBERS: POST /wasm, of one module, with more members.
say() {
	"$1" -d "{\"modules\":[{\"name\":\"$2\",\"file_path\":\"$here/$3\",\"module_type\":\"Middleware\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]${4:+,$4}}]}" "${5:-/wasm}"
	uuid=$(jq -r '.modules[0].add_result.Success? // empty' body 2>/dev/null)
}
change() { admin -d "$2" "/v1/gateway/modules/$1/replace${3:-}"; }
of() { # NAME FILTER: of what GET /v1/gateway says
	admin /v1/gateway && expect 200
	expect_json ".modules[] | select(.name == \"$1\") | $2"
}
api="$TESTS/../src/serve/openapi.json"
schema() { # NAME FILE: it is what openapi.json says
	local wrong
	wrong=$(jq --arg schema "$1" --argjson status "$code" '{schema: $schema, status: $status, asked: "it", value: .}' "$2" |
		jq -r --slurpfile api "$api" -f "$TESTS/serve/schema.jq") || failed "the checker: $1"
	[ -z "$wrong" ] || failed "not as openapi.json has it: $wrong"
}
wrong() { # FIELD TEXT: a problem that names it
	expect 422 "$2"
	expect_head '^content-type: application/problem+json'
	json_holds '.field == $field and .status == 422' --arg field "$1" <body || failed "expected of field: $1"
	problem=$code
	cp body last
}
now() { compat /wasm && jq -c '[.modules[] | [.module_uuid, .module_meta.name, .module_meta.sha256_hash, .module_meta.attach_points]]' body >"$1"; }
unchanged() { now is && cmp -s is was || failed 'something was done'; }

# Mistakes, each by its name; also what is written nearly right, and where only one of several is wrong.
now was
no() {
	say admin edit gateway-edit.wasm "$1"
	wrong "modules[0].$2" "$3"
}
no '"sample":101' sample 'not a share'
no '"sample":0' sample 'not a share'
no '"sample":"10"' sample 'not a share'
no '"reuse":0' reuse 'less than is allowed'
no '"reuse":1000001' reuse 'more than is allowed'
no '"shadow":"yes"' shadow 'shadow'
no '"on_failure":"ajar"' on_failure 'ajar'
no '"match":{"path_prefix":3}' match 'not a rule'
no '"match":{"methods":"GET"}' match 'not a rule'
no '"match":{"method":["GET"]}' match.method 'did you mean methods'
no '"match":[]' match 'match'
no '"limits":{"max_memory":1}' limits.max_memory 'less than is allowed'
no '"limits":{"max_memory":"8 apples"}' limits.max_memory '8 apples'
no '"limits":{"max_memry":"8MB"}' limits.max_memry 'did you mean max_memory'
no '"limits":3' limits 'not a table'
no '"permissions":{"filesystem":{"rea":["/etc"]}}' permissions.filesystem.rea 'did you mean read'
no '"permissions":[1]' permissions 'not a table'
no '"position":0' position 'from 1 on'
no '"position":1.5' position 'from 1 on'
no '"position":257' position 'from 1 on'
no '"manifest":7' manifest 'absolute path'
no '"manifest":"edit.toml"' manifest 'absolute'
no '"manifest":"/etc/passwd"' manifest '.toml'
no '"manifest":"/proc/self/x.toml"' manifest 'below /proc'
no "\"manifest\":\"$here/../edit.toml\"" manifest "'..'"
no "\"manifest\":\"$here/none.toml\"" manifest 'No such file'
no '"shaddow":true' shaddow 'did you mean shadow'
no '"shadow":true,"colour":1' colour 'unknown key colour'
no '"shadow":true,"attach":["on-request"]' attach 'did you mean attach_points'
no '"match":{"path_prefix":"a\nb\u0001\u007f\"]\n[admin]\nx = 1"}' match.path_prefix 'control characters'
no '"limits":{"a\"]\nfile = \"b":1}' 'limits.a"]?file = "b' 'unknown key'
no "\"match\":$(printf '[%.0s' {1..200})$(printf ']%.0s' {1..200})" match ''
echo 'secret = 1 = s3cret' >x.toml
no "\"manifest\":\"$here/x.toml\"" manifest "$here/x.toml:1"
head -c 70000 /dev/zero | tr '\0' '#' >x.toml
no "\"manifest\":\"$here/x.toml\"" manifest 'larger than 64 KiB'
printf '[component]\nname = "a\0"\n' >x.toml
no "\"manifest\":\"$here/x.toml\"" manifest 'NUL'
admin -d "{\"modules\":[{\"name\":\"auth\",\"file_path\":\"$here/gateway-auth.wasm\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]},{\"name\":\"edit\",\"file_path\":\"$here/gateway-edit.wasm\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}],\"sample\":-1}]}" /wasm
wrong 'modules[1].sample' 'not a share'
unchanged
code=$problem schema Problem last
# What nobody knows was never looked at, and is not where nothing of ours is said.
say compat plain gateway-policy.wasm '"colour":1,"tags":["a"]' && expect 200
expect_json '.modules[0].colour == 1'
compat -X DELETE "/wasm/$uuid" && expect 200

# Without a token: narrower, but no wider, and no grants.
now was
for limit in max_execution_time_ms:141 max_memory:'"1GiB"' max_open_files:65 max_queue_time_ms:'"unlimited"'; do
	say compat edit gateway-edit.wasm "\"limits\":{\"${limit%%:*}\":${limit#*:}}"
	wrong "modules[0].limits.${limit%%:*}" 'only the admin API'
done
say compat edit gateway-edit.wasm '"permissions":{"filesystem":{"read":["/etc"]}}' && wrong 'modules[0].permissions' 'without a token'
say compat edit gateway-edit.wasm "\"manifest\":\"$here/x.toml\"" && wrong 'modules[0].manifest' 'without a token'
unchanged
say compat edit gateway-edit.wasm '"limits":{"max_execution_time_ms":90},"match":{"path_prefix":"/a"}' && expect 200
edit=$uuid
of edit '.limits.max_execution_time_ms == 90 and .permissions == [] and .match == [{path_prefix: "/a", method: null, header: null, header_value: null}]'
get -H 'x-reject: 418' /hello && expect 200 hello
get -H 'x-reject: 418' /a/b && expect 418
get -H 'x-do: spin' /a && expect 503
says 'after 90 ms'
compat -X DELETE "/wasm/$edit" && expect 200

# With one: wider than [gateway], by what is said and by a manifest, with its paths from its own folder; and it is in force.
mkdir -p sub/data
printf '[component]\nname = "x"\nversion = "1.0.0"\n[resources]\nmax_memory = "8MB"\nmax_stack = "1MB"\nmax_execution_time_ms = 300\n[permissions.filesystem]\nread = ["data"]\n' >sub/edit.toml
say admin edit gateway-edit.wasm "\"manifest\":\"$here/sub/edit.toml\",\"limits\":{\"max_execution_time_ms\":210},\"on_failure\":\"open\",\"match\":[{\"path_prefix\":\"/api\",\"methods\":[\"POST\",\"PUT\"]},{\"headers\":{\"x-kind\":\"a\",\"x-any\":\"\"}}],\"sample\":99.5,\"reuse\":7,\"untrusted\":true"
expect 200
jq '{modules: [.modules[] | del(.add_result)]}' body >asked
schema WasmAdd asked
schema WasmAdded body
edit=$uuid
admin /v1/gateway && schema Gateway body
terms='.limits.max_memory == 8000000 and .limits.max_execution_time_ms == 210 and .on_failure == "open" and .sample == 99.5 and .reuse == 7 and (.shadow | not) and .attach == ["on-request"]
	and (.permissions | length == 1 and (.[0] | contains("'$here'/sub/data"))) and ([.match[] | [.path_prefix, .method, .header, .header_value]] == [["/api","POST",null,null],["/api","PUT",null,null],[null,null,"x-kind","a"],[null,null,"x-any",null]])'
of edit "$terms"
change edit '{"sample":100}' && expect 200
terms=${terms/99.5/100}
of edit "$terms"
get -H 'x-reject: 418' /api && expect 200
get -d x -H 'x-reject: 418' /api/x && expect 418
get -H 'x-reject: 418' -H 'x-kind: b' /hello && expect 200
get -H 'x-reject: 418' -H 'x-kind: a' /hello && expect 418
get -H 'x-do: crash' -H 'x-any: 1' /hello && expect 200 hello

# Places, and a shadow.
say admin auth gateway-auth.wasm '"position":1,"shadow":true' && expect 200
admin /v1/gateway && expect_json '[.modules[].name] == ["auth", "edit"]'
get /hello && expect 200 hello
of auth '.shadow'
say admin tracing gateway-tracing.wasm '"position":2' && expect 200
admin /v1/gateway && expect_json '[.modules[].name] == ["auth", "tracing", "edit"]'
# Trying does nothing, and says what is wrong all the same.
now was
change auth '{"shadow":false}' '?dry_run=true' && expect 200 '"dry_run":true'
of auth '.shadow'
say admin more gateway-policy.wasm '"sample":101' '/wasm?dry_run=1' && wrong 'modules[0].sample' 'not a share'
unchanged

# Something else is said of it in place: what is not said stays, null takes it back; a mistake changes nothing.
change auth '{"match":{"path_prefix":"/hello"}}' && expect 200
of auth '.shadow and .match[0].path_prefix == "/hello"'
change auth '{"shadow":null}' && expect 200
now is && cmp -s is was || failed 'it is another one by its UUID, or its place'
of auth '(.shadow | not) and .match[0].path_prefix == "/hello"'
get /hello && expect 401
get /other && expect 200
now was
change auth '{"limits":{"max_memory":1}}' && wrong limits.max_memory 'less than is allowed'
unchanged
change auth '{"file_path":7}' && expect 400
change auth '{}' && expect 400
change auth '{"attach_points":[{"Middleware":"OnFire"}]}' && expect 400 attach_points
change auth '{"position":3}' && expect 200
admin /v1/gateway && expect_json '[.modules[].name] == ["tracing", "edit", "auth"]'
change auth '{"position":1}' && expect 200
change edit "{\"limits\":{\"max_execution_time_ms\":220}}" && expect 200
terms=${terms/210/220}
of edit "$terms"

# A restart, killed, finds the same: also where the manifest has another text by then, or has gone.
admin /v1/gateway
jq -S '[.modules[] | del(.points)]' body >before
sed -i 's/8MB/16MB/' sub/edit.toml
kill -9 "$pid"
wait "$pid" 2>/dev/null
again
never 'is missing'
admin /v1/gateway
jq -S '[.modules[] | del(.points)]' body | diff before - || failed 'a restart changed something'
get /hello && expect 401
get -H 'x-do: crash' -H 'x-any: 1' /other && expect 200
# Said again it is read again; a reload that changes what holds for all keeps what was said.
change edit "{\"manifest\":\"$here/sub/edit.toml\"}" && expect 200
of edit '.limits.max_memory == 16000000 and .limits.max_execution_time_ms == 220'
rm sub/edit.toml
sed -i 's/max_execution_time_ms = 140/max_execution_time_ms = 150/' bulkhead.toml
kill -HUP "$pid"
says 'reloaded: '
of edit '.limits.max_memory == 16000000 and .limits.max_execution_time_ms == 220 and .on_failure == "open" and .reuse == 7'
of auth '.limits.max_execution_time_ms == 150 and .match[0].path_prefix == "/hello"'
kill -TERM "$pid"
ends 0

# A file that has gone: one that fails open, or is a shadow, stands in nobody's way, and comes back with all that was said.
mv gateway-edit.wasm away
again
says 'a registered module is missing: edit'
says 'requests pass it by'
get -H 'x-any: 1' /other && expect 200
kill -TERM "$pid"
ends 0
mv away gateway-edit.wasm
again
of edit '.limits.max_memory == 16000000 and .limits.max_execution_time_ms == 220 and .on_failure == "open" and .reuse == 7 and (.match | length == 4)'
compat /wasm && expect_json "[.modules[].module_meta.name] == [\"auth\", \"tracing\", \"edit\"] and ([.modules[] | keys] | unique == [[\"module_meta\", \"module_uuid\"]])"
kill -TERM "$pid"
ends 0

# A state in which what was said cannot be: the module is missing, which is said, and nothing of it is lost.
cp gateway.json good.json
jq -c '(.modules[] | select(.name == "auth").said.limits) = {max_memory: 1}' good.json >gateway.json
again
says 'a registered module is missing: auth'
says 'all requests get 503'
get /other && expect 503
admin -d '{"order": ["tracing", "auth", "edit"]}' /v1/gateway/order && expect 200
json_holds '.modules[] | select(.name == "auth") | .said.limits.max_memory == 1 and .said.match.path_prefix == "/hello" and .trusted' <gateway.json || failed 'it was lost'
json_holds '.modules[] | select(.name == "edit") | .said.manifest and (.manifest | contains("16MB"))' <gateway.json || failed 'a manifest was lost'
# Put right in place it is back.
change auth '{"limits":null}' && expect 200
get /hello && expect 401
get /other && expect 200
kill -TERM "$pid"
ends 0
