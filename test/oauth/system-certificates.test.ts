/** The compiled program trusts what the system trusts: between it and a workspace may be a company's proxy. */
import { afterEach, expect, test } from "bun:test";
import { canMount, onSystemTrusting } from "../support/faults.ts";
import { compiledProgram } from "../support/program.ts";
import { scratchFolder } from "../support/scratch.ts";
import { startWorkspace, type Workspace } from "../workspace/server.ts";

const PROGRAM = await compiledProgram();
const missing = canMount && Bun.which("openssl") ? "" : " (skipped: no openssl, or no mounts)";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function openWorkspace(): Promise<NonNullable<Workspace["tls"]>> {
  const controls = { personalAccessTokens: ["pat-1"] };
  const workspace = await startWorkspace({ controls, tls: { names: [] } });
  cleanups.push(workspace.stop);
  if (!workspace.tls) throw new Error("the workspace has no TLS");
  return workspace.tls;
}

/** What `auth describe` says of good credentials there, on a system that trusts `certificate`. */
async function describeHost(host: string, certificate: string): Promise<string> {
  const program = Bun.spawn([...onSystemTrusting(certificate), PROGRAM, "auth", "describe"], {
    env: {
      PATH: process.env["PATH"],
      HOME: scratchFolder(),
      DATABRICKS_HOST: host,
      DATABRICKS_TOKEN: "pat-1",
    },
    stdin: "ignore",
  });
  return new Response(program.stdout).text();
}

test.skipIf(missing !== "")(`a certificate of the system's is trusted${missing}`, async () => {
  const { url, certificateFile } = await openWorkspace();
  expect(await describeHost(url, certificateFile)).toContain(`Host: ${url}\nUser: `);
});

test.skipIf(missing !== "")(`any other is not${missing}`, async () => {
  const { url } = await openWorkspace();
  const other = await openWorkspace();
  expect(await describeHost(url, other.certificateFile)).toContain(
    `${new URL(url).host}: its certificate is not trusted`,
  );
});
