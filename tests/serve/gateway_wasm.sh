#!/usr/bin/env bash
# test: timeout=90 cost=11
# The management API as existing tools use it, on compat_listen: shapes, rules for paths, restarts; and what is new.
# shellcheck disable=SC2015,SC2119
# shellcheck source=tests/support/gateway.sh
. "$TESTS/support/gateway.sh"
upstream
here=$(pwd -P)
case "$here" in /root* | /run* | /dev*) echo "skipped: no module may be below $here"; exit 77 ;; esac
cp "$GUESTS"/gateway-{auth,edit,policy,redact,tracing,raw}.wasm .
configure
begin

# As the existing tools do it: add, list, use, remove.
compat /wasm && expect 200
expect_json '. == {modules: [], metrics: {total_executions: 0, successful_executions: 0, failed_executions: 0, total_execution_time_ms: 0, max_execution_time_ms: 0, average_execution_time_ms: 0}}'
register auth "$here/gateway-auth.wasm" OnRequest && expect 200
expect_json '.modules[0] | .name == "auth" and .module_type == "Middleware" and .attach_points == [{"Middleware":"OnRequest"}] and (.add_result | keys == ["Success"])'
[[ $uuid =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]] || failed "no UUIDv7: $uuid"
auth=$uuid
get /hello && expect 401
get -H 'x-api-key: let-me-in' /hello && expect 200 hello
compat /wasm && expect 200
expect_json "(.modules | length == 1) and (.modules[0] | keys == [\"module_meta\", \"module_uuid\"]) and .modules[0].module_uuid == \"$auth\""
expect_json '.modules[0].module_meta | keys == ["access_count", "attach_points", "created_at", "file_path", "last_accessed_at", "name", "sha256_hash", "size_bytes"]'
expect_json ".modules[0].module_meta | .access_count == 2 and .sha256_hash == \"$(sha256sum <gateway-auth.wasm | cut -d' ' -f1)\" and .size_bytes == $(stat -c %s gateway-auth.wasm)"
expect_json '.modules[0].module_meta.created_at | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$")'
expect_json '.metrics.total_executions == 2 and .metrics.successful_executions == 2'
compat -X DELETE "/wasm/$auth" && expect 200
get /hello && expect 200 hello
compat -X DELETE "/wasm/$auth" && expect 400
compat -X DELETE /wasm/nonsense && expect 400

# One of several that is wrong: 400, and the others are there.
compat -d "{\"modules\":[{\"name\":\"good\",\"file_path\":\"$here/gateway-policy.wasm\",\"module_type\":\"Middleware\",\"attach_points\":[{\"Middleware\":\"OnResponse\"}]},{\"name\":\"bad\",\"file_path\":\"$here/none.wasm\",\"module_type\":\"Middleware\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]}]}" /wasm
expect 400 && expect_json '(.modules[0].add_result | has("Success")) and (.modules[1].add_result | has("Error"))'
get /hello && expect 200 && expect_head nosniff

# Rules.
no() { # TEXT NAME FILE POINT...
	register "${@:2}"
	expect 400 "$1"
	[ -z "$uuid" ] || failed 'registered'
}
echo no wasm >text.wasm
: >empty.wasm
cp "$GUESTS/counter.wasm" counter.wasm
mkfifo fifo.wasm
mkdir dir.wasm
ln -s /etc/passwd link.wasm
ln -s /proc/self/exe exe.wasm
ln -s "$here/gateway-auth.wasm" fine.wasm
no 'name is empty' '' "$here/gateway-auth.wasm"
no 'absolute' a gateway-auth.wasm
no "'..'" a "$here/../$(basename "$here")/gateway-auth.wasm"
no "'..'" a "$here/./gateway-auth.wasm"
no "'..'" a "$here/.."
no 'end in .wasm' a "$here/bulkhead.toml"
for folder in /etc /proc /sys /dev /boot /root /var/log /var/run; do no "below $folder" a "$folder/x.wasm"; done
no 'below /proc' a "/proc/self/cwd/gateway-auth.wasm"
no 'below /proc' a "/proc/self/root$here/gateway-auth.wasm"
no 'end in .wasm' a "$here/link.wasm"
no 'end in .wasm' a "$here/exe.wasm"
# Links to what is named right and lies wrong, and a folder that is one; other spellings of a folder.
shm=$(mktemp /dev/shm/bulkhead-XXXXXX.wasm 2>/dev/null) && {
	trap 'rm -f "$shm"; for one in "$pid" "$up_pid" "${others[@]}"; do [ -z "$one" ] || kill -9 "$one" 2>/dev/null; done' EXIT
	cp gateway-auth.wasm "$shm"
	ln -s "$shm" shm.wasm
	ln -s /dev/shm devs
	no 'below /dev' a "$here/shm.wasm"
	no 'below /dev' a "$here/devs/${shm##*/}"
	no 'below /dev' a "//dev/shm/${shm##*/}"
	no 'below /dev' a "/dev//shm/${shm##*/}"
}
no '' a "$here/gateway-auth.wasm/"
no '' a "$here/gateway-auth.wasm\u0000.wasm"
no 'not a file' a "$here/fifo.wasm"
no 'not a file' a "$here/dir.wasm"
no 'empty' a "$here/empty.wasm"
no '' a "$here/text.wasm"
no '' a "$here/counter.wasm"
no 'same content' a "$here/gateway-policy.wasm"
no 'named good' good "$here/gateway-auth.wasm"
no 'attach_points' a "$here/gateway-auth.wasm" OnFire
no '' a "$here/gateway-auth.wasm" OnError
for body in '' '{' '[]' '{}' '{"modules":{}}' '{"modules":[]}' '{"modules":[1]}' '{"modules":[{"name":1}]}'; do compat -d "$body" /wasm && expect 400; done
register linked "$here/fine.wasm" && expect 200
compat -X DELETE "/wasm/$uuid" && expect 200
# A link that is turned round all the time never leads to what is not allowed: nothing but the two that are there.
mkdir -p spot
cp gateway-redact.wasm spot/ok.wasm
"$SERVE/serve_raw" swap "$here/spot/ok.wasm" "$here/link.wasm" "$here/turns.wasm" &
others+=($!)
until_true test -L turns.wasm
for _ in $(seq 12); do
	register turning "$here/turns.wasm"
	if [ -n "$uuid" ]; then
		compat /wasm
		expect_json ".modules[] | select(.module_meta.name == \"turning\").module_meta.sha256_hash == \"$(sha256sum <spot/ok.wasm | cut -d' ' -f1)\""
		compat -X DELETE "/wasm/$uuid" && expect 200
	else
		expect 400
		! grep -q 'root:' body || failed 'a file was shown'
	fi
done
kill "${others[0]}"

# This door has nothing else, and no pages come in.
compat /metrics && expect 404
compat /v1/children && expect 404
compat -H 'Origin: http://evil.example' /wasm && expect 403
compat -H 'Host: evil.example' /wasm && expect 421

# Trying, replacing, ordering.
compat /wasm && cp body was
compat -d "{\"modules\":[{\"name\":\"try\",\"file_path\":\"$here/gateway-edit.wasm\",\"module_type\":\"Middleware\",\"attach_points\":[{\"Middleware\":\"OnRequest\"}]}]}" '/wasm?dry_run=true'
expect 200 Success
compat /wasm && cmp body was || failed 'a try changed something'
register edit "$here/gateway-edit.wasm" OnRequest OnResponse && expect 200
register auth "$here/gateway-auth.wasm" && expect 200
auth=$uuid
get -H 'x-reject: 418' /hello && expect 418
admin -d '{"order": ["auth", "edit", "good"]}' '/v1/gateway/order?dry_run=true' && expect 200
get -H 'x-reject: 418' /hello && expect 418
admin -d '{"order": ["auth", "edit", "good"]}' /v1/gateway/order && expect 200
get -H 'x-reject: 418' /hello && expect 401
for body in '{"order": ["auth"]}' '{"order": ["auth", "auth", "edit"]}' '{"order": ["auth", "edit", "none"]}' '{"order": 1}' '{'; do admin -d "$body" /v1/gateway/order && expect 400; done
admin -d "{\"file_path\": \"$here/gateway-redact.wasm\"}" /v1/gateway/modules/auth/replace && expect 200
get -H 'x-reject: 418' /hello && expect 418
admin -d "{\"file_path\": \"$here/gateway-policy.wasm\"}" /v1/gateway/modules/auth/replace && expect 400
admin -d '{"file_path": "/etc/x.wasm"}' /v1/gateway/modules/auth/replace && expect 422
admin -d "{\"file_path\": \"$here/gateway-auth.wasm\"}" /v1/gateway/modules/none/replace && expect 404
admin -d "{\"file_path\": \"$here/gateway-auth.wasm\"}" /v1/gateway/modules/auth/replace && expect 200

# A restart finds all of it, in its order; killed at that.
compat /wasm
jq '[.modules[] | [.module_uuid, .module_meta.name, .module_meta.sha256_hash, .module_meta.created_at]]' body >before
kill -9 "$pid"
wait "$pid" 2>/dev/null
again
compat /wasm
jq '[.modules[] | [.module_uuid, .module_meta.name, .module_meta.sha256_hash, .module_meta.created_at]]' body | cmp - before || failed 'a restart lost something'
get -H 'x-reject: 418' /hello && expect 401
kill -TERM "$pid"
ends 0

# One whose file is not what it was refuses everything, until it is taken out; it is not lost meanwhile.
cp gateway-raw.wasm gateway-auth.wasm
again
says 'a registered module is missing'
get -H 'x-api-key: let-me-in' /hello && expect 503
kill -TERM "$pid"
ends 0
grep -q '"name":"auth"' gateway.json || failed 'it was lost'
again
compat /wasm
auth=$(jq -r '.modules[] | select(.module_meta.name == "auth").module_uuid' body)
compat -X DELETE "/wasm/$auth" && expect 200
get /hello && expect 200 hello
kill -TERM "$pid"
ends 0

# A file that is no state is kept, and said once; one that cannot be read is not written over.
echo '{"modules": [' >gateway.json
again
says 'kept beside' 1
grep -q 'modules' gateway.json.corrupt || failed 'it was lost'
get /hello && expect 200 hello
# Where it cannot be written nothing changes.
mkdir gateway.json.new
no 'cannot be written' a "$here/gateway-edit.wasm"
compat /wasm && expect_json '.modules == []'
rmdir gateway.json.new
kill -TERM "$pid"
ends 0
