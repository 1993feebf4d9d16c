import { ATTRIBUTES, type AuthType } from "../../config/attributes.ts";
import { isUsedBy } from "../../config/auth-type.ts";
import type { Resolution, Setting, Source } from "../../config/resolve.ts";
import type { Context } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import { printable, renderJson, stylist } from "../../output.ts";
import { openForReading, type ReadingStore } from "../../storage/open.ts";
import { authArgs, command, outputFormat, profileArgument, type Values } from "../command.ts";
import { requireAuthType, withHostProfile } from "./credentials.ts";
import { openSession, type Session } from "./session.ts";
import { describeStorage, FILE_LOCATION } from "./token-storage.ts";

/** How long the check of the credentials may take, in milliseconds. */
const CHECK_TIMEOUT = 60_000;

const args = {
  ...profileArgument,
  ...authArgs,
  sensitive: { type: "boolean", description: "show tokens, passwords and other secrets" },
} as const;

export default command({
  name: "auth describe",
  summary: "show who you are, and where each setting comes from",
  details:
    "Checks the credentials in force against the host, and shows every setting with its source.\nCredentials that do not work are shown as such; the exit code is 0 all the same.",
  args,
  examples: [
    ["auth describe", "what is in force where nothing is named"],
    ["auth describe -p work -o json", "a profile, for programs"],
    ["auth describe -p work --sensitive", "with its secrets"],
  ],
  run: runDescribe,
});

/** What is said about one setting. */
interface Described {
  value: string;
  source: Source;
  /** The way to authenticate does not look at it. */
  auth_type_mismatch: boolean;
}

/** What was found out, in the form in which programs read it. */
export interface Description {
  status: "success" | "error" | "unverified";
  username?: string | undefined;
  account_id?: string | undefined;
  error?: string;
  details: {
    auth_type?: string | undefined;
    host?: string | undefined;
    configuration: Record<string, Described>;
  };
  token_storage: { mode: string; location: string; source: string };
  fallback?: { location: string; reason: string };
}

async function runDescribe(values: Values<typeof args>, context: Context): Promise<void> {
  const format = outputFormat(values.output, context);
  const session = openSession(values, context);
  const store = openForReading(session.stores);
  const found = await check(session, values, store, context);
  const { resolution } = found.session;
  const description: Description = {
    ...found.outcome,
    details: {
      auth_type: found.authType ?? resolution.settings.get("auth_type")?.value,
      host: resolution.settings.get("host")?.value,
      configuration: describeSettings(resolution, found.authType, {
        configFile: context.env["DATABRICKS_CONFIG_FILE"],
        sensitive: values.sensitive === true,
      }),
    },
    token_storage: describeStorage(session.choice, session.config.path),
    ...(store.fallback && {
      fallback: { location: FILE_LOCATION, reason: store.fallback.reason },
    }),
  };
  context.stdout.write(
    format === "json"
      ? renderJson(description)
      : renderDescription(description, stylist(context, context.stdout)),
  );
}

interface Found {
  outcome: Pick<Description, "status" | "username" | "account_id" | "error">;
  /** With the profile of the host, where only a host was given. */
  session: Session;
  authType?: AuthType;
}

/** Every failure of the credentials is a finding, not an error of the command. */
async function check(
  session: Session,
  values: Values<typeof args>,
  store: ReadingStore,
  context: Context,
): Promise<Found> {
  const found: Found = { outcome: { status: "unverified" }, session };
  try {
    found.session = withHostProfile(session, values, context);
    const { config, resolution } = found.session;
    found.authType = requireAuthType(found.session);
    const { openVerifier } = await import("./verify.ts");
    const { verify } = await openVerifier(context, CHECK_TIMEOUT);
    const identity = await verify({ config, resolution, authType: found.authType, store });
    if (!identity) return found;
    const { user: username, accountId: account_id } = identity;
    return { ...found, outcome: { status: "success", username, account_id } };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...found, outcome: { status: "error", error: messageOf(error) } };
  }
}

const MASK = "********";

/** Every setting that is known to the SDKs, with the profile and the config file themselves. */
export function describeSettings(
  { profile, settings }: Pick<Resolution, "profile" | "settings">,
  authType: AuthType | undefined,
  { configFile, sensitive }: { configFile: string | undefined; sensitive: boolean },
): Record<string, Described> {
  const described: Record<string, Described> = {};
  const add = (key: string, { value, source }: Setting, mismatch = false) => {
    described[key] = { value, source, auth_type_mismatch: mismatch };
  };
  if (profile) add("profile", profile);
  if (configFile) {
    add("config_file", {
      value: configFile,
      source: { type: "env", name: "DATABRICKS_CONFIG_FILE" },
    });
  }
  for (const { key, secret } of ATTRIBUTES) {
    const setting = settings.get(key);
    if (!setting) continue;
    const value = secret && !sensitive ? MASK : setting.value;
    add(key, { ...setting, value }, authType !== undefined && !isUsedBy(key, authType));
  }
  return described;
}

/** The text of a description, safe for a terminal whatever a server or a file put into it. */
export function renderDescription(
  description: Description,
  style: ReturnType<typeof stylist>,
): string {
  const { details, token_storage: storage, fallback } = description;
  const fields: Field[] = [
    ...outcomeFields(description),
    ["Token storage", `${storage.mode}, ${storage.location} (from ${storage.source})`],
    [
      "Token read from",
      fallback && `plaintext, ${fallback.location} (OS keyring unreachable: ${fallback.reason})`,
    ],
  ];
  const settings = Object.entries(details.configuration).map(([key, setting]) => {
    const unused = setting.auth_type_mismatch
      ? `, not used for auth type ${details.auth_type}`
      : "";
    const origin = style("dim", `(from ${sourceText(setting.source)}${unused})`);
    return `  ${unused ? "~" : "✓"} ${style("bold", key)}: ${printable(setting.value)} ${origin}`;
  });
  const lines = [
    ...fields.flatMap(([label, value]) =>
      value === undefined ? [] : [`${style("bold", `${label}:`)} ${printable(value)}`],
    ),
    "-----",
    "Current configuration:",
    ...settings,
  ];
  return `${lines.join("\n")}\n`;
}

type Field = readonly [label: string, value: string | undefined];

function outcomeFields(description: Description): Field[] {
  const { status, error, username, account_id, details } = description;
  if (status === "error") return [["Unable to authenticate", error]];
  const way: Field =
    status === "success"
      ? ["Authenticated with", details.auth_type]
      : ["Would authenticate with", `${details.auth_type} (not verified by this program)`];
  return [["Host", details.host], ["Account ID", account_id], ["User", username], way];
}

function sourceText({ type, name }: Source): string {
  if (type === "env") return `${name} environment variable`;
  if (type === "file") return `${name} config file`;
  // The positional is no flag.
  return name.startsWith("--") ? `${name} flag` : name;
}
