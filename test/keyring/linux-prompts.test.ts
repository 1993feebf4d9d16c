/** A locked gnome-keyring with somebody, or nobody, at its prompt. */
import { afterEach, describe, expect, test } from "bun:test";
import { type BackendCall, runCall, startCall, WITHIN } from "../support/backend-call.ts";
import { type Person, type Prompter, startPrompter } from "../support/prompter.ts";
import { missingTools, PASSWORD, type Session, startSession } from "../support/secret-service.ts";

const missing = missingTools();
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

let session: Session;
let prompter: Prompter;

async function lockedWith(person: Person): Promise<void> {
  session = await startSession("unlocked");
  await call({ operation: "set", account: "a", secret: "secret-1" });
  await session.lock();
  prompter = await startPrompter(await session.connect(), person);
}

afterEach(() => session.close());

/** The value that the call gave, or the code with which it failed. */
async function call(request: BackendCall): Promise<unknown> {
  const { answer, exitCode, noise } = await runCall(request, session);
  expect([exitCode, noise]).toEqual([0, ""]);
  return answer.code ?? answer.value;
}

const calls: BackendCall[] = [
  { operation: "get", account: "a" },
  { operation: "set", account: "a", secret: "secret-2" },
  { operation: "delete", account: "a" },
];

describe.skipIf(missing.length > 0)(`prompts of the Secret Service${skipped}`, () => {
  for (const request of calls) {
    describe(request.operation, () => {
      const asking = { ...request, interactive: true };

      test("asks nobody when it may not", async () => {
        await lockedWith({ types: PASSWORD });
        expect(await call(request)).toBe("locked");
        expect(prompter.asked()).toBe(0);
      });

      test("goes on when the person types the password", async () => {
        await lockedWith({ types: PASSWORD });
        const expected = { get: "secret-1", set: null, delete: true }[request.operation];
        expect(await call(asking)).toBe(expected);
        expect([prompter.asked(), prompter.open()]).toEqual([1, 0]);
      });

      test("is locked when the person cancels", async () => {
        await lockedWith("cancels");
        expect(await call(asking)).toBe("locked");
        expect([prompter.asked(), prompter.open()]).toEqual([1, 0]);
      });

      test("times out when the person does nothing, and the daemon lives", async () => {
        await lockedWith("absent");
        const { answer, exitCode, noise } = await runCall(asking, session);
        expect([answer.code, exitCode, noise]).toEqual(["timed-out", 0, ""]);
        expect(answer.took).toBeLessThan(WITHIN + 300);
        // The prompt is still there, and does its work for those who come later.
        expect([prompter.asked(), prompter.open()]).toEqual([1, 1]);
        prompter.become({ types: PASSWORD });
        await untilClosed();
        expect(await call({ operation: "get", account: "a" })).toBe("secret-1");
      });
    });
  }

  test("a login may ask without a terminal", async () => {
    await lockedWith({ types: PASSWORD });
    const request: BackendCall = { operation: "set", account: "b", secret: "secret-2" };
    expect(await call({ ...request, leavePromptOpen: true })).toBe(null);
    expect(prompter.asked()).toBe(1);
  });

  test("several at once share the answer to one prompt", async () => {
    await lockedWith("absent");
    const start = () =>
      startCall({ operation: "get", account: "a", interactive: true, within: 15_000 }, session)
        .ended;
    // Of prompts that are asked for at the same moment, gnome-keyring (42.1) sometimes ends none.
    const first = start();
    while (prompter.asked() === 0) await Bun.sleep(10);
    const waiting = [first, start(), start()];
    await Bun.sleep(300);
    prompter.become({ types: PASSWORD });
    const ended = await Promise.all(waiting);
    expect(ended.map(({ answer }) => answer.value)).toEqual(["secret-1", "secret-1", "secret-1"]);
  }, 20_000);
});

async function untilClosed(): Promise<void> {
  while (prompter.open() > 0) await Bun.sleep(10);
}
