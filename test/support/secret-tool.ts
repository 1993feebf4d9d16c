import type { Session } from "./secret-service.ts";

/** What identifies an account's entry, as `secret-tool` takes it. */
export const attributes = (account: string) => ["service", "databricks-cli", "username", account];

/** What `secret-tool` printed, on both streams. */
export async function secretTool(
  session: Session,
  args: string[],
  input: string | Uint8Array = "",
): Promise<string> {
  const child = Bun.spawn(["secret-tool", ...args], {
    // It takes its arguments in the locale's encoding, and there may be no locale.
    env: { ...process.env, ...session.env, LC_ALL: "C.UTF-8" },
    stdin: typeof input === "string" ? Buffer.from(input) : input,
    stdout: "pipe",
    stderr: "pipe",
  });
  const streams = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
  return (await Promise.all(streams)).join("");
}
