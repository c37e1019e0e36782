# shellcheck shell=bash
# What tests ask of JSON, and what keeps a script from passing over what it cannot do.

# json_holds FILTER [JQ-OPTION...] <JSON: there is JSON, and the filter is true of the last of it. jq 1.6 by itself is content
# with nothing at all.
json_holds() { command jq -se "${@:2}" "length > 0 and (last | ($1))" >/dev/null; }

# A name that nothing has, most likely a slip, ends the test: in the shell that runs it, not in the one that looked for it.
command_not_found_handle() {
	echo "FAILED: there is no command or function $1" >&2
	kill -TERM $$
	return 127
}
