/**
 * Compares OpenTelemetry's SDK and its Prometheus exporter with this library for the same calls.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Meter, type MeterProvider as ApiMeterProvider, ValueType } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationType, MeterProvider, type ViewOptions } from "@opentelemetry/sdk-metrics";
import { meterProvider, type View } from "../../collectors/opentelemetry.ts";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { CollectorRegistry, generateMetricsAsync } from "../../mod.ts";
import { ROOT_URL } from "../support/paths.ts";

const doc = readFileSync(new URL("docs/opentelemetry.md", ROOT_URL), "utf8");

/** Calls, with the differences between the results. */
interface Case {
  readonly name: string;
  readonly run: (meter: Meter, provider: ApiMeterProvider) => void;
  readonly views?: { readonly sdk: ViewOptions[]; readonly own: View[] };
  /**
   * The samples of the SDK and of this library that differ, and the rule in docs/opentelemetry.md.
   */
  readonly differs?: { readonly sdk: string[]; readonly own: string[]; readonly rule: string };
}

const SECONDS_RULE =
  "as a suffix to the metric name unless the metric name already contains the unit";

const CASES: Case[] = [
  {
    name: "a counter with and without attributes",
    run: (meter) => {
      const counter = meter.createCounter("http.requests", { description: "Requests." });
      counter.add(1);
      counter.add(2.5, { "http.method": "GET", "http.status_code": 200 });
      counter.add(3, { "http.status_code": 200, "http.method": "GET" });
      counter.add(-1);
    },
  },
  { name: "a counter named total", run: (meter) => meter.createCounter("jobs_total").add(1) },
  {
    name: "an up-down counter",
    run: (meter) => {
      const active = meter.createUpDownCounter("active");
      active.add(5, { a: true });
      active.add(-7, { a: true });
    },
  },
  {
    name: "a gauge",
    run: (meter) => {
      const gauge = meter.createGauge("temperature");
      gauge.record(1);
      gauge.record(-0.5);
    },
  },
  {
    name: "a histogram with default bounds",
    run: (meter) => {
      const histogram = meter.createHistogram("size");
      for (const value of [0, 4, 5, 12, 12_000]) histogram.record(value, { kind: "a" });
      histogram.record(-1);
    },
  },
  {
    name: "a histogram with advice",
    run: (meter) => {
      const advice = { explicitBucketBoundaries: [0.005, 0.1, 1] };
      const histogram = meter.createHistogram("wait", { advice });
      for (const value of [0.005, 0.05, 0.5, 5]) histogram.record(value);
    },
  },
  {
    name: "advice out of order",
    run: (meter) =>
      meter.createHistogram("h", { advice: { explicitBucketBoundaries: [3, 1, 2] } }).record(1.5),
  },
  {
    name: "a histogram again, with other advice or none",
    run: (meter) => {
      meter.createHistogram("h", { advice: { explicitBucketBoundaries: [1] } }).record(1);
      meter.createHistogram("h", { advice: { explicitBucketBoundaries: [2] } }).record(1);
      meter.createHistogram("h").record(1);
    },
  },
  {
    name: "a histogram in two scopes, with other advice",
    run: (meter, provider) => {
      meter.createHistogram("h", { advice: { explicitBucketBoundaries: [1] } }).record(1);
      provider.getMeter("other")
        .createHistogram("h", { advice: { explicitBucketBoundaries: [2] } }).record(1);
    },
  },
  {
    name: "observable instruments, asynchronous too",
    run: (meter) => {
      meter.createObservableCounter("oc").addCallback((result) => {
        result.observe(5, { a: 1 });
        result.observe(7, { a: 2 });
      });
      meter.createObservableUpDownCounter("ou").addCallback(async (result) => {
        await Promise.resolve();
        result.observe(-3);
      });
      meter.createObservableGauge("og").addCallback((result) => result.observe(2.5, { z: "y" }));
    },
  },
  {
    name: "a batch callback",
    run: (meter) => {
      const [a, b] = [meter.createObservableGauge("a"), meter.createObservableCounter("b")];
      meter.addBatchObservableCallback((result) => {
        result.observe(a, 1, { k: "v" });
        result.observe(b, 2);
      }, [a, b]);
    },
  },
  {
    name: "integers",
    run: (meter) => {
      meter.createCounter("whole", { valueType: ValueType.INT }).add(1.9);
      meter.createUpDownCounter("whole.up", { valueType: ValueType.INT }).add(-1.9);
    },
  },
  {
    name: "attributes that are arrays, booleans and numbers",
    run: (meter) =>
      meter.createCounter("c").add(1, { list: ["a", 'b"'], yes: true, n: 1.5, text: "x\ny\\" }),
  },
  {
    name: "several scopes with one instrument",
    run: (_, provider) => {
      for (const [name, version, schemaUrl] of [["a", "1", "https://s"], ["b"]] as const) {
        provider.getMeter(name, version, { ...schemaUrl && { schemaUrl } }).createCounter("c")
          .add(1);
      }
    },
  },
  {
    name: "views that rename, filter, choose buckets and drop",
    run: (meter) => {
      meter.createCounter("old").add(1, { keep: "a", drop: "b" });
      meter.createHistogram("h").record(3);
      meter.createCounter("noise").add(1);
    },
    views: {
      sdk: [
        {
          instrumentName: "old",
          name: "new",
          attributesProcessors: [{
            process: (attributes) => ({ keep: attributes["keep"] }),
          }],
        },
        {
          instrumentName: "h",
          aggregation: {
            type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
            options: { boundaries: [1, 5] },
          },
        },
        { instrumentName: "noise", aggregation: { type: AggregationType.DROP } },
      ],
      own: [
        { instrumentName: "old", name: "new", attributes: ["keep"] },
        { instrumentName: "h", buckets: [1, 5] },
        { instrumentName: "noise", drop: true },
      ],
    },
  },
  {
    name: "more series than 2000",
    run: (meter) => {
      const counter = meter.createCounter("many");
      for (let id = 0; id < 2100; id++) counter.add(1, { id });
    },
  },
  {
    name: "a unit",
    run: (meter) => {
      meter.createCounter("io", { unit: "By" }).add(1);
      meter.createGauge("wait", { unit: "s" }).record(2);
      meter.createCounter("requests", { unit: "{request}" }).add(3);
    },
    differs: {
      sdk: ['io_total{otel_scope_name="test"} 1', 'wait{otel_scope_name="test"} 2'],
      own: ['io_bytes_total{otel_scope_name="test"} 1', 'wait_seconds{otel_scope_name="test"} 2'],
      rule: SECONDS_RULE,
    },
  },
  {
    name: "keys that become one label",
    run: (meter) => meter.createCounter("c").add(1, { "a.b": "2", "a-b": "1" }),
    differs: {
      sdk: ["not readable"],
      own: ['c_total{a_b="1;2",otel_scope_name="test"} 1'],
      rule: "the values MUST be concatenated together, separated by `;`",
    },
  },
  {
    name: "keys that are not valid labels",
    run: (meter) => meter.createCounter("c").add(1, { "2nd": "b", "": "c", a: "a" }),
    differs: {
      sdk: ["not readable"],
      own: ['c_total{a="a",key_2nd="b",otel_scope_name="test"} 1'],
      rule: "Prometheus metric label keys are required to match the following regex",
    },
  },
  {
    name: "a key that a histogram reserves",
    run: (meter) =>
      meter.createHistogram("h", { advice: { explicitBucketBoundaries: [] } })
        .record(1, { le: "x" }),
    differs: {
      sdk: ["not readable"],
      own: [
        'h_bucket{exported_le="x",le="+Inf",otel_scope_name="test"} 1',
        'h_count{exported_le="x",otel_scope_name="test"} 1',
        'h_sum{exported_le="x",otel_scope_name="test"} 1',
      ],
      rule: "a label, denoted as `le` is added denoting the bucket boundary",
    },
  },
  {
    name: "values that are not finite",
    run: (meter) => {
      const counter = meter.createCounter("c");
      const waiting = meter.createUpDownCounter("u");
      for (const value of [1, NaN, Infinity]) {
        counter.add(value);
        waiting.add(value);
      }
      const histogram = meter.createHistogram("h", { advice: { explicitBucketBoundaries: [] } });
      histogram.record(1);
      histogram.record(Infinity);
    },
    differs: {
      sdk: [
        'c_total{otel_scope_name="test"} NaN',
        'h_bucket{le="+Inf",otel_scope_name="test"} 2',
        'h_count{otel_scope_name="test"} 2',
        'h_sum{otel_scope_name="test"} Infinity',
        'u{otel_scope_name="test"} NaN',
      ],
      own: [
        'c_total{otel_scope_name="test"} 1',
        'h_bucket{le="+Inf",otel_scope_name="test"} 1',
        'h_count{otel_scope_name="test"} 1',
        'h_sum{otel_scope_name="test"} 1',
        'u{otel_scope_name="test"} 1',
      ],
      rule: "the SDK needs to handle NaNs and Infinites",
    },
  },
  {
    name: "a negative total of an observable counter",
    run: (meter) => {
      meter.createObservableCounter("c").addCallback((result) => result.observe(-1));
      meter.createCounter("other").add(1);
    },
    differs: {
      sdk: ['c_total{otel_scope_name="test"} 0'],
      own: [],
      rule: "which reports monotonically increasing value(s)",
    },
  },
  {
    name: "two types of one name",
    run: (meter) => {
      meter.createGauge("x").record(1);
      meter.createHistogram("x").record(1);
      meter.createGauge("y").record(1);
    },
    differs: {
      sdk: [],
      own: [
        'x{otel_scope_name="test"} 1',
      ],
      rule: "Exporters MUST drop entire metrics to prevent conflicting TYPE comments",
    },
  },
  {
    name: "an empty attribute",
    run: (meter) => meter.createCounter("c").add(1, { a: "", b: "x" }),
    differs: {
      sdk: ['c_total{a="",b="x",otel_scope_name="test"} 1'],
      own: ['c_total{b="x",otel_scope_name="test"} 1'],
      rule:
        "A label with an empty label value is considered equivalent to a label that does not exist.",
    },
  },
];

/** Returns the samples of each family, sorted and with sorted labels. */
function normalize(text: string): string[] {
  const lines: string[] = [];
  for (const family of parsePrometheusText(text)) {
    // The SDK describes the process, and this library counts dropped values.
    if (/^target_info$|^narthex_/.test(family.name)) continue;
    for (const { name, labels, value } of family.samples) {
      const shown = Object.keys(labels).sort().map((label) => `${label}="${labels[label]}"`);
      lines.push(`${name}${shown.length === 0 ? "" : `{${shown.join(",")}}`} ${value}`);
    }
  }
  return lines.sort();
}

async function readSdk({ run, views }: Case): Promise<string> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter], views: views?.sdk ?? [] });
  run(provider.getMeter("test"), provider);
  const { resourceMetrics } = await exporter.collect();
  const text = new PrometheusSerializer().serialize(resourceMetrics);
  await provider.shutdown();
  // The SDK writes UNIT comments, which the text format does not have.
  return `${text.replace(/^# UNIT .*\n/gm, "").trimEnd()}\n`;
}

async function readOwn({ run, views }: Case): Promise<string> {
  const registry = new CollectorRegistry();
  const provider = meterProvider({ registry, views: views?.own ?? [] });
  run(provider.getMeter("test"), provider);
  return await generateMetricsAsync(registry);
}

for (const one of CASES) {
  const { name, differs } = one;
  test(`${name}: ${differs === undefined ? "equal" : "different, according to the specification"}`, async () => {
    const own = normalize(await readOwn(one));
    const text = await readSdk(one);
    if (differs?.sdk[0] === "not readable") {
      assert.throws(() => parsePrometheusText(text));
      assert.deepEqual(own, differs.own);
    } else {
      const sdk = normalize(text);
      const expectedSdk = differs?.sdk ?? [];
      const expectedOwn = differs?.own ?? [];
      assert.deepEqual(sdk.filter((line) => !own.includes(line)), expectedSdk);
      assert.deepEqual(own.filter((line) => !sdk.includes(line)), expectedOwn.toSorted());
      assert.ok(sdk.length > 0);
    }
    if (differs === undefined) return;
    const flat = doc.replace(/\s+/g, " ");
    assert.ok(flat.includes(differs.rule), `docs/opentelemetry.md must quote "${differs.rule}"`);
  });
}
