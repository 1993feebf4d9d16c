import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { Asked } from "./answer.ts";
import { makeCertificate } from "./certificate.ts";
import { controlPrefix, handleControl } from "./control-api.ts";
import type { Controls } from "./controls.ts";
import { type Sending, takeFault, withFault } from "./faults.ts";
import { describeConnect, describeRequest, type RequestRecord } from "./request-log.ts";
import { routeOf } from "./routes.ts";
import { createState, type SeededToken, type SeedOptions, type State, seedToken } from "./state.ts";
import { close, listen, readRequest, send, tunnel } from "./wire.ts";

export interface WorkspaceOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  controls?: Partial<Controls>;
  /** Serves HTTPS too, with a certificate made at start for loopback and these further host names. */
  tls?: { names: readonly string[] };
}

export interface Workspace {
  url: string;
  port: number;
  /** The HTTPS side, when asked for: its address and the certificate to trust (`NODE_EXTRA_CA_CERTS`). */
  tls: { url: string; certificateFile: string } | null;
  /** The live switches: assign to them. */
  control: Controls;
  requests: readonly RequestRecord[];
  /** Requests to the token endpoints with this grant. */
  count(grant: "authorization_code" | "refresh_token" | "client_credentials"): number;
  /** A login without a browser. */
  issueToken(seed?: SeedOptions): SeededToken;
  /** Ends every access token; refresh tokens go on. */
  expireAll(): void;
  /** Revokes every login, access and refresh tokens alike. */
  revokeAll(): void;
  /** Back to the switches it started with; logins and requests are forgotten. */
  reset(): void;
  stop(): Promise<void>;
}

/**
 * Starts a workspace on 127.0.0.1. node:http rather than Bun.serve: it hands over the socket,
 * which a cut connection and CONNECT need.
 */
export async function startWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  const state = createState(options.controls ?? {});
  const stopping = new AbortController();
  const plain = createServer(listenerFor("http", state, stopping.signal));
  const port = await listen(plain, options.port ?? 0);
  const url = `http://127.0.0.1:${port}`;
  const secure = options.tls && (await startSecure(options.tls.names, state, stopping.signal));

  plain.on("connect", (request, socket, head) => {
    state.requests.push(describeConnect(request.url ?? ""));
    tunnel(socket, head, secure?.port ?? port);
  });

  return {
    url,
    port,
    tls: secure ? { url: secure.url, certificateFile: secure.certificateFile } : null,
    control: state.controls,
    requests: state.requests,
    count: (grant) => state.requests.filter((request) => request.grant === grant).length,
    issueToken: (seed = {}) => seedToken(state, url, seed),
    expireAll: state.ledger.expireAll,
    revokeAll: state.ledger.revokeAll,
    reset: state.reset,
    async stop() {
      stopping.abort();
      await Promise.all([close(plain), secure?.stop()]);
    },
  };
}

async function startSecure(names: readonly string[], state: State, stopping: AbortSignal) {
  const certificate = await makeCertificate(names);
  const server = createSecureServer(certificate, listenerFor("https", state, stopping));
  const port = await listen(server, 0);
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    certificateFile: certificate.file,
    async stop() {
      await close(server);
      certificate.remove();
    },
  };
}

function listenerFor(
  scheme: "http" | "https",
  state: State,
  stopping: AbortSignal,
): RequestListener {
  return (request, response) => {
    const proxied = /^https?:\/\//.test(request.url ?? "");
    readRequest(scheme, request)
      .then((asked) => respond(asked, proxied, response, state, stopping))
      .then((sending) => sending && send(response, sending))
      .catch((error: unknown) => {
        if (stopping.aborted || response.destroyed) return;
        // A fault of the stand-in itself: loud, and told apart from every injected answer.
        console.error(error);
        response.writeHead(599).end();
      });
  };
}

/** What to send; null for a client that hung up during the delay, whose request then has no effect. */
async function respond(
  asked: Asked,
  proxied: boolean,
  response: ServerResponse,
  state: State,
  stopping: AbortSignal,
): Promise<Sending | null> {
  if (asked.url.pathname.startsWith(controlPrefix)) {
    return { manner: "whole", answer: handleControl(asked, state) };
  }
  const route = routeOf(asked, state);
  const { endpoint } = route;
  const record = describeRequest(asked, endpoint, proxied);
  state.requests.push(record);
  response.once("close", () => {
    record.ended = Date.now();
  });
  const delay = endpoint === null ? undefined : state.controls.delayMs[endpoint];
  if (delay !== undefined) await sleep(delay, undefined, { signal: stopping });
  if (response.destroyed) return null;
  const fault = endpoint === null ? null : takeFault(state.controls, endpoint);
  const sending = withFault(fault, route.answer);
  record.status = "answer" in sending ? sending.answer.status : null;
  return sending;
}
