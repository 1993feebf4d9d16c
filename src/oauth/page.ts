/** The page that the browser shows when it comes back: one document that loads nothing and runs nothing. */
import { oneLine } from "./http.ts";

export interface Page {
  tone: "success" | "refused" | "error";
  title: string;
  /** A few plain sentences. */
  text: string;
  /** A host, or what a server said; shown as text beneath. */
  detail?: string;
}

export function signedInPage(host: string): Page {
  return {
    tone: "success",
    title: "You are signed in",
    text: "You can close this tab and go on in the terminal.",
    detail: new URL(host).host,
  };
}

/** @param said the authorization server's error code and description */
export function refusedPage(said: string): Page {
  return {
    tone: "refused",
    title: "Sign-in was refused",
    text: "Nothing was stored. To try again, run the command in the terminal once more.",
    detail: said,
  };
}

export function failedPage(message: string): Page {
  return {
    tone: "error",
    title: "Sign-in did not work",
    text: "Nothing was stored. The terminal says what to do next.",
    detail: message,
  };
}

/** For a second tab, a reload, and a return to a login that has ended. */
export const USED_PAGE: Page = {
  tone: "refused",
  title: "This sign-in was already used",
  text: "Its first tab and the terminal show how it went. You can close this one.",
};

/** For a wrong or missing state: nothing of the request is shown, as anybody may have made it. */
export const FOREIGN_PAGE: Page = {
  tone: "error",
  title: "This sign-in was not expected",
  text: "It was not started by the command that waits here, so it was ignored. Go on in the tab that the command opened, or run it again.",
};

/** For everything that is no callback at all. */
export const NOTHING_PAGE: Page = {
  tone: "error",
  title: "There is nothing here",
  text: "This address only takes the answer of a sign-in page.",
};

const STYLE = `
:root { color-scheme: light dark; --paper: #f4f5f7; --card: #fff; --line: #d9dde3; --ink: #1a2027; --soft: #515c69; --success: #0f7a42; --refused: #8a5300; --error: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161b; --card: #1b2128; --line: #343d48; --ink: #eef1f4; --soft: #a9b4c0; --success: #58cf8c; --refused: #f0b35a; --error: #ff8a80; } }
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { width: min(30rem, 100%); padding: 2.5rem 2.25rem 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 12px 32px rgb(0 0 0 / .07); }
svg { display: block; width: 3rem; height: 3rem; margin-bottom: 1.25rem; }
.success svg { color: var(--success); } .refused svg { color: var(--refused); } .error svg { color: var(--error); }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -.01em; text-wrap: balance; }
p { margin-top: .625rem; color: var(--soft); overflow-wrap: anywhere; }
pre { margin-top: 1.25rem; padding: .75rem .875rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; color: var(--ink); font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 1.75rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
`;

/** A sign of its own for each tone, so that colour is not all that tells them apart. */
const SIGNS: Readonly<Record<Page["tone"], string>> = {
  success: '<path d="m7.5 12.5 3 3 6-7"/>',
  refused: '<path d="M7.5 12h9"/>',
  error: '<path d="M12 7v6M12 16.5v.01"/>',
};

/** The page as HTML; every text in it is escaped. */
export function renderPage({ tone, title, text, detail }: Page): string {
  const heading = Bun.escapeHTML(title);
  const said =
    detail === undefined ? "" : `\n<pre dir="auto">${Bun.escapeHTML(oneLine(detail))}</pre>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${heading}</title>
<style>${STYLE}</style>
</head>
<body>
<main class="${tone}">
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="12" cy="12" r="10.5"/>${SIGNS[tone]}</svg>
<h1>${heading}</h1>
<p>${Bun.escapeHTML(text)}</p>${said}
<footer>databricks auth login</footer>
</main>
</body>
</html>
`;
}

/** Nothing may be loaded, run, framed, sent, kept or guessed; the style is let in by its hash. */
export function pageHeaders(): Record<string, string> {
  const hash = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    // The program ends as soon as the page is out; a kept connection would only be cut.
    connection: "close",
  };
}
