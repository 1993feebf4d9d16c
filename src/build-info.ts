/**
 * Which build this is. `scripts/build.ts` replaces BUILD_FACTS by a literal; run from
 * source there is none, and everything but the version is empty.
 */
import { version } from "../package.json";

export interface BuildFacts {
  /** Full commit hash, or empty when built outside a git checkout. */
  commit: string;
  /** RFC 3339 in UTC, or empty. */
  commitTime: string;
  branch: string;
  /** Tag that points to the commit, or empty. */
  tag: string;
  /** RFC 3339 in UTC. */
  timestamp: string;
}

declare const BUILD_FACTS: BuildFacts;

const facts: BuildFacts =
  typeof BUILD_FACTS === "undefined"
    ? { commit: "", commitTime: "", branch: "", tag: "", timestamp: "" }
    : BUILD_FACTS;

export const VERSION = version;
export const COMMIT = facts.commit;
export const COMMIT_TIME = facts.commitTime;
export const BRANCH = facts.branch;
export const TAG = facts.tag;
export const BUILD_TIMESTAMP = facts.timestamp;
