import type { Answer } from "./answer.ts";
import type { Endpoint } from "./controls.ts";

/** How an endpoint misbehaves. README.md says which kinds let the request be processed. */
export type Fault = {
  /** How often; without it, always. Counted down while it is used up. */
  times?: number;
} & (
  | { kind: "status"; status: number; retryAfter?: number }
  | { kind: "html"; status: number }
  | { kind: "oauth-error"; error: string; description?: string; status?: number }
  | { kind: "empty" }
  | { kind: "redirect"; location?: string }
  | { kind: "never" }
  | { kind: "cut-before-headers"; processed?: boolean }
  | { kind: "cut-mid-body" }
  | { kind: "truncated" }
  | { kind: "wrong-content-type" }
  | { kind: "large-json"; bytes?: number }
  | { kind: "slow-drip"; millisecondsPerByte: number }
  | { kind: "rewrite"; set?: Record<string, unknown>; remove?: string[] }
);
export type Faults = Partial<Record<Endpoint, Fault>>;

/** What goes onto the wire: an answer, and how its sending is spoilt. */
export interface Sending {
  answer: Answer | null;
  /** Cut the connection after this share of the body: 0 sends no byte at all, 1 is whole. */
  share: number;
  millisecondsPerByte: number;
}

const kinds: readonly Fault["kind"][] = [
  "status",
  "html",
  "oauth-error",
  "empty",
  "redirect",
  "never",
  "cut-before-headers",
  "cut-mid-body",
  "truncated",
  "wrong-content-type",
  "large-json",
  "slow-drip",
  "rewrite",
];

export function readFaults(value: object): Faults {
  for (const [endpoint, fault] of Object.entries(value)) {
    if (!kinds.includes(fault?.kind)) {
      throw new Error(`faults.${endpoint}.kind: want one of ${kinds.join(", ")}`);
    }
  }
  // Copied: `times` is counted down in place, and must not change what the caller holds.
  return structuredClone(value);
}

/** The fault due at this endpoint, counted as used. */
export function takeFault(faults: Faults, endpoint: Endpoint): Fault | null {
  const fault = faults[endpoint];
  if (fault === undefined) return null;
  if (fault.times !== undefined) {
    fault.times -= 1;
    if (fault.times <= 0) delete faults[endpoint];
  }
  return fault;
}

/** Lets the request be processed or not, and spoils what comes of it. */
export function withFault(fault: Fault | null, process: () => Answer): Sending {
  switch (fault?.kind) {
    case undefined:
      return whole(process());
    case "status":
      return whole(statusAnswer(fault.status, fault.retryAfter));
    case "html":
      return whole({
        status: fault.status,
        headers: { "content-type": "text/html" },
        body: "<!doctype html><title>Gateway</title><h1>It is not you, it is us</h1>",
      });
    case "oauth-error":
      return whole({
        status: fault.status ?? 400,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          error: fault.error,
          error_description: fault.description ?? "injected",
        }),
      });
    case "empty":
      return whole({ status: 200, headers: { "content-type": "application/json" }, body: "" });
    case "redirect":
      return whole({
        status: 307,
        headers: { location: fault.location ?? "/_workspace/elsewhere" },
        body: "",
      });
    case "never":
      return { answer: null, share: 1, millisecondsPerByte: 0 };
    case "cut-before-headers":
      if (fault.processed === true) process();
      return { answer: null, share: 0, millisecondsPerByte: 0 };
    case "cut-mid-body":
      return { answer: process(), share: 0.5, millisecondsPerByte: 0 };
    case "truncated": {
      const answer = process();
      return whole({ ...answer, body: answer.body.slice(0, answer.body.length / 2) });
    }
    case "wrong-content-type": {
      const answer = process();
      return whole({ ...answer, headers: { ...answer.headers, "content-type": "text/plain" } });
    }
    case "large-json":
      return whole(rewritten(process(), { padding: "x".repeat(fault.bytes ?? 2 * 1024 * 1024) }));
    case "slow-drip":
      return { answer: process(), share: 1, millisecondsPerByte: fault.millisecondsPerByte };
    case "rewrite":
      return whole(rewritten(process(), fault.set ?? {}, fault.remove));
  }
}

function whole(answer: Answer): Sending {
  return { answer, share: 1, millisecondsPerByte: 0 };
}

function statusAnswer(status: number, retryAfter: number | undefined): Answer {
  return {
    status,
    headers: {
      "content-type": "application/json",
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    },
    body: JSON.stringify({ error_code: "INJECTED", message: `injected status ${status}` }),
  };
}

function rewritten(answer: Answer, set: Record<string, unknown>, remove: string[] = []): Answer {
  const value: Record<string, unknown> = { ...JSON.parse(answer.body), ...set };
  for (const name of remove) delete value[name];
  return { ...answer, body: JSON.stringify(value) };
}
