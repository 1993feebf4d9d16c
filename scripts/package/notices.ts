/** The licences of what is compiled into the executable, which its copies must carry. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dependencies } from "../../package.json";
import { ROOT } from "../build.ts";

const BUN = `# Bun

The executable holds the Bun runtime, which is under the MIT licence and links JavaScriptCore
and other libraries under licences of their own, among them the LGPL 2. All are listed, with
their sources, at https://bun.com/docs/project/license.
`;

/** @throws when a dependency has no licence file */
export function renderNotices(): string {
  const notices = [...closure(Object.keys(dependencies))].sort().map((name) => {
    const folder = join(ROOT, "node_modules", name);
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence file`);
    return `# ${name} ${manifestOf(name).version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return [BUN, ...notices].join("\n");
}

/** The packages and all that they depend on. */
function closure(names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    if (found.has(name)) continue;
    found.add(name);
    closure(Object.keys(manifestOf(name).dependencies ?? {}), found);
  }
  return found;
}

function manifestOf(name: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
}
