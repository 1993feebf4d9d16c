/**
 * Where the browser comes back to: a listener on loopback that takes one answer (RFC 8252 section 7.3),
 * or, where the browser runs on another machine, the redirected address as the person pasted it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { systemCode, systemReason } from "../files/system-error.ts";
import {
  FOREIGN_PAGE,
  NOTHING_PAGE,
  type Page,
  pageHeaders,
  renderPage,
  USED_PAGE,
} from "./page.ts";

/** The ports that are registered for the client's redirect, in the order in which they are tried. */
export const CALLBACK_PORTS: readonly number[] = Array.from({ length: 21 }, (_, i) => 8020 + i);

/** The answer of the authorization server; its `state` is the right one. */
export interface Callback {
  parameters: URLSearchParams;
  /** Shows how it went to the person in the browser; does nothing when the address was pasted. */
  answer(page: Page): void;
}

/** `accepted` once, and only for the right state. */
export type Verdict = "accepted" | "foreign" | "used";

export interface CallbackListener {
  redirectUri: string;
  /** The one callback that was accepted; rejects with the signal's reason. */
  received: Promise<Callback>;
  /** Takes a redirected address, or its query alone, as if the browser had come with it. */
  offerPasted(text: string): Verdict;
  /** Lets the last page reach the browser, and frees the port. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Tried in this order; when all are taken, again until one is free. */
  ports: readonly number[];
  state: string;
  signal: AbortSignal;
  /** All ports are taken: said once, before the wait. */
  onBusy(): void;
}

/**
 * The ports to use, given DATABRICKS_OAUTH_CALLBACK_PORT.
 *
 * @throws UserError for anything but a port number
 */
export function callbackPorts(fixed: string | undefined): readonly number[] {
  if (!fixed) return CALLBACK_PORTS;
  const port = /^\d{1,5}$/.test(fixed) ? Number(fixed) : 0;
  if (port < 1 || port > 65535) {
    throw new UserError(
      `DATABRICKS_OAUTH_CALLBACK_PORT: ${JSON.stringify(fixed)} is no port (want 1 to 65535)`,
    );
  }
  return [port];
}

const MAX_QUERY_LENGTH = 8192;
const RETRY_MS = 250;
/** How long a browser may take to fetch the page before its connection is cut. */
const CLOSE_GRACE_MS = 1000;

export async function listenForCallback(options: ListenOptions): Promise<CallbackListener> {
  const gate = openGate(options.state, options.signal);
  const { port, servers } = await bindFirstFree(options, gate);
  return {
    redirectUri: `http://localhost:${port}`,
    received: gate.received,
    offerPasted: (text) => gate.offer(readPasted(text), () => {}),
    async close() {
      const delivered = Promise.all(servers.map((server) => server.stop()));
      await Promise.race([delivered, sleep(CLOSE_GRACE_MS, undefined, { ref: false })]);
      await Promise.all(servers.map((server) => server.stop(true)));
    },
  };
}

type Gate = ReturnType<typeof openGate>;

/** Lets one answer with the right state through, however many come and from wherever. */
function openGate(state: string, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<Callback>();
  // Whoever waits for the answer sees the rejection; where nobody does yet, it is no crash.
  promise.catch(() => {});
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  let used = false;
  return {
    received: promise,
    offer(parameters: URLSearchParams, answer: (page: Page) => void): Verdict {
      const states = parameters.getAll("state");
      if (states.length !== 1 || !sameSecret(states[0] ?? "", state)) return "foreign";
      if (used) return "used";
      used = true;
      resolve({ parameters, answer });
      return "accepted";
    },
  };
}

function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** The query of a whole address, with or without its scheme, or of a bare `code=…&state=…`. */
function readPasted(text: string): URLSearchParams {
  const unquoted = text.trim().replace(/^["'<]+|["'>]+$/g, "");
  const query = unquoted.slice(unquoted.indexOf("?") + 1).split("#")[0] ?? "";
  return new URLSearchParams(query.length > MAX_QUERY_LENGTH ? "" : query);
}

type Server = Bun.Server<undefined>;

async function bindFirstFree(
  { ports, signal, onBusy }: ListenOptions,
  gate: Gate,
): Promise<{ port: number; servers: Server[] }> {
  for (let round = 0; ; round += 1) {
    signal.throwIfAborted();
    for (const port of ports) {
      const servers = bind(port, gate);
      if (servers !== null) return { port, servers };
    }
    if (round === 0) onBusy();
    // Several may be waiting: apart in time, they do not all try at once.
    await sleep(RETRY_MS * (1 + Math.random()), undefined, { signal }).catch(() => {});
  }
}

/**
 * Listens on both loopback addresses, as `localhost` may mean either; null when the port is taken
 * on one of them. Without IPv6 on this machine, the other one is enough.
 */
function bind(port: number, gate: Gate): Server[] | null {
  const servers: Server[] = [];
  for (const hostname of ["127.0.0.1", "::1"]) {
    try {
      servers.push(
        Bun.serve({
          hostname,
          port,
          ipv6Only: hostname === "::1",
          development: false,
          // `development: false` alone makes Bun share the port with whoever binds it after us.
          reusePort: false,
          maxRequestBodySize: 0,
          // Longer than a token request may take, as the page waits for its outcome. In seconds.
          idleTimeout: 60,
          fetch: (request) => respond(request, port, gate),
        }),
      );
    } catch (error) {
      const code = systemCode(error);
      // Windows says EACCES of ports that the system keeps for itself; below 1024 it is about privileges.
      const taken = code === "EADDRINUSE" || (code === "EACCES" && port >= 1024);
      if (!taken && hostname === "::1") break;
      for (const server of servers) server.stop(true);
      if (taken) return null;
      throw new UserError(`cannot listen on ${hostname}:${port}: ${systemReason(error)}`);
    }
  }
  return servers;
}

function respond(request: Request, port: number, gate: Gate): Response | Promise<Response> {
  const url = URL.parse(request.url);
  // A page elsewhere can make its own name resolve to 127.0.0.1 (DNS rebinding): its Host gives it away.
  const names = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  if (url === null || !names.includes(request.headers.get("host") ?? "")) {
    return show(NOTHING_PAGE, 400);
  }
  if (url.pathname !== "/") return show(NOTHING_PAGE, 404);
  if (request.method !== "GET") return show(NOTHING_PAGE, 405, { allow: "GET" });
  if (url.search.length > MAX_QUERY_LENGTH) return show(NOTHING_PAGE, 414);
  const { promise, resolve } = Promise.withResolvers<Response>();
  switch (
    gate.offer(url.searchParams, (page) => resolve(show(page, page.tone === "success" ? 200 : 400)))
  ) {
    case "accepted":
      return promise;
    case "used":
      return show(USED_PAGE, 410);
    case "foreign":
      return show(FOREIGN_PAGE, 400);
  }
}

function show(page: Page, status: number, headers: Record<string, string> = {}): Response {
  return new Response(renderPage(page), { status, headers: { ...pageHeaders(), ...headers } });
}
