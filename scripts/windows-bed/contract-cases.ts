/** The backend contract on advapi32: one run of the program, its lines as cases. */
import { contractCases } from "../../test/contract/backend-contract.ts";
import { BED, type BedCase, lines } from "./cases.ts";
import type { Wine } from "./wine.ts";

let printed: Promise<string[]> | undefined;

async function runContract(wine: Wine): Promise<string[]> {
  const { exitCode, stdout, stderr } = await wine.run(BED, ["contract"]);
  if (exitCode > 1) throw new Error(`bed.exe contract ended with ${exitCode}: ${stderr}`);
  return lines(stdout);
}

export const contractOnWindows: readonly BedCase[] = contractCases().map(({ name }) => ({
  name: `contract: ${name}`,
  async run(wine) {
    printed ??= runContract(wine);
    const said = (await printed).find(
      (line) => /^(ok|FAILED) (.*?)(: .*)?$/.exec(line)?.[2] === name,
    );
    if (said !== `ok ${name}`) throw new Error(said ?? "not run");
  },
}));
