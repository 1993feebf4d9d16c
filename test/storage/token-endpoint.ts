/** A token endpoint whose refresh tokens are good for one use; a second use kills the login (RFC 9700 section 4.14.2). */
import { onTestFinished } from "bun:test";
import type { Token } from "../../src/storage/store.ts";

export interface TokenEndpoint {
  url: string;
  /** The refresh tokens that were sent, in order. */
  received: string[];
  /** The token that it would take as the current one. */
  current: Token;
  revoke(): void;
}

/** Starts one for the running test. `respond` holds every answer back until it resolves. */
export function startTokenEndpoint(
  lifetime: number,
  respond: () => Promise<unknown> = async () => {},
): TokenEndpoint {
  let generation = 0;
  let revoked = false;
  const issue = (): Token => {
    generation++;
    return {
      access_token: `access-${generation}`,
      token_type: "Bearer",
      refresh_token: `refresh-${generation}`,
      expiry: Date.now() + lifetime,
    };
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(asked) {
      const refreshToken = await asked.text();
      endpoint.received.push(refreshToken);
      await respond();
      revoked ||= refreshToken !== endpoint.current.refresh_token;
      if (revoked) return new Response("invalid_grant", { status: 400 });
      endpoint.current = issue();
      return Response.json(endpoint.current);
    },
  });
  onTestFinished(() => server.stop(true));
  const endpoint: TokenEndpoint = {
    url: server.url.href,
    received: [],
    current: issue(),
    revoke: () => {
      revoked = true;
    },
  };
  return endpoint;
}
