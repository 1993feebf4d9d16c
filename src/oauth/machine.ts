/** The login of a program: a token for its client id and secret (RFC 6749 section 4.4). */
import * as oauth from "oauth4webapi";
import type { Token } from "../storage/store.ts";
import { requestToken, type TokenRequest } from "./token.ts";

export interface MachineRequest extends TokenRequest {
  clientId: string;
  clientSecret: string;
  scopes: readonly string[];
}

/** @throws UserError that names the host and holds nothing of the secret */
export async function logInMachine(request: MachineRequest): Promise<Token> {
  const { server, clientId, clientSecret } = request;
  const client = { client_id: clientId };
  return requestToken(request, {
    secrets: [clientSecret],
    send: (options) =>
      oauth.clientCredentialsGrantRequest(
        server,
        client,
        basicAuthentication(clientId, clientSecret),
        { scope: request.scopes.join(" ") },
        options,
      ),
    process: (response) => oauth.processClientCredentialsResponse(server, client, response),
  });
}

/**
 * The Basic header. oauth4webapi's own also encodes signs such as `-`, which RFC 6749
 * section 2.3.1 does not ask for, and not every server decodes.
 */
function basicAuthentication(id: string, secret: string): oauth.ClientAuth {
  return (_server, _client, _body, headers) => {
    const pair = [id, secret].map(encodeURIComponent).join(":");
    headers.set("authorization", `Basic ${btoa(pair)}`);
  };
}
