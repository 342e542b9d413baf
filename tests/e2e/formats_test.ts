import assert from "node:assert/strict";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { serve } from "../../examples/serve.ts";
import {
  CollectorRegistry,
  Histogram,
  MetricFamily,
  metricsHandler,
  type NativeHistogram,
  PROTOBUF_CONTENT_TYPE,
} from "../../mod.ts";
import { type RunningDemo, RUNTIMES, startDemo } from "../support/demo.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import {
  type PrometheusServer,
  startPrometheus,
  type StoredExemplar,
} from "../support/prometheus.ts";
import {
  decodeFamilies,
  type ProtoExemplar,
  type ProtoHistogram,
  type ProtoMetric,
  readBuckets,
  toSeconds,
} from "../support/protobuf.ts";

const DURATION = "bakery_http_request_duration_seconds";
const REQUESTS = "bakery_http_requests_total";

/** The number of visits of each route. */
const VISITS: Readonly<Record<string, number>> = {
  "/": 20,
  "/bread": 5,
  "/cake": 2,
  "/order": 7,
  "/nowhere": 1,
};

/** Visits the demo, each time with another trace, and waits until its numbers no longer change. */
async function visit(demo: RunningDemo): Promise<Map<string, string>> {
  const lastTraces = new Map<string, string>();
  let number = 0;
  for (const [path, times] of Object.entries(VISITS)) {
    for (let i = 0; i < times; i++) {
      const trace = (++number).toString(16).padStart(32, "0");
      const response = await fetch(`http://${demo.address}${path}`, {
        headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      });
      await response.body?.cancel();
      lastTraces.set(`${path === "/nowhere" ? "other" : path} ${response.status}`, trace);
    }
  }
  await waitFor("the end of all baking", async () => {
    const page = await demo.page("/metrics");
    return /^bakery_orders_waiting 0$/m.test(page) &&
        /^bakery_oven_state\{bakery_oven_state="idle"\} 1$/m.test(page) || undefined;
  });
  return lastTraces;
}

/** Starts a server that requests the same path of `address` without naming a format. */
async function serveWithoutAccept(address: string) {
  const server = await serve(async (request) => {
    const response = await fetch(`http://${address}${new URL(request.url).pathname}`, {
      headers: { accept: "*/*" },
    });
    const type = response.headers.get("content-type") ?? "";
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    return new Response(await response.arrayBuffer(), { headers: { "content-type": type } });
  }, 0);
  return {
    address: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Waits for a scrape that started after `moment`, in seconds since 1970. */
async function waitForScrape(prometheus: PrometheusServer, moment: number): Promise<void> {
  await prometheus.waitForValue("timestamp(up)", (time) => time > moment);
  assert.deepEqual((await prometheus.targets()).map(({ lastError }) => lastError), [""]);
}

/** Returns a series as one text, with sorted labels, and with `le` and `quantile` as numbers. */
function toKey(labels: Readonly<Record<string, string>>): string {
  const { instance: _, job: __, ...own } = labels;
  return JSON.stringify(
    Object.entries(own).sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => [
      name,
      name === "le" || name === "quantile" ? `${Number(value.replace("Inf", "Infinity"))}` : value,
    ]),
  );
}

/** Returns the series of the demo in a Prometheus, with their values. */
async function readSeries(
  prometheus: PrometheusServer,
  selector: string,
): Promise<Map<string, number>> {
  const results = await prometheus.query(selector);
  const series = new Map(results.map(({ metric, value }) => [toKey(metric), value]));
  assert.equal(series.size, results.length);
  return new Map([...series].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Returns the metrics of the demo in protobuf. */
async function readMetrics(address: string, familyName: string): Promise<ProtoMetric[]> {
  const response = await fetch(`http://${address}/metrics`, {
    headers: { accept: PROTOBUF_CONTENT_TYPE },
  });
  assert.ok(response.headers.get("content-type")?.startsWith(PROTOBUF_CONTENT_TYPE));
  const families = decodeFamilies(new Uint8Array(await response.arrayBuffer()));
  return families.filter(({ name }) => name === familyName).flatMap(({ metric = [] }) => metric);
}

function labelOf({ label = [] }: ProtoMetric, name: string): string {
  return label.find((one) => one.name === name)?.value ?? "";
}

/**
 * Returns the result of `histogram_quantile` for a native histogram of positive values, which
 * interpolates between the bounds of the quantile's bucket.
 */
function nativeQuantile(quantile: number, histogram: ProtoHistogram): number {
  const { schema = 0, sample_count = 0 } = histogram;
  const rank = quantile * sample_count;
  let below = histogram.zero_count ?? 0;
  for (const [index, count] of readBuckets(histogram, "positive")) {
    if (below + count >= rank) {
      const [lower, upper] = [index - 1, index].map((i) => 2 ** (i * 2 ** -schema));
      return lower! + (upper! - lower!) * (rank - below) / count;
    }
    below += count;
  }
  return NaN;
}

function assertClose(actual: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.abs(expected),
    `${what}: ${actual}, ${expected}`,
  );
}

function toStored(series: Record<string, string>, exemplar: ProtoExemplar): StoredExemplar {
  const { label = [], value, timestamp } = exemplar;
  assert.ok(timestamp);
  return {
    series,
    labels: Object.fromEntries(label.map((one) => [one.name, one.value])),
    value,
    timestamp: toSeconds(timestamp),
  };
}

/** Returns sorted exemplars, with only the labels of the series that the program knows. */
function inOrder(exemplars: readonly StoredExemplar[]): StoredExemplar[] {
  return exemplars.map((exemplar) => {
    const { instance: _, job: __, __name__: ___, le, ...series } = exemplar.series;
    const bound = le === undefined ? {} : { le: `${Number(le.replace("Inf", "Infinity"))}` };
    return { ...exemplar, series: { ...series, ...bound } };
  }).sort((a, b) => (a.labels["trace_id"] ?? "") < (b.labels["trace_id"] ?? "") ? -1 : 1);
}

for (const runtime of RUNTIMES) {
  const title =
    `three Prometheus servers read the same from the demo under ${runtime}, each in its own format`;
  testWithPrograms(["prometheus"], title, async (path) => {
    await using demo = await startDemo(runtime, ["--no-visitors"]);
    await using proxy = await serveWithoutAccept(demo.address);
    const lastTraces = await visit(demo);
    const frozen = Date.now() / 1000;
    const page = await demo.page("/metrics");

    const features = ["native-histograms", "exemplar-storage"];
    await using protobuf = await startPrometheus(path, demo.address, features);
    await using openMetrics = await startPrometheus(path, demo.address, ["exemplar-storage"]);
    await using text = await startPrometheus(path, proxy.address);
    const servers = { protobuf, openMetrics, text };
    for (const server of Object.values(servers)) await waitForScrape(server, frozen);

    // All have the same series with the same values, which are those of the demo.
    const shown = parsePrometheusText(page).filter(({ name }) => name.startsWith("bakery_"))
      .flatMap(({ samples }) => [...samples]);
    const expected = new Map(
      shown.map(({ name, labels, value }) => [toKey({ __name__: name, ...labels }), value] as const)
        .sort(([a], [b]) => a < b ? -1 : 1),
    );
    assert.ok(expected.size > 80, `${expected.size}`);
    const all = `{__name__=~"bakery_.*"}`;
    assert.deepEqual(await readSeries(text, all), expected);
    assert.deepEqual(await readSeries(openMetrics, all), expected);
    const others = `{__name__=~"bakery_.*", __name__!~"${DURATION}.*"}`;
    assert.deepEqual(
      await readSeries(protobuf, others),
      new Map([...expected].filter(([key]) => !key.includes(DURATION))),
    );
    for (const [path, times] of Object.entries(VISITS)) {
      const route = path === "/nowhere" ? "other" : path;
      const sum = `sum(${REQUESTS}{route="${route}"})`;
      assert.equal(await protobuf.waitForValue(sum), times, sum);
    }

    // Only protobuf has native histograms.
    assert.deepEqual(await openMetrics.query(`histogram_count(${DURATION})`), []);
    const durations = await readMetrics(demo.address, DURATION);
    assert.equal(durations.length, Object.keys(VISITS).length);
    for (const metric of durations) {
      const { histogram } = metric;
      assert.ok(histogram);
      const series = `${DURATION}{route="${labelOf(metric, "route")}"}`;
      const count = await protobuf.waitForValue(`histogram_count(${series})`);
      assert.equal(count, histogram.sample_count);
      const sum = await protobuf.waitForValue(`histogram_sum(${series})`);
      assert.equal(sum, histogram.sample_sum);
      for (const quantile of [0.01, 0.5, 0.9, 1]) {
        const query = `histogram_quantile(${quantile}, ${series})`;
        assertClose(
          await protobuf.waitForValue(query),
          nativeQuantile(quantile, histogram),
          query,
        );
      }
    }
    const cake = await protobuf.waitForValue(`histogram_quantile(0.5, ${DURATION}{route="/cake"})`);
    assert.ok(cake > 0.2, `the median cake takes ${cake} s`);

    // The exemplars are those of the last visits.
    const requests = (await readMetrics(demo.address, REQUESTS)).map((metric) => {
      const series = { route: labelOf(metric, "route"), status: labelOf(metric, "status") };
      const exemplar = toStored(series, metric.counter!.exemplar!);
      assert.deepEqual(exemplar.labels, {
        trace_id: lastTraces.get(`${series.route} ${series.status}`),
      });
      return exemplar;
    });
    assert.deepEqual(inOrder(await protobuf.exemplars(REQUESTS)), inOrder(requests));
    assert.deepEqual(inOrder(await openMetrics.exemplars(REQUESTS)), inOrder(requests));
    assert.deepEqual(await text.exemplars(REQUESTS), []);
    const observed = durations.flatMap((metric) =>
      metric.histogram!.bucket!.filter(({ exemplar }) => exemplar !== undefined).map((bucket) =>
        toStored(
          { route: labelOf(metric, "route"), le: `${bucket.upper_bound}` },
          bucket.exemplar!,
        )
      )
    );
    assert.deepEqual(
      inOrder(await openMetrics.exemplars(`${DURATION}_bucket`)),
      inOrder(observed),
    );
    // For a native histogram, Prometheus keeps exemplars whose timestamps are in order.
    const kept = inOrder(await protobuf.exemplars(DURATION));
    assert.equal(new Set(kept.map(({ series }) => series["route"])).size, durations.length);
    for (const exemplar of kept) {
      const { le: _, ...series } = observed.find(({ labels }) =>
        labels["trace_id"] === exemplar.labels["trace_id"]
      )?.series ?? {};
      assert.deepEqual(exemplar.series, series);
    }
  });
}

/** Native histograms of all kinds, each in its own series. */
const NATIVES: Readonly<Record<string, Partial<NativeHistogram>>> = {
  "both signs": {
    schema: 1,
    zeroCount: 2,
    positive: new Map([[1, 3], [3, 1], [9, 4]]),
    negative: new Map([[-5, 1], [0, 2]]),
    sum: -2.5,
    count: 13,
  },
  "a wide zero bucket": { zeroThreshold: 0.5, zeroCount: 7, count: 7 },
  "no observations": {},
  "zeros only, exactly": { zeroThreshold: 0, zeroCount: 3, count: 3 },
  "floats": { positive: new Map([[0, 0.5], [1, 0.5]]), sum: 1.5, count: 1 },
  "floats in the zero bucket": { positive: new Map([[3, 2]]), zeroCount: 0.5, sum: 3, count: 2.5 },
  "NaN": { sum: NaN, count: 1 },
  "far apart": { schema: 8, positive: new Map([[-250_000, 1], [250_000, 2]]), sum: 1, count: 3 },
  "large counts": { positive: new Map([[1, 2 ** 53 - 2], [2, 1]]), sum: 1, count: 2 ** 53 - 1 },
};

testWithPrograms(
  ["prometheus"],
  "Prometheus reads all kinds of native histograms together with classic ones",
  async (path) => {
    const family = new MetricFamily("kinds", "All kinds.", "histogram");
    const add = (kind: string, parts: Partial<NativeHistogram>) =>
      family.addSample("kinds", { kind }, 0, {
        nativeHistogram: {
          schema: 0,
          zeroThreshold: 2 ** -128,
          zeroCount: 0,
          positive: new Map(),
          negative: new Map(),
          sum: 0,
          count: 0,
          ...parts,
        },
      });
    const classic = (kind: string, count: number) =>
      family.addSample("kinds_bucket", { kind, le: 1 }, count)
        .addSample("kinds_bucket", { kind, le: Infinity }, count + 1)
        .addSample("kinds_sum", { kind }, 2.5)
        .addSample("kinds_count", { kind }, count + 1);
    classic("classic before", 3);
    for (const [kind, parts] of Object.entries(NATIVES)) add(kind, parts);
    classic("classic after", 5);
    const registry = new CollectorRegistry();
    registry.register({ collect: () => [family] });
    const alone = new Histogram("alone", "Native only.", { registry, nativeHistogram: true });
    alone.observe(0.25, { trace_id: "first" });
    alone.observe(4, { trace_id: "last" });

    const server = await serve(metricsHandler({ registry }), 0);
    try {
      const features = ["native-histograms", "exemplar-storage"];
      await using prometheus = await startPrometheus(path, `127.0.0.1:${server.port}`, features);
      await waitForScrape(prometheus, 0);
      for (const [kind, { count = 0, sum = 0 }] of Object.entries(NATIVES)) {
        const series = `kinds{kind="${kind}"}`;
        assert.equal(await prometheus.waitForValue(`histogram_count(${series})`), count, kind);
        assert.equal(await prometheus.waitForValue(`histogram_sum(${series})`), sum, kind);
      }
      for (const [kind, count] of [["classic before", 3], ["classic after", 5]] as const) {
        const bucket = `kinds_bucket{kind="${kind}", le="1.0"}`;
        assert.equal(await prometheus.waitForValue(bucket), count);
        assert.equal(await prometheus.waitForValue(`kinds_count{kind="${kind}"}`), count + 1);
      }
      // Schema 1 has two buckets from 1 to 2, and two from -2 to -1.
      const both = `kinds{kind="both signs"}`;
      assertClose(
        await prometheus.waitForValue(`histogram_fraction(1, 2 ^ 0.5, ${both})`),
        3 / 13,
        "the fraction in a bucket",
      );
      assertClose(
        await prometheus.waitForValue(`histogram_fraction(-1, -(2 ^ -0.5), ${both})`),
        2 / 13,
        "the fraction in a negative bucket",
      );
      const kept = await prometheus.exemplars("alone");
      assert.deepEqual(kept.map(({ labels, value }) => [labels, value]), [[
        { trace_id: "last" },
        4,
      ]]);
    } finally {
      await server.stop();
    }
  },
);
