/** Entries shared with the module by which the official Go CLI reads and writes them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { secretOf } from "../../test/windows/stopping.ts";
import { ROOT } from "../build.ts";
import { type BedCase, bed } from "./cases.ts";
import { PROGRAMS, type Wine } from "./wine.ts";

const GO = `${PROGRAMS}/go-keyring.exe`;
const ACCOUNT = "größe";
const NOT_FOUND = 2;

export function missingForGo(): string | null {
  return Bun.which("go") ? null : "needs go";
}

export async function buildGoKeyring(outfile: string): Promise<void> {
  const child = Bun.spawn(["go", "build", "-o", outfile, "."], {
    cwd: join(ROOT, "test/interop/go-keyring"),
    env: { ...process.env, GOOS: "windows", GOARCH: "amd64", CGO_ENABLED: "0" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const log = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`go build: ${log}`);
}

/** What the Go side printed, null for "no such entry". */
async function go(wine: Wine, operation: string, stdin = ""): Promise<string | null> {
  const args = [operation, "databricks-cli", ACCOUNT];
  const { exitCode, stdout, stderr } = await wine.run(GO, args, { stdin });
  if (exitCode === NOT_FOUND) return null;
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function store(wine: Wine, size: number): Promise<void> {
  assert.equal(await bed(wine, "change", ACCOUNT, "none", `${size}`, "never"), "changed");
}

const missing = missingForGo();

export const goCases: readonly BedCase[] = [
  {
    name: "go-keyring reads and deletes an entry of ours",
    missing,
    async run(wine) {
      await store(wine, 2560);
      assert.equal(await go(wine, "get"), secretOf(2560));
      assert.equal(await go(wine, "delete"), "");
      assert.equal(await bed(wine, "take", ACCOUNT), "none");
    },
  },
  {
    name: "an entry of go-keyring is read and deleted",
    missing,
    async run(wine) {
      await go(wine, "set", secretOf(2000));
      assert.equal(await bed(wine, "take", ACCOUNT), "2000");
      assert.equal(await go(wine, "get"), null);
    },
  },
  {
    name: "go-keyring finds no JSON in a split entry, and can replace it",
    missing,
    async run(wine) {
      await store(wine, 10_000);
      assert.match((await go(wine, "get")) ?? "", /^databricks-cli:split:/);
      await go(wine, "set", secretOf(300));
      assert.equal(await bed(wine, "take", ACCOUNT), "300");
      assert.equal(await bed(wine, "credentials", ACCOUNT), "[]");
    },
  },
];
