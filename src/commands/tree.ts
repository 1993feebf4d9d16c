/** The command tree. */
import type { Group, Leaf } from "./command.ts";

const storageStatus: Leaf = async () => (await import("./auth/storage/status.ts")).default;

export const TREE: Group = {
  summary: "sign in to Databricks and keep the login in the operating system's keyring",
  examples: [
    ["auth login -p work --host https://adb-1.2.azuredatabricks.net", "sign in, as profile work"],
    ["auth token -p work", "an access token, for a program that asks for one"],
    ["help auth login", "all about a command"],
  ],
  children: {
    auth: {
      summary: "sign in, print tokens, see where they lie",
      examples: [
        ["auth login work", "sign in again"],
        ["auth describe -p work", "who is signed in, and which setting comes from where"],
        ["auth storage", "where the tokens lie"],
      ],
      children: {
        describe: async () => (await import("./auth/describe.ts")).default,
        env: async () => (await import("./auth/env.ts")).default,
        login: async () => (await import("./auth/login.ts")).default,
        logout: async () => (await import("./auth/logout.ts")).default,
        profiles: async () => (await import("./auth/profiles.ts")).default,
        storage: {
          summary: "see where tokens lie; move them; repair the file",
          examples: [
            ["auth storage", "the keyring's state, and what lies where"],
            ["auth storage migrate --to secure --all", "from the file to the keyring"],
          ],
          default: storageStatus,
          children: {
            status: storageStatus,
            set: async () => (await import("./auth/storage/set.ts")).default,
            migrate: async () => (await import("./auth/storage/migrate.ts")).default,
            repair: async () => (await import("./auth/storage/repair.ts")).default,
          },
        },
        switch: async () => (await import("./auth/switch.ts")).default,
        token: async () => (await import("./auth/token.ts")).default,
      },
    },
    __complete: async () => (await import("./complete.ts")).default,
    completion: async () => (await import("./completion.ts")).default,
    configure: async () => (await import("./configure.ts")).default,
    version: async () => (await import("./version.ts")).default,
  },
};

/** Flags that take a value and may stand before the command's words. */
const VALUE_FLAGS =
  /^(-p|-o|--(profile|output|host|account-id|workspace-id|storage|timeout|scopes|to))$/;

/** Where the words of a command line lead. */
export interface Found {
  node: Group | Leaf;
  /** The words that led there. */
  path: string[];
  /** The first word that the group there does not know. */
  unknown: string | undefined;
  /** Flags before that word, with their values. */
  flags: string[];
  /** The same, that word, and all that follows it. */
  rest: string[];
}

export function findCommand(argv: readonly string[]): Found {
  let node: Group | Leaf = TREE;
  let unknown: string | undefined;
  const path: string[] = [];
  const flags: string[] = [];
  let index = 0;
  for (; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (typeof node === "function" || word === "--") break;
    const child: Group | Leaf | undefined = Object.hasOwn(node.children, word)
      ? node.children[word]
      : undefined;
    if (word.startsWith("-")) {
      flags.push(word);
      const value = argv[index + 1];
      if (VALUE_FLAGS.test(word) && value !== undefined) {
        flags.push(value);
        index++;
      }
    } else if (child) {
      node = child;
      path.push(word);
    } else {
      unknown = word;
      break;
    }
  }
  return { node, path, unknown, flags, rest: [...flags, ...argv.slice(index)] };
}
