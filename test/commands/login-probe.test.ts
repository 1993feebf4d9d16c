import { expect, onTestFinished, test } from "bun:test";
import { run } from "../../src/cli.ts";
import { KeyringError } from "../../src/keyring/backend.ts";
import { openKeyring } from "../../src/keyring/keyring.ts";
import { contextOf } from "../support/context.ts";
import { openMemoryBackend } from "../support/memory-backend.ts";
import { scratchFolder } from "../support/scratch.ts";
import { startWorkspace } from "../workspace/server.ts";

/** As on macOS: the call waits for the person in a thread of its own, and goes on when they allow it. */
test("a prompt that is answered after the probe's time, and a sign-in that fails, leave nothing in the keyring", async () => {
  const workspace = await startWorkspace();
  onTestFinished(workspace.stop);
  const memory = openMemoryBackend();
  const stored: string[] = [];
  const keyring = openKeyring({
    terminal: false,
    waiting: () => () => {},
    backend: {
      ...memory,
      async set(account, secret, options) {
        stored.push(account);
        await memory.set(account, secret, options);
        throw new KeyringError("timed-out", "in the test");
      },
    },
  });
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  const stream = { isTTY: false, write };
  const context = contextOf({
    ...{ home: scratchFolder(), env: { BROWSER: "none" }, debug: () => {} },
    ...{ keyring: async () => keyring, stdout: stream, stderr: stream },
  });
  const argv = ["auth", "login", "-p", "work", "--host", workspace.url, "--timeout", "200ms"];
  expect(await run(argv, context)).toBe(1);
  expect(said).toContain("Open this link in a browser");
  expect(stored).toEqual([expect.stringMatching(/^__probe_/)]);
  const within = { deadline: Infinity, interactive: false };
  expect(await memory.get(stored[0] ?? "", within)).toBeNull();
});
