import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pickProfile } from "../../src/commands/auth/pick-profile.ts";
import type { Context } from "../../src/context.ts";
import type { Choice } from "../../src/prompt.ts";
import { contextOf } from "../support/context.ts";
import { scratchFolder } from "../support/scratch.ts";

/** A home with this config file, and a person who takes the last choice; `shown` is what there was. */
function asking(configFile: string, given: Partial<Context> = {}) {
  const home = scratchFolder();
  writeFileSync(join(home, ".databrickscfg"), configFile, { mode: 0o600 });
  const shown: Choice[] = [];
  const refuse = () => Promise.reject(new Error("not asked here"));
  const pick = async (_message: string, choices: readonly Choice[]) => {
    shown.push(...choices);
    return choices.at(-1)?.value ?? "";
  };
  const prompt = async () => ({ pick, text: refuse, secret: refuse, confirm: refuse });
  return { shown, context: contextOf({ home, prompt, ...given }) };
}

const PROFILES = `
[a]
host = https://a.example
[b]
account_id = acc
[c]
host = https://c.example
[__settings__]
default_profile = c
`;

test("all profiles are there to pick from, the default one first", async () => {
  const { shown, context } = asking(PROFILES);
  expect(await pickProfile("Which?", context)).toBe("b");
  expect(shown).toEqual([
    { value: "c", label: "c", hint: "https://c.example, the default" },
    { value: "a", label: "a", hint: "https://a.example" },
    { value: "b", label: "b", hint: "acc" },
  ]);
});

test("or those alone that are in question", async () => {
  const { shown, context } = asking(PROFILES);
  expect(await pickProfile("Which?", context, ["a", "c"])).toBe("a");
  expect(shown.map(({ value }) => value)).toEqual(["c", "a"]);
});

test("what a file puts into a name is shown, not obeyed", async () => {
  const { shown, context } = asking("[a\x1b[2J]\nhost = https://a.example\n");
  expect(await pickProfile("Which?", context)).toBe("a\x1b[2J");
  expect(shown[0]?.label).toBe("a\\u001b[2J");
});

test("where nobody can be asked, or there is nothing to pick from, the way out is named", async () => {
  const ci = asking(PROFILES, { env: { CI: "1" } });
  await expect(pickProfile("Which?", ci.context)).rejects.toThrow(
    "give it as argument, or with --profile",
  );
  const empty = asking("");
  await expect(pickProfile("Which?", empty.context)).rejects.toThrow("databricks auth login");
});
