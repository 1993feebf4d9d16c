import type { Answer } from "./answer.ts";
import type { Controls, Endpoint } from "./controls.ts";

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

/** What goes onto the wire: an answer whole, its first half, or byte by byte; a cut connection; nothing. */
export type Sending =
  | { manner: "whole"; answer: Answer }
  | { manner: "half"; answer: Answer }
  | { manner: "drip"; answer: Answer; millisecondsPerByte: number }
  | { manner: "cut" }
  | { manner: "never" };

export const faultKinds: readonly Fault["kind"][] = [
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

/** The fault due at this endpoint, counted as used. */
export function takeFault(controls: Controls, endpoint: Endpoint): Fault | null {
  const { [endpoint]: fault, ...others } = controls.faults;
  if (fault === undefined) return null;
  if (fault.times !== undefined) {
    const times = fault.times - 1;
    controls.faults = times > 0 ? { ...others, [endpoint]: { ...fault, times } } : others;
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
        headers: { location: fault.location ?? "/elsewhere" },
        body: "",
      });
    case "never":
      return { manner: "never" };
    case "cut-before-headers":
      if (fault.processed === true) process();
      return { manner: "cut" };
    case "cut-mid-body":
      return { manner: "half", answer: process() };
    case "truncated": {
      const answer = process();
      return whole({ ...answer, body: answer.body.slice(0, answer.body.length / 2) });
    }
    case "wrong-content-type": {
      const answer = process();
      return whole({ ...answer, headers: { ...answer.headers, "content-type": "text/plain" } });
    }
    case "large-json": {
      const answer = process();
      const padding = " ".repeat(fault.bytes ?? 2 * 1024 * 1024);
      return whole({ ...answer, body: padding + answer.body });
    }
    case "slow-drip":
      return {
        manner: "drip",
        answer: process(),
        millisecondsPerByte: fault.millisecondsPerByte,
      };
    case "rewrite":
      return whole(rewritten(process(), fault.set ?? {}, fault.remove));
  }
}

function whole(answer: Answer): Sending {
  return { manner: "whole", answer };
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
