/** Runs `bun test` and reads what became of each test. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./build.ts";
import type { Outcome } from "./outcome.ts";

/**
 * Runs every test, its output going to the terminal.
 * @param scratch folder for the report and for temporary files, which others can enter
 * @param binary the compiled program, which tests find in DATABRICKS_TEST_BINARY
 */
export async function runTests(scratch: string, binary: string): Promise<Outcome[]> {
  const report = join(scratch, "junit.xml");
  const temporary = join(scratch, "tmp");
  mkdirSync(temporary);
  const tests = Bun.spawn(
    [process.execPath, "test", "--dots", "--reporter=junit", `--reporter-outfile=${report}`],
    {
      cwd: ROOT,
      env: testEnvironment(temporary, binary),
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  const exitCode = await tests.exited;
  const outcomes = existsSync(report) ? readJunit(readFileSync(report, "utf8")) : [];
  const silent = [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)]
    .filter((file) => !outcomes.some(({ name }) => name.startsWith(`${file}: `)))
    .map((file): Outcome => ({ name: file, result: "failed", detail: "ran no test: see above" }));
  const all = [...outcomes, ...silent, leftBehind(temporary)];
  if (exitCode !== 0 && !all.some(({ result }) => result === "failed")) {
    all.push({ name: "bun test", result: "failed", detail: `ended with ${exitCode}` });
  }
  return all;
}

function leftBehind(folder: string): Outcome {
  const name = "the tests leave no temporary files";
  const detail = readdirSync(folder).join(", ");
  return { name, result: detail === "" ? "passed" : "failed", detail };
}

/** The caller's environment without anything that the program would read. */
function testEnvironment(temporary: string, binary: string): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DATABRICKS_|BROWSER$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), TMPDIR: temporary, DATABRICKS_TEST_BINARY: binary };
}

/** The test cases of a JUnit report of Bun, in which every attribute is escaped and on one line. */
export function readJunit(xml: string): Outcome[] {
  const cases = readCases(xml);
  // Hooks have no name. One that failed counts, one that was left out with its tests does not.
  return cases.filter(({ name, result }) => result === "failed" || !name.endsWith("(unnamed)"));
}

function readCases(xml: string): Outcome[] {
  const cases = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, attributes = "", content = ""]) => {
    const attribute = (name: string) =>
      unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
    // Bun writes the describe blocks from the inside out.
    const blocks = attribute("classname").split(" > ").reverse();
    const title = [...blocks, attribute("name")].filter((part) => part !== "").join(" > ");
    const skipped = content.includes("<skipped");
    return {
      name: `${attribute("file")}: ${title}`,
      result: content.includes("<failure") ? "failed" : skipped ? "skipped" : "passed",
      detail: "",
    };
  });
}

function unescapeXml(text: string): string {
  const signs: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => signs[name] ?? "");
}
