/** Programs that use the types of the official client's declarations. */
import prometheusClient, {
  AggregatorRegistry,
  type Aggregator,
  collectDefaultMetrics,
  Counter,
  type CounterConfiguration,
  exponentialBuckets,
  Gauge,
  Histogram,
  linearBuckets,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Pushgateway,
  register,
  Registry,
  Summary,
  validateMetricName,
} from "@prometheus-io/client";

const configuration: CounterConfiguration<"method" | "code"> = {
  name: "requests_total",
  help: "Requests.",
  labelNames: ["method", "code"] as const,
  registers: [register],
  aggregator: "sum" satisfies Aggregator,
  collect() {
    this.inc({ method: "GET", code: 200 });
  },
};
const counter = new Counter(configuration);
counter.inc();
counter.inc(2);
counter.inc({ method: "GET" }, 2);
counter.labels("GET", "200").inc();
counter.labels({ code: 200 }).inc(1);
// @ts-expect-error There is no such label.
counter.inc({ other: "x" });
const inner: Counter.Internal = counter.labels({ method: "GET" });
inner.inc();

const gauge = new Gauge<"queue">({ name: "jobs", help: "Jobs.", labelNames: ["queue"] });
gauge.set({ queue: "mail" }, 3);
gauge.dec({ queue: "mail" });
gauge.setToCurrentTime({ queue: "mail" });
const endGauge: (labels?: { queue?: string }) => number = gauge.startTimer();
endGauge({ queue: "mail" });

const histogram: Histogram<string> = new Histogram({
  name: "seconds",
  help: "Seconds.",
  labelNames: ["route"],
  buckets: [...linearBuckets(0, 1, 2), ...exponentialBuckets(2, 2, 3)],
  async collect() {
    this.observe({ route: "/" }, await Promise.resolve(1));
  },
});
const end = histogram.startTimer({ route: "/" });
const seconds: number = end();
histogram.zero({ route: "/" });
histogram.remove("/");
histogram.reset();
const observer: Histogram.Internal<string> = histogram.labels("/");
observer.observe(seconds);
const buckets: Histogram.Config = { buckets: [1] };

const summary = new Summary({ name: "size", help: "Size.", percentiles: [0.5], maxAgeSeconds: 60, ageBuckets: 5 });
summary.observe(1);

const metrics: Metric<string>[] = [histogram];
const found = register.getSingleMetric("seconds");
if (found instanceof Histogram) found.observe(1);
const json: Promise<MetricObjectWithValues<MetricValue<string>>[]> = register.getMetricsAsJSON();
const text: Promise<string> = register.metrics();
const contentType: PrometheusContentType | OpenMetricsContentType = register.contentType;
register.setDefaultLabels({ app: "shop" });

const open: Registry<OpenMetricsContentType> = new Registry<OpenMetricsContentType>(
  Registry.OPENMETRICS_CONTENT_TYPE,
);
open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
const merged: Registry = Registry.merge([register, new Registry()]);
const plain: Registry<PrometheusContentType> = new Registry();
new Gauge({ name: "own", help: "Own.", registers: [plain] });
collectDefaultMetrics({ register: plain, prefix: "app_", labels: { a: "b" }, gcDurationBuckets: [1] });
const names: string[] = prometheusClient.collectDefaultMetrics.metricsList;

class Shop {
  constructor(private readonly registry: Registry) {}
  make(name: string): Counter<string> {
    return (this.registry.getSingleMetric(name) as Counter<string> | undefined) ??
      new Counter({ name, help: name, labelNames: ["a"], registers: [this.registry] });
  }
}
new Shop(register).make("made_total").inc({ a: 1 });

const gateway = new Pushgateway("http://127.0.0.1:1", { timeout: 100 }, register);
const pushed: Promise<{ resp?: unknown; body?: unknown }> = gateway.pushAdd({
  jobName: "job",
  groupings: { instance: "a" },
});
const all: AggregatorRegistry<PrometheusContentType> = new AggregatorRegistry();
AggregatorRegistry.setRegistries([register]);
const cluster: Promise<string> = all.clusterMetrics();

export { buckets, cluster, contentType, json, merged, metrics, names, pushed, text, validateMetricName };
