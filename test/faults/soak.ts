/**
 * `auth token` as agents ask for it, for a long time, while a token falls due every five seconds:
 * no call fails, each token that falls due costs one request, and the machine is left as it was.
 */
import { readdirSync } from "node:fs";
import { SERVICE } from "../../src/keyring/backend.ts";
import { missingTools, type Session } from "../support/secret-service.ts";
import { openGrounds } from "./kills.ts";
import { type Ground, isAlive, PROFILE, readState, seedLogins } from "./logins.ts";
import { type Readings, requireFlat, watchingMachine } from "./machine.ts";
import {
  type Bench,
  insist,
  lacksNothing,
  needs,
  type OpenRow,
  type Row,
  type SoakPlan,
} from "./row.ts";

/** With the program's margin of five minutes, such a token is due after five seconds. */
const LIFETIME_SECONDS = 305;
const MARGIN = 300_000;

export const soakRows: readonly Row[] = [
  {
    name: "soak, file",
    tries: { quick: 1, full: 1 },
    lacks: lacksNothing,
    open: (bench) => openSoak("file", bench),
  },
  {
    name: "soak, keyring",
    tries: { quick: 1, full: 1 },
    lacks: () => needs(missingTools("secret-tool")),
    open: (bench) => openSoak("keyring", bench),
  },
];

/** What the calls printed, with times in milliseconds since the epoch. */
interface Printed {
  /** By access token, when it falls due. */
  due: Map<string, number>;
  /** Calls that were given a token already due when they were made. */
  late: { token: string; askedAt: number }[];
}

async function openSoak(store: "file" | "keyring", bench: Bench): Promise<OpenRow> {
  const { session, openGround, close } = await openGrounds(store, bench, {
    controls: { accessLifetimeSeconds: LIFETIME_SECONDS },
  });
  let note = "";

  async function attempt(): Promise<void> {
    const ground = openGround();
    try {
      const leak = session ? await daemonLeak(session, ground, bench.soak.calls * SHARE) : 0;
      const before = await seedLogins(ground, LIFETIME_SECONDS);
      const entry = before[store].get(PROFILE);
      const printed: Printed = { due: new Map(), late: [] };
      printed.due.set(String(entry?.["access_token"]), dueTime(String(entry?.["expiry"])));
      const startedAt = performance.now();
      const readings = await watchingMachine(servicesOf(session), () =>
        callFromAll(bench.soak, ground, printed),
      );
      const minutes = (performance.now() - startedAt) / 60_000;
      const due = requireOneRequestEach(printed, ground);
      const { [store]: entries } = await readState(ground);
      insist(await isAlive(entries.get(PROFILE), ground), "the stored token is dead");
      requireNothingLeft(ground);
      const { calls, processes } = bench.soak;
      note = `${calls} calls from ${processes} processes in ${minutes.toFixed(1)} min, none failed; ${due} tokens fell due, ${due} requests; ${describe(readings, leak)}`;
      requireFlat(readings, leak * calls);
    } finally {
      ground.bed.close();
    }
  }

  return { attempt, note: () => note, close };
}

/** The bus and the keyring's daemon, by a variable that is theirs alone. */
const servicesOf = (session: Session | null) =>
  session && `XDG_RUNTIME_DIR=${session.env["XDG_RUNTIME_DIR"]}\0`;

/** Of another program's lookups before, to the soak's calls. */
const SHARE = 1 / 30;

/** Bytes that the services lose with each client that reads, whoever it is: gnome-keyring 42.1 some 8 KB. */
async function daemonLeak(session: Session, { keyring }: Ground, lookups: number): Promise<number> {
  await keyring?.replaceAll(new Map([[PROFILE, "{}"]]));
  const env = { ...process.env, ...session.env };
  const command = ["secret-tool", "lookup", "service", SERVICE, "username", PROFILE];
  const lookUp = async () => {
    const child = Bun.spawn(command, { env, stdout: "ignore", stderr: "inherit" });
    insist((await child.exited) === 0, "secret-tool finds no entry");
  };
  await lookUp();
  const { first, last } = await watchingMachine(servicesOf(session), async () => {
    for (let count = 0; count < lookups; count++) await lookUp();
  });
  return Math.max(0, last.serviceMemory - first.serviceMemory) / lookups;
}

/** Every process has a time of its own for each of its calls, in turn with the others. */
async function callFromAll(plan: SoakPlan, ground: Ground, printed: Printed): Promise<void> {
  const { calls, processes, seconds } = plan;
  const pace = (seconds * 1000) / calls;
  const startedAt = performance.now();
  let failed = false;

  async function callFrom(first: number): Promise<void> {
    for (let call = first; call < calls && !failed; call += processes) {
      await Bun.sleep(Math.max(0, startedAt + call * pace - performance.now()));
      await askForToken(ground, printed).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  }

  const all = Array.from({ length: processes }, (_, index) => callFrom(index));
  const outcomes = await Promise.allSettled(all);
  const loss = outcomes.find((outcome) => outcome.status === "rejected");
  if (loss) throw loss.reason;
}

async function askForToken({ bed }: Ground, printed: Printed): Promise<void> {
  const askedAt = Date.now();
  const ended = await bed.run(["auth", "token", "-p", PROFILE], { quiet: true });
  insist(ended.code === 0 && ended.stderr === "", `a call fails: ${ended.stderr}`);
  const { access_token, expiry } = JSON.parse(ended.stdout);
  const due = dueTime(expiry);
  printed.due.set(access_token, due);
  if (due <= askedAt) printed.late.push({ token: access_token, askedAt });
}

const dueTime = (expiry: string) => Date.parse(expiry) - MARGIN;

/** Of all tokens but the last, each was replaced by one request, and not before it was due; how many these are. */
function requireOneRequestEach(printed: Printed, { workspace }: Ground): number {
  const requests = workspace.requests.filter(({ endpoint }) => endpoint === "token");
  insist(
    requests.every(({ grant, status }) => grant === "refresh_token" && status === 200),
    "the server refused a request",
  );
  const tokens = [...printed.due].sort(([, one], [, other]) => one - other);
  const due = tokens.slice(0, -1).map(([, time]) => time);
  insist(
    requests.length === due.length,
    `${requests.length} requests, and ${due.length} tokens that fell due`,
  );
  insist(due.length > 0, "no token fell due");
  for (const [index, { started }] of requests.entries()) {
    insist(started >= (due[index] ?? 0), "a token was replaced before it was due");
  }
  for (const { token, askedAt } of printed.late) {
    // A request may take longer than its token is good for; whoever waited for it takes it all the same.
    const request = requests[tokens.findIndex(([name]) => name === token) - 1];
    insist(
      (request?.ended ?? 0) >= askedAt,
      "a token is printed that was due when it was asked for",
    );
  }
  return due.length;
}

function requireNothingLeft({ bed }: Ground): void {
  bed.checkFiles();
  insist(bed.temporaryFiles().length === 0, () => `files are left: ${bed.temporaryFiles()}`);
  const files = readdirSync(bed.folder, { recursive: true });
  insist(files.length < 20, () => `${files.length} files lie in the home and around it: ${files}`);
}

const MEGABYTE = 1024 * 1024;

function describe({ first, last }: Readings, leak: number): string {
  const megabytes = (bytes: number) => `${(bytes / MEGABYTE).toFixed(1)} MB`;
  const machine = `the machine used ${megabytes(first.memory)} and ${first.descriptors} descriptors at first, ${megabytes(last.memory)} and ${last.descriptors} at last`;
  if (first.serviceMemory === 0) return machine;
  return `${machine}; bus and keyring ${megabytes(first.serviceMemory)} and ${first.serviceDescriptors}, then ${megabytes(last.serviceMemory)} and ${last.serviceDescriptors} (with each lookup of secret-tool, too, they lose ${(leak / 1024).toFixed(1)} KB)`;
}
