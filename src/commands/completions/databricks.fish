# fish completion of databricks
function __databricks_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    # A quote that is still open is closed before it is taken off.
    for quote in '' "'" '"'
        if set -l plain (string unescape -- $word$quote)
            set word $plain
            break
        end
    end
    $words[1] __complete -- $words[2..] $word 2>/dev/null
end
complete -c databricks -f -a '(__databricks_complete)'
