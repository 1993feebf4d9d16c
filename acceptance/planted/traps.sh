# Fills the current folder with everything that a program might pick up there.

cat >planted.c <<'END'
#include <stdio.h>
__attribute__((constructor)) static void planted(void) { fputs("PLANTED LIBRARY RAN\n", stderr); }
void planted_symbol(void) {}
END
cc -shared -fPIC -o libsecret-1.so.0 planted.c
for name in libglib-2.0.so.0 libgio-2.0.so.0 libgobject-2.0.so.0 libc.so.6; do
  cp libsecret-1.so.0 $name
done
echo 'console.error("PLANTED SCRIPT RAN");' >planted.ts
echo 'preload = ["./planted.ts"]' >bunfig.toml
echo 'DATABRICKS_AUTH_STORAGE=planted' | tee .env .env.local >.env.production
echo '{"compilerOptions": {"paths": {"*": ["./planted.ts"]}}}' >tsconfig.json
echo '{"name": "planted", "scripts": {"auth": "echo PLANTED PACKAGE RAN", "version": "echo PLANTED PACKAGE RAN"}}' >package.json

# The stand-in browser is a Bun script, which would obey them.
printf '#!/bin/sh\ncd / && exec "%s" "$@"\n' "$BROWSER" >"$SANDBOX/browser"
chmod +x "$SANDBOX/browser"
export BROWSER="$SANDBOX/browser"

# every_command COMMAND…: runs whatever lies below it in the tree of commands, for the profile "work".
every_command() {
  below=$("$@" --help </dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
  if [ -z "$below" ]; then
    echo "$* --profile work"
    "$@" --profile work </dev/null 2>&1 | grep -i planted
  fi
  for word in $below; do (every_command "$@" "$word"); done
}
