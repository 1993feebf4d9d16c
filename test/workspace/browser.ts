/** What the stand-in for a person's browser does with a login's link. */
export type Manner = "approve" | "deny" | "ignore" | "slow";

/** How long a `slow` person looks at the page, in milliseconds. */
const slowMs = 2000;
const redirectLimit = 10;

/**
 * Opens `link` as a browser would, following every redirect, and returns the page it ends on
 * (null: it never went there). `deny` goes to the callback as an authorization server sends a refusal.
 * `proxy` serves all but the callback, as browsers never ask a proxy for `localhost`.
 */
export async function visit(
  link: string,
  manner: Manner = "approve",
  proxy?: string,
): Promise<Response | null> {
  if (manner === "ignore") return null;
  if (manner === "slow") await Bun.sleep(slowMs);
  let address = new URL(manner === "deny" ? refusalOf(link) : link);
  for (let hop = 0; hop < redirectLimit; hop += 1) {
    const direct = proxy === undefined || address.hostname === "localhost";
    const page = await fetch(address, { redirect: "manual", ...(direct ? {} : { proxy }) });
    const location = page.headers.get("location");
    if (page.status < 300 || page.status > 399 || location === null) return page;
    address = new URL(location, address);
  }
  throw new Error(`more than ${redirectLimit} redirects`);
}

function refusalOf(link: string): string {
  const url = new URL(link);
  const destination = url.searchParams.get("destination_url");
  const asked = destination === null ? url : new URL(destination, url);
  const refusal = new URL(asked.searchParams.get("redirect_uri") ?? "");
  refusal.searchParams.set("error", "access_denied");
  refusal.searchParams.set("error_description", "<b>no</b> & goodbye");
  refusal.searchParams.set("state", asked.searchParams.get("state") ?? "");
  return refusal.href;
}

function readManner(value: string | undefined): Manner {
  switch (value) {
    case undefined:
    case "":
      return "approve";
    case "approve":
    case "deny":
    case "ignore":
    case "slow":
      return value;
    default:
      throw new Error(`WORKSPACE_BROWSER: want approve, deny, ignore or slow, not ${value}`);
  }
}

/** The proxy that the environment names, taken out of it: fetch would use it for `localhost` too. */
function takeProxy(): string | undefined {
  const proxy = process.env["HTTP_PROXY"] ?? process.env["http_proxy"];
  delete process.env["HTTP_PROXY"];
  delete process.env["http_proxy"];
  return proxy === "" ? undefined : proxy;
}

/** Does with the link what WORKSPACE_BROWSER asks for; gives an exit code. */
export async function visitAsAsked(link: string): Promise<number> {
  const page = await visit(link, readManner(process.env["WORKSPACE_BROWSER"]), takeProxy());
  return page === null || page.ok ? 0 : 1;
}

if (import.meta.main) {
  const [link] = process.argv.slice(2);
  if (link === undefined) throw new Error("usage: browser URL");
  // Not awaited here: a compiled program that takes this module in could not have that.
  visitAsAsked(link).then((code) => {
    process.exitCode = code;
  });
}
