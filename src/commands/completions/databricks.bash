# bash completion of databricks
#
# Bash splits words at = and : too, and hands over quotes and backslashes as they were typed.
# So the words are taken from the line anew, and only what follows the last break is replaced.
_databricks_complete() {
  local line="${COMP_LINE:0:COMP_POINT}" word candidate rest kept="" quote split
  local -a words=()
  # xargs reads quotes and backslashes as the shell does, and expands nothing. It refuses a
  # quote that is still open, so that is closed for it.
  for quote in "" "'" '"'; do
    if split="$(xargs -n 1 printf '%s\n' <<<"$line$quote" 2>/dev/null)"; then break; fi
  done
  while IFS= read -r word; do words+=("$word"); done <<<"$split"
  if [[ -z $quote && $line == *[[:space:]] && $line != *\\[[:space:]] ]]; then words+=(""); fi
  word="${words[${#words[@]} - 1]}"
  if [[ -z $quote && $word == *[=:]* ]]; then kept="${word%"${word##*[=:]}"}"; fi
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    rest="${candidate#"$kept"}"
    if [[ -z $quote ]]; then rest="$(printf '%q' "$rest")"; fi
    COMPREPLY+=("$rest")
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _databricks_complete databricks
