/**
 * A real Chromium, for tests.
 *
 * @module
 */
import { type Browser, chromium } from "playwright-core";

/** Starts the Chromium at `path`, with no window. */
export function startChromium(path: string): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    // Root has no sandbox of its own, and a container little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}
