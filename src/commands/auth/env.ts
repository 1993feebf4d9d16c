import { ATTRIBUTES, type AuthType } from "../../config/attributes.ts";
import { isUsedBy } from "../../config/auth-type.ts";
import type { Resolution } from "../../config/resolve.ts";
import { type Context, configPath } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { renderJson, shellWord } from "../../output.ts";
import { authArgs, command, outputFormat, profileArgument, type Values } from "../command.ts";
import { requireAuthType, withHostProfile } from "./credentials.ts";
import { openSession } from "./session.ts";

const args = { ...profileArgument, ...authArgs } as const;

export default command({
  name: "auth env",
  summary: "print the SDKs' environment variables for a profile or host",
  details:
    "The variables hold the profile's secrets, if it has any. A person's login has none here: with\nits variables SDKs call this program for a token.",
  args,
  examples: [
    ["auth env -p work", 'JSON: {"env": {NAME: value}}'],
    ["auth env -p work -o text", "lines NAME=value, quoted for a shell"],
  ],
  run: runEnv,
});

async function runEnv(values: Values<typeof args>, context: Context): Promise<void> {
  const format = outputFormat(values.output, context, "json");
  const session = withHostProfile(openSession(values, context), values, context);
  const authType = requireAuthType(session);
  if (session.resolution.settings.size === 0) {
    throw new UserError("name a profile with --profile, or a host with --host");
  }
  const configFile = context.env["DATABRICKS_CONFIG_FILE"] ? configPath(context) : undefined;
  const env = envOf(session.resolution, authType, configFile);
  context.stdout.write(format === "text" ? renderLines(env) : renderJson({ env }));
}

/**
 * What a program must find in its environment to be logged in the same way: the settings that
 * the way to authenticate looks at, and the profile, by which a person's token is found.
 */
export function envOf(
  { profile, settings }: Pick<Resolution, "profile" | "settings">,
  authType: AuthType,
  configFile: string | undefined,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { key, env: name } of ATTRIBUTES) {
    const value = key === "auth_type" ? authType : settings.get(key)?.value;
    if (name && value !== undefined && isUsedBy(key, authType)) env[name] = value;
  }
  if (profile) {
    env["DATABRICKS_CONFIG_PROFILE"] = profile.value;
    if (configFile) env["DATABRICKS_CONFIG_FILE"] = configFile;
  }
  return env;
}

function renderLines(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${shellWord(value)}\n`)
    .join("");
}
