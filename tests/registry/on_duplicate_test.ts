import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  Counter,
  DuplicateMetricError,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  Histogram,
  MetricFamily,
  type OnDuplicate,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";

/** Returns the names of a scrape's families, in order. */
function order(registry: CollectorRegistry): string[] {
  return [...generateMetrics(registry).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}

/** Returns a custom collector with one gauge, which counts its calls. */
function counting(
  name: string,
  value: number,
  kind: "sync" | "async" | "generator" | "described" = "sync",
): Collector & { calls: number } {
  const family = () => new MetricFamily(name, "G.", "gauge").addSample(name, {}, value);
  const collector = {
    calls: 0,
    collect() {
      collector.calls++;
      if (kind === "async") return Promise.resolve([family()]);
      if (kind === "generator") return generate();
      return [family()];
    },
    ...(kind === "described" && { describe: () => [new MetricFamily(name, "G.", "gauge")] }),
  };
  async function* generate() {
    yield family();
  }
  return collector;
}

test('"reuse" is the default: creating a metric again returns the existing one', () => {
  const registry = new CollectorRegistry();
  const make = () => {
    const hits = new Counter("hits_total", "Hits.", { registry, labelNames: ["page"] });
    hits.labels("/").inc();
    return hits;
  };
  assert.equal(make(), make());
  assert.equal(registry.getSampleValue("hits_total", { page: "/" }), 2);
});

test('"reuse" ignores options that are not part of the definition', () => {
  const registry = new CollectorRegistry();
  const first = new Counter("hits_total", "Hits.", { registry, clock: new ManualClock() });
  assert.equal(new Counter("hits_total", "Hits.", { registry }), first);
  // Only the resulting name counts, not its parts.
  const named = new Counter("total", "Hits.", { registry, namespace: "a", subsystem: "b" });
  assert.equal(new Counter("a_b_total", "Hits.", { registry }), named);
});

/** Metrics that differ from `new Histogram("h", "H.", …)` in one respect each. */
const EDITS: Record<string, (registry: CollectorRegistry) => Collector> = {
  "help text": (registry) => new Histogram("h", "Edited.", { registry }),
  "bucket": (registry) => new Histogram("h", "H.", { registry, buckets: [1, 2] }),
  "label set": (registry) => new Histogram("h", "H.", { registry, labelNames: ["a"] }),
  "unit": (registry) => new Histogram("h_seconds", "H.", { registry, unit: "seconds" }),
  "type": (registry) => new Summary("h", "H.", { registry }),
  "limit": (registry) => new Histogram("h", "H.", { registry, maxSeries: 5 }),
  "native histogram": (registry) => new Histogram("h", "H.", { registry, nativeHistogram: true }),
};

for (const onDuplicate of ["reuse", "throw"] as const) {
  for (const [what, edit] of Object.entries(EDITS)) {
    if (what === "unit") continue; // Its name differs.
    test(`"${onDuplicate}" refuses an edited ${what} with a helpful message`, () => {
      const registry = new CollectorRegistry({ onDuplicate });
      const existing = new Histogram("h", "H.", { registry });
      existing.observe(1);
      const before = generateMetrics(registry);
      const difference = onDuplicate === "reuse" ? " with another definition" : "";
      assert.throws(() => edit(registry), (error) => {
        assert.ok(error instanceof DuplicateMetricError);
        assert.equal(error.existing, existing);
        assert.equal(
          error.message,
          `Cannot register "h": the name "h" is claimed already${difference}: use another name, ` +
            'or create the registry with onDuplicate "replace", "keep" or "merge"',
        );
        return true;
      });
      assert.equal(generateMetrics(registry), before);
    });
  }
}

test('"throw" refuses an equal definition too', () => {
  const registry = new CollectorRegistry({ onDuplicate: "throw" });
  const first = new Counter("hits_total", "Hits.", { registry });
  assert.throws(() => new Counter("hits_total", "Hits.", { registry }), DuplicateMetricError);
  // The same object is not a duplicate.
  registry.register(first);
  assert.deepEqual(order(registry), ["hits_total"]);
});

for (const [what, edit] of Object.entries(EDITS)) {
  if (what === "unit") continue;
  test(`"replace" puts an edited ${what} in the place of the former metric`, () => {
    const registry = new CollectorRegistry({ onDuplicate: "replace" });
    new Gauge("first", "F.", { registry });
    const former = new Histogram("h", "H.", { registry });
    former.observe(1);
    new Gauge("last", "L.", { registry });
    const edited = edit(registry);
    assert.notEqual(edited, former);
    assert.deepEqual(order(registry), ["first", "h", "last"]);
    former.observe(1);
    assert.equal(registry.getSampleValue("h_count") ?? 0, 0);
    assert.equal(registry.unregister(former), false);
    // The edited metric is the reference now: creating it again returns it.
    assert.equal(edit(registry), edited);
    assert.equal(registry.lastErrors().size, 0);
  });
}

test('"replace" returns an equal metric with its count', () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  for (let i = 0; i < 3; i++) new Counter("hits_total", "Hits.", { registry }).inc();
  assert.equal(registry.getSampleValue("hits_total"), 3);
});

test('"replace" lets one collector replace all collectors whose names it claims', () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  new Gauge("before", "B.", { registry });
  new Gauge("s_sum", "S.", { registry });
  new Gauge("between", "B.", { registry });
  new Gauge("s_count", "S.", { registry });
  new Summary("s", "S.", { registry });
  assert.deepEqual(order(registry), ["before", "s", "between"]);
});

test('"replace" puts an edited collector with describe() in the same place', () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  const former = counting("g", 1, "described");
  registry.register(former);
  new Gauge("last", "L.", { registry });
  generateMetrics(registry);
  const edited = counting("g", 2, "described");
  registry.register(edited);
  assert.deepEqual(order(registry), ["g", "last"]);
  assert.equal(registry.getSampleValue("g"), 2);
  assert.equal(former.calls, 1);
  assert.equal(registry.lastErrors().size, 0);
});

for (const kind of ["sync", "async", "generator"] as const) {
  for (const wasRead of [true, false]) {
    const when = wasRead ? "that was read" : "that was never read";
    test(`"replace" removes a ${kind} collector ${when} at the next read`, async () => {
      const registry = new CollectorRegistry({ onDuplicate: "replace" });
      const former = counting("g", 1, kind);
      registry.register(former);
      if (wasRead) assert.match(await generateMetricsAsync(registry), /^g 1$/m);
      const edited = counting("g", 2, kind);
      registry.register(edited);
      assert.match(await generateMetricsAsync(registry), /^g 2$/m);
      const { calls } = former;
      assert.match(await generateMetricsAsync(registry), /^g 2$/m);
      assert.equal(former.calls, calls);
      assert.equal(registry.unregister(former), false);
      assert.equal(registry.lastErrors().size, 0);
      assert.doesNotMatch(await generateMetricsAsync(registry), /narthex_/);
    });
  }
}

test('"replace" counts no error of a former collector that fails while it is replaced', async () => {
  for (const kind of ["sync", "async"] as const) {
    const errors: unknown[] = [];
    const registry = new CollectorRegistry({
      onDuplicate: "replace",
      onError: (error) => errors.push(error),
    });
    let isClosed = false;
    const family = new MetricFamily("g", "G.", "gauge").addSample("g", {}, 1);
    const read = (): MetricFamily[] => {
      if (isClosed) throw new Error("the connection was closed");
      return [family];
    };
    registry.register({
      collect: () => kind === "sync" ? read() : Promise.resolve().then(read),
    });
    assert.match(await generateMetricsAsync(registry), /^g 1$/m);
    isClosed = true;
    registry.register(counting("g", 2, kind));
    assert.match(await generateMetricsAsync(registry), /^g 2$/m);
    assert.doesNotMatch(await generateMetricsAsync(registry), /narthex_/);
    assert.deepEqual(errors, [], kind);
  }
});

test('"replace" keeps and counts a failing collector as long as nothing replaces it', async () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  registry.register(counting("g", 1));
  await generateMetricsAsync(registry);
  // The edited collector has a mistake.
  const broken: Collector = {
    collect() {
      throw new Error("a mistake");
    },
  };
  registry.register(broken);
  const labels = { collector: "anonymous", cause: "error" };
  for (const count of [1, 2]) {
    assert.match(generateMetrics(registry), /^g 1$/m);
    assert.equal(registry.lastErrors().get("anonymous")?.message, "a mistake");
    assert.equal(registry.getSampleValue("narthex_collector_errors_total", labels), 2 * count);
  }
});

test('"replace" keeps collectors of other families or of other types', async () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  const [a, b] = [counting("a", 1), counting("b", 2)];
  registry.register(a);
  registry.register(b);
  registry.register({
    collect: () => [new MetricFamily("a", "A.", "counter").addSample("a", {}, 3)],
  });
  const text = await generateMetricsAsync(registry);
  assert.match(text, /^a 1$/m);
  assert.match(text, /^b 2$/m);
  // A family cannot have two types, so the second one is left out and counted.
  assert.equal(registry.lastErrors().get("a")?.cause, "conflict");
});

test('"replace" replaces a collector of several families as a whole', () => {
  const registry = new CollectorRegistry({ onDuplicate: "replace" });
  const gauge = (name: string, value: number) =>
    new MetricFamily(name, "G.", "gauge").addSample(name, {}, value);
  registry.register({ collect: () => [gauge("a", 1), gauge("b", 1)] });
  generateMetrics(registry);
  registry.register({ collect: () => [gauge("a", 2), gauge("c", 2)] });
  assert.deepEqual(order(registry), ["a", "c"]);
  assert.equal(registry.getSampleValue("a"), 2);
});

test('"keep" keeps the first metric, warns once per name, and does not register the second', (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const registry = new CollectorRegistry({ onDuplicate: "keep" });
  const first = new Counter("hits_total", "Hits.", { registry });
  for (const help of ["Hits.", "Edited."]) {
    const second = new Counter("hits_total", help, { registry });
    assert.notEqual(second, first);
    second.inc(5);
    assert.equal(registry.unregister(second), false);
  }
  assert.equal(registry.getSampleValue("hits_total"), 0);
  assert.equal(warn.mock.callCount(), 1);
});

test('"merge" checks no names, and merges at each read', () => {
  const registry = new CollectorRegistry({ onDuplicate: "merge" });
  const a = new Counter("hits_total", "Hits.", { registry, labelNames: ["page"] });
  const b = new Counter("hits_total", "Others.", { registry, labelNames: ["page", "code"] });
  assert.notEqual(a, b);
  a.labels("/").inc();
  b.labels("/", 200).inc(2);
  registry.register({
    collect: () => [
      new MetricFamily("hits_total", "M.", "counter").addSample(
        "hits_total",
        { page: "/about" },
        3,
      ),
    ],
  });
  assert.equal(
    generateMetrics(registry),
    `# HELP hits_total Hits.
# TYPE hits_total counter
hits_total{page="/"} 1
hits_total{page="/",code="200"} 2
hits_total{page="/about"} 3
`,
  );
  assert.equal(registry.unregister(a), true);
  assert.match(generateMetrics(registry), /^# HELP hits_total Others\.$/m);
  assert.equal(registry.lastErrors().size, 0);
});

test('"merge" keeps the first of repeated series, and counts the others', () => {
  const registry = new CollectorRegistry({ onDuplicate: "merge" });
  new Gauge("g", "G.", { registry }).set(1);
  new Gauge("g", "G.", { registry }).set(2);
  assert.match(generateMetrics(registry), /^g 1$/m);
  assert.doesNotMatch(generateMetrics(registry), /^g 2$/m);
  const labels = { collector: "g", cause: "duplicate" };
  assert.equal(registry.getSampleValue("narthex_collector_errors_total", labels), 3);
  assert.match(registry.lastErrors().get("g")!.message, /series \{\} is there already$/);
});

test('"merge" leaves out and counts families of another type', () => {
  const registry = new CollectorRegistry({ onDuplicate: "merge" });
  new Gauge("g", "G.", { registry }).set(1);
  new Counter("g", "C.", { registry }).inc(2);
  new Summary("s", "S.", { registry });
  new Gauge("s_count", "S.", { registry }).set(3);
  assert.deepEqual(order(registry), ["g", "s", "narthex_collector_errors_total"]);
  assert.deepEqual([...registry.lastErrors()].map(([name, { cause }]) => [name, cause]), [
    ["g", "conflict"],
    ["s_count", "conflict"],
  ]);
});

test('"merge" looks up samples in all metrics of a name, also during a read', () => {
  const registry = new CollectorRegistry({ onDuplicate: "merge" });
  const options = { registry, labelNames: ["l"] } as const;
  new Gauge("g", "G.", options).labels("a").set(1);
  new Gauge("g", "G.", options).labels("b").set(2);
  new Gauge("sum", "S.", { registry }).setFunction(() =>
    registry.getSampleValue("g", { l: "a" })! + registry.getSampleValue("g", { l: "b" })!
  );
  assert.equal(registry.getSampleValue("sum"), 3);
  assert.match(generateMetrics(registry), /^sum 3$/m);
});

test("the registry's own names and target_info are reserved, whatever onDuplicate is", () => {
  for (
    const onDuplicate of ["throw", "keep", "reuse", "replace", "merge"] satisfies OnDuplicate[]
  ) {
    const registry = new CollectorRegistry({ onDuplicate, targetInfo: { version: "1" } });
    for (const name of ["narthex_collector_errors_total", "target_info"]) {
      assert.throws(() => new Counter(name, "C.", { registry }), DuplicateMetricError, onDuplicate);
    }
    assert.equal(registry.getSampleValue("target_info", { version: "1" }), 1);
  }
});
