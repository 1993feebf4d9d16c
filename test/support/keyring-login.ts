/**
 * What a login asks of the keyring, in a process of its own: the write probe; at a line on
 * stdin (the browser is done) the token; then the end. Prints a line for each step.
 */
import { KeyringError } from "../../src/keyring/backend.ts";
import { openKeyring } from "../../src/keyring/keyring.ts";
import { openLinuxBackend } from "../../src/keyring/linux.ts";

const terminal = process.argv.includes("--terminal");
const keyring = openKeyring({
  backend: openLinuxBackend(),
  terminal,
  waiting() {
    console.log("waiting");
    return () => console.log("waited");
  },
});

process.on("SIGINT", () => {
  console.log("interrupted");
  process.exit(130);
});

async function step(name: string, body: () => Promise<void>): Promise<void> {
  const outcome = await body().then(
    () => "ok",
    (error: unknown) => {
      if (error instanceof KeyringError) return `${error.code}, ${error.message}`;
      throw error;
    },
  );
  console.log(`${name}: ${outcome}`);
}

await step("probe", keyring.probeWrite);
for await (const _line of console) break;
keyring.freshBudget();
await step("store", () => keyring.set("a", "secret-1"));
await keyring.settle();
process.exit(0);
