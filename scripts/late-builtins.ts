/**
 * Leaves the runtime's own modules where they are. An import of `node:fs` would make the bundler compile
 * a copy of it, and of the dozen that it needs, into the executable: 1.5 MB, which no usual command runs.
 */
import { readFileSync } from "node:fs";
import type { BunPlugin } from "bun";

/** `from "node:fs"` and `import("node:readline")`, in either kind of quotes. */
const IMPORT = /(\bfrom\s*|\bimport\s*\(\s*)(["'])node:([\w/]+)\2/g;

/** The bundler asks no plugin about names that begin with `node:`. */
const LATE = "late";

export const lateBuiltins: BunPlugin = {
  name: "late builtins",
  setup(build) {
    build.onLoad({ filter: /\.m?[jt]s$/ }, ({ path, loader }) => ({
      contents: readFileSync(path, "utf8").replace(IMPORT, `$1$2${LATE}:$3$2`),
      loader,
    }));
    build.onResolve({ filter: new RegExp(`^${LATE}:`) }, ({ path }) => ({
      path: path.slice(LATE.length + 1),
      namespace: LATE,
    }));
    build.onLoad({ filter: /.*/, namespace: LATE }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("node:${path}");`,
      loader: "js",
    }));
  },
};
