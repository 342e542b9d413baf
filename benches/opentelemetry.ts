/**
 * Measures the cost of OpenTelemetry's API on this library. Compares it with the library's own
 * metrics, and with OpenTelemetry's SDK and its Prometheus exporter: `deno task bench:otel`, and
 * the same file with `bun` and `node`. Prints a table.
 *
 * @module
 */
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { meterProvider } from "../collectors/opentelemetry.ts";
import { CollectorRegistry, Counter, generateMetrics, Histogram } from "../mod.ts";
import { collectGarbage, RUNTIME } from "./fresh_process.ts";
import { type Measured, summarise } from "./harness.ts";
import { formatMeasured, formatTable, TIME } from "./report.ts";

const ROUNDS = 61;
const WARM_UP_ROUNDS = 15;
const CALLS = 20_000;
/** The number of series in a scrape. */
const SERIES = 10_000;
const SCRAPE_ROUNDS = 15;

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = ["GET", "POST", "PUT", "DELETE"];
const ROUTES = ["/", "/users/:id", "/orders", "/orders/:id"];
const STATUSES = ["200", "201", "404", "500"];
const MASK = 63;
/** The labels of the calls. Every contestant gets the same ones, in the same order. */
const SETS = Array.from({ length: MASK + 1 }, (_, i) => ({
  method: METHODS[i & 3]!,
  route: ROUTES[(i >> 2) & 3]!,
  status: STATUSES[(i >> 4) & 3]!,
}));

const own = (registry = new CollectorRegistry()) => ({
  registry,
  meter: meterProvider({ registry, maxSeries: SERIES * 2 }).getMeter("bench"),
});

function sdk() {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const views = [{ instrumentName: "*", aggregationCardinalityLimit: SERIES * 2 }];
  const meter = new MeterProvider({ readers: [exporter], views }).getMeter("bench");
  return {
    meter,
    scrape: async () => {
      const { resourceMetrics } = await exporter.collect();
      return new PrometheusSerializer().serialize(resourceMetrics).length;
    },
  };
}

type Call = (labels: typeof SETS[0], i: number) => void;
type Meter = ReturnType<ReturnType<typeof meterProvider>["getMeter"]>;

const labelNames = ["method", "route", "status"] as const;
const add = (meter: Meter): Call => {
  const counter = meter.createCounter("requests");
  return ({ method, route, status }) => counter.add(1, { method, route, status });
};
const record = (meter: Meter): Call => {
  const histogram = meter.createHistogram("wait", { advice: { explicitBucketBoundaries: BOUNDS } });
  return ({ method, route, status }, i) => histogram.record(i / MASK, { method, route, status });
};

const WORKS: Record<string, Record<"native" | "own" | "sdk", () => Call>> = {
  "counter, three attributes": {
    native: () => {
      const counter = new Counter("requests_total", "", { registry: null, labelNames });
      return ({ method, route, status }) => counter.labels({ method, route, status }).inc();
    },
    own: () => add(own().meter),
    sdk: () => add(sdk().meter),
  },
  "histogram, three attributes": {
    native: () => {
      const options = { registry: null, labelNames, buckets: BOUNDS };
      const histogram = new Histogram("wait", "", options);
      return ({ method, route, status }, i) =>
        histogram.labels({ method, route, status }).observe(i / MASK);
    },
    own: () => record(own().meter),
    sdk: () => record(sdk().meter),
  },
};

/** Measures nanoseconds per call, with all contestants in turn. */
function measure(makers: Record<string, () => Call>): Record<string, Measured> {
  const calls = Object.entries(makers).map(([name, make]) => ({
    name,
    call: make(),
    samples: [] as number[],
  }));
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
    for (const { call, samples } of calls) {
      const start = performance.now();
      for (let i = 0; i < CALLS; i++) call(SETS[i & MASK]!, i & MASK);
      const time = (performance.now() - start) * 1e6 / CALLS;
      if (round >= WARM_UP_ROUNDS) samples.push(time);
    }
  }
  return Object.fromEntries(calls.map(({ name, samples }) => [name, summarise(samples)]));
}

/** Measures nanoseconds per scrape of many series, with all contestants in turn. */
async function measureScrapes(): Promise<Record<string, Measured>> {
  const native = new CollectorRegistry();
  const counter = new Counter("requests_total", "", { registry: native, labelNames: ["id"] });
  const { registry, meter } = own();
  const otel = sdk();
  const counters = [meter, otel.meter].map((meter) => meter.createCounter("requests"));
  for (let id = 0; id < SERIES; id++) {
    counter.labels({ id }).inc(id);
    for (const counter of counters) counter.add(id, { id });
  }
  const contestants = {
    native: () => Promise.resolve(generateMetrics(native).length),
    own: () => Promise.resolve(generateMetrics(registry).length),
    sdk: otel.scrape,
  };
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < SCRAPE_ROUNDS + 5; round++) {
    for (const [name, scrape] of Object.entries(contestants)) {
      collectGarbage();
      const start = performance.now();
      await scrape();
      const time = (performance.now() - start) * 1e6;
      if (round >= 5) (samples[name] ??= []).push(time);
    }
  }
  return Object.fromEntries(
    Object.entries(samples).map(([name, times]) => [name, summarise(times)]),
  );
}

// As in a program, the API has a meter provider and no tracer.
metrics.setGlobalMeterProvider(meterProvider({ registry: new CollectorRegistry() }));
const rows: string[][] = [];
const tell = (name: string, { native, own, sdk }: Record<string, Measured>): void => {
  const ratio = (a: Measured | undefined, b: Measured | undefined) =>
    (a!.median / b!.median).toFixed(2);
  rows.push([
    name,
    formatMeasured(native!, TIME),
    formatMeasured(own!, TIME),
    formatMeasured(sdk!, TIME),
    ratio(own, native),
    ratio(sdk, own),
  ]);
};
for (const [name, makers] of Object.entries(WORKS)) tell(name, measure(makers));
tell(`scrape of ${SERIES} series`, await measureScrapes());
console.log(`${RUNTIME}\n`);
const head = ["", "native", "`./opentelemetry`", "SDK", "against native", "SDK against it"];
console.log(formatTable([head, ...rows]));
