import { authTypeOf } from "../../config/auth-type.ts";
import { cloudOfHost } from "../../config/cloud.ts";
import { parseHost, withoutPassword } from "../../config/host.ts";
import { FALLBACK_PROFILE } from "../../config/profile-names.ts";
import {
  type ConfigFile,
  listProfiles,
  type Profile,
  readConfigFile,
  readSettings,
} from "../../config/profiles.ts";
import { resolve } from "../../config/resolve.ts";
import { type Context, configPath } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { KeyringError } from "../../keyring/backend.ts";
import { printable, renderJson, renderTable, stylist } from "../../output.ts";
import { openForReading, type Stores } from "../../storage/open.ts";
import { authArgs, command, outputFormat, type Values } from "../command.ts";
import { chooseStorage, openStores } from "./session.ts";
import type { Subject, Verifier } from "./verify.ts";

/** How long the checks may take, all at once, in milliseconds. */
const CHECK_TIMEOUT = 5000;

const args = {
  ...authArgs,
  "skip-validate": { type: "boolean", description: "ask no host whether the credentials are good" },
} as const;

export default command({
  name: "auth profiles",
  summary: "list the profiles, and whether their credentials are good",
  details:
    "Valid is YES where the host took the credentials just now, NO where it did not, and ? where\nthis program cannot tell, or was told not to ask. --profile, --host, --account-id and\n--workspace-id narrow the list.",
  args,
  examples: [
    ["auth profiles", "a table"],
    ["auth profiles --skip-validate -o json", "for programs, without any request"],
    ["auth profiles --host https://adb-1.2.azuredatabricks.net", "those of one host"],
  ],
  run: runProfiles,
});

/** A profile as programs read it; what is not known is left out. */
export interface Row {
  name: string;
  host?: string | undefined;
  account_id?: string | undefined;
  workspace_id?: string | undefined;
  /** aws, azure or gcp. */
  cloud?: string | undefined;
  auth_type?: string | undefined;
  /** Null: not known. */
  valid: boolean | null;
  default: boolean;
}

/** A profile with what is needed to check it, or with what stands in the way. */
interface Entry {
  row: Row;
  subject: Omit<Subject, "store"> | null;
  problem: string | null;
}

async function runProfiles(values: Values<typeof args>, context: Context): Promise<void> {
  const format = outputFormat(values.output, context);
  const config = readConfigFile(configPath(context));
  const choice = chooseStorage(values, config, context);
  const isWanted = wanting(values);
  let entries = listProfiles(config)
    .map((profile) => describeProfile(profile, config))
    .filter(({ row }) => isWanted(row));
  if (!values["skip-validate"]) {
    // A list must not raise prompts, let alone one for every profile.
    const calm = { ...context, keyring: () => context.keyring({ ask: false }) };
    entries = await checkAll(entries, openStores(choice, calm), calm);
  }
  const rows = entries.map(({ row }) => row);
  context.stdout.write(
    format === "json" ? renderJson({ profiles: rows }) : renderRows(rows, context),
  );
  context.stderr.write(renderProblems(entries));
  if (format === "text" && rows.length === 0) context.stderr.write(`${nothingToShow(config)}\n`);
}

/** What the file alone says; nothing of the environment counts for a profile. */
export function describeProfile({ name, settings }: Profile, config: ConfigFile): Entry {
  const rest = {
    valid: null,
    default: name === (readSettings(config).defaultProfile ?? FALLBACK_PROFILE),
  };
  try {
    const resolution = resolve({ profile: name }, {}, config);
    const authType = authTypeOf(resolution);
    const value = (key: string) => resolution.settings.get(key)?.value;
    const host = value("host");
    const cloud = value("cloud")?.toLowerCase() ?? (host && cloudOfHost(host));
    return {
      row: { name, host, ...ids(value), cloud, auth_type: authType, ...rest },
      subject: { config, resolution, authType },
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const value = (key: string) => settings.get(key);
    const host = withoutPassword(value("host") ?? "") || undefined;
    const auth_type = value("auth_type");
    return {
      row: { name, host, ...ids(value), auth_type, ...rest, valid: false },
      subject: null,
      problem: error.message,
    };
  }
}

function ids(value: (key: string) => string | undefined) {
  return { account_id: value("account_id"), workspace_id: value("workspace_id") };
}

/** Whether the flags ask for a profile. Those of the ids beat the ids in the URL of `--host`. */
function wanting(values: Values<typeof args>): (row: Row) => boolean {
  const place = values.host ? parseHost(values.host) : undefined;
  const accountId = values["account-id"] || place?.accountId;
  const workspaceId = values["workspace-id"] || place?.workspaceId;
  return (row) =>
    (!values.profile || row.name === values.profile) &&
    (!place || row.host === place.host) &&
    (!accountId || row.account_id === accountId) &&
    (!workspaceId || row.workspace_id === workspaceId);
}

async function checkAll(
  entries: readonly Entry[],
  stores: Stores,
  context: Context,
): Promise<Entry[]> {
  const { openVerifier } = await import("./verify.ts");
  const verifier = await openVerifier(context, CHECK_TIMEOUT);
  return Promise.all(entries.map((entry) => checkOne(entry, stores, verifier)));
}

async function checkOne(entry: Entry, stores: Stores, verifier: Verifier): Promise<Entry> {
  const { row, subject } = entry;
  if (!subject) return entry;
  const [verdict, cloud] = await Promise.all([
    judge({ ...subject, store: openForReading(stores) }, verifier),
    row.cloud ?? (row.host ? askCloud(row.host, verifier) : undefined),
  ]);
  return { ...entry, row: { ...row, cloud, valid: verdict.valid }, problem: verdict.problem };
}

async function judge(
  subject: Subject,
  { verify }: Verifier,
): Promise<{ valid: boolean | null; problem: string | null }> {
  try {
    return { valid: (await verify(subject)) && true, problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { valid: isSilent(error.cause) ? null : false, problem: error.message };
  }
}

/** Whether the keyring did not say what it has; an entry that cannot be decoded is an answer. */
const isSilent = (cause: unknown) => cause instanceof KeyringError && cause.code !== "invalid";

/** By the host's own word; a host that gives no answer in time has said nothing. */
async function askCloud(host: string, { metadataOf }: Verifier): Promise<string | undefined> {
  try {
    return (await metadataOf(host))?.cloud?.toLowerCase();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function renderRows(rows: readonly Row[], context: Context): string {
  const style = stylist(context, context.stdout);
  const verdict = (valid: boolean | null) =>
    valid === null ? "?" : valid ? style("green", "YES") : style("red", "NO");
  const header = ["Name", "Host", "Valid"].map((title) => style("bold", title));
  const cells = rows.map((row) => [
    printable(row.name),
    printable(row.host ?? ""),
    verdict(row.valid),
    row.default ? "(Default)" : "",
  ]);
  return renderTable([header, ...cells]);
}

function nothingToShow(config: ConfigFile): string {
  return listProfiles(config).length === 0
    ? `There are no profiles in ${config.path}; make one with \`databricks auth login\``
    : `No profile in ${config.path} fits the flags`;
}

/** One line for each reason, with the profiles that it is about. */
function renderProblems(entries: readonly Entry[]): string {
  const affected = new Map<string, string[]>();
  for (const { row, problem } of entries) {
    if (problem) affected.set(problem, [...(affected.get(problem) ?? []), row.name]);
  }
  return [...affected]
    .map(([problem, names]) => {
      const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
      return printable(`${names.slice(0, 5).join(", ")}${more}: ${problem}\n`);
    })
    .join("");
}
