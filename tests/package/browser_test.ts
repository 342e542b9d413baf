/// <reference lib="dom" />
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { openPage, startChromium } from "../support/browser.ts";
import { testWithPrograms } from "../support/programs.ts";
import { installPackage } from "./gate.ts";

const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript" };

/** Serves the files of a folder on the loopback interface. */
async function serveFolder(folder: string): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    try {
      const body = await readFile(join(folder, pathname));
      const type = TYPES[pathname.split(".").at(-1) ?? ""] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

testWithPrograms(["chromium"], "a page counts and shows its own metrics", async (path) => {
  await using consumer = await installPackage();
  await using server = await serveFolder(consumer.folder);
  const browser = await startChromium(path);
  try {
    // Chromium loads the unchanged files of the package, without a bundle.
    const watched = await openPage(browser, `${server.url}/page.html`);
    const text = watched.page.locator("pre");
    for (const count of [1, 2, 3]) {
      await watched.page.locator("button").click();
      await text.filter({ hasText: `loaves_baked_total{kind="rye"} ${count}` }).waitFor();
    }
    const exposition = await text.textContent() ?? "";
    assert.match(exposition, /^click_seconds_count 3$/m);
    assert.match(exposition, /^http_client_request_duration_seconds_count\{.*\} 3$/m);
    assert.match(exposition, /^runtime_event_loop_lag_seconds_count \d+$/m);
    assert.doesNotMatch(exposition, /^process_|^narthex_/m);
    watched.assertInnocent();
  } finally {
    await browser.close();
  }
});
