/** Plays the program that shows gnome-keyring's prompts (`gcr-prompter` on a desktop), and the person at it. */
import { createCipheriv, type DiffieHellmanGroup, getDiffieHellman, hkdfSync } from "node:crypto";
import type { Call, Peer, Reply, Value } from "./dbus.ts";

/** What the person does: nothing at all, press "Cancel", or type this password. */
export type Person = "absent" | "cancels" | { types: string };

export interface Prompter {
  /** How many prompts were asked for so far. */
  asked(): number;
  /** How many of them are still open. */
  open(): number;
  /** From now on the person is this one, who sees to the open prompts first. */
  become(person: Person): void;
}

export async function startPrompter(peer: Peer, person: Person): Promise<Prompter> {
  const group = getDiffieHellman("modp5");
  group.generateKeys();
  const unanswered = new Map<string, Call>();
  const open = new Set<string>();
  let asked = 0;

  /** Calls the one who asked back, after the answer to its call: gnome-keyring dies of the other order. */
  const callBack = (to: Call, member: string, signature = "", args: Value[] = []) =>
    queueMicrotask(() => {
      const target = {
        destination: to.sender,
        path: String(to.args[0]),
        interface: "org.gnome.keyring.internal.Prompter.Callback",
        member,
      };
      peer.call(target, signature, args).catch(() => {}); // it may be gone by now
    });

  function decide(call: Call): void {
    if (person === "absent") return;
    unanswered.delete(String(call.args[0]));
    const answer =
      person === "cancels"
        ? ["no", [], exchange(group)]
        : ["yes", [], exchange(group, String(call.args[3]), person.types)];
    callBack(call, "PromptReady", "sa{sv}s", answer);
  }

  function answer(call: Call): Reply {
    const prompt = String(call.args[0]);
    if (call.member === "BeginPrompting") {
      asked++;
      open.add(prompt);
      callBack(call, "PromptReady", "sa{sv}s", ["", [], exchange(group)]);
    } else if (call.member === "PerformPrompt") {
      unanswered.set(prompt, call);
      decide(call);
    } else if (call.member === "StopPrompting") {
      open.delete(prompt);
      unanswered.delete(prompt);
      callBack(call, "PromptDone");
    }
    return { signature: "", args: [] };
  }

  await peer.own("org.gnome.keyring.SystemPrompter", answer);
  return {
    asked: () => asked,
    open: () => open.size,
    become(next) {
      person = next;
      for (const call of unanswered.values()) decide(call);
    },
  };
}

/**
 * Our half of gcr's key agreement "sx-aes-1", with a secret for the other half's owner:
 * 1536-bit Diffie-Hellman, HKDF with SHA-256 and no salt, AES-128-CBC.
 */
function exchange(group: DiffieHellmanGroup, theirs = "", secret?: string): string {
  const lines = ["[sx-aes-1]", `public=${group.getPublicKey("base64")}`];
  if (secret !== undefined) {
    const peerKey = Buffer.from(theirs.match(/^public=(\S+)/m)?.[1] ?? "", "base64");
    const shared = group.computeSecret(peerKey);
    // gcr leaves out leading zeros, which one secret of 256 has.
    const number = shared.subarray(shared.findIndex((byte) => byte !== 0));
    const key = Buffer.from(hkdfSync("sha256", number, "", "", 16));
    const iv = crypto.getRandomValues(Buffer.alloc(16));
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
    lines.push(`secret=${sealed.toString("base64")}`, `iv=${iv.toString("base64")}`);
  }
  return `${lines.join("\n")}\n`;
}
