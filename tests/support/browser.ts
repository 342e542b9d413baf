/**
 * A real Chromium, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The time limit for actions on a page. Only a failing test reaches it. */
const PATIENCE_MS = 60_000;

/** Starts the Chromium at `path` without a window. */
export function startChromium(path: string): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    // The sandbox does not work as root, and a container has little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** An opened page, with a record of its violations. */
export interface WatchedPage {
  readonly page: Page;
  /**
   * Throws if the page requested another origin, violated its policy, logged an error, opened a
   * dialog or threw.
   */
  assertInnocent(): void;
}

/** Opens a URL and records the violations of its page. */
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
    // Policy violations are console errors too. A failed request is not a violation.
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
