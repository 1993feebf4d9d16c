/**
 * Signs macOS executables: `bun scripts/sign-macos.ts [--identity NAME] FILE…`.
 *
 * Without an identity the signature is ad hoc: macOS runs the file, but takes every build for
 * another program, so the keychain asks again. Bun's own signature does not survive the build:
 * on x64 Bun leaves it stale, and sealing changes bytes under it.
 *
 * The hardened runtime is on. Of the entitlements that Bun's own executable has, JavaScriptCore
 * and bun:ffi need the two in entitlements.plist; the others would let other code in.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { name as identifier } from "../package.json";
import { cachedFolder } from "./build-cache.ts";
import { checkCodeSignature, HARDENED_RUNTIME } from "./code-signature.ts";

const ENTITLEMENTS = join(import.meta.dir, "entitlements.plist");
const RCODESIGN_VERSION = "0.29.0";
/** Half the time to build, and the same second to sign. */
const CARGO_ENVIRONMENT = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "0" };

/** What this machine lacks to sign ad hoc; null when it has all. */
export function missingForSigning(): string | null {
  return process.platform === "darwin" || Bun.which("cargo") ? null : "needs cargo";
}

/**
 * Signs the file in place and checks the result.
 *
 * @param identity a certificate in the keychain of this Mac; ad hoc when absent
 */
export async function signMacos(file: string, identity?: string): Promise<void> {
  if (process.platform === "darwin") signWithCodesign(file, identity ?? "-");
  else if (identity === undefined) await signWithRcodesign(file);
  else throw new Error("a certificate can be used on a Mac only");
  checkSigned(file);
}

function signWithCodesign(file: string, identity: string): void {
  const options = ["--force", "--options", "runtime", "--entitlements", ENTITLEMENTS];
  const timestamp = identity === "-" ? [] : ["--timestamp"];
  const name = ["--sign", identity, "--identifier", identifier];
  run(["/usr/bin/codesign", ...options, ...timestamp, ...name, file]);
}

async function signWithRcodesign(file: string): Promise<void> {
  const inputs = [RCODESIGN_VERSION, JSON.stringify(CARGO_ENVIRONMENT)];
  const folder = await cachedFolder("rcodesign", inputs, (target) => {
    console.error(`building rcodesign ${RCODESIGN_VERSION}, once; takes some minutes`);
    const crate = ["apple-codesign", "--version", RCODESIGN_VERSION, "--locked"];
    const options = ["--no-default-features", "--quiet", "--root", target];
    run(["cargo", "install", ...crate, ...options], CARGO_ENVIRONMENT);
  });
  const options = ["--code-signature-flags", "runtime", "--entitlements-xml-file", ENTITLEMENTS];
  const name = ["--binary-identifier", identifier];
  run([join(folder, "bin/rcodesign"), "sign", ...options, ...name, file]);
}

function checkSigned(file: string): void {
  const signature = checkCodeSignature(readFileSync(file));
  const problems = [...signature.problems];
  if (signature.identifier !== identifier) problems.push(`identifier ${signature.identifier}`);
  if ((signature.flags & HARDENED_RUNTIME) === 0) problems.push("no hardened runtime");
  const granted = entitlementsIn(signature.entitlements);
  const wanted = entitlementsIn(readFileSync(ENTITLEMENTS, "utf8"));
  if (granted !== wanted) problems.push(`entitlements ${granted}, not ${wanted}`);
  if (problems.length > 0) throw new Error(`${file}: ${problems.join("; ")}`);
}

/** The names, for comparison: codesign may write the list in another layout. */
function entitlementsIn(plist: string): string {
  return [...plist.matchAll(/<key>(.*?)<\/key>/g)].map(([, key]) => key).join(", ");
}

function run(command: string[], environment: Record<string, string> = {}): void {
  const env = { ...process.env, ...environment };
  const { success, exitCode, stderr } = Bun.spawnSync(command, { env, stdout: "ignore" });
  if (!success) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.toString()}`);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { identity: { type: "string" } },
    allowPositionals: true,
  });
  for (const file of positionals) {
    await signMacos(file, values.identity);
    console.log(`signed ${file}`);
  }
}
