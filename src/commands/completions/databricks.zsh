#compdef databricks
# zsh completion of databricks
_databricks() {
  local name meaning
  local -a names lines
  # A quote that is still open is closed before quotes and backslashes are taken off.
  local word="${(Q)${:-$QIPREFIX$PREFIX$compstate[quote]}}"
  while IFS=$'\t' read -r name meaning; do
    names+=("$name")
    lines+=("$name${meaning:+  -- $meaning}")
  done < <("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT - 1]}" "$word" 2>/dev/null)
  compadd -l -d lines -a names
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _databricks "$@"; else compdef _databricks databricks; fi
