/** The keyring that a case finds, and the socket through which its script changes it. */
import type { KeyringState } from "./case.ts";
import { hasLibrary } from "./needs.ts";

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

/** @param socket where the script's \`keyring ACTION\` is heard */
export async function openKeyring(state: KeyringState, socket: string): Promise<SandboxKeyring> {
  if (state === "none") return { env: {}, wrapper: [], stop: async () => {} };
  if (state === "no-library") {
    const hide = ["unshare", "--mount", "sh", "-c", WITHOUT_LIBSECRET, "sh"];
    return { env: {}, wrapper: hasLibrary("libsecret-1.so.0") ? hide : [], stop: async () => {} };
  }
  throw new Error(socket);
}
