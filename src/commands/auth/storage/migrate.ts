import { readConfigFile } from "../../../config/profiles.ts";
import { type Context, configPath, isInteractive } from "../../../context.ts";
import { UserError } from "../../../errors.ts";
import { KeyringError } from "../../../keyring/backend.ts";
import { printable, renderJson } from "../../../output.ts";
import type { MoveOutcome } from "../../../storage/migrate.ts";
import { requireMode } from "../../../storage/mode.ts";
import { readFailure } from "../../../storage/policy.ts";
import { authArgs, command, outputFormat, type Values } from "../../command.ts";
import { type MovePlan, type MoveResult, moveAll } from "./move-all.ts";
import { PLACES, remindOfSetting, writeStorageSetting } from "./set.ts";
import { surveySettings } from "./survey.ts";

const args = {
  PROFILE: {
    type: "positional",
    required: false,
    variadic: true,
    description: "profile names, or hosts of logins without a profile",
  },
  ...authArgs,
  to: { type: "string", valueHint: "secure|plaintext", description: "where to move the tokens" },
  all: { type: "boolean", description: "every login, and from then on all new ones" },
  "dry-run": { type: "boolean", description: "only say what would be done" },
  keep: { type: "boolean", description: "copy: leave the tokens where they are, too" },
} as const;

export default command({
  name: "auth storage migrate",
  summary: "move tokens between the keyring and the file",
  details:
    "Each token is copied, read back and compared before it is removed where it was. Where both\nplaces have one, the one that can be renewed, or else ends later, is kept. Interrupted, the\nsame command goes on from there. --all sets auth_storage as well.\nA login without a profile that lies in the keyring alone is not known of: give its --host,\nand its --account-id if it has one. They can stand beside --all.",
  args,
  examples: [
    ["auth storage migrate --to secure --all", "into the keyring, now and from now on"],
    ["auth storage migrate --to secure --all --dry-run", "what that would do"],
    ["auth storage migrate --to plaintext work", "one profile, into the file"],
    [
      "auth storage migrate --to plaintext --all --host adb-1.2.azuredatabricks.net",
      "that host's login, too",
    ],
  ],
  run: runMigrate,
});

async function runMigrate(values: Values<typeof args>, context: Context): Promise<void> {
  const json = outputFormat(values.output, context) === "json";
  const plan = choosePlan(values);
  const config = readConfigFile(configPath(context));
  // A write is what makes a locked keyring ask; a lookup of what is not there does not.
  if (plan.to === "secure" && !plan.dryRun && isInteractive(context)) await unlock(context);
  const results: MoveResult[] = [];
  for await (const result of moveAll(plan, config, context)) {
    results.push(result);
    if (!json) tellResult(result, plan, context);
  }
  context.stdout.write(
    json ? renderJson(describeResults(results, plan)) : countResults(results, plan),
  );
  refuseFailures(results);
  if (results.length === 0 && plan.to === "plaintext") {
    context.stderr.write(
      "No login is known of; one without a profile, in the keyring, is named by its --host\n",
    );
  }
  if (plan.dryRun) return;
  if (plan.all) await writeStorageSetting(plan.to, context);
  else remindOfSetting(plan.to, surveySettings(values.storage, config, context).choice, context);
}

/** @throws UserError naming the flags that are missing, or exclude each other */
function choosePlan(values: Values<typeof args>): MovePlan {
  if (!values.to) throw new UserError("say where to: give --to secure or --to plaintext");
  const to = requireMode(values.to, "--to");
  const names = [...values._, values.profile].filter((word) => word !== undefined);
  const host = values.host ? { name: values.host, accountId: values["account-id"] } : null;
  if (values["account-id"] && !host) throw new UserError("--account-id needs its --host");
  if (values.all && names.length > 0) {
    throw new UserError("--all cannot be combined with a PROFILE or --profile");
  }
  if (!values.all && names.length === 0 && !host) {
    throw new UserError("say what to move: name profiles, or give --all");
  }
  return {
    to,
    all: values.all === true,
    names: [...new Set(names)],
    host,
    keep: values.keep === true,
    dryRun: values["dry-run"] === true,
  };
}

async function unlock(context: Context): Promise<void> {
  const keyring = await context.keyring();
  try {
    await keyring.probeWrite();
    keyring.freshBudget();
  } catch (error) {
    throw error instanceof KeyringError ? readFailure(error, context.platform) : error;
  } finally {
    await keyring.settle();
  }
}

/** Failures are told at the end, all at once. */
function tellResult({ key, outcome }: MoveResult, plan: MovePlan, context: Context): void {
  if (outcome) context.stdout.write(printable(`${key}: ${outcomeText(outcome, plan)}\n`));
}

function outcomeText(outcome: MoveOutcome, { to, dryRun }: MovePlan): string {
  const there = PLACES[to];
  const here = PLACES[to === "secure" ? "plaintext" : "secure"];
  const would = dryRun ? "would be " : "";
  switch (outcome) {
    case "moved":
      return `${would}moved to ${there}`;
    case "copied":
      return `${would}copied to ${there}`;
    case "source-removed":
      return `already in ${there}; ${would}removed from ${here}`;
    case "in-place":
      return `already in ${there}`;
    case "absent":
      return "no token";
    case "mirror":
      return "a copy of a profile's token, which goes with the profile";
    case "shared":
      return "stays in the keyring: in the file, its place belongs to a profile of this host";
  }
}

function countResults(results: readonly MoveResult[], { keep, dryRun }: MovePlan): string {
  const moved = results.filter(({ outcome }) => outcome === "moved" || outcome === "copied").length;
  const failed = results.filter(({ error }) => error).length;
  const rest = results.length - moved - failed;
  const verb = keep ? ["copy", "copied"] : ["move", "moved"];
  return `${moved} ${dryRun ? `to ${verb[0]}` : verb[1]}, ${rest} in place, ${failed} failed\n`;
}

function describeResults(results: readonly MoveResult[], { to, keep, dryRun }: MovePlan) {
  return {
    to,
    keep,
    dry_run: dryRun,
    results: results.map(({ key, outcome, error }) => ({ key, outcome, error: error?.message })),
  };
}

/** @throws UserError with every failure, if there is one */
function refuseFailures(results: readonly MoveResult[]): void {
  const failed = results.flatMap(({ key, error }) => (error ? [{ key, error }] : []));
  const [first, second] = failed;
  if (!first) return;
  if (!second && results.at(-1)?.isLast) throw first.error;
  const keys = Map.groupBy(failed, ({ error }) => error.message);
  const reasons = [...keys].map(
    ([reason, about]) => `  ${about.map(({ key }) => key).join(", ")}: ${reason}`,
  );
  throw new UserError(
    printable(
      `${failed.length} of ${results.length} logins could not be moved:\n${reasons.join("\n")}\nWhen the cause is gone, run the same command again.`,
    ),
  );
}
