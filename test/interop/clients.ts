/**
 * The official SDKs, as their registries give them: installed at the versions pinned in
 * `clients/`, into folders outside the checkout, by the package managers as this machine has
 * them configured. To pin others, change them there; `package-lock.json` is made by
 * `npm install --package-lock-only --omit-lockfile-registry-resolved`.
 */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "../../scripts/build-cache.ts";
import { missingTools } from "../support/secret-service.ts";
import { programPath, runTool } from "./tools.ts";

const CLIENTS = join(import.meta.dir, "clients");

/** A program that makes COUNT requests: `[...argv, COUNT, PROFILE?]`. */
export interface Command {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
}

export interface Starts {
  version: number;
  token: number;
}

export interface Client {
  name: string;
  version: string;
  /** What this machine lacks to install it and to run it. */
  missing: () => Promise<readonly string[]>;
  install: () => Promise<Command>;
  /** How often it starts the executable for three requests with a login of its own. */
  starts: Starts;
  /** It takes no token that lay there before, if the program's version knows how. */
  forcesRefresh?: true;
  /** It names `[DEFAULT]`, where others give its host. */
  namesDefault?: true;
  /** `az` comes after the executable among what it tries by itself. */
  asksAzLater?: true;
  /** It takes the first executable on PATH, whatever its size. */
  takesDecoys?: true;
  /** It does not know `default_profile`. */
  lacksDefaultProfile?: true;
}

export const CLIENT_LIST: readonly Client[] = [
  {
    name: "Python",
    version: pinned("python/requirements.txt", /^databricks-sdk==(.+)$/m),
    missing: missingForPython,
    install: () => installPython("python"),
    starts: { version: 1, token: 1 },
    forcesRefresh: true,
  },
  {
    name: "JavaScript",
    version: pinned("javascript/package.json", /"@databricks\/sdk-experimental": "(.+)"/),
    missing: async () => missingForClient("node", "npm"),
    install: installJavaScript,
    starts: { version: 2, token: 2 },
    asksAzLater: true,
    takesDecoys: true,
    lacksDefaultProfile: true,
  },
  {
    name: "Go",
    version: pinned("go/go.mod", /databricks-sdk-go v(.+)$/m),
    missing: async () => missingForClient("go"),
    install: () => installGo("clients/go"),
    starts: { version: 1, token: 2 },
    forcesRefresh: true,
    namesDefault: true,
    asksAzLater: true,
  },
  {
    name: "Java",
    version: pinned("java/pom.xml", /databricks-sdk-java<\/artifactId>\s*<version>(.+)</),
    missing: async () => missingForClient("java", "javac", "mvn"),
    install: installJava,
    starts: { version: 1, token: 1 },
    forcesRefresh: true,
  },
  {
    name: "MLflow",
    version: pinned("mlflow/requirements.txt", /^mlflow-skinny==(.+)$/m),
    missing: missingForPython,
    install: () => installPython("mlflow"),
    // It makes a new client of the SDK for every request, and has one more of its own.
    starts: { version: 1, token: 4 },
    forcesRefresh: true,
  },
];

function pinned(file: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(join(CLIENTS, file), "utf8"))?.[1];
  if (!version) throw new Error(`${file} pins no version`);
  return version;
}

const missingForClient = (...programs: string[]) => missingTools("strace", ...programs);

/** Debian has what makes an environment in a package of its own. */
async function missingForPython(): Promise<string[]> {
  const missing = missingForClient("python3");
  if (missing.length > 0) return missing;
  const has = await runTool(["python3", "-c", "import ensurepip, venv"]).then(
    () => true,
    () => false,
  );
  return has ? [] : ["python3-venv"];
}

/** The requirements are whole: without `--no-deps`, one that is missing would come unpinned. */
async function installPython(name: "python" | "mlflow"): Promise<Command> {
  const requirements = join(CLIENTS, name, "requirements.txt");
  const python = await runTool([
    "python3",
    "-c",
    "import sys; print(sys.version, sys.base_prefix)",
  ]);
  const folder = await cachedFolder(
    `interop-${name}`,
    [python, readFileSync(requirements)],
    async (unfinished) => {
      await runTool(["python3", "-m", "venv", unfinished]);
      const pip = [join(unfinished, "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps"];
      await runTool([...pip, "--requirement", requirements]);
    },
  );
  return { argv: [join(folder, "bin/python"), join(CLIENTS, name, "me.py")], env: {} };
}

async function installJavaScript(): Promise<Command> {
  const source = join(CLIENTS, "javascript");
  const pins = ["package.json", "package-lock.json"].map((file) => join(source, file));
  const folder = await cachedFolder(
    "interop-javascript",
    pins.map((file) => readFileSync(file)),
    async (unfinished) => {
      for (const file of pins) cpSync(file, join(unfinished, file.slice(source.length)));
      await runTool(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
        cwd: unfinished,
      });
    },
  );
  return {
    argv: [programPath("node"), join(source, "me.cjs")],
    env: { NODE_PATH: join(folder, "node_modules") },
  };
}

/** Builds the Go program in a folder beside this file. */
export async function installGo(name: string): Promise<Command> {
  const source = join(import.meta.dir, name);
  const files = ["main.go", "go.mod", "go.sum"].map((file) => readFileSync(join(source, file)));
  const folder = await cachedFolder(
    `interop-${name.replace("/", "-")}`,
    [await runTool(["go", "version"]), ...files],
    async (unfinished) => {
      await runTool(
        ["go", "build", "-trimpath", "-buildvcs=false", "-o", join(unfinished, "program"), "."],
        { cwd: source },
      );
    },
  );
  return { argv: [join(folder, "program")], env: {} };
}

/** Maven fetches the libraries and no more: a compiler plugin would bring a hundred others. */
const COPY_DEPENDENCIES =
  "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";

async function installJava(): Promise<Command> {
  const source = join(CLIENTS, "java");
  const [pom, program] = ["pom.xml", "Me.java"].map((file) => join(source, file)) as [
    string,
    string,
  ];
  const folder = await cachedFolder(
    "interop-java",
    [await runTool(["javac", "-version"]), readFileSync(pom), readFileSync(program)],
    async (unfinished) => {
      const jars = join(unfinished, "jars");
      const repository = join(unfinished, "repository");
      const quiet = ["--batch-mode", "--quiet", `-Dmaven.repo.local=${repository}`];
      const goal = [COPY_DEPENDENCIES, `-DoutputDirectory=${jars}`];
      await runTool(["mvn", ...quiet, "--file", pom, ...goal]);
      rmSync(repository, { recursive: true });
      await runTool(["javac", "-cp", join(jars, "*"), "-d", join(unfinished, "classes"), program]);
    },
  );
  const classPath = ["classes", "jars/*"].map((part) => join(folder, part)).join(":");
  // Neither option changes what the SDK does: the one leaves no files in /tmp, the other saves time.
  const options = ["-XX:-UsePerfData", "-XX:TieredStopAtLevel=1"];
  return { argv: [programPath("java"), ...options, "-cp", classPath, "Me"], env: {} };
}
