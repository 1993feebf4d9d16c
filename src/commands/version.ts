import { BRANCH, BUILD_TIMESTAMP, COMMIT, COMMIT_TIME, TAG, VERSION } from "../build-info.ts";
import { renderJson } from "../output.ts";
import { command, globalArgs, outputFormat } from "./command.ts";

/** The JSON of `version`: the fields and types that the official SDKs' version gates read. */
function describeBuild() {
  const [core = "", prerelease = ""] = VERSION.split("-");
  const [major, minor, patch] = core.split(".").map(Number);
  return {
    ProjectName: "cli",
    Version: VERSION,
    Branch: BRANCH,
    Tag: TAG,
    ShortCommit: COMMIT.slice(0, 8),
    FullCommit: COMMIT,
    CommitTime: COMMIT_TIME,
    Summary: `v${VERSION}`,
    Major: major,
    Minor: minor,
    Patch: patch,
    Prerelease: prerelease,
    IsSnapshot: TAG === "",
    BuildTimestamp: BUILD_TIMESTAMP,
    Distribution: "databricks-auth-cli",
  };
}

export default command({
  name: "version",
  summary: "print the version",
  args: globalArgs,
  examples: [
    ["version", "one line"],
    ["version -o json", "with the build's facts"],
  ],
  async run({ output }, context) {
    const json = outputFormat(output, context) === "json";
    context.stdout.write(json ? renderJson(describeBuild()) : `Databricks CLI v${VERSION}\n`);
  },
});
