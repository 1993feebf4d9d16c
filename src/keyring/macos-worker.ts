/**
 * The thread that the keychain's calls block. The second entry point of the macOS binaries
 * (`scripts/build.ts`): a call in here can wait for a prompt while the program goes on,
 * or ends.
 */
import { parentPort } from "node:worker_threads";
import { LibraryMissing } from "../../native/libc.ts";
import { messageOf } from "../errors.ts";
import { KeyringError, type KeyringErrorCode } from "./backend.ts";
import { type Frameworks, type Keychain, openKeychain } from "./keychain.ts";

export type KeychainCall =
  | { operation: "get" | "delete"; account: string }
  | { operation: "set"; account: string; value: Uint8Array };

export interface KeychainRequest {
  id: number;
  frameworks: Frameworks;
  interactive: boolean;
  call: KeychainCall;
}

export type KeychainResult = ReturnType<typeof perform>;

/** An error class does not survive the way between threads: its parts do. */
export type KeychainAnswer = { id: number } & (
  | { result: KeychainResult }
  | { failure: { code: KeyringErrorCode; message: string } }
);

let keychain: Keychain | undefined;

parentPort?.on("message", (request: KeychainRequest) => {
  parentPort?.postMessage({ id: request.id, ...outcomeOf(request) } satisfies KeychainAnswer);
});

function outcomeOf(request: KeychainRequest) {
  try {
    keychain ??= openKeychain(request.frameworks);
    keychain.allowInteraction(request.interactive);
    return { result: perform(keychain, request.call) };
  } catch (error) {
    return { failure: { code: codeOf(error), message: messageOf(error) } };
  }
}

function perform(chain: Keychain, call: KeychainCall) {
  switch (call.operation) {
    case "get":
      return chain.get(call.account);
    case "set":
      return chain.set(call.account, call.value);
    case "delete":
      return chain.delete(call.account);
  }
}

function codeOf(error: unknown): KeyringErrorCode {
  if (error instanceof KeyringError) return error.code;
  return error instanceof LibraryMissing ? "unreachable" : "failed";
}
