/** What the cases of the bed have in common. */
import { PROGRAMS, type Wine } from "./wine.ts";

export const BED = `${PROGRAMS}/bed.exe`;

export interface BedCase {
  name: string;
  /** What this machine lacks for it; null when it has all. */
  missing?: string | null;
  /** Rejects when the case fails. */
  run(wine: Wine): Promise<void>;
}

/** A Windows program's lines. */
export function lines(output: string): string[] {
  return output.trimEnd().split(/\r?\n/);
}

/** What `bed.exe` printed, its line ends as on Linux. Rejects when it failed. */
export async function bed(wine: Wine, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await wine.run(BED, args);
  if (exitCode !== 0) throw new Error(`bed.exe ${args[0]} ended with ${exitCode}: ${stderr}`);
  return lines(stdout).join("\n");
}
