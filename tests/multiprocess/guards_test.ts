import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  Gauge,
  generateMetricsAsync,
  Histogram,
  type Registry,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { ManualClock } from "../support/clock.ts";
import { collectedMemory, collectGarbage } from "../support/garbage.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { samplesOf, seriesOf } from "../support/series.ts";

/** No flush but those that a test asks for. */
const MANUAL = { intervalMs: 1e9, deadAfterMs: 60_000 } as const;

/** The lines of a scrape, without those that describe families and the backend. */
async function linesOf(registry: Registry): Promise<string[]> {
  const text = await generateMetricsAsync(registry);
  return text.split("\n").filter((line) => line !== "" && !/^#|^narthex_backend/.test(line));
}

/** A process with a store that can be away, and options of metrics that expire after ten seconds. */
async function share(store = new MemoryStore(), constLabels?: Record<string, string>) {
  const network = { isDown: false };
  const clock = new ManualClock();
  const proxy = new CollectorRegistryProxy(new CollectorRegistry({ constLabels }));
  const options = { labelNames: ["a"], expireAfterSeconds: 10, clock, registry: proxy } as const;
  const early = new Counter("early_total", "E.", options);
  const backend = store.backend({ losesRequest: () => network.isDown });
  const shared = await loadBackend(backend, { ...MANUAL, registry: proxy });
  return { network, clock, options, early, shared };
}

for (const constLabels of [undefined, { zone: "z" }]) {
  const how = constLabels === undefined ? "" : ", with constant labels";
  test(`series that expire while the store is down lose no counts${how}`, async () => {
    const { network, clock, options, early, shared } = await share(undefined, constLabels);
    const late = new Counter("late_total", "L.", options);
    const histogram = new Histogram("h", "H.", { ...options, buckets: [] });
    network.isDown = true;
    const refs = [early, late].map((counter) => {
      const child = counter.labels("x");
      child.inc(3);
      return new WeakRef(child);
    });
    histogram.labels("x").observe(5);
    clock.advance(100);
    assert.equal(await shared.flush(), false);
    for (const metric of [early, late, histogram]) assert(samplesOf(metric).length > 0);
    await collectedMemory();
    network.isDown = false;
    const zone = constLabels ?? {};
    assert.equal(await shared.getSampleValueAsync("early_total", { a: "x", ...zone }), 3);
    assert.equal(await shared.getSampleValueAsync("late_total", { a: "x", ...zone }), 3);
    assert.equal(await shared.getSampleValueAsync("h_sum", { a: "x", ...zone }), 5);
    // What was read may go; the flush after that lets go of it too.
    for (const metric of [early, late, histogram]) assert.deepEqual(samplesOf(metric), []);
    await shared.flush();
    assert(await collectGarbage(() => refs.every((ref) => ref.deref() === undefined)));
    late.labels("x").inc();
    assert.equal(await shared.getSampleValueAsync("late_total", { a: "x", ...zone }), 4);
    await shared.close();
  });
}

test("a total stays when its series expires, and a referenced child continues from there", async () => {
  const store = new MemoryStore();
  const one = await share(store);
  const two = await share(store);
  const held = one.early.labels("x");
  held.inc(3);
  two.early.labels("x").inc(10);
  await two.shared.flush();
  for (let expected = 13; expected < 16; expected++) {
    assert.deepEqual(await linesOf(one.shared), [`early_total{a="x"} ${expected}`]);
    one.clock.advance(20);
    await one.shared.flush();
    assert.deepEqual(samplesOf(one.early), []);
    assert.deepEqual(await linesOf(one.shared), [`early_total{a="x"} ${expected}`]);
    held.inc();
  }
  assert.deepEqual(seriesOf(one.early), ['early_total{a="x"} 6']);
});

test("an expired gauge leaves the store and comes back", async () => {
  const store = new MemoryStore();
  const [one, two] = [await share(store), await share(store)];
  const gauges = [one, two].map(({ options }) =>
    new Gauge("g", "G.", { ...options, aggregation: "sum" })
  );
  const held = gauges[0]!.labels("x");
  held.set(1);
  gauges[1]!.labels("x").set(2);
  gauges[1]!.labels("y").set(4);
  await two.shared.flush();
  assert.deepEqual(await linesOf(one.shared), ['g{a="x"} 3', 'g{a="y"} 4']);
  one.clock.advance(20);
  await one.shared.flush();
  await one.shared.flush();
  assert.deepEqual(await linesOf(one.shared), ['g{a="x"} 2', 'g{a="y"} 4']);
  held.inc();
  assert.deepEqual(await linesOf(one.shared), ['g{a="x"} 4', 'g{a="y"} 4']);
});

test("series expire without a read after the shared registry is closed", async () => {
  const { network, clock, early, shared } = await share();
  network.isDown = true;
  early.labels("x").inc();
  await shared.close();
  clock.advance(10);
  assert.deepEqual(samplesOf(early), []);
});

test("an unregistered metric expires without a read", async () => {
  const { network, clock, options, early, shared } = await share();
  await shared.flush();
  options.registry.unregister(early);
  await shared.flush();
  network.isDown = true;
  early.labels("x").inc();
  clock.advance(10);
  assert.deepEqual(samplesOf(early), []);
});

test("overflow series and overflow lookups of several processes add up", async () => {
  const store = new MemoryStore();
  const processes = await Promise.all([1, 2].map(async (room) => {
    const registry = new CollectorRegistry({ maxSeries: room });
    const counter = new Counter("c_total", "C.", { labelNames: ["a"], registry });
    const proxy = new CollectorRegistryProxy(registry);
    const shared = await loadBackend(store.backend(), { ...MANUAL, registry: proxy });
    assert.equal(shared.maxSeries, room);
    assert.equal(proxy.maxSeries, room);
    return { counter, shared };
  }));
  for (const { counter, shared } of processes) {
    for (const a of ["1", "2", "3"]) counter.labels(a).inc();
    await shared.flush();
  }
  const lines = await linesOf(processes[0]!.shared);
  assert.deepEqual(lines.toSorted(), [
    'c_total{a="1"} 2',
    'c_total{a="2"} 1',
    'c_total{a="overflow"} 3',
    'narthex_series_overflow_total{metric="c_total"} 3',
  ]);
});
