import { type Answer, type Asked, json } from "./answer.ts";
import { applyPatch } from "./controls.ts";
import type { SeedOptions, Workspace } from "./server.ts";

/** What lies below it is for scripts, is never recorded, and has no faults. */
export const controlPrefix = "/_workspace/";

/** The workspace's own switches over HTTP. Tokens come in the form in which the stores write them. */
export function handleControl(asked: Asked, workspace: Workspace): Answer {
  const action = `${asked.method} ${asked.url.pathname.slice(controlPrefix.length)}`;
  switch (action) {
    case "GET requests":
      return json(200, workspace.requests);
    case "GET control":
      return json(200, workspace.control);
    case "POST control":
      return orRefusal(() => {
        applyPatch(workspace.control, readObject(asked.body));
        return workspace.control;
      });
    case "POST issue":
      return orRefusal(() => {
        const token = workspace.issueToken(readObject(asked.body) as SeedOptions);
        return { ...token, expiry: new Date(token.expiry).toISOString() };
      });
    case "POST expire":
      workspace.expireAll();
      return json(200, {});
    case "POST revoke":
      workspace.revokeAll();
      return json(200, {});
    case "POST reset":
      workspace.reset();
      return json(200, {});
    default:
      return json(404, { message: `no such action: ${action}` });
  }
}

function orRefusal(body: () => object): Answer {
  try {
    return json(200, body());
  } catch (error) {
    return json(400, { message: error instanceof Error ? error.message : String(error) });
  }
}

function readObject(text: string): object {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("want a JSON object");
  }
  return value;
}
