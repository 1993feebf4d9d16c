# Logins put into the stores, and looked for there, without the program.

# token NAME [EXPIRY]: as the stores keep it. It ends in 2999, and can be renewed.
token() {
  printf '{"access_token":"access-%s","token_type":"Bearer","refresh_token":"refresh-%s","expiry":"%s"}' \
    "$1" "$1" "${2:-2999-01-01T00:00:00Z}"
}

# cache KEY TOKEN [KEY TOKEN…]: the file cache, with these entries.
cache() {
  entries=
  while [ $# -gt 0 ]; do
    entries="$entries${entries:+,}\"$1\":$2"
    shift 2
  done
  (umask 077 && mkdir -p "$HOME/.databricks" &&
    printf '{"version":1,"tokens":{%s}}' "$entries" >"$HOME/.databricks/token-cache.json")
}

# in_keyring KEY TOKEN
in_keyring() {
  printf '{"token":%s}' "$2" |
    secret-tool store --label="Password for '$1' on 'databricks-cli'" service databricks-cli username "$1"
}

# person NAME HOST: a profile.
person() { configure "[$1]" "host = $2" "auth_type = databricks-cli"; }

# places KEY…: where each key has which access token.
places() {
  for key; do
    kept=$(secret-tool lookup service databricks-cli username "$key" 2>/dev/null | access_of token)
    filed=$(cat "$HOME/.databricks/token-cache.json" 2>/dev/null | access_of tokens "$key")
    echo "  $key: keyring ${kept:--}, file ${filed:--}"
  done
}

# access_of NAME…: the access token under these names in the JSON on stdin; nothing where there is none.
access_of() {
  (cd / && "$BUN" -e '
    const text = await Bun.stdin.text();
    let at = text.startsWith("{") ? JSON.parse(text) : {};
    for (const name of process.argv.slice(1)) at = at?.[name];
    console.log(at?.access_token ?? "");
  ' -- "$@")
}
