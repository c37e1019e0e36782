# shellcheck shell=bash
# Completion of bulkhead for bash. The command itself knows what fits: its tables, and the children of the daemon.
_bulkhead() {
	local word
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		if [ "$word" = :files ]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
		else
			COMPREPLY+=("$word")
		fi
	done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _bulkhead bulkhead
