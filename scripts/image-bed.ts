/**
 * Makes the image of packaging/Dockerfile and runs it, without Docker: `bun run image-bed`.
 * buildah obeys the same file; Debian's image is made by debootstrap. Of Docker itself, of its
 * own base image, and of other processors nothing is shown.
 *
 * The last line is `N passed, N failed, N skipped`; with CI=true a skip is a failure.
 */
import assert from "node:assert/strict";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { visit } from "../test/workspace/browser.ts";
import { startWorkspace } from "../test/workspace/server.ts";
import { build, ROOT } from "./build.ts";
import { cachedFolder } from "./build-cache.ts";
import { debianMirror } from "./debian.ts";
import { count, countsLine, type Outcome, outcomeOf, renderOutcome } from "./outcome.ts";

const SUITE = "trixie";
const BASE = `docker.io/library/debian:${SUITE}-slim`;
const IMAGE = "localhost/databricks-auth";

const RECIPE = `
  debootstrap --variant=minbase "$1" "$2" "$3"
  rm -rf "$2"/var/cache/apt/archives/*.deb "$2"/var/lib/apt/lists/* "$2"/dev/*
`;

/** Signatures of images: there are none to check. */
const ANY = { default: [{ type: "insecureAcceptAnything" }] };

const scratch = mkdtempSync(join(tmpdir(), "databricks-image-"));
/** Holds the name of the container that was made of the image. */
const container = join(scratch, "container");
const policy = join(scratch, "policy.json");
writeFileSync(policy, JSON.stringify(ANY));
const POLICY = ["--signature-policy", policy];
const STORAGE = ["--root", join(scratch, "storage"), "--runroot", join(scratch, "run")];
const BUILDAH = ["buildah", "--storage-driver", "vfs", ...STORAGE];
/** No namespaces are needed for this isolation. */
const ENVIRONMENT = { ...process.env, BUILDAH_ISOLATION: "chroot" };
const outcomes: Outcome[] = [];
const missing = missingForBed();
try {
  await attempt("packaging/Dockerfile makes an image", makeImage);
  await attempt("it runs the program as a user of its own", runsProgram);
  await attempt(
    "a login in it lies in the file of the volume, and is there for the next",
    keepsLogin,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const counts = count(outcomes);
console.log(countsLine(counts));
process.exitCode = counts.failed > 0 || (missing && process.env["CI"] === "true") ? 1 : 0;

function missingForBed(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x64";
  if (process.getuid?.() !== 0) return "needs root";
  const absent = ["buildah", "debootstrap", "tar"].find((program) => !Bun.which(program));
  if (absent) return `needs ${absent}`;
  return debianMirror() ? null : "needs a Debian mirror in apt's configuration";
}

async function makeImage(): Promise<void> {
  const root = await cachedFolder("image-base", [SUITE, RECIPE], (folder) => {
    run(["sh", "-euc", RECIPE, "sh", SUITE, folder, debianMirror() ?? ""]);
  });
  const context = join(scratch, "dist");
  await build({ outfile: join(context, "databricks-linux-x64"), target: "bun-linux-x64" });
  const base = buildah("from", "scratch");
  buildah("add", "--quiet", base, root, "/");
  buildah("commit", ...POLICY, "--quiet", base, BASE);
  const file = join(ROOT, "packaging/Dockerfile");
  buildah("build", ...POLICY, "--pull=never", "--file", file, "--tag", IMAGE, context);
  writeFileSync(container, buildah("from", ...POLICY, "--pull-never", IMAGE));
}

function runsProgram(): void {
  const format = "{{.OCIv1.Config.User}} {{.OCIv1.Config.WorkingDir}} {{.OCIv1.Config.Entrypoint}}";
  const settings = buildah("inspect", "--format", format, readFileSync(container, "utf8"));
  assert.equal(settings, "databricks /home/databricks [databricks]");
  assert.equal(buildah(...inImage(), "id", "-un"), "databricks");
  assert.equal(buildah(...inImage(), "databricks", "version"), `Databricks CLI v${version}`);
  const storage = buildah(...inImage(), "databricks", "auth", "storage", "-o", "json");
  assert.equal(JSON.parse(storage).keyring.state, "unreachable");
}

/** The network is this machine's, so the browser is played from outside. */
async function keepsLogin(): Promise<void> {
  const home = join(scratch, "volume");
  mkdirSync(home);
  chownSync(home, 1000, 1000);
  const workspace = await startWorkspace();
  try {
    const flags = ["-p", "work", "--host", workspace.url, "--timeout", "30s"];
    const child = Bun.spawn(
      [...BUILDAH, ...inImage(home), "databricks", "auth", "login", ...flags],
      { env: ENVIRONMENT, stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      const link = /^ {2}(http\S+)\n/m;
      const shown = link.test(said);
      said += chunk;
      if (!shown && link.test(said)) await visit(link.exec(said)?.[1] ?? "");
    }
    assert.equal(await child.exited, 0, said);
    assert.match(said, /^No OS keyring can be reached here .*token-cache\.json/);
    const token = buildah(...inImage(home), "databricks", "auth", "token", "-p", "work");
    assert.match(JSON.parse(token).access_token, /^access-/);
  } finally {
    await workspace.stop();
  }
}

/** What goes before a command that runs in the image, with a volume as the person's home folder. */
function inImage(home?: string): string[] {
  const volume = home ? ["--volume", `${home}:/home/databricks`] : [];
  return ["run", ...volume, readFileSync(container, "utf8"), "--"];
}

/** What it printed, without the last line's end. */
function buildah(...args: string[]): string {
  return run([...BUILDAH, ...args]);
}

function run(command: string[]): string {
  const { success, exitCode, stdout, stderr } = Bun.spawnSync(command, { env: ENVIRONMENT });
  if (!success)
    throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stderr.toString()}`);
  return stdout.toString().trimEnd();
}

async function attempt(name: string, body: () => void | Promise<void>): Promise<void> {
  const outcome = await outcomeOf(name, missing, body);
  outcomes.push(outcome);
  console.log(renderOutcome(outcome));
}
