import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import {
  FOREIGN_PAGE,
  failedPage,
  NOTHING_PAGE,
  type Page,
  pageHeaders,
  refusedPage,
  renderPage,
  signedInPage,
  USED_PAGE,
} from "../../src/oauth/page.ts";
import { scratchFolder } from "../support/scratch.ts";

const hostile = `<script>document.title = "run"</script><img src=x onerror="document.title='run'"> & "quoted" 'too'`;
const pages: [string, Page][] = [
  ["success", signedInPage("https://example.cloud.databricks.com")],
  ["refused", refusedPage(`access_denied: ${hostile}`)],
  ["error", failedPage(hostile)],
  ["used", USED_PAGE],
  ["foreign", FOREIGN_PAGE],
  ["nothing", NOTHING_PAGE],
];

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Every element of a document, and every attribute. */
function parse(html: string): { tags: string[]; attributes: string[] } {
  const tags: string[] = [];
  const attributes: string[] = [];
  new HTMLRewriter()
    .on("*", {
      element(element) {
        tags.push(element.tagName);
        for (const [name] of element.attributes) attributes.push(name);
      },
    })
    .transform(html);
  return { tags, attributes };
}

test("each page says what happened, and what to do", () => {
  expect(pages.map(([, { title, text }]) => `${title}. ${text}`)).toMatchInlineSnapshot(`
    [
      "You are signed in. You can close this tab and go on in the terminal.",
      "Sign-in was refused. Nothing was stored. To try again, run the command in the terminal once more.",
      "Sign-in did not work. Nothing was stored. The terminal says what to do next.",
      "This sign-in was already used. Its first tab and the terminal show how it went. You can close this one.",
      "This sign-in was not expected. It was not started by the command that waits here, so it was ignored. Go on in the tab that the command opened, or run it again.",
      "There is nothing here. This address only takes the answer of a sign-in page.",
    ]
  `);
});

test.each(pages)("the %s page is a whole document of harmless elements", (_name, page) => {
  const html = renderPage(page);
  expect(html).toStartWith('<!doctype html>\n<html lang="en">');
  expect(html).toContain(`<title>${page.title}</title>`);
  const { tags, attributes } = parse(html);
  const drawing = tags.slice(tags.indexOf("svg"), tags.indexOf("h1"));
  expect(new Set(drawing)).toEqual(new Set(["svg", "circle", "path"]));
  expect(tags.filter((tag) => !drawing.includes(tag))).toEqual([
    ...["html", "head", "meta", "meta", "meta", "title", "style", "body", "main", "h1", "p"],
    ...(page.detail === undefined ? [] : ["pre"]),
    "footer",
  ]);
  expect(attributes.filter((name) => /^(src|href|style|on.*)$/.test(name))).toEqual([]);
  expect(html).not.toMatch(/url\(|@import/);
});

test.each(pages.filter(([, { detail }]) => detail?.includes("<script")))(
  "the %s page shows markup as text",
  (_name, page) => {
    expect(renderPage(page)).toContain(Bun.escapeHTML(page.detail ?? ""));
  },
);

test("direction and control signs of a server's text are gone", () => {
  expect(renderPage(failedPage("evil\u202etxt.exe\u0000\u001b[31m"))).toContain(
    ">evil txt.exe [31m</pre>",
  );
});

test("the headers let nothing be loaded, run, framed, sent or kept", () => {
  const headers = pageHeaders();
  const style = /<style>([\s\S]*?)<\/style>/.exec(renderPage(USED_PAGE))?.[1] ?? "";
  const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
  expect(headers["content-security-policy"]?.split("; ")).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
});

describe("contrast", () => {
  const html = renderPage(USED_PAGE);
  const schemes = {
    light: /:root \{([^}]*)\}/.exec(html)?.[1] ?? "",
    dark: /dark\) \{ :root \{([^}]*)\}/.exec(html)?.[1] ?? "",
  };

  /** Relative luminance, WCAG 2.2. */
  function luminance(scheme: string, name: string): number {
    const digits = new RegExp(`--${name}: #([0-9a-f]+);`).exec(scheme)?.[1] ?? "";
    const full = digits.length === 3 ? digits.replace(/./g, "$&$&") : digits;
    const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
      const share = Number.parseInt(full.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  const pairs = [
    ["ink", "card", 4.5],
    ["soft", "card", 4.5],
    ["ink", "paper", 4.5],
    ["success", "card", 3],
    ["refused", "card", 3],
    ["error", "card", 3],
  ] as const;
  for (const [name, scheme] of Object.entries(schemes)) {
    test.each(pairs)(`${name}: %s on %s is at least %d`, (front, back, least) => {
      const [a, b] = [luminance(scheme, front), luminance(scheme, back)];
      expect((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)).toBeGreaterThanOrEqual(least);
    });
  }
});

const chromium = Bun.which("chromium");

describe.skipIf(chromium === null)("in Chromium", () => {
  const FLAGS = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ];

  /** What Chromium prints about a page, and what it asked the server for. */
  async function load(page: Page, ...flags: string[]): Promise<{ out: string; asked: string[] }> {
    const asked: string[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked.push(new URL(request.url).pathname);
        return new Response(renderPage(page), { headers: pageHeaders() });
      },
    });
    cleanups.push(() => server.stop(true));
    const profile = `--user-data-dir=${scratchFolder()}`;
    const child = Bun.spawn(
      [chromium ?? "", ...FLAGS, profile, ...flags, `http://127.0.0.1:${server.port}/`],
      { stderr: "ignore" },
    );
    return { out: await new Response(child.stdout).text(), asked };
  }

  test.each(pages.slice(0, 3))(
    "the %s page shows its text, and runs and loads nothing",
    async (_name, page) => {
      const { out: dom, asked } = await load(page, "--dump-dom");
      expect(dom).toContain(`<title>${page.title}</title>`);
      expect(dom).toContain(`<h1>${page.title}</h1>`);
      expect(dom).not.toMatch(/<script|<img/);
      expect(asked.filter((path) => path !== "/" && path !== "/favicon.ico")).toEqual([]);
    },
    30_000,
  );

  test.each([
    ["light", 1, "#f4f5f7"],
    ["dark", 0, "#12161b"],
  ] as const)(
    "is drawn for a person who likes it %s",
    async (_name, scheme, paper) => {
      const picture = join(scratchFolder(), "page.png");
      await load(
        signedInPage("https://example.cloud.databricks.com"),
        `--blink-settings=preferredColorScheme=${scheme}`,
        `--screenshot=${picture}`,
      );
      expect(firstPixel(readFileSync(picture))).toBe(paper);
    },
    30_000,
  );
});

/** The colour of a PNG's upper left corner: no filter changes what has neither left nor upper neighbours. */
function firstPixel(png: Buffer): string {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") {
      data.push(png.subarray(at + 8, at + 8 + length));
    }
    at += 12 + length;
  }
  return `#${inflateSync(Buffer.concat(data)).subarray(1, 4).toString("hex")}`;
}
