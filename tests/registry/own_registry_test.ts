import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  gatherAsync,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  MetricFamily,
  metricsHandler,
  metricsResponse,
  type Registry,
} from "../../mod.ts";

/** The smallest possible registry. */
class MinimalRegistry implements Registry {
  readonly collectors: Set<Collector> = new Set();
  prefix: string | null = "own";

  register(collector: Collector): void {
    this.collectors.add(collector);
  }

  unregister(collector: Collector): void {
    this.collectors.delete(collector);
  }

  *collect(): Generator<MetricFamily> {
    for (const collector of this.collectors) {
      const families = collector.collect();
      if (Symbol.iterator in families) yield* families;
    }
  }
}

function filled(): MinimalRegistry {
  const registry = new MinimalRegistry();
  new Counter("jobs_total", "Jobs.", { registry }).inc(3);
  new Gauge("load", "Load.", { registry, labelNames: ["cpu"] }).labels(0).set(0.5);
  return registry;
}

const TEXT = `# HELP own_jobs_total Jobs.
# TYPE own_jobs_total counter
own_jobs_total 3
# HELP own_load Load.
# TYPE own_load gauge
own_load{cpu="0"} 0.5
`;

test("a custom registry with only the four required members can be read in every way", async () => {
  const registry = filled();
  assert.equal(generateMetrics(registry), TEXT);
  assert.equal(await generateMetricsAsync(registry), TEXT);
  assert.match(generateOpenMetrics(registry), /^# TYPE own_jobs counter\nown_jobs_total 3\n/m);
  assert.ok(generateProtobuf(registry).length > 0);
  assert.deepEqual([...gather(registry)].map(({ name }) => name), ["own_jobs_total", "own_load"]);
  const names: string[] = [];
  for await (const { name } of gatherAsync(registry)) names.push(name);
  assert.deepEqual(names, ["own_jobs_total", "own_load"]);
  assert.equal(await (await metricsResponse(undefined, { registry })).text(), TEXT);
  const request = new Request("http://localhost/metrics?name[]=own_load");
  assert.equal(
    await (await metricsHandler({ registry })(request)).text(),
    TEXT.slice(TEXT.indexOf("# HELP own_load")),
  );
});

test("a proxy can stand for a custom registry", () => {
  const registry = filled();
  const proxy = new CollectorRegistryProxy(registry);
  assert.equal(proxy.prefix, "own");
  assert.equal(generateMetrics(proxy), TEXT);
  assert.equal(proxy.getSampleValue("own_jobs_total"), 3);
  assert.equal(proxy.getSampleValue("own_load", { cpu: "0" }), 0.5);
  const gauge = new Gauge("more", "More.", { registry: proxy });
  assert.ok(registry.collectors.has(gauge));
  assert.equal(proxy.unregister(gauge), undefined);
  assert.equal(generateMetrics(proxy), TEXT);
});

const SPELLINGS: [prefix: unknown, exposed: string][] = [
  ["own", "own_jobs_total"],
  ["own_", "own_jobs_total"],
  [null, "jobs_total"],
  [undefined, "jobs_total"],
  ["", "jobs_total"],
];

for (const [prefix, exposed] of SPELLINGS) {
  test(`a restricted view treats the prefix ${JSON.stringify(prefix)} of a custom registry like a read`, () => {
    const registry = Object.assign(filled(), { prefix: prefix as string });
    const view = new CollectorRegistryProxy(registry).restrictedRegistry([exposed]);
    assert.deepEqual([...gather(view)].map(({ name }) => name), [exposed]);
    assert.match(generateMetrics(view), new RegExp(`^${exposed} 3$`, "m"));
  });
}

test("a restricted view of a custom registry can have single samples of a family", () => {
  const registry = new MinimalRegistry();
  new Histogram("h", "H.", { registry, buckets: [1] }).observe(0.5);
  assert.equal(
    generateMetrics(new CollectorRegistryProxy(registry).restrictedRegistry(["own_h_count"])),
    "# HELP own_h H.\n# TYPE own_h histogram\nown_h_count 1\n",
  );
});

test("a read throws on an invalid prefix", () => {
  const registry = Object.assign(filled(), { prefix: "my-app" });
  assert.throws(() => generateMetrics(registry), {
    name: "TypeError",
    message: 'Cannot gather metrics: prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*: received "my-app"',
  });
});

test("families of a custom registry are merged and deduplicated, and omissions are counted", async () => {
  const registry: Registry = {
    prefix: null,
    register() {},
    unregister() {},
    *collect() {
      yield new MetricFamily("a", "A.", "gauge").addSample("a", { n: 1 }, 1);
      yield new MetricFamily("b", "B.", "gauge").addSample("b", {}, 1);
      yield new MetricFamily("a", "Again.", "gauge")
        .addSample("a", { n: 1 }, 2)
        .addSample("a", { n: 2 }, 2);
      yield null as unknown as MetricFamily;
      yield new MetricFamily("b", "B.", "counter");
    },
  };
  const name = "narthex_collector_errors_total";
  const text = (count: number) =>
    `# HELP a A.
# TYPE a gauge
a{n="1"} 1
a{n="2"} 2
# HELP b B.
# TYPE b gauge
b 1
# HELP ${name} Collectors, families and series that were left out of a scrape.
# TYPE ${name} counter
${name}{collector="a",cause="duplicate"} ${count}
${name}{collector="anonymous",cause="invalid"} ${count}
${name}{collector="b",cause="conflict"} ${count}
`;
  assert.equal(generateMetrics(registry), text(1));
  assert.equal(generateMetrics(new CollectorRegistryProxy(registry)), text(2));
  assert.equal(await generateMetricsAsync(registry), text(3));
  const view = new CollectorRegistryProxy(registry).restrictedRegistry([name]);
  assert.match(generateMetrics(view), /^narthex_collector_errors_total\{collector="a",.*\} 3$/m);
  assert.doesNotMatch(generateMetrics(view), /^[ab][ {]/m);
});

test("a custom registry with countError() shows only its own error counts", () => {
  const counted: unknown[] = [];
  const registry: Registry = {
    prefix: null,
    register() {},
    unregister() {},
    collect: () => [
      new MetricFamily("a", "A.", "gauge").addSample("a", {}, 1),
      new MetricFamily("a", "A.", "gauge").addSample("a", {}, 2),
    ],
    countError: (...args) => counted.push(args),
  };
  assert.equal(generateMetrics(registry), "# HELP a A.\n# TYPE a gauge\na 1\n");
  assert.equal(counted.length, 1);
});

test("a getRegistry() with another meaning does no harm", () => {
  for (
    const getRegistry of [() => undefined, () => "db", function (this: unknown) {
      return this;
    }]
  ) {
    const registry = Object.assign(filled(), { getRegistry });
    assert.equal(generateMetrics(registry), TEXT);
  }
});

test("an asynchronous custom registry is awaited, with the options of the read", async () => {
  const seen: unknown[] = [];
  const registry: Registry = {
    prefix: null,
    register() {},
    unregister() {},
    collect() {
      throw new TypeError("Cannot collect: use generateMetricsAsync");
    },
    async *collectAsync(options) {
      seen.push(options?.timeoutMs);
      yield await Promise.resolve(new MetricFamily("a", "A.", "gauge").addSample("a", {}, 1));
    },
  };
  const text = "# HELP a A.\n# TYPE a gauge\na 1\n";
  assert.equal(await generateMetricsAsync(registry, { timeoutMs: 5 }), text);
  assert.equal(
    await generateMetricsAsync(new CollectorRegistryProxy(registry).restrictedRegistry(["a"]), {
      timeoutMs: 6,
    }),
    text,
  );
  assert.equal(await generateMetricsAsync(new CollectorRegistryProxy(registry)), text);
  assert.deepEqual(seen, [5, 6, undefined]);
  assert.throws(() => generateMetrics(registry), /generateMetricsAsync/);
});

test("a metric throws if its registry is not a registry", () => {
  for (const registry of [{}, "x", 7, { register() {}, collect() {} }]) {
    assert.throws(
      () => new Gauge("g", "G.", { registry: registry as unknown as Registry }),
      { name: "TypeError", message: /^Cannot create gauge "g": a registry must have \w+\(\)/ },
    );
  }
});

test("an empty registry is an empty text, and only # EOF in OpenMetrics", () => {
  for (const registry of [new CollectorRegistry(), new MinimalRegistry()]) {
    assert.equal(generateMetrics(registry), "");
    assert.equal(generateOpenMetrics(registry), "# EOF\n");
    assert.equal(generateProtobuf(registry).length, 0);
  }
});
