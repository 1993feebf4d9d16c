/**
 * A process that wants a token, for refresh-lock.test.ts:
 * `<plain | force> <folder of the cache> <token endpoint> [<seconds that count as fresh>]`.
 * Says `started`, then what it got.
 */
import { join } from "node:path";
import { openFileStore } from "../../src/storage/file-store.ts";
import { RefreshRejected, refreshOnce } from "../../src/storage/refresh-lock.ts";
import type { Token } from "../../src/storage/store.ts";

const [mode, folder = "", endpoint = "", margin = "300"] = process.argv.slice(2);
const debug = (message: string) => process.stderr.write(`${message}\n`);
const lockDirectory = join(folder, "locks");

class Rejection extends Error {}

async function request(refreshToken: string): Promise<Token> {
  const response = await fetch(endpoint, { method: "POST", body: refreshToken });
  if (!response.ok) throw new Rejection();
  return (await response.json()) as Token;
}

process.stdout.write("started\n");
const got = await refreshOnce({
  key: "P",
  putKeys: () => ["P"],
  store: openFileStore({
    path: join(folder, "token-cache.json"),
    lockDirectory,
    lockTimeout: 60_000,
    debug,
  }),
  lockDirectory,
  deadline: performance.now() + 60_000,
  now: Date.now,
  debug,
  startedAt: performance.timeOrigin,
  force: mode === "force",
  isFresh: ({ expiry = 0 }) => expiry > Date.now() + Number(margin) * 1_000,
  request,
  isRejection: (error) => error instanceof Rejection,
  onExchange: () => {},
  onStoreFailure: (error) => debug(String(error)),
}).then(
  (token) => token?.access_token ?? "none",
  (error: unknown) => (error instanceof RefreshRejected ? error.reason : String(error)),
);
process.stdout.write(`${got}\n`);
