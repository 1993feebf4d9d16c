import type { Context } from "../../../context.ts";
import { SERVICE } from "../../../keyring/backend.ts";
import { printable, renderJson, renderTable, type Style, stylist } from "../../../output.ts";
import type { Token } from "../../../storage/store.ts";
import { authArgs, command, outputFormat, type Values } from "../../command.ts";
import { describeStorage } from "../token-storage.ts";
import { type Finding, findFindings, type Severity } from "./findings.ts";
import type { KeyringState } from "./keyring-state.ts";
import type { Found, PlacedLogin } from "./logins.ts";
import { type Survey, takeSurvey } from "./survey.ts";

const args = { ...authArgs } as const;

export default command({
  name: "auth storage status",
  summary: "show where tokens lie, and what is wrong with that (the default)",
  details:
    "Asks the keyring once, without any prompt, and looks through the files. Changes nothing.\n--profile and --host show these logins only.",
  args,
  examples: [
    ["auth storage", "at a glance"],
    ["auth storage -o json", "for programs: findings with their codes and fixes"],
    ["auth storage -p work", "one profile"],
    ["auth storage --host https://adb-1.2.azuredatabricks.net", "a login without a profile, too"],
  ],
  run: runStatus,
});

async function runStatus(values: Values<typeof args>, context: Context): Promise<void> {
  const format = outputFormat(values.output, context);
  const wanted = {
    profile: values.profile,
    host: values.host,
    accountId: values["account-id"],
  };
  const survey = await takeSurvey(wanted, values.storage, context);
  const findings = findFindings(survey);
  context.stdout.write(
    format === "json"
      ? renderJson(describeSurvey(survey, findings))
      : renderSurvey(survey, findings, stylist(context, context.stdout)),
  );
}

/** The survey as programs read it; never a secret. */
export function describeSurvey(survey: Survey, findings: readonly Finding[]) {
  const { settings, keyring, cache, config, logins } = survey;
  return {
    ...(settings.choice && { token_storage: describeStorage(settings.choice, config.path) }),
    keyring: {
      backend: keyring.backend,
      service: SERVICE,
      state: keyring.state,
      duration_ms: keyring.milliseconds,
      ...(keyring.failure && { reason: keyring.failure.message }),
    },
    file_cache: { path: cache.path, state: cache.state, entries: cache.entries },
    config_file: config.path,
    logins: logins.map(({ key, profile, host, keyring, file, mirrors }) => ({
      key,
      profile,
      host,
      keyring: describeFound(keyring),
      file: describeFound(file),
      ...(mirrors.length > 0 && { mirrors }),
    })),
    findings,
  };
}

function describeFound(found: Found) {
  switch (found.state) {
    case "absent":
      return undefined;
    case "unknown":
      return { state: "unknown" };
    case "unreadable":
      return { state: "unreadable", reason: found.reason };
    case "present": {
      const { expiry, refresh_token } = found.token;
      return {
        state: "present",
        ...(expiry !== undefined && { expiry: new Date(expiry).toISOString() }),
        renewable: refresh_token !== undefined,
      };
    }
  }
}

type Stylist = ReturnType<typeof stylist>;

export function renderSurvey(survey: Survey, findings: readonly Finding[], style: Stylist): string {
  const parts = [
    renderTable(summaryRows(survey, style)),
    renderLogins(survey, style),
    ...findings.map((finding) => renderFinding(finding, style)),
    `${countFindings(findings, style)}\n`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const STATE_STYLES: Record<KeyringState, Style> = {
  ok: "green",
  empty: "yellow",
  locked: "red",
  denied: "red",
  unreachable: "red",
  "timed-out": "red",
  failed: "red",
};

function summaryRows({ settings, keyring, cache, config }: Survey, style: Stylist): string[][] {
  const storage = settings.choice && describeStorage(settings.choice, config.path);
  const entries = `${cache.entries} ${cache.entries === 1 ? "entry" : "entries"}`;
  const state = `${style(STATE_STYLES[keyring.state], keyring.state)}, ${keyring.milliseconds} ms`;
  return [
    [
      style("bold", "Token storage"),
      storage
        ? printable(`${storage.mode}, ${storage.location} (from ${storage.source})`)
        : style("red", "not known"),
    ],
    [style("bold", "OS keyring"), `${keyring.backend}: ${state}`],
    [
      style("bold", "File cache"),
      printable(`${cache.path}: ${cache.state === "ok" ? entries : cache.state}`),
    ],
  ];
}

function renderLogins({ logins, now, keyring }: Survey, style: Stylist): string {
  if (logins.length === 0) return "";
  const header = ["Login", "Host", "Keyring", "File"].map((title) => style("bold", title));
  return renderTable([
    header,
    ...logins.map((login) => [
      printable(login.key),
      printable(login.host ?? ""),
      foundText(login.keyring, keyring.state, now, style),
      foundText(login.file, keyring.state, now, style) + mirrorText(login),
    ]),
  ]);
}

const mirrorText = ({ mirrors }: PlacedLogin) =>
  mirrors.length > 0
    ? ` (and under ${mirrors.length} host key${mirrors.length > 1 ? "s" : ""})`
    : "";

function foundText(found: Found, keyring: KeyringState, now: number, style: Stylist): string {
  switch (found.state) {
    case "absent":
      return style("dim", "-");
    case "unknown":
      return style("dim", `? (${keyring})`);
    case "unreadable":
      return style("red", found.code === "invalid" ? "unreadable" : found.code);
    case "present":
      return tokenText(found.token, now, style);
  }
}

/** Until when, and whether it goes on from there. An access token that ran out is renewed at its next use. */
function tokenText({ expiry, refresh_token }: Token, now: number, style: Stylist): string {
  const renewable = refresh_token !== undefined;
  if (expiry !== undefined && expiry > now) {
    return `until ${localTime(expiry)}${renewable ? ", renewable" : ""}`;
  }
  return renewable ? "renewable" : style("red", "ended");
}

/** Local time to the minute: `2026-11-24 15:04`. */
function localTime(milliseconds: number): string {
  const offset = new Date(milliseconds).getTimezoneOffset() * 60_000;
  return new Date(milliseconds - offset).toISOString().slice(0, 16).replace("T", " ");
}

const MARKS: Record<Severity, [sign: string, style: Style]> = {
  error: ["✗", "red"],
  warning: ["!", "yellow"],
  notice: ["·", "cyan"],
};

/** More keys than this are counted only. */
const SHOWN_KEYS = 5;

function renderFinding({ code, severity, message, fix, keys = [] }: Finding, style: Stylist) {
  const [sign, color] = MARKS[severity];
  const more = keys.length > SHOWN_KEYS ? ` and ${keys.length - SHOWN_KEYS} more` : "";
  const about = keys.length > 1 ? ` (${keys.slice(0, SHOWN_KEYS).join(", ")}${more})` : "";
  return `${style(color, `${sign} ${code}`)}: ${printable(message + about)}\n  ${style("dim", "fix:")} ${printable(fix)}\n`;
}

function countFindings(findings: readonly Finding[], style: Stylist): string {
  if (findings.length === 0) return style("green", "Nothing to complain about.");
  const counts = (["error", "warning", "notice"] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
  });
  return counts.join(", ");
}
