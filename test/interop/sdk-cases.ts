/** What each SDK goes through with the program. */
import assert from "node:assert/strict";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Client, Command } from "./clients.ts";
import { type Asked, type Asking, type Machine, USER } from "./machine.ts";
import type { Start } from "./starts.ts";

export interface SdkCase {
  name: string;
  /** Why a client has no such case; null when it has. */
  unfit?: (client: Client) => string | null;
  /** What the table shows beside the tick. */
  run: (scene: Scene) => Promise<string>;
}

export interface Scene {
  machine: Machine;
  client: Client;
  command: Command;
}

const PROFILE = "work";
const ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "America/St_Johns"] as const;
/** East of Greenwich, where a wrong expiry makes SDKs start the program for every request. */
const ZONE = "Europe/Berlin";

/** The local offset that each zone has in winter and in summer. */
const OFFSETS: Record<(typeof ZONES)[number], RegExp> = {
  UTC: /\+00:00$/,
  "Europe/Berlin": /\+0[12]:00$/,
  "America/Los_Angeles": /-0[78]:00$/,
  "America/St_Johns": /-0[23]:30$/,
};

export const sdkCases: readonly SdkCase[] = [
  ...ZONES.map((zone) => ({
    name: `profile, ${zone}`,
    run: (scene: Scene) => inZone(scene, zone),
  })),
  {
    name: "host",
    async run(scene) {
      await scene.machine.login(PROFILE);
      const env = hostOf(scene.machine);
      return usual(scene, { env, by: ["--host", scene.machine.workspace.url] });
    },
  },
  {
    name: "[DEFAULT]",
    async run(scene) {
      const { machine } = scene;
      await machine.login("DEFAULT");
      await machine.login("another", elsewhere(machine));
      // A file that was written by hand, or before there was such a setting.
      const config = join(machine.home, ".databrickscfg");
      const text = readFileSync(config, "utf8");
      assert.match(text, /^default_profile = DEFAULT$/m);
      writeFileSync(config, text.replace(/^default_profile = .*\n/m, ""));
      const host = ["--host", machine.workspace.url];
      return usual(scene, { by: scene.client.namesDefault ? ["--profile", "DEFAULT"] : host });
    },
  },
  {
    name: "default_profile",
    unfit: (client) => (client.lacksDefaultProfile ? "it does not know default_profile" : null),
    async run(scene) {
      await scene.machine.login(PROFILE);
      await scene.machine.login("another", elsewhere(scene.machine));
      return usual(scene, {});
    },
  },
  {
    name: "35 seconds left",
    async run(scene) {
      const { control } = scene.machine.workspace;
      const lifetime = control.accessLifetimeSeconds;
      control.accessLifetimeSeconds = 35;
      await scene.machine.login(PROFILE);
      control.accessLifetimeSeconds = lifetime;
      return usual(scene, { profile: PROFILE });
    },
  },
  { name: "not logged in: the chain goes on", run: chainGoesOn },
  { name: "refresh token revoked", run: revoked },
  {
    name: "through a symlink",
    async run(scene) {
      const { machine } = scene;
      await machine.login(PROFILE);
      const elsewhere = join(machine.folder, "elsewhere");
      mkdirSync(elsewhere);
      renameSync(join(machine.bin, "databricks"), join(elsewhere, "databricks"));
      symlinkSync("../elsewhere/databricks", join(machine.bin, "databricks"));
      return usual(scene, { profile: PROFILE });
    },
  },
  {
    name: "behind a small decoy",
    unfit: (client) => (client.takesDecoys ? "it takes the first one on PATH" : null),
    async run(scene) {
      const { machine } = scene;
      await machine.login(PROFILE);
      const PATH = `${makeDecoy(machine)}:${machine.bin}`;
      return usual(scene, { profile: PROFILE, env: { PATH } });
    },
  },
  {
    name: "DATABRICKS_CLI_PATH, a decoy on PATH",
    async run(scene) {
      const { machine } = scene;
      await machine.login(PROFILE);
      const DATABRICKS_CLI_PATH = join(machine.folder, "renamed");
      linkSync(join(machine.bin, "databricks"), DATABRICKS_CLI_PATH);
      const env = { PATH: makeDecoy(machine), DATABRICKS_CLI_PATH };
      return usual(scene, { profile: PROFILE, env, program: "renamed" });
    },
  },
  { name: "stdin a terminal", run: onTerminal },
  { name: "stdin a terminal, several profiles", run: severalOnTerminal },
];

const hostOf = ({ workspace }: Machine) => ({
  DATABRICKS_HOST: workspace.url,
  DATABRICKS_AUTH_TYPE: "databricks-cli",
});

/** Another workspace, whose tokens are no good at the first one. */
const elsewhere = ({ workspace }: Machine) => `http://localhost:${workspace.port}`;

interface Usual extends Omit<Asking, "command"> {
  /** How the SDK names the login to the program. */
  by?: readonly string[];
  /** The program's name. */
  program?: string;
}

/** Every request succeeds, and the program is asked as a login that is valid for long needs. */
async function usual({ machine, client, command }: Scene, usually: Usual): Promise<string> {
  const { by = ["--profile", PROFILE], program = "databricks", ...asking } = usually;
  const env = { TZ: ZONE, ...asking.env };
  const asked = await machine.ask({ command, ...asking, env });
  requireUsers(asked, 3);
  const said = renderStarts(asked.starts);
  const token = ["auth", "token", ...by, ...(client.forcesRefresh ? ["--force-refresh"] : [])];
  for (const start of asked.starts) {
    assert.equal(start.program.split("/").at(-1), program, said);
    if (isToken(start)) assert.deepEqual(start.args, token);
  }
  assert.deepEqual(countStarts(asked.starts), client.starts, said);
  return `${client.starts.version}+${client.starts.token}`;
}

function requireUsers({ answers, noise }: Asked, requests: number): void {
  const wrong = answers.filter(
    ({ user, via }) => user !== USER || !/^(databricks-cli)?$/.test(via ?? ""),
  );
  assert.ok(wrong.length === 0 && answers.length === requests, JSON.stringify(answers) + noise);
}

const isVersion = ({ args }: Start) => args[0] === "version";
const isToken = ({ args }: Start) => args[0] === "auth" && args[1] === "token";

function countStarts(starts: readonly Start[]) {
  return { version: starts.filter(isVersion).length, token: starts.filter(isToken).length };
}

function renderStarts(starts: readonly Start[]): string {
  return starts.map(({ program, args }) => [program, ...args].join(" ")).join("\n");
}

async function inZone(scene: Scene, zone: (typeof ZONES)[number]): Promise<string> {
  const { machine } = scene;
  await machine.login(PROFILE);
  const printed = await machine.run(["auth", "token", "--profile", PROFILE], { TZ: zone });
  assert.match(JSON.parse(printed.stdout).expiry, OFFSETS[zone]);
  return usual(scene, { profile: PROFILE, env: { TZ: zone } });
}

/** Logged in to the resource of Databricks and to no other, by the names that the SDKs have for it. */
const AZ = `#!/bin/sh
case "$*" in
"account show"*) echo '{"user":{"name":"ada@example.com","type":"user"}}' ;;
*"--resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d "* | *"--resource  "*)
  echo '{"accessToken":"azure-1","tokenType":"Bearer","expiresOn":"2099-01-01 00:00:00.000000"}' ;;
*) echo "no access: $*" >&2; exit 1 ;;
esac
`;

/**
 * Without a login, and without a config file, the SDK has to go on to what it tries next: to
 * `az` where that comes after the program, else to the end, of which it then speaks itself.
 */
async function chainGoesOn({ machine, client, command }: Scene): Promise<string> {
  const { control, url } = machine.workspace;
  control.personalAccessTokens = ["azure-1"];
  if (client.asksAzLater) writeFileSync(join(machine.bin, "az"), AZ, { mode: 0o755 });
  const azure = {
    DATABRICKS_AZURE_RESOURCE_ID: "/subscriptions/s-1/resourceGroups/g/providers/p/workspaces/w",
    ARM_TENANT_ID: "t-1",
  };
  const env = { DATABRICKS_HOST: url, ...(client.asksAzLater && azure) };
  const { answers, starts, noise } = await machine.ask({ command, requests: 1, env });
  const said = `${renderStarts(starts)}\n${JSON.stringify(answers)}\n${noise}`;
  assert.ok(starts.some(isToken), said);
  assert.doesNotMatch(said, /databricks OAuth is not|databricks-cli:/);
  if (!client.asksAzLater) {
    assert.match(said, /cannot configure default credentials/);
    return "to its end";
  }
  const isAz = ({ program, args }: Start) => program === "bin/az" && args[1] === "get-access-token";
  assert.ok(starts.findIndex(isAz) > starts.findLastIndex(isToken), said);
  return "to az";
}

/** Said as what it is, by the program and so by the SDK, and asked of the server only once. */
async function revoked({ machine, command }: Scene): Promise<string> {
  const { workspace } = machine;
  workspace.control.accessLifetimeSeconds = 1;
  await machine.login(PROFILE);
  workspace.control.accessLifetimeSeconds = 3600;
  workspace.revokeAll();
  await Bun.sleep(1000);
  const { answers, noise } = await machine.ask({ command, profile: PROFILE });
  const said = JSON.stringify(answers) + noise;
  assert.ok(answers.length === 3 && answers.every(({ error }) => error !== undefined), said);
  assert.match(said, /the refresh token is invalid/);
  assert.match(said, /databricks auth login --profile work/);
  assert.doesNotMatch(said, /databricks OAuth is not|not found/);
  assert.equal(workspace.count("refresh_token"), 1);
  return "1 request";
}

/** What pip puts on PATH for the CLI that came before. */
function makeDecoy({ folder }: Machine): string {
  const decoy = join(folder, "decoy");
  mkdirSync(decoy);
  const path = join(decoy, "databricks");
  writeFileSync(path, "#!/bin/sh\n# from databricks_cli.cli import cli\necho decoy\nexit 97\n");
  chmodSync(path, 0o755);
  return decoy;
}

/** The Java SDK has no logger of its own, and says so. */
const LOGGER = /^SLF4J: .*$/gm;

/** A refresh under way: it is the moment at which the program would have something to say. */
async function onTerminal({ machine, command }: Scene): Promise<string> {
  const { workspace } = machine;
  workspace.control.accessLifetimeSeconds = 1;
  await machine.login(PROFILE);
  workspace.control.accessLifetimeSeconds = 3600;
  await Bun.sleep(1000);
  const asked = await machine.askOnTerminal({ command, profile: PROFILE });
  requireUsers(asked, 3);
  assert.equal(asked.noise.replaceAll(LOGGER, "").trim(), "");
  return "";
}

/** Where a person would get a picker, an SDK gets the error. */
async function severalOnTerminal({ machine, command }: Scene): Promise<string> {
  await machine.login(PROFILE);
  await machine.login("another");
  const asked = await machine.askOnTerminal({ command, requests: 1, env: hostOf(machine) });
  const said = JSON.stringify(asked.answers) + asked.noise;
  assert.equal(asked.answers.length, 1, said);
  assert.notEqual(asked.answers[0]?.error, undefined, said);
  assert.match(said, /2 profiles log in to/);
  return "";
}
