# Completion of bulkhead for fish. The command itself knows what fits: its tables, and the children of the daemon.
function __bulkhead_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string collect --allow-empty)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c bulkhead -f -a '(__bulkhead_complete)'
