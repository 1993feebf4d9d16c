/** The commands that change the stores, and what each may leave when it is cut short. */
import type { Ended } from "./bed.ts";
import {
  type Entries,
  type Entry,
  type Ground,
  isAlive,
  isSame,
  OTHER,
  PROFILE,
  printedToken,
  type State,
  seedLogins,
} from "./logins.ts";
import { insist } from "./row.ts";

export interface Scenario {
  name: string;
  seed: (ground: Ground) => Promise<State>;
  args: (ground: Ground) => readonly string[];
  /**
   * Whether the stores are whole; `configs` are the config file before, between and after.
   * What no command may touch has been checked already.
   */
  inspect: (
    left: State,
    before: State,
    ground: Ground,
    configs: readonly (string | null)[],
  ) => Promise<void>;
  /** Judges `auth token` right afterwards; `spent`: the server has taken the login's only refresh token. */
  judgeNext: (next: Ended, left: State, ground: Ground) => Promise<"whole" | "spent">;
  /** What the command was about is gone, and to run it again is an error. */
  isOver?: (left: State, configs: readonly (string | null)[]) => boolean;
}

/** The store that the ground's commands use. */
const used = ({ keyring }: Ground, state: State) => (keyring ? state.keyring : state.file);

const keysOf = ({ keyring, workspace }: Ground) => (keyring ? [PROFILE] : [PROFILE, workspace.url]);

export const loginArgs = ({ workspace }: Ground) => [
  ...["auth", "login", "-p", PROFILE, "--host", workspace.url],
];

const login: Scenario = {
  name: "login",
  seed: (ground) => seedLogins(ground, 3600),
  args: loginArgs,
  async inspect(left, before, ground, [oldConfig]) {
    const replaced = await requireOldOrNew(left, before, ground);
    insist(replaced || left.config === oldConfig, "the config file was changed before the token");
    insist(!ground.keyring || isSame(left.file, before.file), "the file cache was changed");
  },
  async judgeNext(next, left, ground) {
    requirePrinted(next, used(ground, left).get(PROFILE));
    return "whole";
  },
};

const refresh: Scenario = {
  name: "refresh",
  seed: (ground) => seedLogins(ground, -60),
  args: () => ["auth", "token", "-p", PROFILE],
  async inspect(left, before, ground) {
    await requireOldOrNew(left, before, ground);
    insist(!ground.keyring || isSame(left.file, before.file), "the file cache was changed");
  },
  async judgeNext(next, left, ground) {
    const { workspace } = ground;
    const rotated = workspace.requests.some((r) => r.grant === "refresh_token" && r.status === 200);
    const stored = await isAlive(used(ground, left).get(PROFILE), ground);
    if (next.code === 0) {
      const printed = { access_token: printedToken(next.stdout), refresh_token: "any" };
      insist(await isAlive(printed, ground), "the next command prints a dead token");
      return "whole";
    }
    insist(rotated && !stored, `the next command fails: ${next.stderr}`);
    insist(
      next.stderr.includes("because the refresh token is invalid.\nTo sign in again, run: "),
      `a login that is over is not called so: ${next.stderr}`,
    );
    return "spent";
  },
};

const logout: Scenario = {
  name: "logout",
  seed: (ground) => seedLogins(ground, 3600),
  args: () => ["auth", "logout", PROFILE, "--delete", "--auto-approve"],
  async inspect(left, before, { keyring, workspace }, configs) {
    // One store after the other, and the profile's own key before its host's.
    const order = [
      ...(keyring ? [[left.keyring, before.keyring, PROFILE] as const] : []),
      [left.file, before.file, PROFILE] as const,
      ...(keyring ? [] : [[left.file, before.file, workspace.url] as const]),
    ];
    const removed = order.map(([entries, old, key]) => {
      const entry = entries.get(key);
      insist(!entry || isSame(entry, old.get(key)), `the entry ${key} is neither old nor gone`);
      return !entry;
    });
    insist(isSame(removed, removed.toSorted().reverse()), "removed in another order");
    const deleted = left.config === configs.at(-1);
    insist(!deleted || removed.every(Boolean), "the profile was deleted before its token");
  },
  async judgeNext(next, left, ground) {
    const entry = used(ground, left).get(PROFILE);
    if (entry) requirePrinted(next, entry);
    else {
      insist(next.code === 1, "a token is printed after it was removed");
      insist(next.stderr.includes("databricks OAuth is not"), `no login: ${next.stderr}`);
    }
    return "whole";
  },
  isOver: (left, configs) => left.config === configs.at(-1),
};

const switching: Scenario = {
  name: "switch",
  seed: (ground) => seedLogins(ground, 3600),
  args: () => ["auth", "switch", PROFILE],
  async inspect(left, before) {
    insist(isSame(left.file, before.file), "the file cache was changed");
    insist(isSame(left.keyring, before.keyring), "the keyring was changed");
  },
  async judgeNext(next, left, ground) {
    requirePrinted(next, used(ground, left).get(PROFILE));
    return "whole";
  },
};

function sparingOthers(scenario: Scenario): Scenario {
  return {
    ...scenario,
    async inspect(left, before, ground, configs) {
      for (const place of ["file", "keyring"] as const) {
        const untouched = isSame(left[place].get(OTHER), before[place].get(OTHER));
        insist(untouched, `another login's entry in the ${place} was changed`);
      }
      await scenario.inspect(left, before, ground, configs);
    },
  };
}

export const REFRESH = sparingOthers(refresh);

export const SCENARIOS: readonly Scenario[] = [
  sparingOthers(login),
  REFRESH,
  ...[logout, switching].map(sparingOthers),
];

/** Every entry of the login is the old one, or every one is the new one: whether it is the new one. */
async function requireOldOrNew(left: State, before: State, ground: Ground): Promise<boolean> {
  const old = used(ground, before);
  const now = used(ground, left);
  const keys = keysOf(ground);
  insist(
    isSame([...now.keys()].sort(), [...old.keys()].sort()),
    () => `entries: ${[...now.keys()]}`,
  );
  const isOld = (entries: Entries) => keys.every((key) => isSame(entries.get(key), old.get(key)));
  if (isOld(now)) return false;
  const [first, ...others] = keys.map((key) => now.get(key));
  insist(await isAlive(first, ground), "the entry is neither the old nor a good new one");
  insist(
    others.every((entry) => isSame(entry, first)),
    "the login's entries are not of one piece",
  );
  return true;
}

function requirePrinted(next: Ended, entry: Entry | undefined): void {
  insist(next.code === 0, `the next command fails: ${next.stderr}`);
  insist(
    entry !== undefined && printedToken(next.stdout) === entry["access_token"],
    "another token is printed than the stored one",
  );
}
