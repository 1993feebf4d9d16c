import http from "node:http";
import https from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Token } from "../../src/storage/store.ts";
import type { Answer, Asked } from "./answer.ts";
import { lifetimes } from "./authorization-server.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { controlPrefix, handleControl } from "./control-api.ts";
import { applyPatch, type Controls, defaultControls } from "./controls.ts";
import { type Sending, takeFault, withFault } from "./faults.ts";
import { describeRequest, type RequestRecord } from "./request-log.ts";
import { notFound, routeOf } from "./routes.ts";
import { createLedger } from "./token-ledger.ts";

export interface WorkspaceOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  controls?: Partial<Controls>;
  /** Serves HTTPS too, with a certificate made at start for loopback and these further host names. */
  tls?: { names: readonly string[] };
}

/** A login to seed: what it is for, and how it stands. */
export interface SeedOptions {
  /** Origin that the token is good at; the workspace's own by default. */
  origin?: string;
  /** Makes it an account's token. */
  accountId?: string;
  /** Seconds left of the access token: below zero, it ended that long ago. */
  expiresIn?: number;
  refreshable?: boolean;
  scopes?: string[];
}

export interface Workspace {
  url: string;
  port: number;
  /** The HTTPS side, when asked for: its address and the certificate to trust (`NODE_EXTRA_CA_CERTS`). */
  tls: { url: string; certificateFile: string } | null;
  control: Controls;
  requests: RequestRecord[];
  /** Requests to the token endpoints with this grant. */
  count(grant: "authorization_code" | "refresh_token" | "client_credentials"): number;
  issueToken(options?: SeedOptions): Token & { refresh_token?: string; expiry: number };
  expireAll(): void;
  revokeAll(): void;
  /** Back to the switches it started with, and forgets all logins and requests. */
  reset(): void;
  stop(): Promise<void>;
}

const bodyLimit = 1024 * 1024;

/**
 * Starts a workspace on 127.0.0.1. node:http rather than Bun.serve: it hands over the socket,
 * which a cut connection and CONNECT need.
 */
export async function startWorkspace(options: WorkspaceOptions = {}): Promise<Workspace> {
  const control = defaultControls();
  applyPatch(control, options.controls ?? {});
  const ledger = createLedger();
  const state = { controls: control, ledger };
  const requests: RequestRecord[] = [];
  const stopping = new AbortController();
  const tunnels = new Set<Duplex>();

  async function serve(
    scheme: "http" | "https",
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const proxied = /^https?:\/\//.test(request.url ?? "");
    const asked = await readRequest(scheme, request);
    if (asked.url.pathname.startsWith(controlPrefix)) {
      return await send(request.socket, response, whole(await handleControl(asked, workspace)));
    }
    const route = routeOf(asked, state);
    const record = describeRequest(asked, route?.endpoint ?? null, proxied);
    requests.push(record);
    response.once("close", () => {
      record.ended = Date.now();
    });
    if (route === null) {
      record.status = notFound.status;
      return await send(request.socket, response, whole(notFound));
    }
    await sleep(control.delayMs[route.endpoint] ?? 0, undefined, { signal: stopping.signal });
    if (response.destroyed) return;
    const sending = withFault(takeFault(control.faults, route.endpoint), route.answer);
    record.status = sending.answer?.status ?? null;
    await send(request.socket, response, sending);
  }

  function listener(scheme: "http" | "https"): http.RequestListener {
    return (request, response) => {
      serve(scheme, request, response).catch((error: unknown) => {
        if (stopping.signal.aborted || response.destroyed) return;
        // A fault of the stand-in itself: loud, and told apart from every injected answer.
        console.error(error);
        response.writeHead(599).end();
      });
    };
  }

  const plain = http.createServer(listener("http"));
  const port = await listen(plain, options.port ?? 0);
  const certificate = options.tls === undefined ? null : await makeCertificate(options.tls.names);
  const secure = certificate === null ? null : https.createServer(certificate, listener("https"));
  const securePort = secure === null ? null : await listen(secure, 0);
  plain.on("connect", (request, socket, head) => {
    requests.push(connectRecord(request.url ?? ""));
    tunnels.add(socket);
    tunnelTo(securePort ?? port, socket, head);
  });

  const url = `http://127.0.0.1:${port}`;
  const workspace: Workspace = {
    url,
    port,
    tls: describeTls(certificate, securePort),
    control,
    requests,
    count: (grant) => requests.filter((request) => request.grant === grant).length,
    issueToken(seed = {}) {
      const origin = seed.origin ?? url;
      const issuer =
        seed.accountId === undefined
          ? `${origin}/oidc`
          : `${origin}/oidc/accounts/${seed.accountId}`;
      const scopes = seed.scopes ?? ["all-apis", "offline_access"];
      const seconds = seed.expiresIn ?? control.accessLifetimeSeconds;
      const issued = ledger.issue(
        { issuer, clientId: "databricks-cli", scopes },
        { ...lifetimes(control), access: seconds },
        seed.refreshable ?? true,
      );
      return {
        access_token: issued.accessToken,
        token_type: "Bearer",
        ...(issued.refreshToken === null ? {} : { refresh_token: issued.refreshToken }),
        expiry: issued.expiry,
        expires_in: control.accessLifetimeSeconds,
      };
    },
    expireAll: ledger.expireAll,
    revokeAll: ledger.revokeAll,
    reset() {
      Object.assign(control, defaultControls());
      applyPatch(control, options.controls ?? {});
      ledger.forgetAll();
      requests.length = 0;
    },
    async stop() {
      stopping.abort();
      for (const tunnel of tunnels) tunnel.destroy();
      await Promise.all([plain, secure].map((server) => server && close(server)));
      certificate?.remove();
    },
  };
  return workspace;
}

async function readRequest(scheme: string, request: http.IncomingMessage): Promise<Asked> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk;
    if (body.length > bodyLimit) throw new Error("request body too large");
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  return {
    method: request.method ?? "",
    url: new URL(request.url ?? "/", `${scheme}://${headers.get("host")}`),
    headers,
    body,
  };
}

function whole(answer: Answer): Sending {
  return { answer, share: 1, millisecondsPerByte: 0 };
}

async function send(
  socket: Socket,
  response: http.ServerResponse,
  { answer, share, millisecondsPerByte }: Sending,
): Promise<void> {
  if (share === 0) return void socket.destroy();
  if (answer === null) return;
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  if (millisecondsPerByte > 0) {
    for (const byte of body) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await sleep(millisecondsPerByte);
    }
  }
  if (share < 1) {
    response.write(body.subarray(0, body.length * share), () => socket.destroy());
    return;
  }
  response.end(millisecondsPerByte > 0 ? undefined : body);
}

function tunnelTo(port: number, socket: Duplex, head: Buffer): void {
  const inner = connect(port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    inner.write(head);
    inner.pipe(socket).pipe(inner);
  });
  // Either side may go first, as the other one is then of no use.
  inner.on("error", () => socket.destroy());
  socket.on("error", () => inner.destroy());
}

function connectRecord(target: string): RequestRecord {
  const now = Date.now();
  return {
    started: now,
    ended: now,
    method: "CONNECT",
    origin: target,
    path: "",
    proxied: true,
    endpoint: null,
    grant: null,
    queryNames: [],
    formNames: [],
    credential: null,
    status: 200,
  };
}

function describeTls(certificate: Certificate | null, port: number | null): Workspace["tls"] {
  if (certificate === null || port === null) return null;
  return { url: `https://127.0.0.1:${port}`, certificateFile: certificate.file };
}

async function listen(server: http.Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, "127.0.0.1", resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

async function close(server: http.Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
