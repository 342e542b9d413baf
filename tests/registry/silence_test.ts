import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  type Metric,
  MetricFamily,
  metricsHandler,
} from "../../mod.ts";
import { ManualClock, turn, until } from "../support/clock.ts";

function* oneMetric(): Generator<Metric> {
  yield { labelNames: [], labelValues: [], value: 1 } as Metric;
}

const READ_BEFORE = /^Cannot read iterator again: /;

test("metrics from an iterator are counted as an error from the second read on", async () => {
  for (const options of [{}, { constLabels: { region: "eu" } }]) {
    const registry = new CollectorRegistry(options);
    const family = new MetricFamily("g", "G.", "gauge", { metrics: oneMetric() });
    registry.register({ collect: () => [family] });
    assert.match(generateMetrics(registry), /^g(?:\{region="eu"\})? 1$/m);
    assert.equal(registry.lastErrors().size, 0);
    for (const text of [generateMetrics(registry), await generateMetricsAsync(registry)]) {
      assert.doesNotMatch(text, /^g[ {]/m);
    }
    assert.match(registry.lastErrors().get("g")!.message, READ_BEFORE);
  }
});

test("metrics from an iterator are counted as an error in a view of a part of them", () => {
  const registry = new CollectorRegistry();
  function* histograms(): Generator<Metric> {
    yield {
      labelNames: [],
      labelValues: [],
      bounds: [],
      sum: 1,
      count: 1,
      cumulativeCounts: () => [1],
    } as Metric;
  }
  const family = new MetricFamily("h", "H.", "histogram", { metrics: histograms() });
  registry.register({ collect: () => [family] });
  const view = registry.restrictedRegistry(["h_count"]);
  assert.match(generateMetrics(view), /^h_count 1$/m);
  assert.doesNotMatch(generateMetrics(view), /^h_count/m);
  assert.match(registry.lastErrors().get("h")!.message, READ_BEFORE);
});

test("iterators that are created at each read are no error", () => {
  const registry = new CollectorRegistry();
  registry.register({
    collect: () => [new MetricFamily("g", "G.", "gauge", { metrics: oneMetric() })],
  });
  for (let i = 0; i < 3; i++) assert.match(generateMetrics(registry), /^g 1$/m);
  assert.equal(registry.lastErrors().size, 0);
});

test("a collector that always returns the same iterator is counted from the second read on", async () => {
  const family = new MetricFamily("g", "G.", "gauge").addSample("g", {}, 1);
  function* once() {
    yield family;
  }
  async function* later() {
    yield await Promise.resolve(family);
  }
  for (const families of [once(), later(), [family].values()]) {
    const registry = new CollectorRegistry();
    registry.register({ name: "pool", collect: () => families } as Collector);
    assert.match(await generateMetricsAsync(registry), /^g 1$/m);
    assert.equal(registry.lastErrors().size, 0);
    assert.doesNotMatch(await generateMetricsAsync(registry), /^g 1$/m);
    assert.equal(
      registry.lastErrors().get("pool")!.message,
      "Cannot read iterator again: collect() must return another one at each call",
    );
  }
});

test("a collector may always return the same array", () => {
  const registry = new CollectorRegistry();
  const families = [new MetricFamily("g", "G.", "gauge").addSample("g", {}, 1)];
  registry.register({ collect: () => families });
  for (let i = 0; i < 3; i++) assert.match(generateMetrics(registry), /^g 1$/m);
});

test("setRegistry() moves collectors out of a nested proxy", () => {
  const [outer, inner] = [new CollectorRegistryProxy(), new CollectorRegistryProxy()];
  outer.setRegistry(inner);
  new Counter("inner_total", "I.", { registry: inner }).inc();
  new Counter("outer_total", "O.", { registry: outer }).inc();
  inner.register({ collect: () => assert.fail("no connection") });
  generateMetrics(outer);
  outer.setTargetInfo({ version: "1" });
  outer.setConstLabels({ region: "eu" });
  outer.setRegistry(new CollectorRegistry());
  const text = generateMetrics(outer);
  assert.match(text, /^inner_total\{region="eu"\} 1$/m);
  assert.match(text, /^outer_total\{region="eu"\} 1$/m);
  assert.match(text, /^target_info\{version="1"\} 1$/m);
  assert.match(text, /^narthex_collector_errors_total\{.*\} [23]$/m);
  assert.doesNotMatch(generateMetrics(inner), /inner_total|outer_total/);
});

test("setRegistry() moves collectors, errors, target info and constant labels into a proxy", () => {
  const proxy = new CollectorRegistryProxy();
  new Counter("hits_total", "H.", { registry: proxy }).inc();
  proxy.countError("pool", "error", new Error("no connection"));
  proxy.setTargetInfo({ version: "1" });
  proxy.setConstLabels({ region: "eu" });
  const registry = new CollectorRegistry();
  const behind = new CollectorRegistryProxy(registry);
  proxy.setRegistry(behind);
  assert.equal(
    generateMetrics(registry),
    `# HELP target_info Target metadata
# TYPE target_info gauge
target_info{version="1"} 1
# HELP hits_total H.
# TYPE hits_total counter
hits_total{region="eu"} 1
# HELP narthex_collector_errors_total Collectors, families and series that were left out of a scrape.
# TYPE narthex_collector_errors_total counter
narthex_collector_errors_total{region="eu",collector="pool",cause="error"} 1
`,
  );
});

test("a view of a proxy reads the proxy's current registry", () => {
  const proxy = new CollectorRegistryProxy();
  new Counter("hits_total", "H.", { registry: proxy }).inc();
  const view = proxy.restrictedRegistry(["hits_total"]);
  proxy.setRegistry(new CollectorRegistry());
  assert.match(generateMetrics(view), /^hits_total 1$/m);
});

/** Returns a handler of a registry with a collector that takes two seconds of a clock. */
function slowHandler() {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const registry = new CollectorRegistry({ clock, onError: (error) => told.push(error) });
  registry.register({
    name: "slow",
    async collect() {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 2000));
      return [new MetricFamily("slow", "S.", "gauge").addSample("slow", {}, 1)];
    },
  } as Collector);
  const handler = metricsHandler({ registry });
  const scrape = async (seconds: number, then: () => Promise<void>) => {
    const headers = { "x-prometheus-scrape-timeout-seconds": `${seconds}` };
    const answer = handler(new Request("http://h/metrics", { headers }));
    for (let i = 0; i < 5; i++) await turn();
    await until("the collector is waited for", () => clock.timers > 0);
    await then();
    return await (await answer).text();
  };
  return { clock, told, registry, scrape };
}

test("lastErrors() has a collector that is slower than the time limit of every scrape", async () => {
  const { clock, told, registry, scrape } = slowHandler();
  for (let i = 0; i < 2; i++) {
    assert.equal(await scrape(1, () => clock.advanceSlowly(3)), "");
    await until("the call is over", () => registry.lastErrors().size > 0);
  }
  assert.deepEqual(registry.lastErrors().get("slow"), {
    cause: "timeout",
    message: "It took longer than the scrapes had time that asked for it",
    time: clock.now() - 1,
  });
  // It is not counted, because anyone can send scrapes with a short time limit.
  assert.deepEqual(told, []);
  assert.equal(generateMetrics(registry).includes('cause="timeout"'), false);
});

test("lastErrors() is empty if at least one scrape got the slow collector", async () => {
  const { clock, registry, scrape } = slowHandler();
  const texts = await Promise.all([
    scrape(10, async () => {}),
    scrape(1, () => clock.advanceSlowly(3)),
  ]);
  assert.match(texts[0]!, /^slow 1$/m);
  assert.equal(texts[1], "");
  assert.equal(registry.lastErrors().size, 0);
});

/** Values that functions return by mistake. */
for (
  const [what, value] of Object.entries({
    "a promise": Promise.resolve(1),
    "a string": "1",
    null: null,
    undefined: undefined,
    "a bigint": 1n,
    "a date": new Date(0),
  })
) {
  test(`a function that returns ${what} is counted`, () => {
    for (const Metric of [Counter, Gauge]) {
      const registry = new CollectorRegistry();
      new Metric("m", "M.", { registry }).setFunction(() => value as never);
      assert.doesNotMatch(generateMetrics(registry), /^m /m);
      assert.equal(registry.lastErrors().size, 1);
    }
  });
}

test("a series that equals another one because of constant labels is counted", () => {
  const registry = new CollectorRegistry({ constLabels: { region: "eu" } });
  const family = new MetricFamily("g", "G.", "gauge");
  family.addSample("g", {}, 1).addSample("g", { region: "eu" }, 2);
  registry.register({ collect: () => [family] });
  assert.match(generateMetrics(registry), /^g\{region="eu"\} 1$/m);
  assert.equal(registry.lastErrors().get("g")?.cause, "duplicate");
});

test("a collector that adds to the same family at each read shows the first value, and is counted", () => {
  const registry = new CollectorRegistry();
  const family = new MetricFamily("g", "G.", "gauge");
  let value = 0;
  registry.register({ collect: () => [family.addSample("g", {}, ++value)] });
  generateMetrics(registry);
  assert.match(generateMetrics(registry), /^g 1$/m);
  assert.equal(registry.lastErrors().get("g")?.cause, "duplicate");
});
