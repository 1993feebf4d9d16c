import { expect, test } from "bun:test";
import { missingFor } from "../../scripts/acceptance/needs.ts";
import { normalise } from "../../scripts/acceptance/normalise.ts";
import { drawSession } from "../../scripts/picture.ts";
import { compiledProgram } from "../support/program.ts";
import { textOf } from "./markdown.ts";

/** The texts of a picture, without what differs from run to run. */
function shownIn(svg: string): string[] {
  const texts = Array.from(svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g), ([, text = ""]) => text);
  return texts.map((text) => normalise(text, {}).replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, "[TIME]"));
}

const missing = missingFor({ keyring: "unlocked", needs: ["openssl"] });

test.skipIf(missing.length > 0)(
  "docs/session.svg shows what the program prints (else: bun run picture)",
  async () => {
    const drawn = await drawSession(await compiledProgram());
    expect(shownIn(drawn).length).toBeGreaterThan(20);
    expect(shownIn(textOf("docs/session.svg"))).toEqual(shownIn(drawn));
  },
  60_000,
);
