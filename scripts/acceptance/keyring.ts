/** The keyring that a case finds, and the socket through which its script changes it. */
import { type Prompter, startPrompter } from "../../test/support/prompter.ts";
import { PASSWORD, startSession } from "../../test/support/secret-service.ts";
import type { KeyringState } from "./case.ts";
import { hasLibsecret } from "./needs.ts";

export interface SandboxKeyring {
  env: Record<string, string>;
  /** Command to put before the script's. */
  wrapper: string[];
  stop(): Promise<void>;
}

/** A mount namespace in which the system's library folder has no libsecret. */
const WITHOUT_LIBSECRET = `
set -e
library=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p | sed -n 's/.*libsecret-1\\.so\\.0.* => //p' | head -n 1)
folder=$(dirname "$(readlink -f "$library")")
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o "lowerdir=$folder,upperdir=/mnt/upper,workdir=/mnt/work" "$folder"
rm "$folder"/libsecret-1.so*
umount -l /mnt
exec "$@"`;

/** Starts the keyring. What the script asks of it is heard on `socket`, over HTTP. */
export async function openKeyring(state: KeyringState, socket: string): Promise<SandboxKeyring> {
  if (state === "no-library") {
    const hide = ["unshare", "--mount", "--map-root-user", "sh", "-c", WITHOUT_LIBSECRET, "sh"];
    // An address, as without one nothing would look for the library.
    const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/no-library/bus" };
    return { env, wrapper: hasLibsecret() ? hide : [], stop: async () => {} };
  }
  const session = await startSession(state);
  let prompter: Prompter | undefined;
  const actions: Record<string, () => unknown> = {
    lock: session.lock,
    stop: session.stop,
    continue: session.cont,
    kill: session.killDaemon,
    // Somebody who leaves the keyring's prompts open and may answer them later, and somebody who dismisses them.
    "prompter-absent": async () => {
      prompter = await startPrompter(await session.connect(), "absent");
    },
    "prompter-answers": () => prompter?.become({ types: PASSWORD }),
    "prompter-cancels": async () => startPrompter(await session.connect(), "cancels"),
  };
  const server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const name = new URL(request.url).pathname.slice(1);
      const action = actions[name];
      if (!action) return new Response(`no such action: ${name}`, { status: 404 });
      await action();
      return new Response();
    },
  });
  const address = session.env["DBUS_SESSION_BUS_ADDRESS"];
  return {
    env: { CONTROL_SOCKET: socket, ...(address && { DBUS_SESSION_BUS_ADDRESS: address }) },
    wrapper: [],
    async stop() {
      await server.stop(true);
      await session.close();
    },
  };
}
