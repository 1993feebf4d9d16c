/** Which credentials are in force, of whatever kind: for commands that do not only serve people's logins. */
import type { AuthType } from "../../config/attributes.ts";
import { authTypeOf, hasCredentials, isUsedBy } from "../../config/auth-type.ts";
import { canonicalHost } from "../../config/host.ts";
import { noProfile } from "../../config/profile-names.ts";
import { placeIn, profilesForHost, type Resolution, resolve } from "../../config/resolve.ts";
import type { Context } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { type AuthValues, type Session, selectionOf } from "./session.ts";
import { onlyOne } from "./target.ts";

/**
 * The session with the one profile of its host, where a host alone is given and nothing says how
 * to authenticate there.
 *
 * @throws UserError where several profiles fit
 */
export function withHostProfile(session: Session, values: AuthValues, context: Context): Session {
  const { config, resolution } = session;
  const { profile, settings } = resolution;
  const place = placeIn(settings);
  if (profile || !place || hasCredentials(settings)) return session;
  const name = onlyOne(
    profilesForHost(config, place, () => true),
    place.host,
  );
  if (name === undefined) return session;
  // No copy: on Windows the environment itself knows its variables in any letter case.
  const env = Object.create(context.env, { DATABRICKS_CONFIG_PROFILE: { value: name } });
  const source = { type: "file", name: config.path } as const;
  const found = resolve(selectionOf(values), env, config);
  return { ...session, resolution: { ...found, profile: { value: name, source } } };
}

/**
 * How the settings in force authenticate.
 *
 * @throws UserError where the profile does not exist, and where the settings contradict each other
 */
export function requireAuthType({ config, resolution }: Session): AuthType {
  const { profile, section } = resolution;
  if (profile && !section) {
    throw new UserError(noProfile(profile.value, config));
  }
  const authType = authTypeOf(resolution);
  if (keepsCredentials(resolution, authType)) requireOwnHost(resolution);
  return authType;
}

/** What a profile keeps is for the profile's host. With another one in the environment SDKs would send it there. */
const keepsCredentials = ({ settings }: Resolution, authType: AuthType) =>
  authType === "databricks-cli" ||
  ["token", "password", "client_secret"].some(
    (key) => isUsedBy(key, authType) && settings.get(key)?.source.type === "file",
  );

/** @throws UserError where the environment says another host than the profile's own */
export function requireOwnHost({ profile, section, settings }: Resolution): void {
  const own = section?.get("host");
  const host = settings.get("host");
  if (!profile || !own || !host || canonicalHost(own) === host.value) return;
  throw new UserError(
    `the credentials of profile ${JSON.stringify(profile.value)} are for ${canonicalHost(own)}, but ${host.source.name} says ${host.value}; leave out one of the two`,
  );
}
