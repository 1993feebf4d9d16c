/**
 * What scripts call through `prelude.sh`:
 *
 *     workspace requests             one line per request so far
 *     workspace ACTION [JSON]        control, issue, expire, revoke, reset (test/workspace/README.md)
 *     keyring ACTION                 scripts/acceptance/keyring.ts
 *     seed file|keyring KEY [JSON]   stores a login of the workspace without the program
 *     milliseconds                   the time
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RequestRecord } from "../../test/workspace/request-log.ts";

const [command = "", ...args] = process.argv.slice(2);

switch (command) {
  case "workspace":
    await controlWorkspace(args[0] ?? "", args[1]);
    break;
  case "keyring":
    await controlKeyring(args[0] ?? "");
    break;
  case "seed":
    await seed(args[0] ?? "", args[1] ?? "", args[2]);
    break;
  case "milliseconds":
    console.log(Date.now());
    break;
  default:
    throw new Error(`no such command: ${command}`);
}

async function controlWorkspace(action: string, body?: string): Promise<void> {
  const answer = await askWorkspace(action, body);
  if (action !== "requests") return;
  for (const request of answer as RequestRecord[]) {
    console.log(
      [request.method, request.path, request.grant, request.status]
        .filter((part) => part !== null)
        .join(" "),
    );
  }
}

async function askWorkspace(action: string, body = "{}"): Promise<unknown> {
  const url = `${setting("WORKSPACE_URL")}/_workspace/${action}`;
  const response = await fetch(url, action === "requests" ? {} : { method: "POST", body });
  if (!response.ok) throw new Error(`${action}: ${await response.text()}`);
  return response.json();
}

async function controlKeyring(action: string): Promise<void> {
  const response = await fetch(`http://runner/${action}`, {
    method: "POST",
    unix: setting("CONTROL_SOCKET"),
  });
  if (!response.ok) throw new Error(`keyring ${action}: ${await response.text()}`);
}

async function seed(store: string, key: string, options?: string): Promise<void> {
  const token = (await askWorkspace("issue", options)) as object;
  if (store === "file") seedFile(key, token);
  else if (store === "keyring") await seedKeyring(key, token);
  else throw new Error(`seed: want file or keyring, not ${store}`);
}

function seedFile(key: string, token: object): void {
  const path = join(setting("HOME"), ".databricks", "token-cache.json");
  const cache = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as { tokens: object })
    : { version: 1, tokens: {} };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const content = { ...cache, tokens: { ...cache.tokens, [key]: token } };
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
}

/** By secret-tool, so that what the program reads was written by another program. */
async function seedKeyring(key: string, token: object): Promise<void> {
  const attributes = ["service", "databricks-cli", "username", key];
  const label = `Password for '${key}' on 'databricks-cli'`;
  const tool = Bun.spawn(["secret-tool", "store", `--label=${label}`, ...attributes], {
    stdin: new Blob([JSON.stringify({ token })]),
    stderr: "inherit",
  });
  if ((await tool.exited) !== 0) throw new Error("secret-tool store failed");
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the case's header does not ask for it`);
  return value;
}
