/** Logins to as many profiles at once, more than there are callback ports. */
import { missingTools } from "../support/secret-service.ts";
import { approve } from "./bed.ts";
import { openGrounds } from "./kills.ts";
import { type Ground, isAlive, readState } from "./logins.ts";
import { type Bench, insist, lacksNothing, needs, type OpenRow, type Row } from "./row.ts";

const LOGINS = 100;
const PROFILES = Array.from({ length: LOGINS }, (_, index) => `p${index}`);

/** Each waits for the others' ports, files and locks. In milliseconds. */
const LIMIT = 120_000;

/** For long enough that all callback ports are taken, the person looks at the page. */
async function approveLater(link: string): Promise<void> {
  await Bun.sleep(500);
  await approve(link);
}

export const manyLoginRows: readonly Row[] = [
  {
    name: `${LOGINS} logins at once, file`,
    tries: { quick: 1, full: 3 },
    lacks: lacksNothing,
    open: (bench) => openManyLogins("file", bench),
  },
  {
    name: `${LOGINS} logins at once, keyring`,
    tries: { quick: 1, full: 3 },
    lacks: () => needs(missingTools()),
    open: (bench) => openManyLogins("keyring", bench),
  },
];

async function openManyLogins(store: "file" | "keyring", bench: Bench): Promise<OpenRow> {
  const { workspace, openGround, close } = await openGrounds(store, bench);
  const counts = { waited: 0 };

  async function attempt(): Promise<void> {
    const ground = openGround();
    const { bed, keyring } = ground;
    try {
      await keyring?.replaceAll(new Map());
      const all = PROFILES.map((profile) =>
        bed.run(["auth", "login", "-p", profile, "--host", workspace.url], {
          browser: approveLater,
          limit: LIMIT,
        }),
      );
      let waited = 0;
      for (const { code, stderr } of await Promise.all(all)) {
        insist(code === 0, `a login fails: ${stderr}`);
        if (stderr.includes("are all in use, perhaps by other logins")) waited += 1;
      }
      counts.waited += waited;
      // Those that wait for their turn at the keyring are spread over time.
      insist(waited > 0 || keyring !== null, "no login had to wait for a port");
      await judge(ground);
    } finally {
      bed.close();
    }
  }

  return {
    attempt,
    note: () => `${counts.waited} waited for a port`,
    close,
  };
}

async function judge(ground: Ground): Promise<void> {
  const { bed, workspace, keyring } = ground;
  const { config, file, keyring: entries } = await readState(ground);
  const saved = [...(config ?? "").matchAll(/^\[(p\d+)\]\n(?:.+\n)*?host = (.+)$/gm)];
  const right = saved.filter(([, , host]) => host === workspace.url).map(([, name]) => name);
  insist(right.length === LOGINS, `${right.length} profiles, and ${LOGINS} logins`);
  insist(new Set(right).size === LOGINS, "a profile is there twice");

  const stored = keyring ? entries : file;
  const alive = await Promise.all(PROFILES.map((name) => isAlive(stored.get(name), ground)));
  const tokens = alive.filter(Boolean).length;
  insist(tokens === LOGINS, `${tokens} tokens, and ${LOGINS} logins`);
  insist(bed.temporaryFiles().length === 0, "temporary files are left");
  bed.checkFiles();
}
