import { profileFlag } from "../../../config/profile-names.ts";
import { looksLikeHost } from "../../../config/resolve.ts";
import { shellWord } from "../../../output.ts";
import { howToAllow } from "../../../storage/policy.ts";
import { loginCommand } from "../target.ts";
import type { Finding, StoreInUse } from "./findings.ts";
import { type Found, type PlacedLogin, parseHostKey } from "./logins.ts";
import type { Survey } from "./survey.ts";

type Unreadable = Extract<Found, { state: "unreadable" }>;

/** What is wrong with the places of logins. */
export function loginFindings(
  { logins, now, platform }: Pick<Survey, "logins" | "now" | "platform">,
  inUse: StoreInUse,
): Finding[] {
  const findings = logins.flatMap((login) => [
    ...entryFindings(login, platform),
    ...orphanFindings(login),
    ...leftoverFindings(login, inUse),
    ...expiryFindings(login, inUse, now),
  ]);
  if (inUse === null) return findings;
  const other = inUse === "keyring" ? "file" : "keyring";
  const movable = logins.filter((login) => !isOrphan(login) && !isLeftover(login, inUse));
  const elsewhere = movable.filter(
    (login) => login[other].state === "present" && login[inUse].state === "absent",
  );
  const inBoth = movable.filter(
    ({ keyring, file, mirrors }) =>
      keyring.state === "present" &&
      (file.state === "present" || (inUse === "keyring" && mirrors.length > 0)),
  );
  const to = inUse === "keyring" ? "secure" : "plaintext";
  return [
    ...findings,
    ...aboutMany(elsewhere, {
      code: "token-in-other-store",
      severity: "warning",
      message: `tokens lie in the ${other}, but commands look in the ${inUse}`,
      fix: `databricks auth storage migrate --to ${to}`,
    }),
    ...aboutMany(inBoth, {
      code: inUse === "keyring" ? "plaintext-copy" : "keyring-copy",
      severity: inUse === "keyring" ? "warning" : "notice",
      message: `copies lie in the ${other}, too, where nothing reads them`,
      fix: `databricks auth storage migrate --to ${to}`,
    }),
  ];
}

/** More keys than this do not fit on a line. */
const MANY = 10;

/** One finding about all of the logins; their keys complete its command. */
function aboutMany(logins: readonly PlacedLogin[], finding: Finding): Finding[] {
  if (logins.length === 0) return [];
  const keys = logins.map(({ key }) => key);
  const lead = keys.some((key) => key.startsWith("-")) ? "-- " : "";
  const named = keys.length > MANY ? "--all" : lead + keys.map(shellWord).join(" ");
  return [{ ...finding, fix: `${finding.fix} ${named}`, keys }];
}

function signIn({ key, profile }: PlacedLogin): string {
  const { host, accountId } = parseHostKey(key);
  return loginCommand({ profile: profile ?? null, host, accountId, keys: [key] });
}

function entryFindings(login: PlacedLogin, platform: NodeJS.Platform): Finding[] {
  const { key, keyring, file } = login;
  const about = (store: string, { code, reason }: Unreadable) =>
    ({
      severity: "warning" as const,
      message: `the login ${JSON.stringify(key)} cannot be read in the ${store}: ${reason}`,
      fix: code === "denied" ? howToAllow(platform) : signIn(login),
      keys: [key],
    }) satisfies Omit<Finding, "code">;
  const findings: Finding[] = [];
  if (keyring.state === "unreadable") {
    findings.push({ code: "keyring-entry-unreadable", ...about("keyring", keyring) });
  }
  if (file.state === "unreadable") {
    findings.push({ code: "cache-entry-unreadable", ...about("file", file) });
  }
  return findings;
}

/** Neither a profile that signs people in nor a host. */
const isOrphan = ({ key, isPerson }: PlacedLogin) => !isPerson && !looksLikeHost(key);

function orphanFindings(login: PlacedLogin): Finding[] {
  const { key, keyring, file } = login;
  if (!isOrphan(login)) return [];
  const store = keyring.state === "present" ? "secure" : "plaintext";
  if (store === "plaintext" && file.state !== "present") return [];
  return [
    {
      code: "token-without-profile",
      severity: "notice",
      message: `no profile uses the token ${JSON.stringify(key)}`,
      fix: `databricks auth logout --auto-approve --storage ${store} ${profileFlag(shellWord(key))}`,
      keys: [key],
    },
  ];
}

const isLeftover = ({ leftover }: PlacedLogin, inUse: StoreInUse) =>
  leftover === "never-read" || (leftover === "read-in-file-mode" && inUse === "keyring");

/** A logout of the profile takes such a copy along; other programs, and older versions, leave one. */
function leftoverFindings(login: PlacedLogin, inUse: StoreInUse): Finding[] {
  const { key } = login;
  if (!isLeftover(login, inUse)) return [];
  return [
    {
      code: "host-key-leftover",
      severity: "warning",
      message: `the file has a token under ${key}, and no profile of that host uses it`,
      fix: `databricks auth logout --auto-approve --storage plaintext --profile ${shellWord(key)}`,
      keys: [key],
    },
  ];
}

function expiryFindings(login: PlacedLogin, inUse: StoreInUse, now: number): Finding[] {
  const found = inUse && login[inUse];
  if (found?.state !== "present") return [];
  const { refresh_token, expiry } = found.token;
  if (refresh_token !== undefined || (expiry ?? now) > now) return [];
  return [
    {
      code: "login-expired",
      severity: "warning",
      message: `the login ${JSON.stringify(login.key)} has ended, and cannot be renewed`,
      fix: signIn(login),
      keys: [login.key],
    },
  ];
}
