/**
 * A real Chromium, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** How long a page is waited for. Only a failing test waits that long. */
const PATIENCE_MS = 60_000;

/** Starts the Chromium at `path`, with no window. */
export function startChromium(path: string): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    // Root has no sandbox of its own, and a container little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** A page that was opened, and what it did. */
export interface WatchedPage {
  readonly page: Page;
  /** Fails if it asked another origin, ran or loaded what it may not, or threw. */
  assertInnocent(): void;
}

/** Opens a URL, and watches what its page does. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const offences: string[] = [];
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (target.origin !== origin && target.protocol !== "data:") offences.push(request.url());
  });
  page.on("console", (message) => {
    // Violations of the policy are among them. That a server does not answer is none.
    const isNetwork = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isNetwork) offences.push(message.text());
  });
  page.on("pageerror", (error) => offences.push(String(error)));
  page.on("dialog", (dialog) => {
    offences.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, assertInnocent: () => assert.deepEqual(offences, []) };
}
