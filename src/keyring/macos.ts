/**
 * macOS: generic passwords in the file-based keychain.
 *
 * An item is named by its service (`databricks-cli`) and its account (the key). The official
 * Go CLI reads and writes the same items by running `/usr/bin/security`, so values are in its
 * form (keychain-value.ts). Who may read an item is up to the item: one that the Go CLI made
 * lets in `/usr/bin/security` only, one that we made lets in this build of this program only.
 * Anybody else makes macOS ask the person. An item that we may not read and did not make is
 * read through that tool; an update leaves the access list as it is.
 */

import { Worker } from "node:worker_threads";
import { errSecItemNotFound, errSecUserCanceled } from "../../native/security.ts";
import { messageOf } from "../errors.ts";
import { systemReason } from "../files/system-error.ts";
import {
  type Backend,
  type CallOptions,
  checkAccount,
  checkSecret,
  KeyringError,
  SERVICE,
} from "./backend.ts";
import { codeOf, type Frameworks, OTHER_PROGRAMS_ITEM } from "./keychain.ts";
import { decodeValue, encodeValue, parseToolOutput } from "./keychain-value.ts";
import type {
  KeychainAnswer,
  KeychainCall,
  KeychainRequest,
  KeychainResult,
} from "./macos-worker.ts";

/** Since macOS 11 these exist in the loader's cache only, under these names. */
const SYSTEM_FRAMEWORKS: Frameworks = {
  coreFoundation: "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
  security: "/System/Library/Frameworks/Security.framework/Security",
};

/** Milliseconds; a timer beyond 31 bits would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

interface Waiting {
  resolve(result: KeychainResult): void;
  reject(error: KeyringError): void;
}

/** The worker inside a compiled binary, set by its build; run from source there is none. */
declare const KEYCHAIN_WORKER: string;

/** Opens the keychain at the first call. The defaults are the system's own; tests give a stand-in. */
export function openMacosBackend({
  frameworks = SYSTEM_FRAMEWORKS,
  securityTool = "/usr/bin/security",
} = {}): Backend {
  let thread: ReturnType<typeof startThread> | undefined;

  async function ask(call: KeychainCall, { deadline, interactive }: CallOptions) {
    if (performance.now() >= deadline) throw timedOut();
    thread ??= startThread();
    return thread({ frameworks, interactive, call }, deadline);
  }

  return {
    name: "Keychain",

    async get(account, options) {
      checkAccount(account);
      const item = await ask({ operation: "get", account }, options);
      if (item instanceof Uint8Array) return decodeValue(item);
      if (item !== OTHER_PROGRAMS_ITEM) return null;
      const value = await readThroughTool(securityTool, account, options.deadline);
      return value && decodeValue(value);
    },

    async set(account, secret, options) {
      checkAccount(account);
      checkSecret(secret);
      await ask({ operation: "set", account, value: encodeValue(secret) }, options);
    },

    async delete(account, options) {
      checkAccount(account);
      return (await ask({ operation: "delete", account }, options)) === true;
    },
  };
}

/**
 * Starts the thread; gives a function that has one call made in it. Calls queue up behind one
 * that waits for a prompt. Only the end of the process closes that prompt, so nothing is
 * stopped at a deadline: the answer is not waited for any longer.
 */
function startThread() {
  const worker = new Worker(
    typeof KEYCHAIN_WORKER === "undefined"
      ? new URL("./macos-worker.ts", import.meta.url)
      : KEYCHAIN_WORKER,
  );
  // While an answer is waited for, the timer of its deadline keeps the program alive.
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let calls = 0;

  worker.on("message", (answer: KeychainAnswer) => {
    const call = waiting.get(answer.id);
    if ("result" in answer) call?.resolve(answer.result);
    else call?.reject(new KeyringError(answer.failure.code, answer.failure.message));
  });
  worker.on("error", (error) => {
    for (const call of waiting.values()) call.reject(new KeyringError("failed", messageOf(error)));
  });

  return (request: Omit<KeychainRequest, "id">, deadline: number): Promise<KeychainResult> => {
    const id = ++calls;
    const { promise, resolve, reject } = Promise.withResolvers<KeychainResult>();
    waiting.set(id, { resolve, reject });
    const patience = Math.min(deadline - performance.now(), LONGEST_TIMER);
    const timer = setTimeout(() => reject(timedOut()), patience);
    worker.postMessage({ id, ...request } satisfies KeychainRequest);
    return promise.finally(() => {
      clearTimeout(timer);
      waiting.delete(id);
    });
  };
}

/** The item's bytes as Apple's own tool reads them, or null when there is none. */
async function readThroughTool(
  tool: string,
  account: string,
  deadline: number,
): Promise<Uint8Array | null> {
  const child = spawnTool([tool, "find-generic-password", "-s", SERVICE, "-wa", account], deadline);
  const output = await Bun.readableStreamToBytes(child.stdout);
  const exitCode = await child.exited;
  if (child.signalCode) throw timedOut();
  if (exitCode === 0) return parseToolOutput(output);
  const status = toolStatus(exitCode);
  if (status === errSecItemNotFound) return null;
  throw new KeyringError(codeOf(status, true), `${tool} failed with OSStatus ${status}`);
}

function spawnTool(command: string[], deadline: number) {
  try {
    return Bun.spawn(command, {
      stdin: "ignore",
      stderr: "ignore",
      timeout: Math.min(Math.max(1, Math.ceil(deadline - performance.now())), LONGEST_TIMER),
      killSignal: "SIGKILL",
    });
  } catch (error) {
    throw new KeyringError("failed", `cannot run ${command[0]}: ${systemReason(error)}`);
  }
}

/** The tool exits with the low byte of the OSStatus; nearly all of them lie in -25344 … -25089. */
function toolStatus(exitCode: number): number {
  return exitCode === (errSecUserCanceled & 0xff) ? errSecUserCanceled : exitCode - 25344;
}

function timedOut(): KeyringError {
  return new KeyringError("timed-out", "the keychain did not answer in time");
}
