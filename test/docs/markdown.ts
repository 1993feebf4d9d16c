/** What the tests look for in the documentation. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../..");

/** A fenced block. */
export interface Block {
  /** The word after the fence; empty when there is none. */
  language: string;
  text: string;
  /** Of its first line of text, from 1. */
  line: number;
}

/** What a document holds, in the order in which it stands there. */
export type Part =
  | ({ kind: "block" } & Block)
  | { kind: "comment"; text: string }
  | { kind: "heading"; text: string }
  | { kind: "code"; text: string; line: number };

/** Every document that is for people, by its path, with `/` on Windows too. */
export function documents(): string[] {
  const patterns = ["*.md", "{docs,packaging}/**/*.md"];
  const found = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)]);
  return found.map((path) => path.replaceAll("\\", "/")).sort();
}

export const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

const FENCE = /^ *```(\S*).*\n([\s\S]*?)^ *```$/.source;
const COMMENT = /<!--([\s\S]*?)-->/.source;
const HEADING = /^#+ (.*)$/.source;
const CODE = /(?<!`)`([^`\n]+)`(?!`)/.source;
const PARTS = new RegExp([FENCE, COMMENT, HEADING, CODE].join("|"), "gm");

export function partsOf(markdown: string): Part[] {
  return Array.from(markdown.matchAll(PARTS), (match): Part => {
    const [whole, language, block, comment, heading, code = ""] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    if (block !== undefined) {
      const indent = /^ */.exec(whole)?.[0] ?? "";
      const text = block.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      return { kind: "block", language: language ?? "", text, line: line + 1 };
    }
    if (comment !== undefined) return { kind: "comment", text: comment };
    if (heading !== undefined) return { kind: "heading", text: heading };
    return { kind: "code", text: code, line };
  });
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
