import { expect, test } from "bun:test";
import { run } from "../src/cli.ts";
import type { Context } from "../src/context.ts";
import { Interrupted, UserError } from "../src/errors.ts";
import { contextOf } from "./support/context.ts";

async function runWith(argv: string[], given: Partial<Context> = {}) {
  const printed = { out: "", err: "", debug: "" };
  const into = (name: keyof typeof printed) => (text: string) => {
    printed[name] += text;
  };
  const context = contextOf({
    home: "/nowhere",
    stdout: { isTTY: false, write: into("out") },
    stderr: { isTTY: true, write: into("err") },
    debug: into("debug"),
    ...given,
  });
  return { code: await run(argv, context), ...printed };
}

/** An environment that `version` fails over, as it looks for the output format. */
const failing = (error: unknown) => ({
  env: {
    get DATABRICKS_OUTPUT_FORMAT(): string {
      throw error;
    },
  },
});

test("an error that a person can act on is its text, with --debug too", async () => {
  expect(await runWith(["version"], failing(new UserError("do this")))).toEqual({
    code: 1,
    out: "",
    err: "Error: do this\n",
    debug: "",
  });
});

test("what an error quotes has no power over the terminal", async () => {
  const { err } = await runWith(["version"], failing(new UserError("no \x1b[2Jname\n\u202ehere")));
  expect(err).toBe("Error: no \\u001b[2Jname\n\\u202ehere\n");
});

test("an unforeseen error shows its stack with --debug alone", async () => {
  const { code, err, debug } = await runWith(["version"], failing(new TypeError("oops")));
  expect({ code, err }).toEqual({ code: 1, err: "Error: oops\n" });
  expect(debug).toContain("TypeError: oops");
  expect(debug).toContain("cli.test.ts");
});

test("Ctrl-C at a question is 130, without a word", async () => {
  const ended = await runWith(["version"], failing(new Interrupted()));
  expect(ended).toEqual({ code: 130, out: "", err: "", debug: "" });
});

test("what outlasts the result is waited for, and cannot fail the command any more", async () => {
  let done = false;
  const slow = Bun.sleep(20).then(() => {
    done = true;
  });
  const refused = Promise.reject(new Error("too late"));
  expect((await runWith(["version"], { unfinished: [refused, slow] })).code).toBe(0);
  expect(done).toBe(true);
});

test.each([[["--version"]], [["-v"]], [["auth", "token", "--version"]], [["auth", "token", "-v"]]])(
  "%j prints the version and does nothing else",
  async (argv) => {
    const { code, out, err } = await runWith(argv);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Databricks CLI v\d+\.\d+\.\d+\n$/);
  },
);
