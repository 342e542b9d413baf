/// <reference lib="dom" />
/**
 * Measures how long the live page keeps a browser busy while it updates many series during
 * scrolling and searching. Prints the long tasks (over 50 ms) that Chromium reports, and the
 * longest gap between two frames. Needs Chromium.
 *
 * @module
 */
import { CollectorRegistry, Counter, Gauge, Histogram, metricsHandler } from "../mod.ts";
import { livePage } from "../live/mod.ts";
import { serve } from "../examples/serve.ts";
import { openPage, startChromium } from "../tests/support/browser.ts";
import { findProgram } from "../tests/support/programs.ts";

const SERIES = 10_000;
const ROUNDS = 12;

const path = findProgram("chromium");
if (path === undefined) throw new Error("Cannot measure the live page: chromium is not installed");

const registry = new CollectorRegistry();
const labelNames = ["i"] as const;
const moves: (() => void)[] = [];
for (let f = 0; f < 100; f++) {
  const name = `part${f % 10}_family${f}`;
  const children = SERIES / 100;
  if (f % 10 === 0) {
    const histogram = new Histogram(`${name}_seconds`, "H.", { registry, labelNames });
    for (let i = 0; i < children; i++) {
      const child = histogram.labels({ i });
      moves.push(() => child.observe(Math.random()));
    }
  } else if (f % 2 === 0) {
    const gauge = new Gauge(name, "G.", { registry, labelNames });
    for (let i = 0; i < children; i++) {
      const child = gauge.labels({ i });
      moves.push(() => child.set(Math.random()));
    }
  } else {
    const counter = new Counter(`${name}_total`, "C.", { registry, labelNames });
    for (let i = 0; i < children; i++) {
      const child = counter.labels({ i });
      moves.push(() => child.inc());
    }
  }
}
const handler = metricsHandler({ registry, live: livePage({ intervalMs: 1000 }) });
const server = await serve((request) => {
  for (const move of moves) move();
  return handler(request);
}, 0);
const browser = await startChromium(path);
try {
  const url = `http://127.0.0.1:${server.port}/metrics`;
  const { page } = await openPage(browser, url);
  await page.getByText(/^Live/).waitFor();
  await page.waitForTimeout(3000);
  await page.evaluate(() => {
    const seen = { tasks: [] as number[], frame: 0, frames: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.tasks.push(Math.round(duration));
    }).observe({ type: "longtask" });
    let last = performance.now();
    const onFrame = (now: number) => {
      seen.frame = Math.max(seen.frame, now - last);
      seen.frames++;
      last = now;
      requestAnimationFrame(onFrame);
    };
    requestAnimationFrame(onFrame);
  });
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    for (let step = 0; step < 10; step++) {
      await page.mouse.wheel(0, round % 2 === 0 ? 900 : -700);
      await page.waitForTimeout(30);
    }
    await page.keyboard.press("/");
    await page.keyboard.type(`family${round} i=${round}`, { delay: 20 });
    await page.waitForTimeout(150);
    await page.keyboard.press("Escape");
    await page.waitForTimeout(150);
  }
  const seconds = (performance.now() - start) / 1000;
  const { tasks, frame, frames } = await page.evaluate(() =>
    (globalThis as unknown as { seen: { tasks: number[]; frame: number; frames: number } }).seen
  );
  console.log(
    `${SERIES.toLocaleString("en")} series, every second, ${
      seconds.toFixed(0)
    } s of scrolling and ` +
      `searching: ${tasks.length} long tasks${
        tasks.length > 0 ? ` (${tasks.join(", ")} ms)` : ""
      }, ` +
      `longest frame ${frame.toFixed(0)} ms, ${(frames / seconds).toFixed(0)} frames/s`,
  );
} finally {
  await browser.close();
  await server.stop();
}
