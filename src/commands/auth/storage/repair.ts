import type { Context } from "../../../context.ts";
import { printable, renderJson, shellWord } from "../../../output.ts";
import { type Repair, repairCache } from "../../../storage/repair.ts";
import { authArgs, command, outputFormat, type Values } from "../../command.ts";
import { fileStoreOptions } from "../session.ts";

const args = {
  ...authArgs,
  "dry-run": { type: "boolean", description: "only say what would be kept" },
} as const;

export default command({
  name: "auth storage repair",
  summary: "save what can be read of a corrupt file cache",
  details:
    "Sets the corrupt file aside under a dated name, and writes a new one with every entry that\ncan still be read. A file without a fault is left alone.",
  args,
  examples: [
    ["auth storage repair --dry-run", "what would be kept, and what is lost"],
    ["auth storage repair", "does it"],
  ],
  run: runRepair,
});

async function runRepair(values: Values<typeof args>, context: Context): Promise<void> {
  const format = outputFormat(values.output, context);
  const options = fileStoreOptions(context);
  const dryRun = values["dry-run"] === true;
  const repair = await repairCache(options, { dryRun, now: context.now() });
  context.stdout.write(
    format === "json"
      ? renderJson(describeRepair(options.path, repair, dryRun))
      : renderRepair(options.path, repair, dryRun),
  );
}

function describeRepair(path: string, repair: Repair | null, dryRun: boolean) {
  return {
    path,
    corrupt: repair !== null,
    dry_run: dryRun,
    ...(repair && { kept: repair.kept, lost: repair.lost, set_aside: repair.setAside }),
  };
}

export function renderRepair(path: string, repair: Repair | null, dryRun: boolean): string {
  if (!repair) return `${path}: nothing to repair\n`;
  const { kept, lost, setAside } = repair;
  const list = (keys: readonly string[]) =>
    keys.length === 0 ? "none" : `${keys.length} (${keys.join(", ")})`;
  const verb = dryRun ? "would be" : "was";
  const lines = [
    `The corrupt file ${verb} set aside as ${setAside}`,
    `Entries kept: ${list(kept)}`,
    `Entries that could not be read: ${list(lost)}`,
    ...(dryRun
      ? []
      : [`It holds tokens in clear text. When nothing is missing, run: rm ${shellWord(setAside)}`]),
  ];
  return printable(`${lines.join("\n")}\n`);
}
