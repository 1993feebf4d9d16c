/**
 * Secrets longer than a credential holds: pure functions from what is stored to the steps
 * that change it.
 *
 * The entry proper, the head, then holds no secret but names a generation of numbered parts,
 * how many they are, and the checksum of the whole. Parts of a new generation are written
 * first; replacing the head is the one step that makes them count; then the old ones go.
 * So a process may die between any two steps: the old or the new secret is whole.
 * What it left behind is removed by a later write, of whatever account.
 */
import { createHash } from "node:crypto";
import { KeyringError, SERVICE } from "./backend.ts";
import type { Credential, ListedCredential } from "./credentials.ts";

/** An account's own target is `<service>:<account>`, so no account can have one of a part. */
export const PART_PREFIX = `${SERVICE}-part:`;

/** No JSON begins like this: the Go CLI, which reads the head as a token, fails with a decoding error. */
const MARKER = `${SERVICE}:split:`;
const HEAD = new RegExp(`^${MARKER}([0-9a-f]{16}):([1-9]\\d*):([0-9a-f]{64})$`);
const PART = new RegExp(`^${PART_PREFIX}([0-9a-f]{16}):\\d+$`);

/** A writer takes milliseconds from its first part to its head: an unnamed part of this age, in milliseconds, is left over. */
const LEFT_OVER_AGE = 10 * 60_000;

/** What a head says of its parts. */
export interface Split {
  generation: string;
  parts: number;
  sha256: string;
}

/** What a plan must know of the store. */
export interface Snapshot {
  /** Every part there is. */
  parts: readonly ListedCredential[];
  /** The generation that an account's head names; undefined when there is none. */
  generationOf(account: string): string | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

export type Step = { write: Credential } | { remove: string };

export function headTarget(account: string): string {
  return `${SERVICE}:${account}`;
}

export function partTarget(generation: string, index: number): string {
  return `${PART_PREFIX}${generation}:${index}`;
}

/** What a head says of its parts; null when it is the secret itself. Throws `invalid` for a damaged one. */
export function parseHead(blob: Uint8Array): Split | null {
  if (!hasMarker(blob)) return null;
  const [, generation, parts, sha256] = HEAD.exec(textOf(blob)) ?? [];
  if (!generation || !parts || !sha256) throw damaged();
  return { generation, parts: Number(parts), sha256 };
}

/** The generation that a head names; undefined when it is the secret itself, or damaged. */
export function namedGeneration(blob: Uint8Array): string | undefined {
  return HEAD.exec(textOf(blob))?.[1];
}

export function damaged(): KeyringError {
  return new KeyringError("invalid", "the entry is damaged: its parts do not make up a secret");
}

/** The secret that the parts make up; null when they are not the ones that the head was written for. */
export function join(split: Split, parts: readonly Uint8Array[]): Uint8Array | null {
  const secret = Buffer.concat(parts);
  return checksum(secret) === split.sha256 ? secret : null;
}

/**
 * The steps that store a secret, in order.
 *
 * @param limit the most bytes that one credential holds
 * @param generation 16 hex digits, never used before
 */
export function planSet(
  snapshot: Snapshot,
  account: string,
  secret: Uint8Array,
  { limit, generation }: { limit: number; generation: string },
): Step[] {
  const blobs = isWhole(secret, limit) ? [] : cut(secret, limit);
  const head = blobs.length ? describe(secret, generation, blobs.length) : secret;
  return [
    ...blobs.map((blob, index) => ({
      write: { target: partTarget(generation, index), user: account, blob },
    })),
    { write: { target: headTarget(account), user: account, blob: head } },
    ...snapshot.parts
      .filter((part) => isReplaced(part, snapshot, account) || isLeftOver(part, snapshot))
      .map(removal),
  ];
}

/** What remains to be removed once an account's head is gone: all its parts, whoever left them. */
export function planDelete(snapshot: Snapshot, account: string): Step[] {
  return snapshot.parts
    .filter((part) => part.user === account || isLeftOver(part, snapshot))
    .map(removal);
}

/** A secret that looks like a head is split too, so that it is not taken for one. */
function isWhole(secret: Uint8Array, limit: number): boolean {
  return secret.length <= limit && !hasMarker(secret);
}

function cut(secret: Uint8Array, limit: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(secret.length / limit) }, (_, index) =>
    secret.subarray(index * limit, (index + 1) * limit),
  );
}

function describe(secret: Uint8Array, generation: string, parts: number): Uint8Array {
  return Buffer.from(`${MARKER}${generation}:${parts}:${checksum(secret)}`);
}

function checksum(secret: Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}

function isNamed({ target, user }: ListedCredential, { generationOf }: Snapshot): boolean {
  const generation = PART.exec(target)?.[1];
  return generation !== undefined && generation === generationOf(user);
}

function isReplaced(part: ListedCredential, snapshot: Snapshot, account: string): boolean {
  return part.user === account && isNamed(part, snapshot);
}

function isLeftOver(part: ListedCredential, snapshot: Snapshot): boolean {
  return snapshot.now - part.lastWritten > LEFT_OVER_AGE && !isNamed(part, snapshot);
}

function removal({ target }: ListedCredential): Step {
  return { remove: target };
}

function hasMarker(blob: Uint8Array): boolean {
  return textOf(blob.subarray(0, MARKER.length)) === MARKER;
}

function textOf(blob: Uint8Array): string {
  return Buffer.from(blob).toString("latin1");
}
