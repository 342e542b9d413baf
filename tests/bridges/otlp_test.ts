import assert from "node:assert/strict";
import { test } from "node:test";
import { exportOtlp, OtlpError, type OtlpExportOptions } from "../../bridges/otlp.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import {
  FakeCollector,
  metricsOf,
  type OtlpReply,
  partialSuccess,
  plain,
  type ReceivedMetric,
} from "../support/otlp.ts";
import { PauseClock, REQUEST_TIMEOUT_MS } from "../support/remote_write.ts";

const URL_TEXT = "http://localhost:4318/v1/metrics";
const SECONDS = 1_700_000_000;
const NANOSECONDS = "1700000000000000000";

/** Returns a registry with a metric of every type, with a clock that does not move. */
function everyType(): CollectorRegistry {
  const clock = new ManualClock(SECONDS);
  const registry = new CollectorRegistry({ targetInfo: { host: "h1" } });
  const options = { registry, clock };
  new Counter("jobs_total", "Jobs.", { ...options, labelNames: ["queue", "empty"] })
    .labels("mail", "").inc(3, {
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      span_id: "00F067AA0BA902B7",
      user: "ann",
    });
  new Gauge("temperature", "T.", { ...options, unit: "celsius" }).set(-1.5);
  const seconds = new Histogram("wait", "W.", { ...options, unit: "seconds", buckets: [0.5, 1] });
  for (const value of [0.5, 0.75, 3]) seconds.observe(value);
  seconds.observe(0.75, { trace_id: "no id" });
  const native = new Histogram("native", "N.", {
    ...options,
    nativeHistogram: { bucketFactor: 2 },
  });
  for (const value of [0, -3, 1, 1.5, 16]) native.observe(value);
  const summary = new Summary("size", "S.", { ...options, unit: "bytes", quantiles: [0.5, 1] });
  for (const value of [1, 1, 1]) summary.observe(value);
  new Info("build", "B.", options).info({ version: "1.2" });
  new StateSet("oven", "O.", { ...options, states: ["cold", "hot"] }).state("hot");
  registry.register({
    collect: () => [
      new MetricFamily("anything", "", "unknown")
        .addSample("anything", {}, NaN, { timestamp: SECONDS - 60 }),
      new MetricFamily("sizes", "", "gaugehistogram").addSample("sizes_bucket", { le: "+Inf" }, 3),
      new MetricFamily("no_count", "", "histogram").addSample("no_count_sum", {}, 3),
      new MetricFamily("no_sum", "", "summary").addSample("no_sum_count", {}, 3),
      new MetricFamily("otel_scope_info", "", "info").addSample("otel_scope_info", {
        otel_scope_name: "lib",
        otel_scope_version: "2",
        mascot: "bear",
      }, 1),
      new MetricFamily("scoped", "", "gauge").addSample("scoped", {
        otel_scope_name: "lib",
        otel_scope_version: "2",
        otel_scope_schema_url: "https://schema",
        a: "b",
      }, 1),
    ],
  });
  return registry;
}

async function send(
  registry: CollectorRegistry,
  options: OtlpExportOptions = {},
  replies: OtlpReply[] = [],
): Promise<FakeCollector> {
  const collector = new FakeCollector();
  collector.replies = replies;
  await exportOtlp(URL_TEXT, {
    registry,
    fetch: collector.fetch,
    clock: new ManualClock(SECONDS),
    resource: { "service.instance.id": "one" },
    ...options,
  });
  return collector;
}

const TIMES = { startTimeUnixNano: NANOSECONDS, timeUnixNano: NANOSECONDS };
const EXPECTED: ReceivedMetric[] = [
  {
    name: "jobs_total",
    description: "Jobs.",
    sum: {
      dataPoints: [{
        attributes: [{ key: "queue", value: { stringValue: "mail" } }],
        ...TIMES,
        asDouble: 3,
        exemplars: [{
          timeUnixNano: NANOSECONDS,
          asDouble: 3,
          traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
          spanId: "00f067aa0ba902b7",
          filteredAttributes: [{ key: "user", value: { stringValue: "ann" } }],
        }],
      }],
      aggregationTemporality: 2,
      isMonotonic: true,
    },
  },
  {
    name: "temperature_celsius",
    description: "T.",
    unit: "Cel",
    gauge: { dataPoints: [{ timeUnixNano: NANOSECONDS, asDouble: -1.5 }] },
  },
  {
    name: "wait_seconds",
    description: "W.",
    unit: "s",
    histogram: {
      dataPoints: [{
        ...TIMES,
        count: "4",
        sum: 5,
        bucketCounts: ["1", "2", "1"],
        explicitBounds: [0.5, 1],
        exemplars: [{
          timeUnixNano: NANOSECONDS,
          asDouble: 0.75,
          filteredAttributes: [{ key: "trace_id", value: { stringValue: "no id" } }],
        }],
      }],
      aggregationTemporality: 2,
    },
  },
  {
    name: "native",
    description: "N.",
    exponentialHistogram: {
      dataPoints: [{
        ...TIMES,
        count: "5",
        sum: 15.5,
        scale: 0,
        zeroCount: "1",
        // 1 is the upper bound of the bucket (0.5, 1], which OTLP numbers -1.
        positive: { offset: -1, bucketCounts: ["1", "1", "0", "0", "1"] },
        negative: { offset: 1, bucketCounts: ["1"] },
        zeroThreshold: 2 ** -128,
      }],
      aggregationTemporality: 2,
    },
  },
  {
    name: "size_bytes",
    description: "S.",
    unit: "By",
    summary: {
      dataPoints: [{
        ...TIMES,
        count: "3",
        sum: 3,
        quantileValues: [{ quantile: 0.5, value: 1 }, { quantile: 1, value: 1 }],
      }],
    },
  },
  {
    name: "build_info",
    description: "B.",
    sum: {
      dataPoints: [{
        attributes: [{ key: "version", value: { stringValue: "1.2" } }],
        ...TIMES,
        asDouble: 1,
      }],
      aggregationTemporality: 2,
      isMonotonic: false,
    },
  },
  {
    name: "oven",
    description: "O.",
    sum: {
      dataPoints: [0, 1].map((asDouble) => ({
        attributes: [{ key: "oven", value: { stringValue: asDouble === 1 ? "hot" : "cold" } }],
        ...TIMES,
        asDouble,
      })),
      aggregationTemporality: 2,
      isMonotonic: false,
    },
  },
  {
    name: "anything",
    // NaN becomes null in a copy by JSON.
    gauge: { dataPoints: [{ timeUnixNano: "1699999940000000000", asDouble: null! }] },
  },
  { name: "no_sum", summary: { dataPoints: [{ ...TIMES, count: "3", sum: 0 }] } },
  {
    name: "scoped",
    gauge: {
      dataPoints: [{
        attributes: [{ key: "a", value: { stringValue: "b" } }],
        timeUnixNano: NANOSECONDS,
        asDouble: 1,
      }],
    },
  },
];

/** Removes empty parts that only JSON has, and parts that the protobuf definitions lack. */
function normalize(metrics: readonly ReceivedMetric[]): unknown {
  return JSON.parse(JSON.stringify(metrics, (key, value) => {
    if (key === "metadata" || (Array.isArray(value) && value.length === 0)) return undefined;
    return value === "NaN" ? null : value;
  }));
}

for (const protocol of ["http/protobuf", "http/json"] as const) {
  for (const compression of ["none", "gzip"] as const) {
    test(`every type arrives by ${protocol} with compression ${compression}`, async () => {
      const { arrived } = await send(everyType(), { protocol, compression });
      assert.equal(arrived.length, 1);
      const [{ url, headers, request }] = arrived as [typeof arrived[0] & object];
      assert.equal(url, URL_TEXT);
      assert.equal(headers.get("content-encoding"), compression === "gzip" ? "gzip" : null);
      assert.equal(headers.get("user-agent"), "narthex/0.1.0");
      assert.deepEqual(normalize(metricsOf(request)), normalize(EXPECTED));
      const [{ resource, scopeMetrics }] = request.resourceMetrics as [
        typeof request.resourceMetrics[0],
      ];
      assert.deepEqual(plain(resource.attributes), {
        "service.name": "unknown_service",
        "service.instance.id": "one",
        host: "h1",
      });
      assert.deepEqual(
        scopeMetrics.map(({ scope, schemaUrl, metrics }) => [
          scope.name,
          scope.version,
          plain(scope.attributes),
          schemaUrl || undefined,
          metrics.length,
        ]),
        [
          ["@narthex/prometheus", "0.1.0", {}, undefined, 9],
          ["lib", "2", { mascot: "bear" }, "https://schema", 1],
        ],
      );
      if (protocol === "http/json") {
        assert.deepEqual(
          metricsOf(request).map(({ metadata }) => plain(metadata)["prometheus.type"]),
          ["counter", "gauge", "histogram", "histogram", "summary", "info", "stateset", "unknown"]
            .concat(["summary", "gauge"]),
        );
      }
    });
  }
}

test("native histograms can be sent as classic ones, and exemplars can be left out", async () => {
  const registry = new CollectorRegistry();
  const both = new Histogram("both", "", { registry, buckets: [1], nativeHistogram: true });
  both.observe(1, { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736" });
  const pick = async (options: OtlpExportOptions) =>
    Object.keys((await send(registry, options)).metrics[0]!);
  assert.ok((await pick({})).includes("exponentialHistogram"));
  assert.ok((await pick({ nativeHistograms: false })).includes("histogram"));
  const { metrics } = await send(registry, { exemplars: false });
  assert.equal(metrics[0]!.exponentialHistogram!.dataPoints[0]!.exemplars, undefined);
});

test("a native histogram with a wide range is sent at a lower resolution without losing counts", async () => {
  const registry = new CollectorRegistry();
  const wide = new Histogram("wide", "", {
    registry,
    nativeHistogram: { bucketFactor: 1.005, maxBuckets: 0 },
  });
  for (const value of [1e-30, 1, 1.001, 1e30]) wide.observe(value);
  const { metrics } = await send(registry);
  const point = metrics[0]!.exponentialHistogram!.dataPoints[0]!;
  const counts = point.positive!.bucketCounts.map(Number);
  assert.ok(counts.length <= 1024, `${counts.length}`);
  assert.equal(counts.reduce((sum, count) => sum + count), 4);
  // Each value is in the bucket that OTLP defines: (base^index, base^(index + 1)].
  const base = 2 ** (2 ** -point.scale!);
  const filled = counts.flatMap((count, i) => count > 0 ? [point.positive!.offset + i] : []);
  const expected = [1e-30, 1, 1.001, 1e30].map((value) =>
    Math.ceil(Math.log(value) / Math.log(base) - 1e-9) - 1
  );
  assert.deepEqual(filled, [...new Set(expected)]);
});

test("a large registry is sent in requests of limited size, one at a time", async () => {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "", { registry, labelNames: ["id"] });
  for (let id = 0; id < 1000; id++) jobs.labels({ id }).inc(id);
  const { arrived } = await send(registry, { maxPointsPerRequest: 300 });
  const sizes = arrived.map(({ request }) => metricsOf(request)[0]!.sum!.dataPoints.length);
  assert.deepEqual(sizes, [300, 300, 300, 100]);
});

test("resource attributes come from options, then target info, then defaults, and empty ones are omitted", async () => {
  const registry = new CollectorRegistry({ targetInfo: { "zone": "a", "rack": "r" } });
  new Gauge("g", "", { registry }).set(1);
  const { arrived } = await send(registry, {
    resource: { "service.name": "shop", zone: "b", "service.instance.id": "", n: 7 },
  });
  const { resource } = arrived[0]!.request.resourceMetrics[0]!;
  assert.deepEqual(plain(resource.attributes), {
    "service.name": "shop",
    zone: "b",
    rack: "r",
    n: "7",
  });
});

test("the instance is a random id that does not change", async () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "", { registry }).set(1);
  const ids = await Promise.all([0, 1].map(async () => {
    const { arrived } = await send(registry, { resource: {} });
    return plain(arrived[0]!.request.resourceMetrics[0]!.resource.attributes)[
      "service.instance.id"
    ];
  }));
  assert.match(ids[0]!, /^[0-9a-f-]{36}$/);
  assert.equal(ids[0], ids[1]);
});

const RETRIES: { name: string; replies: OtlpReply[]; waits: number[]; status?: number }[] = [
  { name: "200", replies: [], waits: [] },
  { name: "202", replies: [202], waits: [] },
  { name: "503 twice", replies: [503, 503], waits: [500, 1000] },
  { name: "502 and 504", replies: [502, 504], waits: [500, 1000] },
  { name: "429 with seconds", replies: [{ status: 429, retryAfter: "7" }], waits: [7000] },
  {
    name: "503 with a date",
    replies: [{
      status: 503,
      retryAfter: new Date((SECONDS + 9) * 1000).toUTCString(),
    }],
    waits: [9000],
  },
  { name: "no answer", replies: ["fail"], waits: [500] },
  { name: "400", replies: [400], waits: [], status: 400 },
  {
    name: "404 with Retry-After",
    replies: [{ status: 404, retryAfter: "7" }],
    waits: [],
    status: 404,
  },
  { name: "413", replies: [413], waits: [], status: 413 },
  { name: "500", replies: [500], waits: [], status: 500 },
  { name: "a redirect", replies: [302], waits: [], status: 302 },
];
for (const { name, replies, waits, status } of RETRIES) {
  test(`exportOtlp() ${status === undefined ? "succeeds" : "rejects"} after ${name}`, async () => {
    const clock = new PauseClock(SECONDS);
    const registry = new CollectorRegistry();
    new Gauge("g", "", { registry }).set(1);
    const collector = new FakeCollector();
    collector.replies = [...replies];
    const sent = exportOtlp(URL_TEXT, {
      registry,
      fetch: collector.fetch,
      clock,
      timeoutMs: REQUEST_TIMEOUT_MS,
      random: () => 1,
    });
    if (status === undefined) {
      for (const _ of waits) await clock.endPause();
      await sent;
    } else {
      await assert.rejects(
        sent,
        (error) => error instanceof OtlpError && error.status === status && !error.retryable,
      );
    }
    assert.deepEqual(clock.asked, waits);
    assert.equal(collector.arrived.length, waits.length + 1);
    for (const { request } of collector.arrived) {
      assert.deepEqual(request, collector.arrived[0]!.request, "a retry sends the same request");
    }
  });
}

test('with retry: "never" a request is sent once, even if there is no answer', async () => {
  for (const reply of ["fail", 503] as const) {
    const registry = new CollectorRegistry();
    new Gauge("g", "", { registry }).set(1);
    const collector = new FakeCollector();
    collector.replies = [reply];
    const options = { registry, fetch: collector.fetch, retry: "never" } as const;
    await assert.rejects(exportOtlp(URL_TEXT, options), OtlpError);
    assert.equal(collector.arrived.length, 1);
  }
});

const PARTIAL: {
  name: string;
  body: string | Uint8Array;
  type: string;
  samples: number;
  text: RegExp;
}[] = [
  {
    name: "protobuf",
    body: partialSuccess(2, "too old"),
    type: "application/x-protobuf",
    samples: 2,
    text: /: the receiver did not take 2 of 3 samples: too old$/,
  },
  {
    name: "protobuf, with a text that is not UTF-8",
    body: new Uint8Array([0x0a, 5, 0x08, 2, 0x12, 1, 0xff]),
    type: "application/x-protobuf",
    samples: 2,
    text: /: the receiver did not take 2 of 3 samples: \ufffd$/,
  },
  {
    name: "JSON",
    body: '{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"bad name"}}',
    type: "application/json",
    samples: 1,
    text: /: the receiver did not take 1 of 3 samples: bad name$/,
  },
  {
    name: "JSON, with a number",
    body: '{"partialSuccess":{"rejectedDataPoints":3}}',
    type: "application/json; charset=utf-8",
    samples: 3,
    text: /: the receiver did not take 3 of 3 samples$/,
  },
  {
    name: "a warning",
    body: partialSuccess(0, "use deltas, k3y"),
    type: "application/x-protobuf",
    samples: 0,
    text: /: the receiver warns: use deltas, …$/,
  },
];
for (const { name, body, type, samples, text } of PARTIAL) {
  test(`a partial success by ${name} is reported to onError, and does not reject`, async () => {
    const registry = new CollectorRegistry();
    const g = new Gauge("g", "", { registry, labelNames: ["id"] });
    for (const id of [1, 2, 3]) g.labels({ id }).set(1);
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const headers = { "x-key": "k3y" };
    await send(registry, { onError, headers }, [{ status: 200, body, type }]);
    const [error] = errors;
    assert.ok(error instanceof OtlpError);
    assert.equal(error.samples, samples);
    assert.match(error.message, text);
  });
}

test("a successful answer with an invalid body reports no error", async () => {
  const bodies: [string, string | Uint8Array][] = [
    ["text/html", "<p>ok</p>"],
    ["application/json", "{"],
    ["application/json", "null"],
    ["application/json", '{"partialSuccess":{}}'],
    ["application/x-protobuf", Uint8Array.of(10, 200, 1, 1)],
    ["application/x-protobuf", Uint8Array.of(8, 255)],
    ["", new Uint8Array(0)],
  ];
  for (const [type, body] of bodies) {
    const registry = new CollectorRegistry();
    new Gauge("g", "", { registry }).set(1);
    const errors: unknown[] = [];
    await send(registry, { onError: (error) => errors.push(error) }, [{ status: 200, body, type }]);
    assert.deepEqual(errors, [], `${type} ${body}`);
  }
});

test("a refusal contains the message of its status from protobuf, JSON or text", async () => {
  const message = "metric name is too long";
  const status = Uint8Array.of(8, 3, 18, message.length, ...new TextEncoder().encode(message));
  const cases: [string, string | Uint8Array, string][] = [
    ["application/x-protobuf", status, message],
    ["application/json", JSON.stringify({ code: 3, message }), message],
    ["text/plain", message, message],
    ["application/json", "[1]", "[1]"],
  ];
  for (const [type, body, shown] of cases) {
    const registry = new CollectorRegistry();
    new Gauge("g", "", { registry }).set(1);
    await assert.rejects(send(registry, {}, [{ status: 400, body, type }]), {
      message: `Cannot export to "${URL_TEXT}": the receiver answered 400: ${shown}`,
    });
  }
});

test("headers and credentials are sent, but never shown in errors", async () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "", { registry }).set(1);
  const seen: Headers[] = [];
  const error: unknown = await exportOtlp("http://ann:s3cret@localhost/v1/metrics?key=t0ken", {
    registry,
    headers: { "x-api-key": "k3y-k3y" },
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      seen.push(headers);
      const body = `${url} ${headers.get("x-api-key")} ${
        atob(headers.get("authorization")!.slice(6))
      }`;
      return Promise.resolve(new Response(body, { status: 403 }));
    },
  }).catch((error) => error);
  assert.ok(error instanceof OtlpError);
  assert.equal(seen[0]!.get("x-api-key"), "k3y-k3y");
  assert.match(error.message, /^Cannot export to "http:\/\/localhost\/v1\/metrics": /);
  assert.doesNotMatch(JSON.stringify({ ...error }) + error.stack, /s3cret|t0ken|k3y-k3y/);
});

const BAD: [Record<string, unknown>, RegExp][] = [
  [{ protocol: "grpc" }, /^TypeError: .*protocol must be "http\/protobuf" or "http\/json"/],
  [{ compression: "zstd" }, /^TypeError: .*compression must be "gzip" or "none"/],
  [{ temporality: "low" }, /^TypeError: .*temporality must be "cumulative" or "delta"/],
  [{ retry: 3 }, /^TypeError: .*retry must be "always" or "never": received 3$/],
  [{ resource: 7 }, /^TypeError: .*resource must be an object/],
  [{ resource: { a: {} } }, /^TypeError: .*value of label "a" must be/],
  [{ resource: { "": "a" } }, /^RangeError: .*names must not be empty/],
  [{ exemplars: 1 }, /^TypeError: .*exemplars must be a boolean/],
  [{ maxPointsPerRequest: 0 }, /^RangeError: .*maxPointsPerRequest must be > 0/],
  [{ headers: { "a b": "s3cret" } }, /^TypeError: .*headers must be names and values/],
  [{ headers: { "content-type": "a/b" } }, /header "content-type" is set already/],
  [{ interval: 5 }, /^TypeError: Cannot export to a URL: unknown option "interval"/],
];
for (const [options, message] of BAD) {
  test(`exportOtlp() refuses ${JSON.stringify(options)}`, async () => {
    // The options are invalid on purpose.
    const refused = exportOtlp(URL_TEXT, options as OtlpExportOptions);
    const error: unknown = await refused.catch((error) => error);
    assert.match(String(error), message);
    assert.doesNotMatch(String(error), /s3cret/);
  });
}
