import { canBeDefault, noProfile } from "../../config/profile-names.ts";
import { listProfiles, readConfigFile, setSettingChanges } from "../../config/profiles.ts";
import { type Context, configPath } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { printable } from "../../output.ts";
import { nearest } from "../arguments.ts";
import { authArgs, command, type Values } from "../command.ts";
import { saveConfig } from "../save-config.ts";
import { pickProfile } from "./pick-profile.ts";
import { chooseStorage } from "./session.ts";

const args = {
  PROFILE: { type: "positional", required: false, description: "profile name" },
  ...authArgs,
} as const;

export default command({
  name: "auth switch",
  summary: "choose the default profile",
  details: "Sets default_profile in the config file: the profile in force where none is named.",
  args,
  examples: [
    ["auth switch work", "from now on, work is the default"],
    ["auth switch", "pick from a list"],
  ],
  run: runSwitch,
});

async function runSwitch(values: Values<typeof args>, context: Context): Promise<void> {
  if (values.PROFILE && values.profile) {
    throw new UserError(
      `${JSON.stringify(values.PROFILE)} cannot be combined with --profile; give one`,
    );
  }
  const path = configPath(context);
  // A bad setting is an error of every command, of this one as well.
  chooseStorage(values, readConfigFile(path), context);
  const name =
    values.PROFILE ||
    values.profile ||
    (await pickProfile("Which profile is the default?", context));
  await saveConfig(context, (config) => {
    const names = listProfiles(config).map((profile) => profile.name);
    if (names.includes(name) && !canBeDefault(name)) {
      throw new UserError(
        `${JSON.stringify(name)} cannot be the default: in default_profile, %( begins a reference to another key; name the profile with --profile or DATABRICKS_CONFIG_PROFILE`,
      );
    }
    if (names.includes(name)) return setSettingChanges("default_profile", name);
    const suggestion = nearest(name, names);
    throw new UserError(
      `${noProfile(name, config)}${suggestion ? `; did you mean ${suggestion}?` : ""}`,
    );
  });
  context.stderr.write(`Profile ${printable(name)} is now the default\n`);
}
