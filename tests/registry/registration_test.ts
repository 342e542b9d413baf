import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  DuplicateMetricError,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  MetricFamily,
  type MetricType,
  StateSet,
  Summary,
} from "../../mod.ts";

/** Returns a collector that describes a family without samples. */
function described(name: string, type: MetricType = "gauge"): Collector {
  const families = [new MetricFamily(name, "A family.", type)];
  return { collect: () => families, describe: () => families };
}

function names(registry: CollectorRegistry): string[] {
  return [...registry.collect()].map(({ name }) => name);
}

const PREFIXES: [given: string | null | undefined, prefix: string | null, exposed: string][] = [
  [undefined, null, "jobs"],
  [null, null, "jobs"],
  ["", null, "jobs"],
  ["_", null, "jobs"],
  ["app", "app", "app_jobs"],
  ["app_", "app", "app_jobs"],
  ["app__", "app", "app_jobs"],
  ["_app", "_app", "_app_jobs"],
  ["my_app", "my_app", "my_app_jobs"],
  ["ns:", "ns:", "ns:_jobs"],
];

for (const [given, prefix, exposed] of PREFIXES) {
  test(`a registry with the prefix ${JSON.stringify(given)} exposes jobs as ${exposed}`, () => {
    const registry = new CollectorRegistry({ prefix: given });
    new Gauge("jobs", "Jobs.", { registry }).set(1);
    assert.equal(registry.prefix, prefix);
    assert.deepEqual(names(registry), ["jobs"], "collect() has the name as registered");
    assert.equal(
      generateMetrics(registry),
      `# HELP ${exposed} Jobs.\n# TYPE ${exposed} gauge\n${exposed} 1\n`,
    );
    assert.equal(registry.getSampleValue(exposed), 1);
  });
}

const BAD_OPTIONS: [options: Record<string, unknown>, message: string][] = [
  [
    { prefix: "9app" },
    'Cannot create registry: prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*: received "9app"',
  ],
  [{ prefix: "my-app" }, "prefix must match"],
  [{ prefix: 7 }, "prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*: received 7"],
  [
    { onDuplicate: "ignore" },
    'Cannot create registry: onDuplicate must be "throw", "keep", "reuse", "replace" or "merge": received "ignore"',
  ],
  [{ constLabels: "eu" }, 'Cannot create registry: labels must be an object: received "eu"'],
  [{ constLabels: ["eu"] }, "labels must be an object"],
  [{ constLabels: { "my-label": "eu" } }, "label name must match [a-zA-Z_][a-zA-Z0-9_]*: received"],
  [{ constLabels: { __name__: "eu" } }, 'label names that start with "__" are reserved'],
  [{ constLabels: { region: null } }, 'value of label "region" must be a string, a number or a'],
  [{ targetInfo: { "a b": "c" } }, "Cannot set target info: label name must match"],
  [{ targetInfo: { a: {} } }, 'value of label "a" must be'],
];

for (const [options, message] of BAD_OPTIONS) {
  test(`a registry cannot be created with ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => new CollectorRegistry(options),
      (error) => error instanceof TypeError && error.message.includes(message),
    );
  });
}

const NOT_COLLECTORS: [what: unknown, spelled: string][] = [
  [{}, "{}"],
  [null, "null"],
  [undefined, "undefined"],
  ["x", '"x"'],
  [7, "7"],
  [{ collect: [] }, "{collect}"],
];

for (const [what, spelled] of NOT_COLLECTORS) {
  test(`register() throws on ${spelled}, because it is not a collector`, () => {
    const registry = new CollectorRegistry();
    assert.throws(() => registry.register(what as Collector), {
      name: "TypeError",
      message: `Cannot register collector: it must have a collect() method: received ${spelled}`,
    });
    assert.equal(generateMetrics(registry), "");
  });
}

test("a function with a collect() method is a collector", () => {
  const registry = new CollectorRegistry();
  const collector = Object.assign(() => {}, {
    collect: () => [new MetricFamily("f", "", "gauge").addSample("f", {}, 1)],
  });
  assert.equal(registry.register(collector), collector);
  assert.equal(registry.getSampleValue("f"), 1);
});

test("registering the same object again changes nothing", () => {
  const registry = new CollectorRegistry();
  const counter = new Counter("jobs_total", "Jobs.", { registry });
  counter.inc();
  const before = generateMetrics(registry);
  assert.equal(registry.register(counter), counter);
  assert.equal(generateMetrics(registry), before);
});

test("one metric can be registered in several registries", () => {
  const counter = new Counter("jobs_total", "Jobs.", { registry: null });
  const registries = [new CollectorRegistry(), new CollectorRegistry({ prefix: "app" })];
  for (const registry of registries) registry.register(counter);
  counter.inc();
  assert.equal(registries[0]?.getSampleValue("jobs_total"), 1);
  assert.equal(registries[1]?.getSampleValue("app_jobs_total"), 1);
});

const CLASHES: [MetricType, string, MetricType, string, taken: string][] = [
  ["summary", "s", "counter", "s_count", "s_count"],
  ["summary", "s", "gauge", "s_sum", "s_sum"],
  ["counter", "s_count", "summary", "s", "s_count"],
  ["histogram", "h", "gauge", "h_bucket", "h_bucket"],
  ["gauge", "h_count", "histogram", "h", "h_count"],
  ["histogram", "h", "summary", "h", "h"],
  ["gaugehistogram", "g", "gauge", "g_gsum", "g_gsum"],
  ["gaugehistogram", "g", "gauge", "g_gcount", "g_gcount"],
  ["info", "build", "gauge", "build_info", "build_info"],
  ["stateset", "mode", "unknown", "mode", "mode"],
];

for (const [type, name, otherType, otherName, taken] of CLASHES) {
  for (const prefix of [null, "app"]) {
    const where = prefix === null ? "" : ` in a registry with a prefix`;
    test(`${otherType} ${otherName} clashes with ${type} ${name}${where}`, () => {
      const registry = new CollectorRegistry({ prefix });
      const existing = described(name, type);
      const rejected = described(otherName, otherType);
      registry.register(existing);
      const claimed = prefix === null ? taken : `${prefix}_${taken}`;
      assert.throws(() => registry.register(rejected), (error) => {
        assert.ok(error instanceof DuplicateMetricError);
        assert.equal(error.name, "DuplicateMetricError");
        assert.equal(error.existing, existing);
        assert.equal(error.rejected, rejected);
        assert.ok(error.message.includes(`the name "${claimed}" is claimed already`));
        return true;
      });
      assert.deepEqual(names(registry), [...existing.describe!()].map(({ name }) => name));
      assert.equal(registry.unregister(rejected), false);
    });
  }
}

test("names that only look alike do not clash", () => {
  const registry = new CollectorRegistry();
  for (const name of ["x", "x_sum", "x_bucket", "X", "x_info", "x_gsum"]) {
    registry.register(described(name));
  }
  registry.register(described("y_total", "counter"));
  registry.register(described("yy_total", "counter"));
  assert.equal(names(registry).length, 8);
});

test("a prefix may make a name clash with target_info", () => {
  const registry = new CollectorRegistry({ prefix: "target", targetInfo: { version: "1" } });
  assert.throws(() => new Gauge("info", "Clashes.", { registry }), DuplicateMetricError);
});

test("the other names of a refused collector stay free", () => {
  const registry = new CollectorRegistry();
  new Gauge("b", "B.", { registry });
  const families = ["a", "b"].map((name) => new MetricFamily(name, "", "gauge"));
  const both = { collect: () => families, describe: () => families };
  assert.throws(() => registry.register(both), DuplicateMetricError);
  new Gauge("a", "A.", { registry });
  assert.deepEqual(names(registry), ["b", "a"]);
});

test("the error of a clash names the metric that has the name", () => {
  const registry = new CollectorRegistry();
  new Summary("s", "S.", { registry });
  assert.throws(() => new Counter("s_count", "C.", { registry }), {
    message:
      'Cannot register "s_count": the name "s_count" is claimed already by "s" with another ' +
      'definition: use another name, or create the registry with onDuplicate "replace", "keep" ' +
      'or "merge"',
  });
  assert.throws(() => new Counter("s", "C.", { registry }), {
    message: /^Cannot register "s": the name "s" is claimed already with another definition: use/,
  });
});

test("unregister() matches by identity, never by name", () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry });
  const twin = new Gauge("g", "G.", { registry: null });
  assert.equal(registry.unregister(twin), false);
  assert.equal(registry.getSampleValue("g"), 0);
  assert.equal(registry.unregister(gauge), true);
  assert.equal(registry.unregister(gauge), false);
  assert.equal(generateMetrics(registry), "");
});

test("unregister() frees the names of a collector, which can be registered again", () => {
  const registry = new CollectorRegistry();
  const summary = new Summary("s", "S.", { registry });
  registry.unregister(summary);
  const gauge = new Gauge("s_count", "G.", { registry });
  assert.throws(() => registry.register(summary), DuplicateMetricError);
  registry.unregister(gauge);
  registry.register(summary);
  assert.deepEqual(names(registry), ["s"]);
});

test("families are in the order of registration, and series in the order of creation", () => {
  const registry = new CollectorRegistry();
  const labelNames = ["l"] as const;
  const z = new Gauge("z", "Z.", { registry, labelNames });
  new Gauge("a", "A.", { registry });
  z.labels("2").set(2);
  z.labels("1").set(1);
  z.labels("2").set(3);
  const first = new Gauge("m", "M.", { registry });
  registry.unregister(first);
  new Gauge("b", "B.", { registry });
  registry.register(first);
  assert.deepEqual(
    generateMetrics(registry).split("\n").filter((line) => !line.startsWith("#")),
    ['z{l="2"} 3', 'z{l="1"} 1', "a 0", "b 0", "m 0", ""],
  );
});

test("clear() removes all collectors, and keeps the target info", () => {
  const registry = new CollectorRegistry({ targetInfo: { version: "1" } });
  new Gauge("a", "A.", { registry });
  registry.countError("a", "error");
  registry.clear();
  assert.equal(
    generateMetrics(registry),
    '# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{version="1"} 1\n',
  );
  new Gauge("a", "Anew.", { registry });
  assert.equal(registry.getSampleValue("a"), 0);
});

test("HELP and TYPE are written for every registered metric, with or without series", () => {
  const registry = new CollectorRegistry();
  const labelNames = ["l"] as const;
  new Counter("c_total", "C.", { registry, labelNames });
  new Info("i", "I.", { registry });
  assert.equal(
    generateMetrics(registry),
    "# HELP c_total C.\n# TYPE c_total counter\n# HELP i_info I.\n# TYPE i_info gauge\n",
  );
});

test("names of the prototype of objects are valid names and labels", () => {
  const registry = new CollectorRegistry();
  const labelNames = ["constructor", "toString"] as const;
  const names = ["constructor", "toString", "hasOwnProperty", "valueOf"];
  for (const name of names) {
    const gauge = new Gauge(name, "Odd.", { registry, labelNames });
    gauge.labels({ constructor: "__proto__", toString: "prototype" }).set(2);
    assert.equal(
      registry.getSampleValue(name, { constructor: "__proto__", toString: "prototype" }),
      2,
    );
    assert.equal(registry.getSampleValue(name), undefined);
  }
  new Gauge("__proto__", "Odder.", { registry }).set(3);
  assert.equal(registry.getSampleValue("__proto__"), 3);
  assert.match(generateMetrics(registry), /^__proto__ 3$/m);
  assert.deepEqual(
    [...registry.restrictedRegistry(["constructor"]).collect()].map(({ name }) => name),
    ["constructor"],
  );
});

test("a collector without describe() claims no names, unless autoDescribe calls collect()", () => {
  let calls = 0;
  const collector = {
    *collect() {
      calls++;
      yield new MetricFamily("x", "X.", "gauge");
    },
  };
  const lazy = new CollectorRegistry();
  lazy.register(collector);
  assert.equal(calls, 0);
  new Gauge("x", "Free.", { registry: lazy });

  const eager = new CollectorRegistry({ autoDescribe: true });
  eager.register(collector);
  assert.equal(calls, 1);
  assert.throws(() => new Gauge("x", "Taken.", { registry: eager }), DuplicateMetricError);
});

test("autoDescribe does not call collect() if a collector has describe()", () => {
  const registry = new CollectorRegistry({ autoDescribe: true });
  const collect = () => assert.fail("asked");
  registry.register({ collect, describe: () => [new MetricFamily("x", "X.", "gauge")] });
  assert.throws(() => new Gauge("x", "Taken.", { registry }), DuplicateMetricError);
});

test("autoDescribe passes on an error of collect() at registration", () => {
  const registry = new CollectorRegistry({ autoDescribe: true });
  const collector = {
    collect: () => {
      throw new Error("not yet");
    },
  };
  assert.throws(() => registry.register(collector), { message: "not yet" });
  assert.equal(registry.unregister(collector), false);
});

test("autoDescribe ignores asynchronous collectors, and handles their rejections", async () => {
  const registry = new CollectorRegistry({ autoDescribe: true });
  registry.register({ collect: () => Promise.reject(new Error("heard")) });
  registry.register({
    async *collect() {
      yield new MetricFamily("x", "X.", "gauge");
    },
  });
  new Gauge("x", "Free.", { registry });
  await new Promise((resolve) => setTimeout(resolve, 0));
});

const LABELS_OF_ITS_OWN: [what: string, make: (registry: CollectorRegistry) => unknown][] = [
  ["a label name", (registry) => new Gauge("g", "G.", { registry, labelNames: ["le"] })],
  ["the label of a histogram", (registry) => new Histogram("h", "H.", { registry })],
];

for (const [what, make] of LABELS_OF_ITS_OWN) {
  test(`a constant label that is also ${what} is refused at registration`, () => {
    const registry = new CollectorRegistry({ constLabels: { le: "x" } });
    assert.throws(() => make(registry), {
      name: "TypeError",
      message: /^Cannot register \w+ "\w": label "le" is a constant label of the registry$/,
    });
    assert.equal(generateMetrics(registry), "");
  });
}

test("a constant label with the exposed name of a stateset is refused", () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { app_mode: "x" } });
  assert.throws(() => new StateSet("mode", "M.", { registry, states: ["a"] }), TypeError);
  new StateSet("app_mode", "Exposed as app_app_mode.", { registry, states: ["a"] });
});

test('onDuplicate "keep" keeps the first metric and warns once per name', () => {
  const warnings: unknown[][] = [];
  const original = console.warn;
  console.warn = (...args: unknown[]) => void warnings.push(args);
  try {
    const registry = new CollectorRegistry({ onDuplicate: "keep" });
    const first = new Counter("x_total", "First.", { registry });
    const second = new Counter("x_total", "Second.", { registry });
    new Gauge("x_total", "Third.", { registry });
    first.inc();
    second.inc(10);
    assert.notEqual(first, second);
    assert.equal(registry.getSampleValue("x_total"), 1);
    assert.deepEqual(warnings, [[
      'narthex: "x_total" is already registered; the first one is kept',
    ]]);
    new Summary("s", "S.", { registry });
    new Counter("s_count", "C.", { registry });
    assert.equal(warnings.length, 2);
  } finally {
    console.warn = original;
  }
});

const METRICS: Record<string, (registry: CollectorRegistry) => Collector> = {
  counter: (registry) => new Counter("m", "M.", { registry }),
  "counter with labels": (registry) => new Counter("m", "M.", { registry, labelNames: ["a", "b"] }),
  "counter with other labels": (registry) =>
    new Counter("m", "M.", { registry, labelNames: ["b"] }),
  "counter with labels in another order": (registry) =>
    new Counter("m", "M.", { registry, labelNames: ["b", "a"] }),
  "counter with a default label": (registry) =>
    new Counter("m", "M.", { registry, labelNames: ["a", "b"], defaultLabels: { a: "1" } }),
  "counter with another default": (registry) =>
    new Counter("m", "M.", { registry, labelNames: ["a", "b"], defaultLabels: { a: "2" } }),
  "counter with another help": (registry) => new Counter("m", "Other.", { registry }),
  gauge: (registry) => new Gauge("m", "M.", { registry }),
  histogram: (registry) => new Histogram("m", "M.", { registry }),
  "histogram with buckets": (registry) => new Histogram("m", "M.", { registry, buckets: [1, 2] }),
  "histogram with other buckets": (registry) =>
    new Histogram("m", "M.", { registry, buckets: [1] }),
  "native histogram": (registry) => new Histogram("m", "M.", { registry, nativeHistogram: true }),
  summary: (registry) => new Summary("m", "M.", { registry }),
  "summary with quantiles": (registry) => new Summary("m", "M.", { registry, quantiles: [0.5] }),
  stateset: (registry) => new StateSet("m", "M.", { registry, states: ["a", "b"] }),
  "stateset with other states": (registry) =>
    new StateSet("m", "M.", { registry, states: ["a", "c"] }),
};

test('onDuplicate "reuse" returns the existing metric for an equal definition', () => {
  for (const [what, make] of Object.entries(METRICS)) {
    const registry = new CollectorRegistry({ onDuplicate: "reuse" });
    assert.equal(make(registry), make(registry), what);
  }
});

test('onDuplicate "reuse" throws on every other definition, with both metrics in the error', () => {
  for (const [what, make] of Object.entries(METRICS)) {
    for (const [other, makeOther] of Object.entries(METRICS)) {
      if (what === other) continue;
      const registry = new CollectorRegistry({ onDuplicate: "reuse" });
      const existing = make(registry);
      assert.throws(() => makeOther(registry), (error) => {
        assert.ok(error instanceof DuplicateMetricError, `${other} after ${what}`);
        assert.equal(error.existing, existing);
        assert.notEqual(error.rejected, existing);
        return true;
      });
    }
  }
});

test('onDuplicate "reuse" keeps the values of the existing metric', () => {
  const registry = new CollectorRegistry({ onDuplicate: "reuse", prefix: "app" });
  const load = () => {
    const counter = new Counter("hits_total", "Hits.", { registry, labelNames: ["page"] });
    counter.labels("/").inc();
    return counter;
  };
  const first = load();
  assert.equal(load(), first);
  load();
  assert.equal(registry.getSampleValue("app_hits_total", { page: "/" }), 3);
});

test('onDuplicate "reuse" throws for collectors without a definition', () => {
  const registry = new CollectorRegistry({ onDuplicate: "reuse" });
  registry.register(described("x"));
  assert.throws(() => registry.register(described("x")), DuplicateMetricError);
});

test('onDuplicate "reuse" reuses only a metric of exactly that name', () => {
  const registry = new CollectorRegistry({ onDuplicate: "reuse" });
  new Summary("s", "S.", { registry });
  assert.throws(() => new Counter("s_count", "C.", { registry }), DuplicateMetricError);
});

test("the library's own names are claimed, including the prefix", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  const own = "narthex_collector_errors_total";
  assert.throws(() => new Counter(own, "", { registry }), DuplicateMetricError);
  assert.equal(generateMetrics(registry), "");
});

test("a label that equals the prefixed name of its stateset is refused", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  const options = { states: ["on"], labelNames: ["app_mode"], registry };
  assert.throws(() => new StateSet("mode", "", options), {
    name: "TypeError",
    message:
      'Cannot register stateset "mode": label "app_mode" is reserved for the stateset itself',
  });
  assert.deepEqual(names(registry), []);
});

test("a registry cannot collect from itself, and a proxy cannot stand for itself in a circle", () => {
  const registry = new CollectorRegistry();
  // @ts-expect-error A registry's collect() takes other options.
  assert.throws(() => registry.register(registry), { name: "TypeError" });
  const a = new CollectorRegistryProxy();
  const b = new CollectorRegistryProxy(new CollectorRegistryProxy(a));
  assert.throws(() => a.setRegistry(b), { name: "TypeError" });
  assert.equal(generateMetrics(b), "");
});

test("names that differ only in characters that older scrapers replace are duplicates", () => {
  const registry = new CollectorRegistry();
  const options = { nameValidation: "utf8", registry } as const;
  new Gauge("g.a", "", options);
  for (const name of ["g_a", "g a"]) {
    assert.throws(() => new Gauge(name, "", options), DuplicateMetricError);
  }
  for (const labelNames of [["a.b", "a b"], ["a.b", "a_b"]] as const) {
    assert.throws(() => new Gauge("h", "", { ...options, labelNames }), {
      name: "TypeError",
      message: `Cannot create gauge "h": label names must differ when written with underscores: ` +
        `received "${labelNames[1]}"`,
    });
  }
  new Gauge("h", "", { ...options, labelNames: ["a.b", "c d"] });
});

test("error counts of ever new names are limited", () => {
  const registry = new CollectorRegistry();
  let next = 0;
  registry.register({
    *collect() {
      for (let i = 0; i < 3000; i++) yield { name: `bad_${next++}` } as MetricFamily;
    },
  });
  generateMetrics(registry);
  const lines = generateMetrics(registry).split("\n").filter((line) => !line.startsWith("#"));
  assert.equal(lines.length - 1, 1001);
  const others = { collector: "others", cause: "invalid" };
  assert.ok(registry.getSampleValue("narthex_collector_errors_total", others)! >= 5000);
});

test("setConstLabels() throws if a metric has the label, and changes nothing", () => {
  const registry = new CollectorRegistry({ constLabels: { zone: "a" } });
  new Counter("hits_total", "H.", { registry, labelNames: ["region"] }).labels("eu").inc();
  assert.throws(
    () => registry.setConstLabels({ region: "us" }),
    /counter "hits_total": label "region" is a constant label of the registry/,
  );
  assert.match(generateMetrics(registry), /^hits_total\{.*zone="a".*\} 1$/m);
  assert.doesNotMatch(generateMetrics(registry), /us/);
});
