import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  gatherAsync,
  type Gatherer,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  Histogram,
  MetricFamily,
  setExemplarSource,
  Summary,
} from "../../mod.ts";

const ERRORS = "narthex_collector_errors_total";

function build(prefix: string | null = null): CollectorRegistry {
  const registry = new CollectorRegistry({ prefix, targetInfo: { version: "1" } });
  new Counter("c_total", "C.", { registry }).inc();
  new Histogram("h", "H.", { registry, buckets: [1, 2] }).observe(1.5);
  new Summary("s", "S.", { registry, quantiles: [0.5] }).observe(4);
  return registry;
}

function lines(registry: Gatherer): string[] {
  return generateMetrics(registry).split("\n").filter((line) => line !== "" && line[0] !== "#");
}

const VIEWS: [names: string[], lines: string[]][] = [
  [[], []],
  [["nothing"], []],
  [[""], []],
  [["c_total"], ["c_total 1"]],
  [["h"], [
    'h_bucket{le="1"} 0',
    'h_bucket{le="2"} 1',
    'h_bucket{le="+Inf"} 1',
    "h_sum 1.5",
    "h_count 1",
  ]],
  [["h_count"], ["h_count 1"]],
  [["h_sum", "h_count"], ["h_sum 1.5", "h_count 1"]],
  [["h_bucket"], ['h_bucket{le="1"} 0', 'h_bucket{le="2"} 1', 'h_bucket{le="+Inf"} 1']],
  [["s_sum", "c_total"], ["c_total 1", "s_sum 4"]],
  [["s"], ['s{quantile="0.5"} 4', "s_sum 4", "s_count 1"]],
  [["target_info"], ['target_info{version="1"} 1']],
  [["h", "h_count", "c_total"], [
    "c_total 1",
    'h_bucket{le="1"} 0',
    'h_bucket{le="2"} 1',
    'h_bucket{le="+Inf"} 1',
    "h_sum 1.5",
    "h_count 1",
  ]],
];

for (const [names, expected] of VIEWS) {
  test(`a view of [${names.join(", ")}] has only these lines`, async () => {
    const view = build().restrictedRegistry(names);
    assert.deepEqual(lines(view), expected);
    assert.equal(await generateMetricsAsync(view), generateMetrics(view));
  });

  test(`a view of [${names.join(", ")}] takes names with the prefix`, () => {
    const prefixed = (name: string) => /^target|^$/.test(name) ? name : `app_${name}`;
    const view = build("app").restrictedRegistry(names.map(prefixed));
    assert.equal(view.prefix, "app");
    assert.deepEqual(lines(view), expected.map(prefixed));
    const bare = names.filter((name) => name !== "target_info");
    assert.deepEqual(lines(build("app").restrictedRegistry(bare)), []);
  });
}

test("a view skips collectors that are known not to match", () => {
  const asked: string[] = [];
  const collector = (name: string, describe: boolean): Collector => {
    const families = [new MetricFamily(name, "", "gauge").addSample(name, {}, 1)];
    return {
      collect: () => {
        asked.push(name);
        return families;
      },
      ...describe ? { describe: () => families } : {},
    };
  };
  const registry = new CollectorRegistry();
  registry.register(collector("a", true));
  registry.register(collector("b", true));
  registry.register(collector("c", false));
  const view = registry.restrictedRegistry(["b", "d"]);
  assert.deepEqual(asked, [], "a view is lazy");
  assert.deepEqual(lines(view), ["b 1"]);
  assert.deepEqual(asked, ["b", "c"]);
});

test("a view does not await collectors that are known not to match", async () => {
  const registry = build();
  registry.register({
    collect: () => new Promise(() => {}),
    describe: () => [new MetricFamily("never", "", "gauge")],
  });
  const view = registry.restrictedRegistry(["c_total"]);
  assert.equal(
    await generateMetricsAsync(view),
    "# HELP c_total C.\n# TYPE c_total counter\nc_total 1\n",
  );
});

test("a view is live", () => {
  const registry = build();
  const view = registry.restrictedRegistry(["later", "c_total"]);
  const later = new Gauge("later", "Later.", { registry });
  later.set(3);
  assert.deepEqual(lines(view), ["c_total 1", "later 3"]);
  registry.unregister(later);
  assert.deepEqual(lines(view), ["c_total 1"]);
});

test("a view takes any iterable, and copies the names", () => {
  const names = new Set(["c_total"]);
  const view = build().restrictedRegistry(names);
  names.add("h");
  assert.deepEqual(lines(view), ["c_total 1"]);
});

const BAD_NAMES: [names: unknown, spelled: string][] = [
  ["c_total", 'names must be an iterable: received "c_total"'],
  [undefined, "names must be an iterable: received undefined"],
  [7, "names must be an iterable: received 7"],
  [[7], "names must be strings: received 7"],
];

for (const [names, message] of BAD_NAMES) {
  test(`restrictedRegistry() throws on ${JSON.stringify(names)}`, () => {
    assert.throws(() => build().restrictedRegistry(names as string[]), {
      name: "TypeError",
      message: `Cannot restrict registry: ${message}`,
    });
  });
}

test("a view cannot register collectors, and shows collectors that are registered later", () => {
  const registry = build();
  const view = registry.restrictedRegistry(["g"]);
  // @ts-expect-error A view can only be read.
  assert.throws(() => new Gauge("g", "G.", { registry: view }), {
    message: 'Cannot create gauge "g": a registry must have register(): received RestrictedView',
  });
  new Gauge("g", "G.", { registry });
  assert.deepEqual(lines(view), ["g 0"]);
});

test("reading a view by names returns the intersection", async () => {
  const view = build().restrictedRegistry(["h", "c_total"]);
  const names = ["h_count", "s"];
  const [family, ...others] = gather(view, { names });
  assert.deepEqual(others, []);
  assert.deepEqual([...family!.samples].map(({ name }) => name), ["h_count"]);
  assert.match(await generateMetricsAsync(view, { names }), /^h_count 1$/m);
  assert.deepEqual([...view.collect({ names })].map(({ name }) => name), ["h"]);
});

test("`names` is an option of reads of every registry", async () => {
  const registry = build("app");
  const proxy = new CollectorRegistryProxy(registry);
  const foreign = { prefix: "app", collect: () => registry.collect() };
  for (const gatherer of [registry, proxy, foreign, registry.restrictedRegistry(["app_h"])]) {
    const names = ["app_h_sum"];
    const read = [...gather(gatherer, { names })].flatMap(({ samples }) => [...samples]);
    assert.deepEqual(read.map(({ name }) => name), ["app_h_sum"]);
    const awaited: string[] = [];
    for await (const { samples } of gatherAsync(gatherer, { names })) {
      awaited.push(...Array.from(samples, ({ name }) => name));
    }
    assert.deepEqual(awaited, ["app_h_sum"]);
  }
});

test("a read with `metricsOnly` calls no other collector", () => {
  const registry = build();
  const before = [...gather(registry, { metricsOnly: true })].map(({ name }) => name);
  registry.register({ collect: () => assert.fail("called") });
  assert.deepEqual([...gather(registry, { metricsOnly: true })].map(({ name }) => name), before);
  assert.ok(!before.includes("target_info"));
});

test("a view counts errors in its registry", () => {
  const registry = build();
  registry.register({ collect: () => [null as unknown as MetricFamily] });
  registry.register({
    collect: () => [
      new MetricFamily("g", "G.", "gauge").addSample("g", {}, 1).addSample("g", {}, 2),
    ],
  });
  assert.deepEqual(lines(registry.restrictedRegistry(["g"])), ["g 1"]);
  const value = (collector: string, cause: string) =>
    registry.getSampleValue(ERRORS, { collector, cause });
  assert.equal(value("g", "duplicate"), 2);
  assert.equal(value("anonymous", "invalid"), 3);
  assert.match(generateMetrics(registry.restrictedRegistry([ERRORS])), /cause="invalid"\} \d$/m);
});

test("parts of a family keep labels, timestamps and exemplars", () => {
  const registry = new CollectorRegistry({ constLabels: { region: "eu" } });
  registry.register({
    collect: () => [
      new MetricFamily("h", "H.", "histogram", { unit: "s" })
        .addSample("h_s_bucket", { l: "v", le: "+Inf" }, 1, {
          timestamp: 2,
          exemplar: { labels: { trace_id: "t" }, value: 1 },
        })
        .addSample("h_s_count", { l: "v" }, 1, { timestamp: 2 }),
    ],
  });
  assert.equal(
    generateOpenMetrics(registry.restrictedRegistry(["h_s_bucket"])),
    `# HELP h_s H.
# TYPE h_s histogram
# UNIT h_s s
h_s_bucket{region="eu",l="v",le="+Inf"} 1 2 # {trace_id="t"} 1
# EOF
`,
  );
});

test("a view matches names with the prefix, and its collect() yields names without it", () => {
  const view = build("app").restrictedRegistry(["app_c_total"]);
  assert.deepEqual([...view.collect()].map(({ name }) => name), ["c_total"]);
  assert.deepEqual([...gather(view)].map(({ name }) => name), ["app_c_total"]);
});

test("a view matches the OpenMetrics name of a family, and the library's own families", () => {
  const registry = build("app");
  assert.deepEqual(lines(registry.restrictedRegistry(["app_c"])), ["app_c_total 1"]);
  setExemplarSource(() => {
    throw new Error("no trace");
  });
  new Counter("d_total", "D.", { registry, exemplars: true }).inc();
  setExemplarSource(null);
  const own = "app_narthex_exemplar_errors_total";
  assert.deepEqual(lines(registry.restrictedRegistry([own])), [`${own}{metric="app_d_total"} 1`]);
});

test("a part of a family is live, because nothing is copied", () => {
  const registry = new CollectorRegistry();
  const histogram = new Histogram("h", "H.", { registry, labelNames: ["l"], buckets: [1] });
  const [part] = gather(registry.restrictedRegistry(["h_count", "h_sum"]));
  histogram.labels("x").observe(2);
  assert.deepEqual([...part!.samples].map(({ name, value }) => [name, value]), [
    ["h_sum", 2],
    ["h_count", 1],
  ]);
});
