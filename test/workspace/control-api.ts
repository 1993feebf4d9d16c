import { messageOf } from "../../src/errors.ts";
import { type Answer, type Asked, json } from "./answer.ts";
import { applyPatch } from "./controls.ts";
import { readSeed, type State, seedToken } from "./state.ts";

/** What lies below it is for scripts, is never recorded, and has no faults. */
export const controlPrefix = "/_workspace/";

/** The workspace's own switches over HTTP. Tokens come in the form in which the stores write them. */
export function handleControl(asked: Asked, state: State): Answer {
  const action = `${asked.method} ${asked.url.pathname.slice(controlPrefix.length)}`;
  switch (action) {
    case "GET requests":
      return json(200, state.requests);
    case "GET control":
      return json(200, state.controls);
    case "POST control":
      return orRefusal(() => {
        applyPatch(state.controls, readObject(asked.body));
        return state.controls;
      });
    case "POST issue":
      return orRefusal(() => {
        const token = seedToken(state, asked.url.origin, readSeed(readObject(asked.body)));
        return { ...token, expiry: new Date(token.expiry).toISOString() };
      });
    case "POST expire":
      return done(state.ledger.expireAll);
    case "POST revoke":
      return done(state.ledger.revokeAll);
    case "POST reset":
      return done(state.reset);
    default:
      return json(404, { message: `no such action: ${action}` });
  }
}

function done(action: () => void): Answer {
  action();
  return json(200, {});
}

function orRefusal(body: () => object): Answer {
  try {
    return json(200, body());
  } catch (error) {
    return json(400, { message: messageOf(error) });
  }
}

function readObject(text: string): object {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("want a JSON object");
  }
  return value;
}
