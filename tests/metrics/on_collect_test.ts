import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AnyGauge,
  CollectorRegistry,
  Counter,
  gather,
  gatherAsync,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetricsAsync,
  Histogram,
  Info,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";

const ERRORS = "narthex_collector_errors_total";

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("onCollect runs before each read, receives the metric, and may write to any metric", () => {
  const registry = new CollectorRegistry();
  const before = new Counter("before_total", "B.", { registry });
  let calls = 0;
  const gauge: AnyGauge = new Gauge("g", "G.", {
    labelNames: ["l"],
    registry,
    onCollect: (metric) => {
      calls++;
      assert.equal(metric, gauge);
      metric.labels("a").set(calls);
      before.inc();
      after.inc(2);
    },
  });
  const after = new Counter("after_total", "A.", { registry });
  const lines = () => generateMetrics(registry).split("\n").filter((line) => !line.startsWith("#"));
  assert.deepEqual(lines(), ["before_total 1", 'g{l="a"} 1', "after_total 2", ""]);
  assert.deepEqual(lines(), ["before_total 2", 'g{l="a"} 2', "after_total 4", ""]);
});

test("every type of metric has onCollect, typed with the methods of that type", async () => {
  const registry = new CollectorRegistry();
  new Counter("c_total", "C.", { registry, onCollect: (c) => c.inc() });
  new Gauge("g", "G.", { registry, onCollect: async (g) => g.set(await Promise.resolve(7)) });
  new Histogram("h", "H.", { registry, buckets: [], onCollect: (h) => h.observe(1) });
  new Summary("s", "S.", { registry, onCollect: (s) => s.observe(2) });
  new Info("i", "I.", { registry, onCollect: (i) => i.info({ version: "1" }) });
  new StateSet("m", "M.", { registry, states: ["a", "b"], onCollect: (m) => m.state("b") });
  const text = await generateMetricsAsync(registry);
  for (const line of ["c_total 1", "g 7", "h_count 1", "s_sum 2", 'i_info{version="1"} 1']) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  assert.match(text, /^m\{m="b"\} 1$/m);
});

test("onCollect is not called by reads of other names, by value, find() or toJSON()", () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, onCollect: () => assert.fail("called") });
  new Gauge("other", "O.", { registry });
  assert.deepEqual([...gather(registry, { names: ["other"] })].map(({ name }) => name), ["other"]);
  assert.equal(gauge.value, 0);
  assert.equal(gauge.find()?.value, 0);
  assert.ok(JSON.stringify(gauge).includes('"g"'));
});

test("simultaneous reads share one call of onCollect, also across registries", async () => {
  const registries = [new CollectorRegistry(), new CollectorRegistry()];
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  const gauge = new Gauge("g", "G.", {
    registry: null,
    onCollect: async (metric) => {
      calls++;
      await promise;
      metric.set(calls);
    },
  });
  for (const registry of registries) registry.register(gauge);
  const reads = [...registries, ...registries].map((registry) => generateMetricsAsync(registry));
  await turn();
  resolve();
  for (const text of await Promise.all(reads)) assert.match(text, /^g 1$/m);
  assert.equal(calls, 1);
  assert.match(await generateOpenMetricsAsync(registries[0]), /^g 2$/m);
});

const FAILURES: [what: string, onCollect: () => void | Promise<void>][] = [
  ["throws", () => assert.fail("no answer")],
  ["rejects", () => Promise.reject(new Error("no answer"))],
];

for (const [what, onCollect] of FAILURES) {
  test(`a metric whose onCollect ${what} is left out of that read, and the error is reported`, async () => {
    const told: unknown[] = [];
    const registry = new CollectorRegistry({
      onError: (error, about) => told.push([(error as Error).message, about]),
    });
    new Gauge("g", "G.", { registry, onCollect }).set(5);
    new Gauge("other", "O.", { registry });
    const text = await generateMetricsAsync(registry);
    assert.doesNotMatch(text, /^g /m, "old values must not be exposed");
    assert.match(text, /^other 0$/m);
    assert.ok(text.includes(`${ERRORS}{collector="g",cause="error"} 1`));
    assert.deepEqual(told, [["no answer", { collector: "g", cause: "error" }]]);
    assert.equal(registry.lastErrors().get("g")?.message, "no answer");
  });
}

test("a metric whose onCollect is late is left out until onCollect settles", async () => {
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  let settle = () => {};
  new Gauge("g", "G.", {
    registry,
    onCollect: (metric) =>
      new Promise((resolve) => {
        settle = () => {
          metric.set(9);
          resolve();
        };
      }),
  });
  const late = generateMetricsAsync(registry, { timeoutMs: 1000 });
  await turn();
  clock.advance(1);
  assert.doesNotMatch(await late, /^g /m);
  assert.equal(registry.lastErrors().get("g")?.cause, "timeout");
  settle();
  await turn();
  const reading = generateMetricsAsync(registry, { timeoutMs: 1000 });
  await turn();
  settle();
  assert.match(await reading, /^g 9$/m);
});

test("a synchronous read leaves out a metric whose onCollect is asynchronous or still running", async () => {
  const registry = new CollectorRegistry();
  let settle = () => {};
  let calls = 0;
  new Gauge("g", "G.", {
    registry,
    onCollect: () => {
      calls++;
      return new Promise<void>((resolve) => settle = resolve);
    },
  });
  for (const times of [1, 2]) {
    assert.doesNotMatch(generateMetrics(registry), /^g /m);
    assert.match(generateMetrics(registry), new RegExp(`cause="async"\\} ${2 * times}$`, "m"));
  }
  assert.equal(calls, 1);
  settle();
  await turn();
  generateMetrics(registry);
  assert.equal(calls, 2);
  settle();
});

test("an onCollect that reads its own metric does not affect other metrics", () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "G.", { registry, onCollect: () => void registry.getSampleValue("g") });
  new Gauge("other", "O.", { registry }).set(3);
  for (let i = 0; i < 2; i++) {
    const text = generateMetrics(registry);
    assert.doesNotMatch(text, /^g /m);
    assert.match(text, /^other 3$/m);
  }
  assert.match(registry.lastErrors().get("g")?.message ?? "", /onCollect|depends on itself/);
});

test("an onCollect may read another metric, whose onCollect then runs too", () => {
  const registry = new CollectorRegistry();
  new Gauge("double", "D.", {
    registry,
    onCollect: (metric) => metric.set(2 * registry.getSampleValue("single")!),
  });
  new Gauge("single", "S.", { registry, onCollect: (metric) => metric.set(21) });
  assert.match(generateMetrics(registry), /^double 42$/m);
});

test("creating a metric again replaces its onCollect", () => {
  const registry = new CollectorRegistry();
  const first = new Gauge("g", "G.", { registry, onCollect: (metric) => metric.set(1) });
  assert.match(generateMetrics(registry), /^g 1$/m);
  assert.equal(new Gauge("g", "G.", { registry, onCollect: (metric) => metric.set(2) }), first);
  assert.match(generateMetrics(registry), /^g 2$/m);
  assert.equal(new Gauge("g", "G.", { registry }), first);
  assert.match(generateMetrics(registry), /^g 2$/m, "no onCollect keeps the existing one");
});

test("a read that accepts older values does not call onCollect until they are too old", async () => {
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  let calls = 0;
  new Gauge("g", "G.", { registry, clock, onCollect: async (g) => g.set(await ++calls) });
  const read = async (maxAgeMs: number) => {
    for await (const _ of gatherAsync(registry, { maxAgeMs }));
    return calls;
  };
  assert.equal(await read(15_000), 1);
  clock.advance(10);
  assert.equal(await read(15_000), 1);
  assert.equal(await read(0), 2);
  clock.advance(14);
  assert.equal(await read(15_000), 2);
  clock.advance(2);
  assert.equal(await read(15_000), 3);
});

test("onCollect must be a function", () => {
  for (const onCollect of [7, null, {}, "f"]) {
    assert.throws(
      () => new Gauge("g", "G.", { registry: null, onCollect: onCollect as () => void }),
      { name: "TypeError", message: /^Cannot create gauge "g": onCollect must be a function/ },
    );
  }
});
