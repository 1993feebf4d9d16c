# What a case's script can call. It runs in an empty folder, with nothing of the caller's environment.

# On a terminal, Ctrl-C reaches this shell too.
trap : INT

# run COMMAND…: prints the command, its stdout, its stderr behind "! ", and an exit code other than 0.
# On a terminal, both streams go to it as they are, and it must be left as it was.
run() {
  printf '$ %s\n' "$*"
  if [ -t 1 ]; then
    before=$(stty -g)
    "$@"
    code=$?
    [ "$(stty -g)" = "$before" ] || echo "[the terminal is not as it was: $(stty -a)]"
  else
    "$@" >"$SANDBOX/stdout" 2>"$SANDBOX/stderr"
    code=$?
    show '' <"$SANDBOX/stdout"
    show '! ' <"$SANDBOX/stderr"
  fi
  [ "$code" -eq 0 ] || printf '[exit %s]\n' "$code"
}

# show PREFIX: stdin, each line behind the prefix; says so when the last one does not end.
show() {
  cat >"$SANDBOX/shown"
  [ -s "$SANDBOX/shown" ] || return 0
  sed "s/^/$1/" "$SANDBOX/shown"
  [ -z "$(tail -c 1 "$SANDBOX/shown")" ] || printf '\n[no newline at the end]\n'
}

# within MILLISECONDS COMMAND…: says so when the command took longer, PATIENCE times that where it is set.
within() {
  limit=$(($1 * ${PATIENCE:-1}))
  shift
  started=$(milliseconds)
  "$@"
  elapsed=$(($(milliseconds) - started))
  [ "$elapsed" -le "$limit" ] || printf '[took %s ms, more than %s]\n' "$elapsed" "$limit"
}

# milliseconds: the time. macOS's date knows whole seconds only.
milliseconds() {
  case $(date +%3N) in
  *N) control milliseconds ;;
  *) date +%s%3N ;;
  esac
}

# modes PATH…: the permissions of each; stat of Linux, and of macOS.
modes() { stat -c '%a %n' "$@" 2>/dev/null || stat -f '%Lp %N' "$@"; }

# absent PATH…: one line for each, whether it is there.
absent() {
  for path; do
    if [ -e "$path" ]; then echo "$path: is there"; else echo "$path: is not there"; fi
  done
}

# workspace ACTION [JSON], keyring ACTION, seed STORE KEY [JSON]: see scripts/acceptance/control.ts.
workspace() { control workspace "$@"; }
keyring() { control keyring "$@"; }
seed() { control seed "$@"; }
# Not in the case's folder, whose bunfig.toml it would obey.
control() { (cd / && "$BUN" "$CONTROL" "$@"); }

# profile NAME: a profile of the workspace, as a login would save it.
profile() { configure "[$1]" "host = $WORKSPACE_URL" "auth_type = databricks-cli"; }

# setting MODE: auth_storage in the config file.
setting() { configure '[__settings__]' "auth_storage = $1"; }

# configure LINE…: more lines for the config file.
configure() { (umask 077 && printf '%s\n' "$@" >>"$HOME/.databrickscfg"); }

# at_once N COMMAND…: starts it N times at once, with I as 1 to N; prints each different outcome with its number.
at_once() {
  times=$1
  shift
  for I in $(seq "$times"); do
    (export I && eval "$*" >"$SANDBOX/at-once-$I" 2>&1 || echo "[exit $?]" >>"$SANDBOX/at-once-$I") &
  done
  wait
  printf '$ %s times at once: %s\n' "$times" "$*"
  cat "$SANDBOX"/at-once-* | sort | uniq -c | sed 's/^ *//'
  rm "$SANDBOX"/at-once-*
}
