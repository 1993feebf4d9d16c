/** What a package manager calls the system of a product of `build:all`. */

export interface System {
  /** Such as `linux-x64-musl`: the product's name without the program's. */
  label: string;
  /** In the words of Node.js. */
  os: "linux" | "darwin" | "win32";
  cpu: "x64" | "arm64";
  /** On Linux alone. */
  libc: "glibc" | "musl" | null;
}

/** @param product the name of its file. @throws for a name that is none of `build:all` */
export function systemOf(product: string): System {
  const match = /^databricks-((linux|darwin|windows)-(x64|arm64)(-musl)?)(\.exe)?$/.exec(product);
  const [, label = "", system, cpu, musl] = match ?? [];
  if (!match) throw new Error(`not a product: ${product}`);
  return {
    label,
    os: system === "windows" ? "win32" : system === "darwin" ? "darwin" : "linux",
    cpu: cpu === "arm64" ? "arm64" : "x64",
    libc: system === "linux" ? (musl ? "musl" : "glibc") : null,
  };
}
