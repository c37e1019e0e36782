# Whether values are what schemas of openapi.json say: prints what is not, and nothing where all is well.
#   jq -r --slurpfile api openapi.json -f schema.jq
# of records {"schema": "Child", "asked": "...", "status": 200, "value": ...}; of a problem the status is compared too.
# Only the words that openapi.json uses are known; another one is an error, so that none is taken for granted.

def known: ["$ref", "type", "enum", "const", "oneOf", "properties", "required", "additionalProperties", "items", "minimum",
	"maximum", "maxLength", "pattern", "description", "default"];

def is_type($name):
	if $name == "integer" then type == "number" and floor == . else type == $name end;

def check($root; $s; $at):
	. as $value
	| ($s | keys[] | select(. as $k | known | index([$k]) | not) | "\($at): the checker does not know \(.)"),
	if $s["$ref"] then check($root; $root | getpath($s["$ref"][2:] / "/"); $at)
	else
		(if $s.type and ([$s.type] | flatten | any(. as $t | $value | is_type($t)) | not)
			then "\($at): is \(type), not \($s.type)" else empty end),
		(if $s.enum and ($s.enum | index([$value]) | not) then "\($at): \($value) is not one of \($s.enum)" else empty end),
		(if ($s | has("const")) and $s.const != $value then "\($at): is not \($s.const)" else empty end),
		(if $s.oneOf then [$s.oneOf[] as $one | [$value | check($root; $one; $at)]]
			| if map(select(length == 0)) | length == 1 then empty else "\($at): fits not one of: \(.)" end
			else empty end),
		(if type == "number" and $s.minimum and . < $s.minimum then "\($at): \(.) is too small" else empty end),
		(if type == "number" and $s.maximum and . > $s.maximum then "\($at): \(.) is too large" else empty end),
		(if type == "string" and $s.maxLength and length > $s.maxLength then "\($at): is too long" else empty end),
		(if type == "string" and $s.pattern and (test($s.pattern) | not) then "\($at): \(.) does not match" else empty end),
		(if type == "array" and $s.items then range(length) as $i | .[$i] | check($root; $s.items; "\($at)[\($i)]") else empty end),
		(if type == "object" then
			(($s.required // [])[] as $k | select(has($k) | not) | "\($at): \($k) is missing"),
			(keys[] as $k | .[$k]
				| if $s.properties and ($s.properties | has($k)) then check($root; $s.properties[$k]; "\($at).\($k)")
					elif $s.additionalProperties == false then "\($at): \($k) is not in the schema"
					elif ($s.additionalProperties | type) == "object" then check($root; $s.additionalProperties; "\($at).\($k)")
					else empty end)
			else empty end)
	end;

. as $record
| (.value | check($api[0]; {"$ref": "#/components/schemas/\($record.schema)"}; $record.schema)),
	(if .schema == "Problem" and .value.status != .status then "the status is \(.status), in the body \(.value.status)" else empty end)
| "\($record.asked): \(.)"
