# bash completion of databricks
#
# Bash hands over words split at = and : too, with quotes and backslashes as they were typed. So
# the words are taken from the line anew, and a candidate is cut to the part that Bash replaces.

# The words of a line as the shell would read them, without expanding anything. Fails at an open quote.
_databricks_split() {
  local text word
  text="$(xargs printf '%s\n' <<<"$1" 2>/dev/null)" || return
  words=()
  while IFS= read -r word; do words+=("$word"); done <<<"$text"
  if [[ $1 == *[[:blank:]] && $1 != *\\[[:blank:]] ]]; then words+=(""); fi
}

# Lines as they must be typed inside the open quote. History expansion heeds no backslash in one.
_databricks_escape() {
  case "$1" in
  \') sed "s/'/'\\\\''/g" ;;
  \") sed -e 's/[\\"$`]/\\&/g' -e 's/!/"\\!"/g' ;;
  *) cat ;;
  esac
}

_databricks_complete() {
  local line="${COMP_LINE:0:COMP_POINT}" masked kept="" breaks="" sign quote candidate
  local -a words=() typed=()
  COMPREPLY=()
  for quote in "" "'" '"'; do
    if _databricks_split "$line$quote"; then break; fi
  done
  typed=("${words[@]}")
  # Only what follows the open quote, or the last break, is replaced.
  masked="${line//\\?/--}"
  for sign in = : @; do
    if [[ $COMP_WORDBREAKS == *"$sign"* ]]; then breaks+="$sign"; fi
  done
  if [[ -n $quote ]]; then
    masked="${masked%"$quote"*}"
  else
    masked="${masked%"${masked##*[[:blank:]$breaks]}"}"
  fi
  if _databricks_split "${line:0:${#masked}}"; then kept="${words[${#words[@]} - 1]}"; fi
  while IFS= read -r candidate; do
    if [[ -z $quote ]]; then printf -v candidate '%q' "$candidate"; fi
    # Bash closes the quote, but for a word that already ends like one that is closed.
    if [[ -n $quote && $candidate == *"$quote" ]]; then candidate+="$quote"; fi
    COMPREPLY+=("$candidate")
  done < <("${typed[0]}" __complete -- "${typed[@]:1}" 2>/dev/null |
    while IFS=$'\t' read -r candidate _; do printf '%s\n' "${candidate#"$kept"}"; done |
    _databricks_escape "$quote")
}
complete -F _databricks_complete databricks
