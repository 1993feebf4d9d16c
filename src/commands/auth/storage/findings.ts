/**
 * What there is to say about the storage of tokens, each with what to do about it. Pure.
 * The codes are stable; docs/storage.md explains them.
 */
import { shellWord, unsetOn } from "../../../output.ts";
import { howToAllow, howToUnlock } from "../../../storage/policy.ts";
import { loginFindings } from "./login-findings.ts";
import type { ConfigSurvey, Survey } from "./survey.ts";

/**
 * - `error`: commands fail because of it
 * - `warning`: something is exposed, or will not do what one would think
 * - `notice`: good to know
 */
export type Severity = "error" | "warning" | "notice";

export const FINDING_CODES = [
  "setting-invalid",
  "setting-overridden",
  "keyring-unreachable",
  "keyring-locked",
  "keyring-denied",
  "keyring-timed-out",
  "keyring-failed",
  "keyring-entry-unreadable",
  "cache-corrupt",
  "cache-unreadable",
  "cache-entry-unreadable",
  "cache-set-aside",
  "config-unreadable",
  "default-profile-missing",
  "value-read-differently",
  "dotted-profile",
  "loose-permissions",
  "locks-unusable",
  "token-in-other-store",
  "plaintext-copy",
  "keyring-copy",
  "token-without-profile",
  "host-key-leftover",
  "login-expired",
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

export interface Finding {
  code: FindingCode;
  severity: Severity;
  message: string;
  /** A command line, or what to do by hand. */
  fix: string;
  /** The logins that it is about. */
  keys?: string[];
  /** The file that it is about. */
  path?: string;
}

/** The store that commands read now; null where they fail before that. */
export type StoreInUse = "keyring" | "file" | null;

const ORDER: readonly Severity[] = ["error", "warning", "notice"];

/** The worst first. */
export function findFindings(survey: Survey): Finding[] {
  return [
    ...settingFindings(survey),
    ...keyringFindings(survey),
    ...cacheFindings(survey),
    ...configFindings(survey.config),
    ...looseFindings(survey),
    ...lockFindings(survey),
    // Without the profiles, nothing can be said about anybody's login.
    ...(survey.config.problem === null ? loginFindings(survey, storeInUse(survey)) : []),
  ].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

function storeInUse({
  settings: { choice },
  keyring,
}: Pick<Survey, "settings" | "keyring">): StoreInUse {
  if (!choice) return null;
  const fallsBack = choice.source === "default" && keyring.state === "unreachable";
  return choice.mode === "plaintext" || fallsBack ? "file" : "keyring";
}

function settingFindings({ settings, platform }: Survey): Finding[] {
  const { bad, overridden, choice } = settings;
  const unset = unsetOn(platform, "DATABRICKS_AUTH_STORAGE");
  const findings = bad.map(
    ({ source, problem }): Finding => ({
      code: "setting-invalid",
      severity: choice ? "warning" : "error",
      message: problem,
      fix: source === "env" ? unset : "databricks auth storage set secure",
    }),
  );
  if (overridden) {
    findings.push({
      code: "setting-overridden",
      severity: "notice",
      message: `auth_storage is ${overridden.config}, but DATABRICKS_AUTH_STORAGE=${overridden.env} overrides it`,
      fix: unset,
    });
  }
  return findings;
}

function keyringFindings(survey: Survey): Finding[] {
  const { keyring, platform, settings } = survey;
  const { state, failure } = keyring;
  // A state that single entries led to is told by their own findings.
  if (!failure || state === "ok" || state === "empty") return [];
  const fallsBack = settings.choice?.mode === "secure" && storeInUse(survey) === "file";
  const { message, fix } = keyringWords(platform)[state];
  const words = fallsBack
    ? FALLBACK_WORDS
    : { message, fix: settings.choice?.mode === "plaintext" ? NOT_NEEDED + fix : fix + USE_FILE };
  return [
    {
      code: `keyring-${state}`,
      severity: storeInUse(survey) === "keyring" ? "error" : "notice",
      message: `${words.message}: ${failure.message}`,
      fix: words.fix,
    },
  ];
}

const USE_FILE = "; to go on without it, set DATABRICKS_AUTH_STORAGE=plaintext";
const NOT_NEEDED = "none while the file is used; for the keyring, ";

const keyringWords = (platform: NodeJS.Platform) => ({
  unreachable: {
    message: "the OS keyring is not reachable",
    fix: "start the desktop's keyring",
  },
  locked: {
    message: "the OS keyring is locked",
    fix: howToUnlock(platform),
  },
  denied: {
    message: "the OS keyring denied access",
    fix: howToAllow(platform),
  },
  "timed-out": {
    message: "the OS keyring gave no answer",
    fix: "look for a prompt that is still open, or restart the keyring's service",
  },
  failed: { message: "the OS keyring failed", fix: "restart the keyring's service" },
});

const FALLBACK_WORDS = {
  message: "the OS keyring is not reachable, so the file cache is used",
  fix: "databricks auth storage set plaintext",
};

function cacheFindings(survey: Survey): Finding[] {
  const { cache, setAside } = survey;
  const { path, state, problem } = cache;
  const findings = setAside.map(
    (aside): Finding => ({
      code: "cache-set-aside",
      severity: "notice",
      message: `${aside} holds what a repair found, tokens in clear text among it`,
      fix: `rm ${shellWord(aside)}`,
      path: aside,
    }),
  );
  if (problem === null) return findings;
  return [
    ...findings,
    {
      code: state === "corrupt" ? "cache-corrupt" : "cache-unreadable",
      severity: storeInUse(survey) === "file" ? "error" : "warning",
      message: problem,
      fix:
        state === "corrupt"
          ? "databricks auth storage repair"
          : `make ${path} a file that you can read and write`,
      path,
    },
  ];
}

function configFindings({ path, problem, ...config }: ConfigSurvey): Finding[] {
  const findings: Finding[] = [
    ...config.differences.map(
      ({ section, key, message, line }): Finding => ({
        code: "value-read-differently",
        severity: "warning",
        message,
        fix: line
          ? `in ${path}, below [${section}], write: ${line}`
          : `give ${key} of [${section}] in the environment: there is no way to write it in ${path}`,
        path,
      }),
    ),
    ...config.dotted.map(
      ({ name, parent }): Finding => ({
        code: "dotted-profile",
        severity: "notice",
        message: `Go programs may take settings that [${name}] lacks from [${parent}]`,
        fix: `rename [${name}] in ${path} to a name without a dot, and sign in to it again`,
        path,
      }),
    ),
  ];
  if (problem !== null) {
    findings.push({
      code: "config-unreadable",
      severity: "error",
      message: problem,
      fix: `correct ${path} by hand`,
      path,
    });
  }
  if (config.missingDefault !== null) {
    findings.push({
      code: "default-profile-missing",
      severity: "warning",
      message: `default_profile names ${JSON.stringify(config.missingDefault)}, which is no profile`,
      fix: "databricks auth switch",
      path,
    });
  }
  return findings;
}

const octal = (mode: number) => mode.toString(8).padStart(4, "0");

function looseFindings({ loose }: Survey): Finding[] {
  return loose.map(({ path, mode, wanted }) => ({
    code: "loose-permissions",
    severity: "warning",
    message: `others on this machine have rights to ${path} (mode ${octal(mode)})`,
    fix: `chmod ${wanted.toString(8)} ${shellWord(path)}`,
    path,
  }));
}

function lockFindings({ locks }: Survey): Finding[] {
  if (!locks) return [];
  const { path, reason, isForeign } = locks;
  return [
    {
      code: "locks-unusable",
      severity: "warning",
      message: `tokens are refreshed and files changed without a lock, as there can be none in ${path}: ${reason}`,
      fix: isForeign
        ? `sudo chown -R "$(id -u)" ${shellWord(path)}`
        : `make ${path} a folder that you can write to, and what is in it files that you can`,
      path,
    },
  ];
}
