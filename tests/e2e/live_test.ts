/// <reference lib="dom" />
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { type Handler, type RunningServer, serve } from "../../examples/serve.ts";
import { livePage } from "../../live/mod.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  metricsHandler,
  StateSet,
  Summary,
} from "../../mod.ts";
import { openPage, startChromium } from "../support/browser.ts";
import { startDemo } from "../support/demo.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";

const AXE_PATH = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));

let started: Promise<Browser> | undefined;
after(async () => await (await started)?.close());

/** Returns the browser of all tests. Each page opens in its own context. */
function browserAt(path: string): Promise<Browser> {
  return started ??= startChromium(path);
}

/** A registry, and its live page in a browser. */
interface Served {
  readonly registry: CollectorRegistry;
  readonly browser: Browser;
  readonly url: string;
  /** The number of requests for the metrics. */
  readonly scrapes: () => number;
  /** Stops the server. `restart()` starts it again on the same port. */
  stop(): Promise<void>;
  restart(handler?: Handler): Promise<void>;
}

function testLive(name: string, run: (served: Served) => Promise<void>): void {
  testWithPrograms(["chromium"], name, async (path) => {
    const registry = new CollectorRegistry();
    const handler = metricsHandler({ registry, live: livePage({ intervalMs: 250 }) });
    let scrapes = 0;
    const counting: Handler = (request) => {
      if (!request.headers.get("accept")?.includes("html")) scrapes++;
      return handler(request);
    };
    let server: RunningServer = await serve(counting, 0);
    const { port } = server;
    const browser = await browserAt(path);
    try {
      await run({
        registry,
        browser,
        url: `http://127.0.0.1:${port}/metrics`,
        scrapes: () => scrapes,
        stop: () => server.stop(),
        restart: async (other = counting) => {
          server = await serve(other, port);
        },
      });
    } finally {
      for (const context of browser.contexts()) await context.close();
      await server.stop();
    }
  });
}

/** Adds metrics of all types, which `move()` changes. */
function fill(registry: CollectorRegistry): { move(): void } {
  const labelNames = ["route"] as const;
  const requests = new Counter("http_requests_total", "Requests.", { registry, labelNames });
  const waiting = new Gauge("http_waiting", "Requests that wait.", { registry });
  const duration = new Histogram("http_duration_seconds", "Time to answer.", {
    registry,
    labelNames,
  });
  const native = new Histogram("http_native_bytes", "Sizes.", { registry, nativeHistogram: true });
  const latency = new Summary("disk_latency_seconds", "Latency.", { registry, quantiles: [0.9] });
  new Info("build", "The build.", { registry }).info({ version: "1.2.3" });
  const state = new StateSet("disk_state", "The disk.", { registry, states: ["idle", "busy"] });
  let moves = 0;
  const move = () => {
    moves++;
    for (const route of ["/bread", "/cake"]) {
      requests.labels({ route }).inc(moves);
      duration.labels({ route }).observe(moves % 7 / 10);
    }
    waiting.set(moves);
    native.observe(1000 * moves);
    latency.observe(0.25);
    state.state(moves % 2 === 0 ? "busy" : "idle");
  };
  move();
  return { move };
}

/** Returns the article of a family. */
function family(page: Page, name: string) {
  return page.getByRole("article", { name, exact: true });
}

testLive("a browser sees metrics of each type, live", async ({ registry, browser, url }) => {
  const { move } = fill(registry);
  const { page, assertInnocent } = await openPage(browser, url);
  const mover = setInterval(move, 50);
  try {
    await page.getByText("Live, every").waitFor();
    for (const heading of ["disk 2 families", "http 4 families", "other 1 family"]) {
      await page.getByRole("heading", { level: 2, name: heading }).waitFor();
    }
    const counter = family(page, "http_requests_total");
    await counter.getByText("Requests.").waitFor();
    await counter.getByText(/^[\d.,]+\/s$/).first().waitFor();
    await counter.getByRole("img", { name: /^http_requests_total, route \/bread: rate / })
      .waitFor();
    const gauge = family(page, "http_waiting").locator(".value");
    await gauge.scrollIntoViewIfNeeded(); // Only visible parts are drawn.
    const before = await gauge.textContent();
    await waitFor(
      "the gauge to move",
      async () => await gauge.textContent() !== before || undefined,
    );

    const histogram = family(page, "http_duration_seconds");
    assert.match(await histogram.locator(".meta").innerText(), /histogram\s+seconds\s+2 series/);
    const strip = histogram.getByRole("img", { name: /distribution .* p50 .* p90 .* p99 / })
      .first();
    const painted = () =>
      strip.evaluate((canvas: HTMLCanvasElement) =>
        canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)
      );
    await waitFor("the strip to be painted", async () => await painted() || undefined);
    await family(page, "http_native_bytes").getByText(/^last /).waitFor();
    await family(page, "disk_latency_seconds").getByText("250 ms").first().waitFor();
    await family(page, "build_info").getByText("1.2.3").waitFor();
    assert.equal(await family(page, "disk_state").locator("li.on").count(), 1);
    assert.match(await page.locator("#updated").innerText(), /^Updated \d\d:\d\d:\d\d$/);
    assertInnocent();
  } finally {
    clearInterval(mover);
  }
});

testLive(
  "the page scrapes its own URL, and curl gets text",
  async ({ registry, browser, url }) => {
    fill(registry);
    const { page } = await openPage(browser, `${url}?name[]=http_waiting`);
    await page.getByText("1 family, 1 series").waitFor();
    assert.match(await (await fetch(url)).text(), /^# HELP http_requests_total Requests\.$/m);
  },
);

const HOSTILE = [
  `<img src=x onerror="window.hit=1">`,
  `</script><script>window.hit=1</script>`,
  `"><svg onload=window.hit=1>`,
  `javascript:window.hit=1`,
  "`${window.hit=1}`",
  "\u202egnp.exe\u2066\0\u200b\ud800",
  `<style>*{display:none}</style>`,
  "x".repeat(200_000),
  "constructor",
  "__proto__",
  "",
];
testLive("a program without metrics differs from one that is not yet scraped", async (served) => {
  const { registry, browser, url } = served;
  const { page } = await openPage(browser, url);
  await page.getByText("There are no metrics yet.").waitFor();
  await page.getByText("0 families, 0 series").waitFor();
  new Gauge("late", "Comes later.", { registry }).set(1);
  await family(page, "late").waitFor();
  await page.getByText("There are no metrics yet.").waitFor({ state: "hidden" });
});

testLive("no part is squeezed on a narrow page", async ({ registry, browser, url }) => {
  const signed = new Gauge("room_celsius", "Room.", { registry, labelNames: ["id"] });
  signed.labels(1).set(-0.00423);
  new Histogram("heat_celsius", "Heat.", { registry, nativeHistogram: true }).observe(-0.00423);
  new Summary("plain_seconds", "No quantiles, no labels.", { registry }).observe(1);
  for (const width of [740, 1000]) {
    const { page } = await openPage(browser, url, { viewport: { width, height: 900 } });
    await page.getByText("Live, every").waitFor();
    for (const id of ["#status", "#updated"]) {
      const box = await page.locator(id).boundingBox();
      assert.ok(box!.height < 30, `${id} is ${box!.height} px high in a window of ${width} px`);
    }
    const p50 = family(page, "heat_celsius").locator("dd").first();
    await p50.waitFor();
    // Lines may break before a unit, but never within it.
    const lines = await p50.evaluate((dd) => {
      const text = dd.firstChild!;
      const range = document.createRange();
      const top = (i: number) => {
        range.setStart(text, i);
        range.setEnd(text, i + 1);
        return range.getBoundingClientRect().top;
      };
      const at = text.textContent!.indexOf("°");
      return top(at) === top(at + 1);
    });
    assert.ok(lines, `a unit is broken in a window of ${width} px`);
    const plain = family(page, "plain_seconds");
    await plain.locator(".measures").waitFor();
    const card = (await plain.boundingBox())!;
    const row = (await plain.locator(".measures").boundingBox())!;
    const rest = card.x + card.width - (row.x + row.width);
    assert.ok(rest < 30, `${rest} px are left beside a summary in a window of ${width} px`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await page.context().close();
  }
});

testLive("a long title does not squeeze other parts", async (served) => {
  const { registry, browser, url, stop, restart } = served;
  const title = `${"Long".repeat(20)} and many words more`;
  await stop();
  await restart(metricsHandler({ registry, live: livePage({ title }) }));
  for (const width of [320, 800, 1280]) {
    const { page } = await openPage(browser, url, { viewport: { width, height: 900 } });
    await page.getByText("Live, every").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    const name = await page.locator("h1 span").boundingBox();
    const search = await page.locator("#search").boundingBox();
    const apart = name!.x + name!.width <= search!.x || name!.y + name!.height <= search!.y;
    assert.ok(apart, `the title is behind the search in a window of ${width} px`);
  }
});

testLive(
  "removed families and series disappear from the page",
  async ({ registry, browser, url }) => {
    const labelNames = ["id"] as const;
    const histogram = new Histogram("short_lived", "Some go.", { registry, labelNames });
    histogram.labels(1).observe(1);
    histogram.labels(2).observe(1);
    const { page } = await openPage(browser, url);
    const rows = family(page, "short_lived").locator("li.row");
    await waitFor("both rows", async () => await rows.count() === 2 || undefined);
    const first = await page.evaluateHandle(() => new WeakRef(document.querySelector("canvas")!));
    histogram.remove(1);
    await waitFor("the row to go", async () => await rows.count() === 1 || undefined);
    const session = await page.context().newCDPSession(page);
    await waitFor("the strip to be collected", async () => {
      await session.send("HeapProfiler.collectGarbage");
      return await first.evaluate((ref) => ref.deref() === undefined) || undefined;
    });
  },
);

testLive("a screen reader announces search results, but not changes of numbers", async (served) => {
  const { registry, browser, url } = served;
  const gauge = new Gauge("jobs", "Jobs.", { registry, labelNames: ["id"] });
  gauge.labels(1).set(1);
  const { page } = await openPage(browser, url);
  const summary = page.locator("#summary");
  const silent = page.locator('#summary[aria-live="off"]');
  await page.getByText("1 family, 1 series").waitFor();
  await silent.waitFor();
  await summary.evaluate((element) => {
    const heard: string[] = [];
    Object.assign(globalThis, { heard });
    new MutationObserver(() => {
      const isLive = element.getAttribute("aria-live") === "polite";
      if (isLive) heard.push(element.textContent ?? "");
    }).observe(element, { childList: true });
  });
  await page.getByRole("searchbox").fill("jobs");
  await page.getByText("1 of 1 family, 1 of 1 series").waitFor();
  await silent.waitFor();
  gauge.labels(2).set(1);
  await page.getByText("1 of 1 family, 2 of 2 series").waitFor();
  assert.deepEqual(
    await page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard),
    ["1 of 1 family, 1 of 1 series"],
  );
});

testLive(
  "names, labels and help texts are shown as text, not as markup",
  async ({ registry, browser, url }) => {
    registry.register({
      *collect() {
        const names = [
          "plain_total",
          `<img src=x onerror=window.hit=1>`,
          `a"><svg onload=window.hit=1>`,
        ];
        for (const name of names) {
          const made = new MetricFamily(name, HOSTILE.join(" "), "gauge", {
            nameValidation: "utf8",
          });
          for (const value of HOSTILE) {
            made.addSample(name, {
              [`<b onclick=hit> ${value.slice(0, 60).toWellFormed()}`]: value,
              value,
            }, 1);
          }
          yield made;
        }
        const states = new MetricFamily("__proto__", "</h3>", "stateset", {
          nameValidation: "utf8", // The label of its states has the same name.
        });
        for (const value of HOSTILE) {
          states.addSample("__proto__", { ["__proto__"]: value }, 1);
        }
        yield states;
        const facts = new MetricFamily("facts", "<h1>", "info");
        yield facts.addSample(
          "facts_info",
          Object.fromEntries(HOSTILE.map((v, i) => [`l${i}`, v])),
          1,
        );
      },
    });
    const { page, assertInnocent } = await openPage(browser, url);
    await page.getByText("5 families, 45 series").waitFor();
    await page.getByText(/^Live/).waitFor();
    const plain = family(page, "plain_total");
    await plain.scrollIntoViewIfNeeded();
    await plain.getByRole("button", { name: "Show 5 more" }).click();
    await plain.locator(".row").nth(HOSTILE.length - 1).waitFor();
    for (const text of HOSTILE.slice(0, 5)) {
      await page.getByText(text, { exact: true }).first().waitFor();
    }
    await page.getByText("U+202E").first().waitFor();
    await page.getByText("… 200,000 characters").first().waitFor();
    await page.getByRole("searchbox").fill("<svg onload");
    await page.getByText(/^\d of 5 families/).waitFor();
    const found = await page.evaluate(() => ({
      hit: "hit" in globalThis,
      strangers: document.querySelectorAll(
        "main :is(img, script, style, b, iframe, [onerror], [onload], [onclick], [src], a)",
      ).length,
      hidden: document.body.innerText === "",
      wide: document.documentElement.scrollWidth > innerWidth,
    }));
    assert.deepEqual(found, { hit: false, strangers: 0, hidden: false, wide: false });
    assertInnocent();
  },
);

testLive("a search leaves families in their groups", async ({ registry, browser, url }) => {
  new Gauge("oven_heat", "Heat.", { registry }).set(1);
  new Gauge("oven_doors", "Doors.", { registry }).set(1);
  new Gauge("alone", "Alone.", { registry }).set(1);
  const { page } = await openPage(browser, url);
  await page.getByRole("heading", { level: 2, name: "oven 2 families" }).waitFor();
  await page.getByRole("searchbox").fill("heat");
  await page.getByRole("heading", { level: 2, name: "oven 1 family" }).waitFor();
  assert.equal(await page.getByRole("heading", { level: 2 }).count(), 1);
});

testLive("everything works with the keyboard, and a search survives a reload", async (served) => {
  const { registry, browser, url } = served;
  fill(registry);
  const many = new Gauge("many", "Many series.", { registry, labelNames: ["i"] });
  for (let i = 0; i < 30; i++) many.labels({ i }).set(i);
  const { page, assertInnocent } = await openPage(browser, url);
  await page.getByText(/^Live/).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");

  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the metrics");
  await page.keyboard.press("/");
  await page.keyboard.type("route=/bread ");
  await page.getByText("2 of 8 families, 2 of 40 series").waitFor();
  assert.equal(await page.getByRole("article").count(), 2);
  assert.equal(await page.locator(".row").count(), 2);
  await waitFor("the URL", () => new URL(page.url()).hash === "#q=route%3D%2Fbread+" || undefined);

  await page.reload();
  await page.getByText("2 of 8 families").waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "route=/bread ");
  await page.keyboard.press("/");
  await page.keyboard.type("nothing like it");
  await page.getByText("Nothing matches.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("8 families, 40 series").waitFor();
  await waitFor("the URL", () => new URL(page.url()).hash === "" || undefined);

  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Pause");
  await page.keyboard.press("Space");
  await page.getByText("Paused", { exact: true }).waitFor();
  await page.keyboard.press("Space");
  await page.getByText(/^Live/).waitFor();
  for (const control of ["Changed first", "Fold", "Text"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), control);
  }
  await page.keyboard.press("Tab"); // The first group.
  await page.keyboard.press("Tab"); // The second.
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "http 4 families");
  await page.keyboard.press("End");
  const more = family(page, "many").getByRole("button", { name: "Show 24 more" });
  await more.focus();
  await page.keyboard.press("Enter");
  await family(page, "many").getByText("i=29").waitFor();
  await waitFor("the next focus", async () => (await focused()).startsWith("i=6") || undefined);
  assertInnocent();
});

testLive("after the first scrape, empty parts have an explanation", async (served) => {
  const { registry, browser, url, stop, restart } = served;
  await stop();
  // The second scrape comes after a second, and the third never.
  await restart(metricsHandler({ registry, live: livePage({ intervalMs: 2 ** 31 - 1 }) }));
  new Counter("visits_total", "Visits.", { registry }).inc();
  new Histogram("wait_seconds", "Waiting.", { registry });
  new Gauge("heat_celsius", "Heat.", { registry }).set(20);
  const { page } = await openPage(browser, url);
  await family(page, "visits_total").getByText("A rate from the next scrape on").waitFor();
  await family(page, "wait_seconds").getByText("What is observed from now on shows here").waitFor();
  await family(page, "wait_seconds").getByText(/^Nothing observed in the last 1\D/).waitFor();
  await family(page, "visits_total").getByText("0/s", { exact: true }).waitFor();
  for (const name of ["visits_total", "wait_seconds", "heat_celsius"]) {
    const axis = await family(page, name).locator(".chart-axis").innerText();
    assert.match(axis, /^1\s?s ago\s+now$/);
  }
  // Two scrapes fill the width, so the line goes from left to right.
  const line = await family(page, "heat_celsius").locator(".line").getAttribute("d");
  assert.equal(line, "M0 20L240 20");
});

testLive("a chart shows the values under the pointer", async ({ registry, browser, url }) => {
  const gauge = new Gauge("heat_celsius", "Heat.", { registry });
  gauge.set(20);
  const sizes = new Histogram("size_bytes", "Sizes.", { registry, buckets: [50, 100] });
  const { page } = await openPage(browser, url);
  await page.getByText(/^Live/).waitFor();
  gauge.set(30);
  for (let i = 0; i < 10; i++) sizes.observe(i === 0 ? 70 : 20);
  await family(page, "size_bytes").getByText("≤ 50 B").first().waitFor();
  await family(page, "heat_celsius").getByText("20 °C to 30 °C").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused", { exact: true }).waitFor();

  const reading = page.locator("#reading");
  const line = family(page, "heat_celsius").locator(".sparkline");
  await line.hover({ position: { x: 1, y: 10 } });
  await reading.getByText(/^20 °C, .* ago$/).waitFor();
  const { x, y, width } = (await line.boundingBox())!;
  await page.mouse.move(x + width - 1, y + 10);
  await reading.getByText("30 °C, now").waitFor();

  const strip = family(page, "size_bytes").locator("canvas");
  await strip.scrollIntoViewIfNeeded();
  const box = (await strip.boundingBox())!;
  const texts = new Set<string>();
  for (let column = 0; column < 40; column++) {
    await page.mouse.move(box.x + box.width * (column + 0.5) / 40, box.y + box.height - 5);
    texts.add((await reading.innerText()).replace(/,[^,]*$/, "").replaceAll("\u202f", " "));
  }
  // All values were observed between two scrapes. The number of other scrapes before the pause
  // varies.
  assert.ok(texts.delete("9 of 10: ≤ 50 B"));
  texts.delete("0 of 0: ≤ 50 B");
  assert.deepEqual([...texts], []);
  assert.equal(await page.locator(".chart-cursor:visible").count(), 1);
  await page.mouse.move(1, 1);
  await reading.waitFor({ state: "hidden" });
  assert.equal(await page.locator(".chart-cursor:visible").count(), 0);
});

testLive(
  "families that changed recently can come first, even after a reload",
  async (served) => {
    const { registry, browser, url } = served;
    new Gauge("a_still", "Still.", { registry }).set(1);
    new Gauge("b_still", "Still.", { registry }).set(1);
    const moving = new Gauge("z_moving", "Moves.", { registry });
    const { page } = await openPage(browser, url);
    await page.getByText(/^Live/).waitFor();
    const first = page.getByRole("heading", { level: 3 }).first();
    assert.equal(await first.innerText(), "a_still");
    await page.getByRole("button", { name: "Changed first" }).click();
    moving.inc();
    const changed = page.getByRole("heading", { level: 2, name: "recently changed 1 family" });
    await changed.waitFor();
    await page.getByRole("heading", { level: 2, name: "not changed 2 families" }).waitFor();
    assert.equal(await first.innerText(), "z_moving");
    assert.equal(new URL(page.url()).hash, "#sort=changed");
    await page.reload();
    await page.getByRole("heading", { level: 2, name: "not changed 3 families" }).waitFor();
    moving.inc();
    await changed.waitFor();
    await page.getByRole("button", { name: "Changed first" }).click();
    await page.getByRole("heading", { level: 2, name: "other 3 families" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
  },
);

testLive(
  "the link to the text keeps the selected names",
  async (served) => {
    const { registry, browser, url } = served;
    fill(registry);
    for (const [query, hasAll] of [["", true], ["?name[]=http_waiting", false]] as const) {
      const { page } = await openPage(browser, url + query);
      await page.getByText(/^Live/).waitFor();
      await page.getByRole("link", { name: "Text" }).click();
      await page.getByText("# HELP http_waiting").waitFor();
      const text = await page.locator("body").innerText();
      assert.equal(text.includes("http_requests_total"), hasAll);
      await page.context().close();
    }
  },
);

testLive(
  "on a phone, each family is one line that unfolds",
  async ({ registry, browser, url }) => {
    const { move } = fill(registry);
    const { page } = await openPage(browser, url, { viewport: { width: 390, height: 844 } });
    await page.getByText(/^Live/).waitFor();
    move();
    await waitFor("a rate", async () => {
      const brief = await family(page, "http_requests_total").locator(".brief").innerText();
      return /^[\d.]+\/s$/.test(brief) || undefined;
    });
    // A scrape that started earlier may have shown the rate.
    for (const [name, value] of [["http_waiting", "2"], ["disk_state", "busy"]] as const) {
      await family(page, name).locator(".brief").getByText(value, { exact: true }).waitFor();
    }
    const heights = await page.getByRole("article").evaluateAll((articles) =>
      articles.map((article) => article.clientHeight)
    );
    assert.equal(heights.length, 7);
    assert.ok(Math.max(...heights) < 80, `${heights}`);
    assert.equal(await page.locator(".row:visible").count(), 0);

    await page.getByRole("button", { name: "http_requests_total" }).click();
    await family(page, "http_requests_total").locator(".row").nth(1).waitFor();
    assert.equal(await page.locator(".row:visible").count(), 2);
    await page.getByRole("button", { name: "Fold", exact: true }).click();
    await family(page, "build_info").locator(".row").waitFor();
    await page.getByRole("button", { name: "Fold", exact: true }).click();
    await family(page, "build_info").locator(".row").waitFor({ state: "hidden" });
  },
);

testLive("the whole page is printed", async ({ registry, browser, url }) => {
  fill(registry);
  for (let i = 0; i < 40; i++) {
    const options = { registry, labelNames: ["id"] as const };
    new Histogram(`part_${i}_seconds`, "Time.", options).labels(i).observe(i);
  }
  const { page } = await openPage(browser, url);
  await page.getByText("47 families").waitFor();
  await page.getByText(/^Live/).waitFor();
  const blank = () =>
    page.getByRole("article").evaluateAll((articles) =>
      articles.filter((article) => article.querySelector(".row") === null).length
    );
  assert.ok(await blank() > 10, "the page is not long enough");
  // A browser does this before it prints.
  await page.pdf();
  assert.equal(await blank(), 0);
  const widths = await page.locator("canvas").evaluateAll((strips) =>
    (strips as HTMLCanvasElement[]).map(({ width }) => width)
  );
  assert.equal(widths.length, 42 + 1);
  assert.ok(Math.min(...widths) > 300, `${widths}`);
});

testLive(
  "the page does not scrape while it is paused or hidden",
  async ({ registry, browser, url, scrapes }) => {
    fill(registry);
    const { page } = await openPage(browser, url);
    let begun = 0;
    const underWay = new Set<unknown>();
    page.on("request", (request) => {
      begun++;
      underWay.add(request);
    });
    page.on("requestfinished", (request) => underWay.delete(request));
    page.on("requestfailed", (request) => underWay.delete(request));
    await waitFor("scrapes", () => scrapes() > 3 || undefined);
    const setHidden = (hidden: boolean) =>
      page.evaluate((state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden ? "hidden" : "visible");
    const pause = page.getByRole("button", { name: "Pause" });
    for (
      const rest of [
        (resting: boolean) => setHidden(resting),
        () => pause.click(),
      ]
    ) {
      await rest(true);
      await waitFor("the end of running requests", () => underWay.size === 0 || undefined);
      const before = begun;
      // Timers of a page fire in order, so a timer for the next scrape would fire first.
      await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), 600);
      assert.equal(begun, before);
      await rest(false);
      await waitFor("scrapes after the rest", () => begun > before + 1 || undefined);
    }
  },
);

testLive(
  "the page keeps its numbers when the server fails, and continues later",
  async (served) => {
    const { registry, browser, url, stop, restart } = served;
    fill(registry);
    const { page, assertInnocent } = await openPage(browser, url);
    await page.getByText(/^Live/).waitFor();
    await stop();
    await page.getByText(/^The endpoint can’t be reached\. Trying again in /).waitFor();
    await family(page, "http_waiting").locator(".value").getByText("1", { exact: true }).waitFor();
    assert.equal(await page.locator("html").getAttribute("data-state"), "failed");
    let status = 503;
    const again = new CollectorRegistry();
    fill(again); // Like a restarted program, whose counters have decreased.
    const fine = metricsHandler({ registry: again, live: livePage() });
    await restart((request) =>
      status === 200
        ? fine(request)
        : new Response("No.", { status, headers: { "retry-after": "0" } })
    );
    await page.getByText(/^The endpoint answers 503 Service Unavailable\. /).waitFor();
    status = 403;
    await page.getByText(/^The endpoint answers 403 Forbidden\. /).waitFor();
    status = 200;
    await page.getByText(/^Live/).waitFor();
    assert.doesNotMatch(await page.locator("main").innerText(), /−/);
    assertInnocent();
  },
);

testWithPrograms(
  ["chromium"],
  "the demo's page works with color schemes, sizes and screen readers",
  async (path) => {
    await using demo = await startDemo("deno");
    const browser = await browserAt(path);
    const axe = readFileSync(AXE_PATH, "utf8");
    for (const colorScheme of ["light", "dark"] as const) {
      for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 740 }]) {
        const { page, assertInnocent } = await openPage(
          browser,
          `http://${demo.address}/metrics`,
          {
            colorScheme,
            viewport,
            reducedMotion: "reduce",
          },
        );
        await page.getByText(/^Live/).waitFor();
        await page.getByText("bakery_oven_state").waitFor();
        const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(isWide, false, `${viewport.width} pixels are not enough`);
        const [, red = "0"] = /rgb\((\d+)/.exec(
          await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        ) ?? [];
        assert.equal(Number(red) < 128, colorScheme === "dark");
        await page.evaluate(axe);
        const violations = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          const { violations } = await axe.run();
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
        });
        assert.deepEqual(violations, []);
        assertInnocent();
        await page.context().close();
      }
    }
  },
);

testLive("ten thousand series can be searched and scrolled", async ({ registry, browser, url }) => {
  for (let f = 0; f < 400; f++) {
    const name = `part${f % 20}_number_${f}_total`;
    const counter = new Counter(name, `Number ${f}.`, { registry, labelNames: ["i"] });
    for (let i = 0; i < 25; i++) counter.labels({ i: `${f}/${i}` }).inc();
  }
  const { page, assertInnocent } = await openPage(browser, url);
  await page.getByText("400 families, 10,000 series").waitFor();
  await page.getByText(/^Live/).waitFor();
  assert.equal(await page.getByRole("article").count(), 300);
  const elements = () => page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(await elements() < 10_000, `${await elements()} elements`);
  await page.getByRole("searchbox").fill("i=399/24");
  await page.getByText("1 of 400 families, 1 of 10,000 series").waitFor();
  await family(page, "part19_number_399_total").getByText("399/24").waitFor();
  await page.getByRole("searchbox").fill("");
  await page.getByText("400 families, 10,000 series").waitFor();
  await page.getByRole("button", { name: "Show 100 more families" }).click();
  await waitFor(
    "all families",
    async () => await page.getByRole("article").count() === 400 || undefined,
  );
  await page.getByRole("link", { name: "part9 20" }).click();
  await family(page, "part9_number_109_total").locator(".value").first().waitFor();
  assertInnocent();
});
