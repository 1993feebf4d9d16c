import { afterEach, expect, test } from "bun:test";
import { findServer } from "../../src/oauth/discovery.ts";
import { createHttp } from "../../src/oauth/http.ts";
import { logInMachine } from "../../src/oauth/machine.ts";
import { startWorkspace, type WorkspaceOptions } from "../workspace/server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: () => {} });

async function start(controls: NonNullable<WorkspaceOptions["controls"]> = {}) {
  const workspace = await startWorkspace({
    controls: { machineClients: [{ client_id: "id-1", client_secret: "secret-1" }], ...controls },
  });
  cleanups.push(workspace.stop);
  return workspace;
}

async function logIn(host: string, clientSecret: string) {
  const server = await findServer(http, { kind: "workspace", host });
  const scopes = ["sql", "files"];
  const now = () => 1000;
  return logInMachine({ http, server, now, clientId: "id-1", clientSecret, scopes });
}

test("a token for a client id and secret", async () => {
  const workspace = await start();
  const token = await logIn(workspace.url, "secret-1");
  expect(token).toMatchObject({ token_type: "Bearer", scope: "sql files", expires_in: 3600 });
  expect(token.expiry).toBe(1000 + 3600 * 1000);
  expect(token.refresh_token).toBeUndefined();
});

test("a refused secret is an error that does not hold it", async () => {
  const workspace = await start();
  const failure: Error = await logIn(workspace.url, "secret-2").catch((error) => error);
  expect(failure.message).toEndWith(
    "refused the token request: invalid_client: unknown client or secret",
  );
  expect(Bun.inspect(failure)).not.toContain("secret-2");
});

test("nor does an error of a server that repeats it", async () => {
  const description = "no client has secret-1";
  const workspace = await start({
    faults: { token: { kind: "oauth-error", error: "invalid_client", description, status: 401 } },
  });
  const failure: Error = await logIn(workspace.url, "secret-1").catch((error) => error);
  expect(failure.message).toEndWith("invalid_client: no client has ***");
});

test("signs that a URL would encode reach the server in the encoding of RFC 6749 section 2.3.1", async () => {
  let header = "";
  const server = {
    issuer: "http://127.0.0.1/oidc",
    authorization_endpoint: "http://127.0.0.1/authorize",
    token_endpoint: "http://127.0.0.1/token",
    authorization_response_iss_parameter_supported: false,
  };
  const answering: typeof http = async (_url, request) => {
    header = request?.headers?.["authorization"] ?? "";
    return Response.json({ access_token: "access-1", token_type: "Bearer" });
  };
  const clientId = "a-b_c.d";
  const clientSecret = "e:f g%";
  await logInMachine({
    http: answering,
    server,
    now: Date.now,
    clientId,
    clientSecret,
    scopes: [],
  });
  expect(atob(header.replace("Basic ", ""))).toBe("a-b_c.d:e%3Af%20g%25");
});
