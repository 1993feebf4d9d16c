/** Opens the person's browser, or says why it cannot be opened from here. */

/**
 * - `opened`: a program was started with the address; whether it shows anything, nobody can know
 * - `disabled`: BROWSER=none
 * - `remote`: this is an SSH session: a browser here would open where the person is not
 * - `no-display`: there is no screen, as in a container
 * - `no-program`: there is nothing to open an address with, or it did not start
 */
export type BrowserOutcome = "opened" | "disabled" | "remote" | "no-display" | "no-program";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Starts the browser in a session of its own and goes on at once. It gets no stream of ours: what
 * it prints would mix with what a script reads from this program. No shell sees the address.
 */
export function openBrowser(
  url: string,
  env: Environment,
  platform: NodeJS.Platform,
): BrowserOutcome {
  const command = browserCommand(url, env, platform);
  if (typeof command === "string") return command;
  const [name, ...args] = command;
  const program = Bun.which(name, { PATH: env["PATH"] ?? "" });
  if (program === null) return "no-program";
  try {
    const child = Bun.spawn([program, ...args], {
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      detached: true,
      windowsHide: true,
    });
    child.unref();
    return "opened";
  } catch {
    return "no-program";
  }
}

/** The command that opens `url`, its program first, or why there is none. */
export function browserCommand(
  url: string,
  env: Environment,
  platform: NodeJS.Platform,
): [string, ...string[]] | Exclude<BrowserOutcome, "opened"> {
  const wish = env["BROWSER"]?.trim();
  if (wish?.toLowerCase() === "none") return "disabled";
  if (wish) return wishedCommand(wish, url, env["PATH"]);
  const remote = env["SSH_CONNECTION"] || env["SSH_TTY"];
  if (platform === "darwin") return remote ? "remote" : ["/usr/bin/open", url];
  if (platform === "win32") {
    const rundll32 = `${env["SystemRoot"] ?? "C:\\Windows"}\\System32\\rundll32.exe`;
    return remote ? "remote" : [rundll32, "url.dll,FileProtocolHandler", url];
  }
  if (env["WSL_DISTRO_NAME"] && Bun.which("wslview", { PATH: env["PATH"] ?? "" })) {
    return ["wslview", url];
  }
  // X forwarding brings the screen along, even over SSH.
  if (env["DISPLAY"] || env["WAYLAND_DISPLAY"]) return ["xdg-open", url];
  return remote ? "remote" : "no-display";
}

/** BROWSER is a program, whose path may hold blanks, or a program with arguments, of which `%s` is the address. */
function wishedCommand(
  wish: string,
  url: string,
  path: string | undefined,
): [string, ...string[]] | "no-program" {
  const whole = Bun.which(wish, { PATH: path ?? "" });
  if (whole !== null) return [whole, url];
  const words = Array.from(wish.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g), (match) =>
    (match[1] ?? match[2] ?? match[3] ?? "").replaceAll("%s", () => url),
  );
  const [program, ...args] = words;
  if (program === undefined) return "no-program";
  return wish.includes("%s") ? [program, ...args] : [program, ...args, url];
}
