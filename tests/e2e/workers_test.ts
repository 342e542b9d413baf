import assert from "node:assert/strict";
import { get } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { seriesValue } from "../support/demo.ts";
import { ROOT } from "../support/paths.ts";
import { freePort, start, waitFor } from "../support/processes.ts";

/** A page, over a connection of its own, so that any isolate may get it. */
function page(url: string): Promise<{ text: string; isolate: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => text += part);
      response.on("end", () => resolve({ text, isolate: String(response.headers["isolate"]) }));
      response.on("error", reject);
    }).on("error", reject);
  });
}

/** Starts `deno serve --parallel`, and waits until all isolates are there. */
async function serveParallel(isolates: number) {
  const port = await freePort();
  const file = join(ROOT, "tests/support/parallel_server.ts");
  // Without any permission: `deno serve` itself allows to listen.
  const args = ["serve", "--parallel", "--no-check", "--host", "127.0.0.1", "--port", String(port)];
  const program = start(process.execPath, [...args, file], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", DENO_JOBS: String(isolates) },
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor(`${isolates} isolates`, async () => {
    const { text } = await page(`${url}/metrics`).catch(() => ({ text: "isolates 0" }));
    return new RegExp(`^isolates ${isolates}$`, "m").test(text) || undefined;
  });
  return { program, url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

for (const isolates of [2, 4]) {
  test(`deno serve --parallel with ${isolates} isolates: any of them has the total, which never falls`, async () => {
    await using server = await serveParallel(isolates);
    const { url } = server;
    const [counted, asked] = [new Set<string>(), new Set<string>()];
    const series = ['requests_total{path="/a"}', "size_count", "size_sum", 'size_bucket{le="2"}'];
    let running = true;
    let sent = 0;
    const send = async (): Promise<void> => {
      for (let i = 0; i < 150; i++) {
        sent++;
        counted.add((await page(`${url}/a`)).isolate);
      }
    };
    const last = new Map<string, number>();
    let scrapes = 0;
    const scrape = async (): Promise<void> => {
      while (running) {
        const { text, isolate } = await page(`${url}/metrics`);
        asked.add(isolate);
        scrapes++;
        assert.match(text, /^narthex_backend_up 1$/m);
        assert.match(
          text,
          new RegExp(`^narthex_backend_peers{.*answering.*} ${isolates - 1}$`, "m"),
        );
        if (!text.includes(series[0]!)) continue;
        for (const name of series) {
          const value = seriesValue(text, name);
          assert.ok(value >= (last.get(name) ?? 0), `${name} fell: ${last.get(name)}, ${value}`);
          last.set(name, value);
        }
      }
    };
    const scraping = scrape();
    await Promise.all([send(), send(), send(), send()]);
    await sleep(500);
    running = false;
    await scraping;
    for (let i = 0; i < 20; i++) {
      const { text } = await page(`${url}/metrics`);
      assert.equal(seriesValue(text, series[0]!), sent);
      assert.equal(seriesValue(text, "size_count"), sent);
    }
    assert.ok(scrapes >= 50, `${scrapes} scrapes`);
    assert.ok(counted.size === isolates && asked.size > 1, `${counted.size}, ${asked.size}`);
  });
}

test("deno serve --parallel: a blocked isolate holds a scrape up for its timeout, and keeps its numbers", async () => {
  await using server = await serveParallel(2);
  const { url } = server;
  const { isolate: victim } = await page(`${url}/a`);
  for (let i = 0; i < 30; i++) await page(`${url}/a`);
  await sleep(500);
  const blocking = page(`${url}/block?ms=8000`);
  const began = performance.now();
  let scrapes = 0;
  // A connection of which the blocked isolate is in charge waits for it.
  const scrape = async (): Promise<void> => {
    const { text } = await page(`${url}/metrics`);
    if (performance.now() - began > 7000) return;
    scrapes++;
    assert.equal(seriesValue(text, 'requests_total{path="/a"}'), 31);
    assert.match(text, /^narthex_backend_up 1$/m);
    assert.match(text, /^narthex_backend_peers{state="blocked"} 1$/m);
  };
  await sleep(200);
  await Promise.all(Array.from({ length: 12 }, scrape));
  assert.ok(scrapes > 0, "a scrape that ends while the isolate is blocked");
  await blocking;
  assert.ok(victim !== "");
  const { text } = await page(`${url}/metrics`);
  assert.match(text, /^narthex_backend_peers{state="blocked"} 0$/m);
});

test("deno serve --parallel: SIGTERM ends it at once", async () => {
  const { program } = await serveParallel(2);
  const began = performance.now();
  await program.stop("SIGTERM");
  // It would be killed after 15 seconds.
  assert.ok(performance.now() - began < 10_000);
});
