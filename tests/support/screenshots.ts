/**
 * Takes screenshots of the demo's live page for docs/. Run it with `deno task screenshots` after a
 * change to the look of the page.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BrowserContextOptions } from "playwright-core";
import { startChromium } from "./browser.ts";
import { startDemo } from "./demo.ts";
import { ROOT } from "./paths.ts";
import { findProgram } from "./programs.ts";

/** How long the page runs before the screenshots, so that its charts have a history. */
const WATCHED_MS = Number(Deno.args[0] ?? 185) * 1000;

/**
 * How long the page runs before the first screenshot, which shows a new page after a few scrapes.
 */
const FIRST_MS = 15_000;

const PICTURES: { name: string; options: BrowserContextOptions }[] = [
  { name: "live", options: { colorScheme: "light", viewport: { width: 1280, height: 1000 } } },
  { name: "live_dark", options: { colorScheme: "dark", viewport: { width: 1280, height: 1000 } } },
  {
    name: "live_phone",
    options: {
      colorScheme: "light",
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 1.5,
    },
  },
];

const path = findProgram("chromium");
if (path === undefined) throw new Error("Cannot take screenshots: chromium is not installed");

await using demo = await startDemo("deno");
const browser = await startChromium(path);
try {
  const pages = [];
  for (const { name, options } of PICTURES) {
    const page = await browser.newPage(options);
    await page.goto(`http://${demo.address}/metrics`);
    pages.push({ name, page });
  }
  await sleep(FIRST_MS);
  await pages[0]?.page.screenshot({ path: join(ROOT, "docs/live_first.png") });
  await sleep(WATCHED_MS - FIRST_MS);
  for (const { name, page } of pages) {
    await page.screenshot({ path: join(ROOT, `docs/${name}.png`) });
  }
} finally {
  await browser.close();
}
