/** Authorization servers that fail, stall, cut off, or answer something else. */
import type { Endpoint } from "../workspace/controls.ts";
import type { Fault } from "../workspace/faults.ts";
import { startWorkspace } from "../workspace/server.ts";
import { approve, type Ended, makeBed } from "./bed.ts";
import { secretsIn } from "./leaks.ts";
import {
  type Ground,
  isAlive,
  PROFILE,
  printedToken,
  readState,
  type State,
  seedLogins,
} from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";
import { loginArgs } from "./scenarios.ts";

const MARKUP = '<script>alert("no")</script>\u001b[2Jrefresh\u202e';

/** Answers without a token that could be used. */
const NO_TOKEN: readonly Fault[] = [
  ...[400, 401, 404, 429, 500, 502, 503].map((status): Fault => ({ kind: "status", status })),
  { kind: "status", status: 503, retryAfter: 3600 },
  { kind: "html", status: 200 },
  { kind: "html", status: 502 },
  { kind: "oauth-error", error: "invalid_grant" },
  { kind: "oauth-error", error: "invalid_grant", description: MARKUP, status: 500 },
  { kind: "oauth-error", error: "invalid_request" },
  { kind: "oauth-error", error: "temporarily_unavailable", description: MARKUP },
  { kind: "oauth-error", error: MARKUP },
  { kind: "empty" },
  { kind: "redirect" },
  { kind: "redirect", location: "http://example.com/" },
  { kind: "never" },
  { kind: "slow-drip", millisecondsPerByte: 100 },
  { kind: "cut-before-headers" },
  { kind: "cut-before-headers", processed: true },
  { kind: "cut-mid-body" },
  { kind: "truncated" },
  { kind: "wrong-content-type" },
  { kind: "large-json" },
  { kind: "large-json", bytes: 32 * 1024 * 1024 },
  { kind: "rewrite", remove: ["access_token"] },
  { kind: "rewrite", set: { access_token: "" } },
  { kind: "rewrite", set: { access_token: 7 } },
  { kind: "rewrite", set: { access_token: "two\nlines" } },
  { kind: "rewrite", set: { token_type: "mac" } },
  { kind: "rewrite", remove: ["token_type"] },
  { kind: "rewrite", set: { expires_in: 1e300 } },
  { kind: "rewrite", set: { refresh_token: "a\u001bb" } },
  { kind: "rewrite", set: { refresh_token: {} } },
];

/** Answers from which something can be made. */
const STRANGE_TOKEN: readonly Fault[] = [
  { kind: "rewrite", set: { error: "invalid_grant" } },
  { kind: "rewrite", set: { expires_in: -1 } },
  { kind: "rewrite", set: { expires_in: "soon" } },
  { kind: "rewrite", set: { expires_in: null } },
  { kind: "rewrite", set: { scope: 7 } },
  { kind: "rewrite", set: { "": [], __proto__: 1 } },
];

/** Of the server's metadata, without which no token can be asked for. */
const NO_METADATA: readonly Fault[] = [
  { kind: "status", status: 500 },
  { kind: "html", status: 200 },
  { kind: "empty" },
  { kind: "redirect", location: "http://example.com/" },
  { kind: "never" },
  { kind: "cut-mid-body" },
  { kind: "large-json" },
  { kind: "rewrite", set: { token_endpoint: "https://example.com/token" } },
  { kind: "rewrite", set: { issuer: "https://example.com" } },
  { kind: "rewrite", remove: ["token_endpoint"] },
];

/** A wait is cut short by `--timeout`. In milliseconds. */
const TIMEOUT = 1000;
const GRACE = 500;
const limited = ["--timeout", `${TIMEOUT}ms`];

interface Asker {
  name: string;
  /** Of the token that is there before, in seconds. */
  expiresIn: number;
  args: (ground: Ground) => readonly string[];
  /** The stored token is still good, and is given where no new one is to be had. */
  hasFallback?: true;
}

const token = ["auth", "token", "-p", PROFILE, ...limited];
const ASKERS: readonly Asker[] = [
  { name: "token", expiresIn: -60, args: () => token },
  { name: "early token", expiresIn: 120, args: () => token, hasFallback: true },
  { name: "forced token", expiresIn: 3600, args: () => [...token, "--force-refresh"] },
  { name: "login", expiresIn: 3600, args: (ground) => [...loginArgs(ground), ...limited] },
];

interface Combination {
  asker: Asker;
  endpoint: Endpoint;
  fault: Fault;
  /** No token can come of it. */
  useless: boolean;
}

const COMBINATIONS: readonly Combination[] = ASKERS.flatMap((asker) => [
  ...NO_TOKEN.map((fault) => ({ asker, endpoint: "token", fault, useless: true }) as const),
  ...STRANGE_TOKEN.map((fault) => ({ asker, endpoint: "token", fault, useless: false }) as const),
  ...NO_METADATA.map((fault) => ({ asker, endpoint: "metadata", fault, useless: true }) as const),
]);

export const endpointRows: readonly Row[] = [
  {
    name: "hostile token endpoint",
    tries: { quick: 60, full: COMBINATIONS.length },
    lacks: lacksNothing,
    open: openEndpoints,
  },
];

async function openEndpoints(bench: Bench, random: Random): Promise<OpenRow> {
  const order = random.shuffled(COMBINATIONS);
  const workspace = await startWorkspace();
  const counts = { refused: 0, served: 0 };

  async function attempt(combination: Combination): Promise<void> {
    const { endpoint, fault, asker } = combination;
    const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
    workspace.reset();
    const ground: Ground = { bed, workspace, keyring: null };
    try {
      const before = await seedLogins(ground, asker.expiresIn);
      const files = filesOf(ground);
      workspace.control.faults = { [endpoint]: fault };
      const ended = await bed.run(asker.args(ground), { browser: readPage });
      const took = ended.took - ended.stalled;
      insist(took < TIMEOUT + GRACE, `it took ${took} ms`);
      counts[ended.code === 0 ? "served" : "refused"] += 1;
      await judge(combination, ground, before, files, ended);
    } finally {
      bed.close();
    }
  }

  return {
    async attempt(index) {
      const combination = order[index % order.length] as Combination;
      const { asker, endpoint, fault } = combination;
      const what = `${asker.name}, ${endpoint}: ${JSON.stringify(fault).slice(0, 100)}`;
      await during(what, () => attempt(combination));
    },
    note: () => `${counts.refused} refused, ${counts.served} served`,
    close: workspace.stop,
  };
}

/** It names the host, or the way back to a login. */
const ERROR =
  /^Error: (.*\b127\.0\.0\.1|A new access token could not|there was no new token within|nobody signed in)/m;

const filesOf = ({ bed }: Ground) => [bed.read(bed.config), bed.read(bed.cache)];

/** A person's browser; what it shows must be as harmless as what the terminal shows. */
async function readPage(link: string): Promise<void> {
  const page = (await (await approve(link))?.text()) ?? "";
  insist(secretsIn(page).size === 0, "the page shows a secret");
  insist(!page.includes("<script"), "the page shows markup");
}

async function judge(
  { asker, useless }: Combination,
  ground: Ground,
  before: State,
  files: (string | null)[],
  { code, stdout, stderr }: Ended,
): Promise<void> {
  const unchanged = Bun.deepEquals(filesOf(ground), files);
  if (code !== 0) {
    insist(!asker.hasFallback, `the token that is stored would do: ${stderr}`);
    insist(ERROR.test(stderr), `it does not say who failed: ${stderr}`);
    insist(stdout === "", "something is printed beside the error");
    insist(unchanged, "the files were changed");
    return;
  }
  const stored = before.file.get(PROFILE)?.["access_token"];
  const printed = asker.name === "login" ? null : printedToken(stdout);
  if (asker.hasFallback && printed === stored) {
    insist(unchanged, "the files were changed");
    return;
  }
  insist(!useless, `this was no token: ${stdout}`);
  const state = await readState(ground);
  const entry = state.file.get(PROFILE);
  insist(await isAlive(entry, ground), "the stored token is dead");
  insist(printed === null || printed === entry?.["access_token"], "another one is printed");
}
