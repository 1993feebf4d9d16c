import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  cert: string;
  key: string;
  /** Path of the certificate in PEM, for a client to trust. */
  file: string;
  remove(): void;
}

/** A self-signed certificate for loopback and `names`, one day long. Needs the `openssl` program. */
export async function makeCertificate(names: readonly string[]): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), "workspace-"));
  const file = join(folder, "certificate.pem");
  const keyFile = join(folder, "key.pem");
  const alternatives = ["IP:127.0.0.1", "DNS:localhost", ...names.map((name) => `DNS:${name}`)];
  const openssl = Bun.spawn(
    [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-nodes", "-days", "1", "-subj", "/CN=workspace", "-out", file, "-keyout", keyFile],
      ...["-addext", `subjectAltName=${alternatives.join(",")}`],
    ],
    { stderr: "pipe" },
  );
  if ((await openssl.exited) !== 0) {
    throw new Error(`openssl: ${await new Response(openssl.stderr).text()}`);
  }
  return {
    cert: readFileSync(file, "utf8"),
    key: readFileSync(keyFile, "utf8"),
    file,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
