/** Whether a host takes credentials, whatever their kind, and who they belong to. */
import type { AuthType } from "../../config/attributes.ts";
import { checkId } from "../../config/host.ts";
import type { Context } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { type Caller, listWorkspaces, whoAmI } from "../../oauth/account.ts";
import {
  askTarget,
  fetchHostMetadata,
  findServer,
  type HostMetadata,
  type HostTarget,
} from "../../oauth/discovery.ts";
import type { ReadingStore } from "../../storage/open.ts";
import { deadline } from "../deadline.ts";
import { readAccessToken } from "./access-token.ts";
import { openHttp, type Session } from "./session.ts";
import { chooseLogin, type Login } from "./target.ts";

/** Credentials, as the settings in force make them out. */
export interface Subject extends Pick<Session, "config" | "resolution"> {
  authType: AuthType;
  /** Where the token of a person's login is read. */
  store: ReadingStore;
}

/** Who the host says that it is: a workspace names the person, an account console nobody. */
export interface Identity {
  user?: string;
  accountId?: string;
}

export interface Verifier {
  /**
   * Null for a way to authenticate that this program leaves to the SDKs.
   * @throws UserError where the credentials are not there, not taken, or nothing answers in time
   */
  verify(subject: Subject): Promise<Identity | null>;
  /** What a host says about itself; each host is asked once. */
  metadataOf(host: string): Promise<HostMetadata | null>;
}

/** @param timeout for everything that the verifier does, in milliseconds from now */
export async function openVerifier(context: Context, timeout: number): Promise<Verifier> {
  const expiresAt = performance.now() + timeout;
  const signal = deadline(timeout, "there was no answer");
  const http = await openHttp(context);
  const asked = new Map<string, Promise<HostMetadata | null>>();

  function metadataOf(host: string): Promise<HostMetadata | null> {
    const answer = asked.get(host) ?? fetchHostMetadata(http, host, signal);
    asked.set(host, answer);
    return answer;
  }

  /** The value of the header. */
  async function authorize(subject: Subject, target: HostTarget, login: Login | null) {
    if (login) {
      const { store } = subject;
      const times = { deadline: expiresAt, signal: () => signal, lasting: true };
      const reading = readAccessToken({ login, store, force: false, ...times }, context);
      const { access_token } = await Promise.race([reading, aborted(signal)]);
      return `Bearer ${access_token}`;
    }
    switch (subject.authType) {
      case "pat":
        return `Bearer ${headerWord("token", required(subject, "token"))}`;
      case "basic": {
        const pair = `${required(subject, "username")}:${required(subject, "password")}`;
        return `Basic ${Buffer.from(pair).toString("base64")}`;
      }
      default: {
        const { logInMachine } = await import("../../oauth/machine.ts");
        const clientId = required(subject, "client_id");
        const clientSecret = required(subject, "client_secret");
        const scopes = (setting(subject, "scopes") ?? "all-apis").split(/[\s,]+/).filter(Boolean);
        const server = await findServer(http, target, signal);
        const { now } = context;
        const request = { http, server, now, signal, clientId, clientSecret, scopes };
        return `Bearer ${(await logInMachine(request)).access_token}`;
      }
    }
  }

  async function verify(subject: Subject): Promise<Identity | null> {
    const { authType } = subject;
    if (!VERIFIED.has(authType)) return null;
    const login = authType === "databricks-cli" ? chooseLogin(subject) : null;
    const host = login?.host ?? setting(subject, "host");
    if (!host) throw new UserError("no host is set; give --host, or a profile that has one");
    const accountId = login ? login.accountId : setting(subject, "account_id");
    const workspaceId = setting(subject, "workspace_id");
    if (workspaceId) checkId("workspace id", workspaceId);
    // Only with an account id can the host's metadata make a difference, and not to a workspace's own credentials.
    const asksAccount =
      accountId !== undefined && (login ? !workspaceId : authType === "oauth-m2m");
    const metadata = asksAccount ? await metadataOf(host) : null;
    const target = await askTarget(http, host, accountId, metadata, signal);
    const authorization = await authorize(subject, target, login);
    const caller: Caller = { http, host, authorization, signal };
    return identify(caller, target, workspaceId);
  }

  return { verify, metadataOf };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

const VERIFIED: ReadonlySet<AuthType> = new Set(["pat", "basic", "oauth-m2m", "databricks-cli"]);

async function identify(
  caller: Caller,
  target: HostTarget,
  workspaceId: string | undefined,
): Promise<Identity> {
  const account = target.kind === "account" || (target.kind === "unified" && !workspaceId);
  if (!account) return { user: await whoAmI({ ...caller, workspaceId }) };
  await listWorkspaces(caller, target.accountId);
  return { accountId: target.accountId };
}

function setting({ resolution }: Subject, key: string): string | undefined {
  return resolution.settings.get(key)?.value;
}

function required(subject: Subject, key: string): string {
  const value = setting(subject, key);
  if (value !== undefined) return value;
  throw new UserError(`auth_type is ${subject.authType}, but ${key} is not set`);
}

/** Anything else would be an error of the HTTP library, which quotes the value. */
function headerWord(key: string, value: string): string {
  if (/^[\x21-\x7e]+$/.test(value)) return value;
  throw new UserError(`${key} holds signs that no token has, such as blanks`);
}
