import assert from "node:assert/strict";
import { test } from "node:test";
import { type Context, context, metrics, trace, TraceFlags, ValueType } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  type InstrumentOptions,
  type Meter,
  meterProvider,
  type MeterProviderOptions,
} from "../../collectors/opentelemetry.ts";
import { translateName } from "../../collectors/opentelemetry/names.ts";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateProtobuf,
  REGISTRY,
  type Registry,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { ManualClock } from "../support/clock.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { decodeFamilies } from "../support/protobuf.ts";

function setUp(options: MeterProviderOptions = {}) {
  const registry = new CollectorRegistry();
  const errors: unknown[] = [];
  const provider = meterProvider({
    registry,
    scopes: "none",
    onError: (error) => errors.push(error),
    ...options,
  });
  const meter = provider.getMeter("test");
  /** Returns the samples of a scrape, without comments. */
  const scrape = (): string[] => samplesIn(generateMetrics(options.registry ?? registry));
  return { registry, provider, meter, errors, scrape };
}

/** Returns the active context with a span. */
function inSpan(traceFlags: number): Context {
  const span = trace.wrapSpanContext({
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    traceFlags,
  });
  return trace.setSpan(context.active(), span);
}

function samplesIn(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("every synchronous instrument becomes the family that the specification defines", () => {
  const { registry, meter } = setUp();
  meter.createCounter("jobs", { description: "Jobs." }).add(2, { queue: "mail" });
  const active = meter.createUpDownCounter("active", { description: "Active." });
  active.add(3);
  active.add(-1);
  const level = meter.createGauge("level", { description: "Level.", unit: "%" });
  level.record(7);
  level.record(4);
  const options = { description: "Wait.", unit: "s", advice: { explicitBucketBoundaries: [1, 2] } };
  const wait = meter.createHistogram("wait", options);
  for (const value of [0.5, 1, 3]) wait.record(value);
  assert.equal(
    generateMetrics(registry),
    `# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{queue="mail"} 2
# HELP active Active.
# TYPE active gauge
active 2
# HELP level_percent Level.
# TYPE level_percent gauge
level_percent 4
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 2
wait_seconds_bucket{le="2"} 2
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4.5
wait_seconds_count 3
`,
  );
});

test("an unused instrument is in no scrape", () => {
  const { registry, meter } = setUp();
  meter.createCounter("a");
  meter.createObservableGauge("b");
  assert.equal(generateMetrics(registry), "");
});

test("the default registry has native metrics and those of the global provider", async () => {
  const native = new Counter("otel_test_native_total", "N.");
  native.inc();
  const provider = meterProvider();
  assert.equal(metrics.setGlobalMeterProvider(provider), true);
  try {
    metrics.getMeter("lib", "1.2", { schemaUrl: "https://s" }).createCounter("otel.test").add(1);
    const text = generateMetrics(REGISTRY);
    assert.match(text, /^otel_test_native_total 1$/m);
    assert.match(
      text,
      /^otel_test_total\{otel_scope_name="lib",otel_scope_schema_url="https:\/\/s",otel_scope_version="1\.2"\} 1$/m,
    );
  } finally {
    metrics.disable();
    await provider.shutdown();
    REGISTRY.unregister(native);
  }
  assert.doesNotMatch(generateMetrics(REGISTRY), /otel_test/);
});

const NAMES: [name: string, unit: string, isCounter: boolean, expected: string, unit: string][] = [
  ["http.server.request.duration", "s", false, "http_server_request_duration_seconds", "seconds"],
  ["http.server.requests", "{request}", true, "http_server_requests_total", ""],
  ["network.io", "By", true, "network_io_bytes_total", "bytes"],
  ["network.io.total", "By", true, "network_io_bytes_total", "bytes"],
  ["speed", "m/s", false, "speed_meters_per_second", "meters_per_second"],
  ["rate", "{packet}/min", false, "rate_per_minute", "per_minute"],
  ["utilization", "1", false, "utilization_ratio", "ratio"],
  ["wait.seconds", "s", false, "wait_seconds", "seconds"],
  ["seconds.spent", "s", false, "seconds_spent", ""],
  ["a..b--c/d", "", false, "a_b_c_d", ""],
  ["memory", "MiBy", false, "memory_mebibytes", "mebibytes"],
  ["odd", "apples", false, "odd_apples", "apples"],
  ["odd", "ap/pl-es", false, "odd_ap_per_pl_es", "ap_per_pl_es"],
  ["2xx", "", true, "_2xx_total", ""],
  ["ü", "s", false, "", ""],
  ["x_total", "", false, "x_total", ""],
];
for (const [name, unit, isCounter, expected, expectedUnit] of NAMES) {
  test(`"${name}" in "${unit}" is ${JSON.stringify(expected)} as a ${isCounter ? "counter" : "gauge"}`, () => {
    const translated = translateName(name, unit, isCounter, "UnderscoreEscapingWithSuffixes");
    assert.deepEqual(translated, { name: expected, unit: expectedUnit });
  });
}

test("each translation strategy writes names as the specification defines", () => {
  const expected = {
    UnderscoreEscapingWithSuffixes: 'http_requests_seconds_total{http_route="/"} 1',
    UnderscoreEscapingWithoutSuffixes: 'http_requests{http_route="/"} 1',
    NoUTF8EscapingWithSuffixes: '{"http.requests_seconds_total","http.route"="/"} 1',
    NoTranslation: '{"http.requests","http.route"="/"} 1',
  } as const;
  for (const [translation, line] of Object.entries(expected)) {
    const { registry, meter } = setUp({ translation: translation as keyof typeof expected });
    meter.createCounter("http.requests", { unit: "s" }).add(1, { "http.route": "/" });
    const text = generateMetrics(registry, { escaping: "allow-utf-8" });
    assert.deepEqual(samplesIn(text), [line]);
  }
});

test("attributes of every type become labels, whatever their order", () => {
  const { meter, scrape } = setUp();
  const counter = meter.createCounter("c");
  counter.add(1, { b: true, a: 1.5, "c.d": "x" });
  counter.add(1, { "c.d": "x", a: 1.5, b: true });
  counter.add(1, { "c.d": "x", a: "1.5", b: "true", none: undefined, empty: "", nothing: null });
  assert.deepEqual(scrape(), ['c_total{a="1.5",b="true",c_d="x"} 3']);
  counter.add(1, { list: ["a", null, "b"], numbers: [1, 2] });
  const list = ["a"];
  counter.add(1, { list });
  list.push("b");
  counter.add(1, { list });
  counter.add(1, { big: 10n, object: { a: [1] }, lone: "\ud800", "": "no name" });
  assert.deepEqual(scrape().slice(1).sort(), [
    'c_total{big="10",lone="\ufffd",object="{\\"a\\":[1]}"} 1',
    'c_total{list="[\\"a\\",\\"b\\"]"} 1',
    'c_total{list="[\\"a\\",null,\\"b\\"]",numbers="[1,2]"} 1',
    'c_total{list="[\\"a\\"]"} 1',
  ]);
});

test("keys that become the same label are joined, and reserved labels are renamed", () => {
  const { meter, scrape } = setUp({ scopes: "labels" });
  meter.createCounter("c").add(1, {
    "a.b": "1",
    "a_b": "2",
    "a-b": "0",
    "9x": "digit",
    __name__: "n",
    otel_scope_name: "not the attribute",
  });
  const advice = { explicitBucketBoundaries: [1] };
  meter.createHistogram("h", { advice }).record(1, { le: "mine" });
  const [first, second] = scrape();
  assert.equal(
    first,
    'c_total{_name_="n",a_b="0;1;2",key_9x="digit",otel_scope_name="test"} 1',
  );
  assert.equal(second, 'h_bucket{exported_le="mine",otel_scope_name="test",le="1"} 1');
});

test("invalid values are ignored and counted, and nothing throws", () => {
  const { meter, scrape, errors } = setUp();
  // The compiler refuses these values, or they are invalid.
  const any = (value: unknown) => value as never;
  const counter = meter.createCounter("c");
  const active = meter.createUpDownCounter("u");
  const gauge = meter.createGauge("g");
  const histogram = meter.createHistogram("h");
  for (const value of [-1, NaN, Infinity, "1", undefined, null, 1n, {}]) counter.add(any(value));
  for (const value of [NaN, Infinity, -Infinity, "1", undefined]) active.add(any(value));
  for (const value of ["1", undefined, {}]) gauge.record(any(value));
  for (const value of [-1, NaN, -Infinity, "1", null]) histogram.record(any(value));
  const hostile = new Proxy({}, {
    ownKeys() {
      throw new Error("hostile");
    },
  });
  counter.add(1, hostile);
  for (const attributes of [null, "text", 7, Symbol("s"), () => {}]) {
    counter.add(1, any(attributes));
  }
  gauge.record(NaN);
  assert.deepEqual(scrape().sort(), [
    "c_total 5",
    "g NaN",
    'narthex_opentelemetry_dropped_total{instrument="c",cause="attributes"} 1',
    'narthex_opentelemetry_dropped_total{instrument="c",cause="value"} 8',
    'narthex_opentelemetry_dropped_total{instrument="g",cause="value"} 3',
    'narthex_opentelemetry_dropped_total{instrument="h",cause="value"} 5',
    'narthex_opentelemetry_dropped_total{instrument="u",cause="value"} 5',
  ]);
  assert.match(String(errors[0]), /hostile/);
  for (const name of ["", 7, null, undefined, {}, "é"]) {
    const strange = meter.createCounter(any(name), any(name));
    strange.add(1);
    meter.createObservableGauge(any(name), any(7)).addCallback(any("no function"));
  }
  meter.createHistogram("bad", { advice: { explicitBucketBoundaries: [2, 1] } }).record(1);
  meter.addBatchObservableCallback(any(null), any(null));
  meter.removeBatchObservableCallback(any(null), any([1]));
  assert.ok(scrape().length >= 7);
});

test("integer instruments truncate values", () => {
  const { meter, scrape } = setUp();
  const options: InstrumentOptions = { valueType: ValueType.INT };
  meter.createCounter("c", options).add(2.9);
  meter.createUpDownCounter("u", options).add(-2.9);
  meter.createGauge("g", options).record(3.7);
  meter.createObservableGauge("o", options).addCallback((result) => result.observe(1.5));
  meter.createHistogram("h", { ...options, advice: { explicitBucketBoundaries: [1] } }).record(1.9);
  assert.deepEqual(scrape().filter((line) => !line.includes("bucket")), [
    "c_total 2",
    "u -2",
    "g 3",
    "o 1",
    "h_sum 1",
    "h_count 1",
  ]);
});

test("values beyond the limit count in the overflow series of each instrument", () => {
  const { meter, scrape } = setUp({ maxSeries: 3 });
  const counter = meter.createCounter("c");
  const other = meter.createUpDownCounter("u");
  for (let id = 0; id < 10; id++) {
    counter.add(1, { id });
    other.add(1, { id });
  }
  counter.add(1, { id: 0 });
  const expected = (name: string, first: number) => [
    `${name}{id="0"} ${first}`,
    `${name}{id="1"} 1`,
    `${name}{otel_metric_overflow="true"} 8`,
  ];
  assert.deepEqual(scrape(), [...expected("c_total", 2), ...expected("u", 1)]);
});

test("the limit is 2000 by default, or that of the registry", () => {
  const limits: [Registry, number][] = [
    [new CollectorRegistry(), 2000],
    [new CollectorRegistry({ maxSeries: 5 }), 5],
  ];
  for (const [registry, limit] of limits) {
    const { meter, scrape } = setUp({ registry });
    const counter = meter.createCounter("c");
    for (let id = 0; id < 2100; id++) counter.add(1, { id });
    assert.equal(scrape().length, limit);
  }
});

test("many orders of attributes need limited memory, and are still counted", () => {
  const { meter, scrape } = setUp({ maxSeries: 2 });
  const counter = meter.createCounter("c");
  const keys = ["a", "b", "c", "d", "e"];
  let count = 0;
  const permute = (left: string[], done: string[]): void => {
    if (left.length === 0) {
      counter.add(1, Object.fromEntries(done.map((key) => [key, 1])));
      count++;
    }
    for (const key of left) permute(left.filter((other) => other !== key), [...done, key]);
  };
  permute(keys, []);
  assert.equal(count, 120);
  assert.deepEqual(scrape(), ['c_total{a="1",b="1",c="1",d="1",e="1"} 120']);
});

test("equal meters and instruments are the same, and other scopes have other series", () => {
  const { provider, scrape } = setUp({ scopes: "labels" });
  const one = provider.getMeter("one", "1");
  assert.equal(provider.getMeter("one", "1"), one);
  assert.equal(one.createCounter("c"), one.createCounter("c"));
  one.createCounter("c").add(1);
  one.createCounter("c", { description: "Another." }).add(1);
  provider.getMeter("one", "2").createCounter("c").add(5);
  assert.deepEqual(scrape(), [
    'c_total{otel_scope_name="one",otel_scope_version="1"} 2',
    'c_total{otel_scope_name="one",otel_scope_version="2"} 5',
  ]);
});

test("a histogram keeps its first buckets, and reports others", () => {
  const { meter, errors, scrape } = setUp();
  const create = (explicitBucketBoundaries: number[]) =>
    meter.createHistogram("h", { advice: { explicitBucketBoundaries } });
  create([1]).record(1);
  create([1]).record(1);
  assert.deepEqual(errors, []);
  create([2]).record(1);
  assert.deepEqual(errors.map(String), [
    'TypeError: Cannot use buckets for "h": they must be those of the first instrument of this ' +
    "name, [1]: received [2]",
  ]);
  assert.deepEqual(scrape(), [
    'h_bucket{le="1"} 3',
    'h_bucket{le="+Inf"} 3',
    "h_sum 3",
    "h_count 3",
  ]);
});

test("two instruments never have two series with equal labels", () => {
  const { provider, scrape } = setUp();
  for (const [i, bound] of [1, 2].entries()) {
    // Without scope labels their series are the same, and so are those of integers and doubles.
    for (const valueType of [ValueType.INT, ValueType.DOUBLE]) {
      provider.getMeter(`scope ${i}`)
        .createHistogram("h", { valueType, advice: { explicitBucketBoundaries: [bound] } })
        .record(1, { a: 1 });
    }
  }
  assert.deepEqual(scrape(), [
    'h_bucket{a="1",le="1"} 4',
    'h_bucket{a="1",le="+Inf"} 4',
    'h_sum{a="1"} 4',
    'h_count{a="1"} 4',
  ]);
});

test("invalid advice is reported, and the default bounds are used", () => {
  const { meter, errors, scrape } = setUp();
  for (const [i, bounds] of [[1, NaN], ["1"], 7, null].entries()) {
    // The compiler accepts only the first.
    const advice = { explicitBucketBoundaries: bounds as number[] };
    meter.createHistogram(`h${i}`, { advice }).record(1);
    assert.equal(scrape().filter((line) => line.startsWith(`h${i}_bucket`)).length, 16);
  }
  assert.equal(errors.length, 4);
  assert.match(String(errors[0]), /"h0": explicitBucketBoundaries must be an array of numbers$/);
});

test("attributes of a scope are in otel_scope_info", () => {
  const { provider, scrape } = setUp({ scopes: "labels" });
  provider.getMeter("lib", "2", { attributes: { "library.mascot": "bear" } }).createGauge("g")
    .record(1);
  assert.deepEqual(scrape().sort(), [
    'g{otel_scope_name="lib",otel_scope_version="2"} 1',
    'otel_scope_info{library_mascot="bear",otel_scope_name="lib",otel_scope_version="2"} 1',
  ]);
});

test("the resource is the target info", () => {
  for (const attributes of [{ "service.name": "shop", pid: 7, tags: ["a"] }]) {
    for (const resource of [attributes, { attributes, merge: () => {} }]) {
      const { scrape } = setUp({ resource });
      assert.deepEqual(scrape(), ['target_info{pid="7",service_name="shop",tags="[\\"a\\"]"} 1']);
    }
  }
});

test("the first of two types of one name is exposed, and the other is counted", () => {
  const { meter, scrape, errors } = setUp();
  meter.createCounter("x.total").add(1);
  meter.createObservableCounter("x").addCallback((result) => result.observe(5));
  meter.createGauge("y").record(1);
  meter.createHistogram("y").record(1);
  assert.deepEqual(scrape().sort(), [
    'narthex_opentelemetry_dropped_total{instrument="x",cause="conflict"} 1',
    'narthex_opentelemetry_dropped_total{instrument="y",cause="conflict"} 1',
    "x_total 1",
    "y 1",
  ]);
  assert.match(String(errors[1]), /^TypeError: Cannot create metric "y": another instrument/);
});

test("a native metric keeps its name", () => {
  const registry = new CollectorRegistry();
  new Gauge("taken", "T.", { registry }).set(4);
  const { meter, scrape, errors } = setUp({ registry });
  meter.createGauge("taken").record(9);
  assert.ok(scrape().includes("taken 4"));
  assert.match(String(errors[0]), /^DuplicateMetricError/);
});

test("a provider that is created again, as in a hot reload, continues to count", () => {
  const registry = new CollectorRegistry();
  const first = setUp({ registry });
  first.meter.createCounter("c").add(2);
  const second = setUp({ registry });
  second.meter.createCounter("c").add(3);
  assert.deepEqual(second.scrape(), ["c_total 5"]);
});

test("views set names, attributes, buckets, native histograms and limits, and drop instruments", () => {
  const { registry, provider } = setUp({
    views: [
      { instrumentName: "renamed", name: "new.name", description: "New." },
      { instrumentName: "few*", attributes: ["keep"] },
      { instrumentName: "most", attributes: { exclude: ["user.id"] } },
      { instrumentKind: "histogram", instrumentUnit: "s", buckets: [1, 5] },
      { instrumentName: "native?", nativeHistogram: { bucketFactor: 2 } },
      { instrumentName: "NOISE.*", meterName: "test", drop: true },
      { instrumentName: "small", maxSeries: 1 },
    ],
  });
  const meter = provider.getMeter("test");
  meter.createCounter("renamed", { description: "Old." }).add(1);
  const few = meter.createCounter("few.a");
  for (let user = 0; user < 5; user++) few.add(1, { user, keep: "k" });
  meter.createCounter("most").add(1, { "user.id": 7, page: "/" });
  meter.createHistogram("wait", { unit: "s" }).record(3);
  meter.createHistogram("native1", { unit: "By" }).record(3);
  meter.createCounter("noise.a").add(1);
  provider.getMeter("other").createCounter("noise.a").add(1);
  meter.createCounter("small").add(1, { a: 1 });
  const text = generateMetrics(registry);
  assert.match(text, /^# HELP new_name_total New\.$/m);
  assert.deepEqual(samplesIn(text), [
    "new_name_total 1",
    'few_a_total{keep="k"} 5',
    'most_total{page="/"} 1',
    'wait_seconds_bucket{le="1"} 0',
    'wait_seconds_bucket{le="5"} 1',
    'wait_seconds_bucket{le="+Inf"} 1',
    "wait_seconds_sum 3",
    "wait_seconds_count 1",
    'native1_bytes_bucket{le="+Inf"} 1',
    "native1_bytes_sum 3",
    "native1_bytes_count 1",
    "noise_a_total 1",
    'small_total{otel_metric_overflow="true"} 1',
  ]);
  const families = [...gather(registry)];
  const native = families.find(({ name }) => name === "native1_bytes")!;
  const [metric] = native.metrics as Iterable<{ native?: { schema: number } }>;
  assert.equal(metric?.native?.schema, 0);
  assert.ok(generateProtobuf(registry).length > 0);
});

test("an instrument that matches several views becomes several metrics", () => {
  const { meter, scrape } = setUp({
    views: [
      { instrumentName: "c", name: "by.page", attributes: ["page"] },
      { instrumentName: "c", name: "all", attributes: [] },
    ],
  });
  const counter = meter.createCounter("c");
  for (const page of ["a", "b", "a"]) counter.add(1, { page });
  assert.deepEqual(scrape(), [
    'by_page_total{page="a"} 2',
    'by_page_total{page="b"} 1',
    "all_total 3",
  ]);
});

test("observable instruments are read in each scrape, and forget values that are no longer observed", () => {
  const { meter, scrape } = setUp();
  let value = 1;
  const options = { unit: "By" };
  meter.createObservableCounter("c", options).addCallback((r) => r.observe(value * 10, { a: 1 }));
  const gauge = meter.createObservableGauge("g");
  const callback = (r: { observe(value: number, attributes?: object): void }) => {
    r.observe(0, { n: value });
    r.observe(value, { n: value });
  };
  gauge.addCallback(callback);
  gauge.addCallback(callback);
  meter.createObservableUpDownCounter("u").addCallback((r) => r.observe(-value));
  assert.deepEqual(scrape(), ['c_bytes_total{a="1"} 10', 'g{n="1"} 1', "u -1"]);
  value = 2;
  assert.deepEqual(scrape(), ['c_bytes_total{a="1"} 20', 'g{n="2"} 2', "u -2"]);
  gauge.removeCallback(callback);
  assert.deepEqual(scrape(), ['c_bytes_total{a="1"} 20', "u -2"]);
});

test("a batch callback is called once per read for all its instruments", async () => {
  const { registry, meter, scrape } = setUp();
  const a = meter.createObservableGauge("a");
  const b = meter.createObservableGauge("b");
  const stranger = meter.createObservableGauge("stranger");
  let calls = 0;
  const callback = (result: { observe(of: typeof a, value: number): void }) => {
    calls++;
    for (const gauge of [a, b, stranger]) result.observe(gauge, calls);
  };
  meter.addBatchObservableCallback(callback, [a, b]);
  meter.addBatchObservableCallback(callback, [b, a]);
  assert.deepEqual(scrape(), ["a 1", "b 1"]);
  assert.deepEqual(scrape(), ["a 2", "b 2"], "in the same turn");
  await Promise.resolve();
  assert.deepEqual(samplesIn(await generateMetricsAsync(registry)), ["a 3", "b 3"]);
  assert.deepEqual(samplesIn(generateMetrics(registry.restrictedRegistry(["b"]) as Registry)), [
    "b 4",
  ]);
  meter.removeBatchObservableCallback(callback, [a, b]);
  assert.deepEqual(scrape(), []);
});

test("asynchronous callbacks are awaited by asynchronous reads, and run once at a time", async () => {
  const { registry, meter, scrape } = setUp();
  let calls = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const callback = async (result: { observe(value: number): void }) => {
    calls++;
    await promise;
    result.observe(7);
  };
  meter.createObservableGauge("slow").addCallback(callback);
  meter.createObservableGauge("fast").addCallback((result) => result.observe(1));
  assert.deepEqual(scrape(), [
    "fast 1",
    'narthex_collector_errors_total{collector="slow",cause="async"} 1',
  ]);
  const reads = [generateMetricsAsync(registry), generateMetricsAsync(registry)];
  resolve();
  for (const text of await Promise.all(reads)) assert.match(text, /^slow 7$/m);
  assert.equal(calls, 1, "the synchronous read started this call");
});

test("a callback that throws or rejects loses only its own observations", async () => {
  const { registry, meter, errors } = setUp();
  const gauge = meter.createObservableGauge("g");
  gauge.addCallback((result) => result.observe(1, { by: "good" }));
  gauge.addCallback((result) => {
    result.observe(1, { by: "bad" });
    throw new Error("broken");
  });
  gauge.addCallback(async (result) => {
    result.observe(1, { by: "late" });
    await Promise.reject(new Error("rejected"));
  });
  assert.deepEqual(samplesIn(await generateMetricsAsync(registry)), ['g{by="good"} 1']);
  assert.deepEqual(errors.map(String), ["Error: broken", "Error: rejected"]);
});

test("observed values beyond the limit are one series, and a view adds values of equal labels", () => {
  const { meter, scrape } = setUp({
    views: [{ instrumentName: "few", attributes: ["zone"] }, { instrumentName: "u", maxSeries: 2 }],
  });
  meter.createObservableCounter("few").addCallback((result) => {
    for (const id of [1, 2, 3]) result.observe(id, { id, zone: "a" });
    result.observe(100, { id: 3, zone: "a" });
    result.observe(-5, { id: 4 });
  });
  meter.createObservableUpDownCounter("u").addCallback((result) => {
    for (const id of [1, 2, 3]) result.observe(id, { id });
  });
  scrape(); // The next scrape has its dropped values.
  assert.deepEqual(scrape().sort(), [
    'few_total{zone="a"} 103',
    'narthex_opentelemetry_dropped_total{instrument="few",cause="value"} 1',
    'u{id="1"} 1',
    'u{otel_metric_overflow="true"} 5',
  ]);
});

test("counters and histograms have exemplars of the active span, if it is sampled", () => {
  const clock = new ManualClock();
  const { registry, meter } = setUp({ clock });
  const counter = meter.createCounter("c");
  const histogram = meter.createHistogram("h", { advice: { explicitBucketBoundaries: [1] } });
  const manager = new AsyncLocalStorageContextManager().enable();
  assert.equal(context.setGlobalContextManager(manager), true);
  try {
    context.with(inSpan(TraceFlags.NONE), () => counter.add(1));
    assert.doesNotMatch(generateOpenMetrics(registry), /trace_id/);
    context.with(inSpan(TraceFlags.SAMPLED), () => {
      counter.add(2);
      histogram.record(0.5);
    });
    counter.add(4);
    // A given context is used instead of the active one.
    histogram.record(3, {}, inSpan(TraceFlags.SAMPLED));
  } finally {
    context.disable();
  }
  const exemplar = '# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"}';
  const text = generateOpenMetrics(registry);
  assert.ok(text.includes(`c_total 7 ${exemplar} 2 1700000000`), text);
  assert.ok(text.includes(`h_bucket{le="1.0"} 1 ${exemplar} 0.5 1700000000`), text);
  assert.ok(text.includes(`h_bucket{le="+Inf"} 2 ${exemplar} 3 1700000000`), text);
});

test("exemplars can be turned off", () => {
  const { registry, meter } = setUp({ exemplars: false });
  meter.createCounter("c").add(1, {}, inSpan(TraceFlags.SAMPLED));
  assert.doesNotMatch(generateOpenMetrics(registry), /trace_id/);
});

test("a tracer that is registered after the first measurement is found", async () => {
  const key = Symbol.for("opentelemetry.js.api.1");
  // Only the API sets this property.
  const scope = globalThis as { [key]?: unknown };
  const registered = scope[key];
  delete scope[key];
  try {
    // A copy of the module that has not yet found the API. Bun ignores the query of a whole URL.
    const url = new URL("../../collectors/opentelemetry/span.ts?late", import.meta.url);
    const { prepareSpanLabels, spanLabels }:
      typeof import("../../collectors/opentelemetry/span.ts") = await import(
        url.pathname + url.search
      );
    assert.equal(spanLabels(undefined), undefined);
    prepareSpanLabels();
    assert.equal(spanLabels(undefined), undefined);
    const manager = new AsyncLocalStorageContextManager().enable();
    assert.equal(context.setGlobalContextManager(manager), true);
    context.with(inSpan(TraceFlags.SAMPLED), () => {
      assert.equal(spanLabels(undefined)?.["span_id"], "00f067aa0ba902b7");
    });
  } finally {
    context.disable();
    scope[key] = registered;
  }
});

test("units and start times go into protobuf", () => {
  const clock = new ManualClock();
  const { registry, meter } = setUp({ clock });
  meter.createCounter("c", { unit: "By" }).add(1);
  const [family] = decodeFamilies(generateProtobuf(registry));
  assert.equal(family!.name, "c_bytes_total");
  assert.equal(family!.unit, "bytes");
});

test("a store sums the counts of several processes, and has the values of observable gauges", async () => {
  const store = new MemoryStore();
  const processes = await Promise.all([1, 2].map(async (pid) => {
    const { registry, meter } = setUp();
    const shared = await loadBackend(store.backend(), { registry, intervalMs: 3_600_000 });
    const advice = { explicitBucketBoundaries: [1] };
    meter.createCounter("jobs").add(pid, { queue: "mail", n: pid });
    meter.createCounter("jobs").add(10 * pid, { queue: "mail" });
    meter.createUpDownCounter("active").add(pid);
    meter.createHistogram("wait", { advice }).record(pid);
    meter.createObservableGauge("observed").addCallback((result) => result.observe(pid));
    await shared.flush();
    return shared;
  }));
  const lines = samplesIn(await generateMetricsAsync(processes[1]));
  for (
    const line of [
      'jobs_total{n="1",queue="mail"} 1',
      'jobs_total{n="2",queue="mail"} 2',
      'jobs_total{queue="mail"} 30',
      "active 3",
      'wait_bucket{le="1"} 1',
      "wait_count 2",
      "observed 2",
    ]
  ) assert.ok(lines.includes(line), `${line} is missing in\n${lines.join("\n")}`);
  for (const shared of processes) await shared.close();
});

test("meterProvider() throws on invalid options", () => {
  // The options are invalid on purpose.
  const make = (options: unknown) => () => meterProvider(options as MeterProviderOptions);
  const cases: [unknown, RegExp][] = [
    [{ registry: {} }, /registry must be a registry/],
    [{ translation: "None" }, /translation must be one of Underscore/],
    [{ maxSeries: 0 }, /maxSeries must be an integer >= 1, or Infinity: received 0/],
    [{ scopes: true }, /scopes must be "labels" or "none"/],
    [{ views: {} }, /views must be an array/],
    [{ views: [{ boundaries: [] }] }, /view: unknown option "boundaries"/],
    [{ views: [{ instrumentName: "a*", name: "b" }] }, /a view with a name must be for one/],
    [{ views: [{ attributes: "a" }] }, /attributes of a view must be an array of keys/],
    [{ views: [{ maxSeries: -1 }] }, /maxSeries must be/],
    [{ onError: 7 }, /onError must be a function/],
    [{ view: [] }, /unknown option "view"/],
    [new CollectorRegistry(), /not the registry itself/],
  ];
  for (const [options, message] of cases) assert.throws(make(options), message);
});

test("a meter works detached from its provider", () => {
  const { provider, scrape } = setUp();
  const meter: Meter = provider.getMeter("x");
  meter.createCounter("c").add(1);
  assert.deepEqual(scrape(), ["c_total 1"]);
});
