import { readConfigFile } from "../../config/profiles.ts";
import { isPersonLogin } from "../../config/resolve.ts";
import { type Context, cachePath, configPath, isInteractive } from "../../context.ts";
import { openBrowser } from "../../oauth/browser.ts";
import type { Http } from "../../oauth/http.ts";
import { DEFAULT_SCOPES, type LoginResult, login } from "../../oauth/login.ts";
import { probeFileStore } from "../../storage/file-store.ts";
import { type LoginStore, openForLogin } from "../../storage/open.ts";
import { showWaiting } from "../../waiting.ts";
import { command } from "../command.ts";
import { type LoginValues, loginArgs, type Plan, planLogin, readWishes } from "./login-plan.ts";
import { askForNewProfile, askWhatToLogInTo, NEW_PROFILE } from "./login-questions.ts";
import { keepLogin } from "./login-save.ts";
import { profileChoices } from "./pick-profile.ts";
import { type AuthValues, openHttp, openSession, type Session } from "./session.ts";

export default command({
  name: "auth login",
  summary: "sign in with the browser",
  details:
    "Signs you in and keeps the login in the OS keyring, or in a file where there is none.\nThe host and the login's settings are saved as a profile of the config file.",
  args: loginArgs,
  examples: [
    [
      "auth login -p work --host https://adb-1.2.azuredatabricks.net",
      "a workspace, as profile work",
    ],
    ["auth login work", "again, with what the profile says"],
    ["auth login -p work", "a new profile: pick the workspace in the browser"],
    [
      "auth login -p acc --host https://accounts.cloud.databricks.com --account-id ID",
      "an account",
    ],
    ["auth login work --storage plaintext", "keep this login in the file"],
  ],
  run: runLogin,
});

export async function runLogin(given: LoginValues, context: Context): Promise<void> {
  const wishes = readWishes(given, context);
  const values = await askWhatToLogInTo(given, context);
  const session = openSession(values, context);
  const http = await openHttp(context);
  const plan = await planLogin(values, wishes, session, http, context);
  const opened = await openStore(session, context);
  try {
    const signedIn = await signIn(plan, http, context);
    await keepLogin(signedIn, plan, opened, http, context);
  } finally {
    await settleKeyring(opened, context);
  }
}

/** A prompt that outlived the probe may have been answered, and the login have failed all the same. */
async function settleKeyring({ store }: LoginStore, context: Context): Promise<void> {
  if (store.location !== "keyring") return;
  const keyring = await context.keyring();
  keyring.freshBudget();
  await keyring.settle();
}

/**
 * The profile that the person picks for a token: one of `fitting`, else any login of a person's,
 * or a new one, which is logged in to on the spot.
 *
 * @returns its name
 */
export async function pickLogin(
  values: AuthValues,
  fitting: readonly string[] | undefined,
  context: Context,
): Promise<string> {
  const config = readConfigFile(configPath(context));
  const suits = (name: string) =>
    fitting?.includes(name) ?? isPersonLogin(config.sections.get(name) ?? new Map());
  const picked = await (await context.prompt()).pick("Print the token of", [
    ...profileChoices(config, suits),
    ...(fitting ? [] : [{ value: NEW_PROFILE, label: "A new profile: log in now" }]),
  ]);
  if (picked !== NEW_PROFILE) return picked;
  const named = await askForNewProfile(values, context);
  await runLogin(named, context);
  return named.profile;
}

async function openStore({ stores }: Session, context: Context): Promise<LoginStore> {
  const opened = await openForLogin(stores, {
    keyring: async () => (await context.keyring()).probeWrite(),
    file: () => probeFileStore({ path: cachePath(context) }),
  });
  if (opened.unreachable !== null) {
    context.stderr.write(
      `No OS keyring can be reached here (${opened.unreachable}); the login will be kept in ${cachePath(context)}.\n`,
    );
  }
  return opened;
}

async function signIn(plan: Plan, http: Http, context: Context): Promise<LoginResult> {
  let stopWaiting = () => {};
  let pasting = false;
  try {
    return await login({
      target: plan.target,
      scopes: plan.scopes ?? DEFAULT_SCOPES,
      ports: plan.ports,
      timeoutMs: plan.timeout,
      http,
      now: context.now,
      onAuthorizeUrl(url) {
        const opened = showSignIn(url, context);
        if (!isInteractive(context)) return;
        pasting = !opened || isRemote(context.env);
        if (pasting) context.stderr.write(`${PASTE_HERE}\n`);
        else stopWaiting = showWaiting(WAITING, context.stderr.write);
      },
      readPasted: (signal) => (pasting ? context.stdin.lines(signal) : NOTHING),
      onPasteRefused: () => context.stderr.write(`${WRONG_PASTE}\n`),
      onBusyPorts: () => context.stderr.write(`${busyPorts(plan.ports)}\n`),
    });
  } finally {
    stopWaiting();
  }
}

const WAITING = "Waiting for you to sign in with the browser";
const PASTE_HERE =
  "If the browser then ends at a page that it cannot open, paste that page's address here:";
const WRONG_PASTE =
  "That is not where this login ended; paste the whole address, from http://localhost on:";
const NOTHING: AsyncIterable<string> = (async function* () {})();

function busyPorts(ports: readonly number[]): string {
  const [first, last] = [ports[0], ports.at(-1)];
  return first === last
    ? `Port ${first} is in use, perhaps by another login; waiting for it…`
    : `The ports ${first} to ${last} are all in use, perhaps by other logins; waiting for one…`;
}

/** What a browser elsewhere is sent to at the end, it would look for on its own machine. */
const isRemote = (env: Context["env"]) => Boolean(env["SSH_CONNECTION"] || env["SSH_TTY"]);

/** Opens the browser and shows the link; false where only the link could be shown. */
function showSignIn(url: string, context: Context): boolean {
  const opened = openBrowser(url, context.env, context.platform) === "opened";
  const lead = opened
    ? "Your browser was opened to sign in. If it shows nothing, open this link:"
    : "Open this link in a browser to sign in:";
  context.stderr.write(`${lead}\n  ${url}\n`);
  return opened;
}
