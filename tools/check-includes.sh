#!/usr/bin/env bash
# The rules between rooms, checked by reading. Prints file:line and the rule that is broken.
#
#   rooms         base <- engine <- cache <- host <- supervise, gateway <- serve <- cli; manifest needs base only,
#                 functions base and net, net base only
#   public        serve, cli, bench, examples and tests/api use the public headers and their own folder only
#   seam          the engine's headers are included in src/engine only (a benchmark may compare with the bare
#                 engine), the TOML parser's in src/base/toml.c only
#   allocation    memory comes from src/base/alloc.c, in the command from src/cli/memory.c, in the daemon from
#                 src/serve/memory.c
#   self          public headers include public headers and a few of the standard library's only
#
# Usage: tools/check-includes.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

mapfile -t files < <(find include src tests/api bench examples -name '*.[ch]' 2>/dev/null | sort)
[ "${#files[@]}" -gt 0 ] || exit 0

awk '
	BEGIN {
		may["base"] = " base "
		may["engine"] = " base engine "
		may["cache"] = " base engine cache "
		may["manifest"] = " base manifest "
		may["net"] = " base net "
		may["functions"] = " base net functions "
		may["host"] = " base engine cache manifest host "
		may["supervise"] = " base engine cache manifest host supervise "
		may["gateway"] = " base engine cache manifest host gateway "
		may["serve"] = " serve "
		may["cli"] = " cli "
		rooms = " base engine cache manifest net functions host supervise gateway serve cli "
		standard = " inttypes.h limits.h stdarg.h stdbool.h stddef.h stdint.h stdio.h string.h time.h "
		raw = "(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|strdup|strndup|asprintf|vasprintf)"
	}
	function fault(rule, text) {
		printf "%s:%d: %s: %s\n", FILENAME, FNR, rule, text
		failed = 1
	}
	function has(list, word) { return index(list, " " word " ") > 0 }

	# Code without comments, strings and characters; `in_comment` lasts over lines.
	function strip(line,   out, rest) {
		gsub(/\\./, "", line)
		out = ""
		while (line != "") {
			if (in_comment) {
				if (!(rest = index(line, "*/")))
					return out
				line = substr(line, rest + 2)
				in_comment = 0
			} else if (match(line, /"[^"]*"|\047[^\047]*\047|\/\*|\/\//)) {
				out = out substr(line, 1, RSTART - 1)
				rest = substr(line, RSTART, 2)
				line = substr(line, RSTART + RLENGTH)
				if (rest == "//")
					return out
				if (rest == "/*")
					in_comment = 1
				else
					out = out "0"
			} else {
				return out line
			}
		}
		return out
	}

	FNR == 1 {
		in_comment = 0
		split(FILENAME, part, "/")
		public = part[1] == "include"
		room = part[1] == "src" ? part[2] : ""
		outside = part[1] != "src" && !public || room == "serve" || room == "cli"
		if (room && !(room in may))
			fault("rooms", "src/" room " is no room; rooms are" rooms)
	}

	/^[ \t]*#[ \t]*include/ {
		match($0, /[<"][^>"]*[>"]/)
		quote = substr($0, RSTART, 1)
		header = substr($0, RSTART + 1, RLENGTH - 2)
		count = split(header, piece, "/")
		first = count > 1 ? piece[1] : ""
		last = piece[count]

		if (header ~ /\.\.\//)
			fault("rooms", "\"" header "\": include from src/, without ..")
		if (last ~ /^(wasmtime|wasm|wasi)\.hh?$/ || first == "wasmtime" || last ~ /^bhx.*\.h$/) {
			if (room != "engine" && part[1] != "bench")
				fault("seam", header " is for src/engine only")
		} else if (last == "bulkhead_toml.h") {
			if (FILENAME != "src/base/toml.c")
				fault("seam", header " is for src/base/toml.c only")
		} else if (public) {
			if (quote == "<" ? !has(standard, header) : first != "" && first != "bulkhead")
				fault("self", header " is not public")
		} else if (has(rooms, first)) {
			if (outside && first != room)
				fault("public", header " is private; what is missing from the public headers?")
			else if (room && !outside && !has(may[room], first))
				fault("rooms", "src/" room " may not include " header " (it may:" may[room] ")")
		}
		next
	}

	room && FILENAME != "src/base/alloc.c" && FILENAME !~ /^src\/(cli|serve)\/memory\.c$/ {
		code = strip($0)
		if (match(code, "(^|[^A-Za-z0-9_.>])" raw "[ \t]*\\(")) {
			found = substr(code, RSTART, RLENGTH)
			gsub(/[^a-z]/, "", found)
			fault("allocation", found "() outside " (room == "cli" || room == "serve" ? "src/" room "/memory.c" : "src/base/alloc.c"))
		}
	}
	END { exit failed }
' "${files[@]}" || exit 1
printf 'includes: %d files keep to the rules\n' "${#files[@]}"
