import { checkId, parseHost } from "../config/host.ts";
import { FALLBACK_PROFILE } from "../config/profile-names.ts";
import { configureChanges, readConfigFile, validateProfileName } from "../config/profiles.ts";
import { type Context, configPath, isInteractive } from "../context.ts";
import { UserError } from "../errors.ts";
import { printable } from "../output.ts";
import { command, globalArgs, hostProblem, type Values } from "./command.ts";
import { saveConfig } from "./save-config.ts";

const args = {
  ...globalArgs,
  host: { type: "string", valueHint: "URL", description: "workspace host" },
  token: { type: "boolean", description: "the default, kept for old scripts", hidden: true },
  // Declared so that a token given here is not quoted in a message.
  TOKEN: { type: "positional", description: "refused", hidden: true, variadic: true },
} as const;

export default command({
  name: "configure",
  summary: "save a profile with a personal access token",
  details:
    "Reads the token from stdin, or asks for it without showing it.\nFor a login with the browser, which keeps its token in the keyring, see `databricks auth login`.",
  args,
  examples: [
    ["configure -p ci --host https://adb-1.2.azuredatabricks.net < token.txt", "from a file"],
    ["configure --host https://adb-1.2.azuredatabricks.net", "asks for the token"],
  ],
  run: runConfigure,
});

async function runConfigure(values: Values<typeof args>, context: Context): Promise<void> {
  if (values._.length > 0) {
    throw new UserError(
      "the token is not taken from the command line, where others could read it: give it on stdin. A profile is named with --profile",
    );
  }
  const profile = values.profile || context.env["DATABRICKS_CONFIG_PROFILE"] || FALLBACK_PROFILE;
  const place = parseHost(
    values.host || context.env["DATABRICKS_HOST"] || (await askForHost(context)),
  );
  if (place.accountId) checkId("account id", place.accountId);
  if (place.workspaceId) checkId("workspace id", place.workspaceId);
  const path = configPath(context);
  if (!readConfigFile(path).sections.has(profile)) validateProfileName(profile);
  const token = (await readToken(context)).trim();
  if (token === "") throw new UserError("the token is empty; nothing was changed");
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UserError("the token holds blanks or odd signs; nothing was changed");
  }
  await saveConfig(context, (config) => configureChanges(config, profile, { ...place, token }));
  context.stderr.write(`Profile ${printable(profile)} was successfully saved\n`);
}

async function askForHost(context: Context): Promise<string> {
  if (!isInteractive(context)) {
    throw new UserError("nothing names the host: give --host, or set DATABRICKS_HOST");
  }
  return (await context.prompt()).text("Databricks host", {
    placeholder: "https://example.cloud.databricks.com",
    check: hostProblem,
  });
}

async function readToken(context: Context): Promise<string> {
  if (!context.stdin.isTTY) return context.stdin.text();
  if (!isInteractive(context))
    throw new UserError("nobody can be asked here: give the token on stdin");
  return (await context.prompt()).secret("Personal access token");
}
