#compdef databricks
# zsh completion of databricks
_databricks() {
  local line
  local -a names lines
  while IFS=$'\t' read -r name meaning; do
    names+=("$name")
    lines+=("$name${meaning:+  -- $meaning}")
  done < <("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  compadd -l -d lines -a names
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _databricks "$@"; else compdef _databricks databricks; fi
