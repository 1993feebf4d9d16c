import { type Context, cachePath, isInteractive } from "../../context.ts";
import { openBrowser } from "../../oauth/browser.ts";
import type { Http } from "../../oauth/http.ts";
import { DEFAULT_SCOPES, type LoginResult, login } from "../../oauth/login.ts";
import { type LoginStore, openForLogin } from "../../storage/open.ts";
import { showWaiting } from "../../waiting.ts";
import { command } from "../command.ts";
import {
  askWhatToLogInTo,
  type LoginValues,
  loginArgs,
  type Plan,
  planLogin,
} from "./login-plan.ts";
import { keepLogin } from "./login-save.ts";
import { openHttp, openSession, type Session } from "./session.ts";

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
  const values = await askWhatToLogInTo(given, context);
  const session = openSession(values, context);
  const http = await openHttp(context);
  const plan = await planLogin(values, session, http, context);
  const opened = await openStore(session, context);
  const signedIn = await signIn(plan, http, context);
  await keepLogin(signedIn, plan, opened, http, context);
}

async function openStore({ stores }: Session, context: Context): Promise<LoginStore> {
  const opened = await openForLogin(stores, async () => (await context.keyring()).probeWrite());
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
        pasting = showSignIn(url, context) === "link" && isInteractive(context);
        if (pasting) {
          context.stderr.write(
            "If the browser runs on another machine, it will end at an address that it cannot open: paste that here.\n",
          );
        } else
          stopWaiting = showWaiting(
            "Waiting for you to sign in with the browser",
            context.stderr.write,
          );
      },
      readPasted: (signal) => (pasting ? context.stdin.lines(signal) : NOTHING),
      onPasteRefused: () => context.stderr.write("That is not the address of this login.\n"),
      onBusyPorts: () =>
        context.stderr.write("Other logins are under way; waiting for one of them to end.\n"),
    });
  } finally {
    stopWaiting();
  }
}

const NOTHING: AsyncIterable<string> = (async function* () {})();

function showSignIn(url: string, context: Context): "browser" | "link" {
  const opened = openBrowser(url, context.env, context.platform) === "opened";
  const lead = opened
    ? "Your browser was opened to sign in. If it shows nothing, open this link:"
    : "Open this link in a browser to sign in:";
  context.stderr.write(`${lead}\n  ${url}\n`);
  return opened ? "browser" : "link";
}
