import {
  type Clock,
  Counter,
  Gauge,
  Histogram,
  type NativeHistogramOptions,
  REGISTRY,
  type Registry,
} from "../../mod.ts";
import { ErrorTypes } from "./labels.ts";

/** The bounds that the conventions advise for durations, in seconds. */
const DURATION_BUCKETS = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];

/** Bounds for the sizes of bodies, in bytes, for which the conventions advise none. */
const SIZE_BUCKETS = [100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/** Options that the metrics of servers and of clients have in common. */
export interface HttpMetricsOptions {
  /**
   * Where the metrics are registered. All calls for one registry share them, so the options
   * of the metrics have to be the same in each.
   *
   * @default {REGISTRY}
   */
  registry?: Registry | undefined;
  /**
   * The upper bounds of durations, in seconds.
   *
   * @default {those of OpenTelemetry, from 0.005 to 10}
   */
  buckets?: readonly number[] | undefined;
  /** The upper bounds of the sizes of bodies, in bytes. @default {powers of ten, 100 to 1e8} */
  sizeBuckets?: readonly number[] | undefined;
  /**
   * Whether the histograms are native too, and how. The classic buckets stay, unless `buckets`
   * and `sizeBuckets` are `[]`. @default {false}
   */
  nativeHistogram?: NativeHistogramOptions | boolean | undefined;
  /**
   * Whether durations ask the source that was set by `setExemplarSource()` for an exemplar.
   *
   * @default {false}
   */
  exemplars?: boolean | undefined;
  /** Where the time is taken from; for tests. @default {the platform's clock} */
  clock?: Pick<Clock, "monotonic"> | undefined;
}

const SERVER_LABELS = [
  "http_request_method",
  "http_response_status_code",
  "http_route",
] as const;

const CLIENT_LABELS = [
  "http_request_method",
  "http_response_status_code",
  "server_address",
  "server_port",
] as const;

/** The metrics of servers. */
export type ServerMetrics = ReturnType<typeof createServerMetrics>;

/** The metrics of clients. */
export type ClientMetrics = ReturnType<typeof createClientMetrics>;

type MetricSettings = Pick<
  Required<HttpMetricsOptions>,
  "buckets" | "sizeBuckets" | "nativeHistogram" | "exemplars"
>;

function createServerMetrics(settings: MetricSettings) {
  const { buckets, sizeBuckets, nativeHistogram, exemplars } = settings;
  const sizes = { labelNames: SERVER_LABELS, registry: null, buckets: sizeBuckets };
  return {
    duration: new Histogram(
      "http_server_request_duration_seconds",
      "Duration of HTTP server requests.",
      { labelNames: SERVER_LABELS, registry: null, buckets, nativeHistogram, exemplars },
    ),
    active: new Gauge("http_server_active_requests", "Number of active HTTP server requests.", {
      labelNames: ["http_request_method"],
      registry: null,
      aggregation: "livesum",
    }),
    requestSize: new Histogram(
      "http_server_request_body_size_bytes",
      "Size of HTTP server request bodies.",
      { ...sizes, nativeHistogram },
    ),
    responseSize: new Histogram(
      "http_server_response_body_size_bytes",
      "Size of HTTP server response bodies.",
      { ...sizes, nativeHistogram },
    ),
    errors: new Counter(
      "http_server_request_errors_total",
      "HTTP server requests that failed or were aborted.",
      { labelNames: ["http_request_method", "http_route", "error_type"], registry: null },
    ),
  };
}

function createClientMetrics(settings: MetricSettings) {
  const { buckets, sizeBuckets, nativeHistogram, exemplars } = settings;
  return {
    duration: new Histogram(
      "http_client_request_duration_seconds",
      "Duration of HTTP client requests.",
      { labelNames: CLIENT_LABELS, registry: null, buckets, nativeHistogram, exemplars },
    ),
    active: new Gauge("http_client_active_requests", "Number of active HTTP client requests.", {
      labelNames: ["http_request_method", "server_address", "server_port"],
      registry: null,
      aggregation: "livesum",
    }),
    responseSize: new Histogram(
      "http_client_response_body_size_bytes",
      "Size of HTTP client response bodies.",
      { labelNames: CLIENT_LABELS, registry: null, buckets: sizeBuckets, nativeHistogram },
    ),
    errors: new Counter(
      "http_client_request_errors_total",
      "HTTP client requests that failed or were aborted.",
      {
        labelNames: ["http_request_method", "server_address", "server_port", "error_type"],
        registry: null,
      },
    ),
  };
}

/** The metrics of one registry, with what bounds their labels. */
interface Shared<M> {
  readonly metrics: M;
  readonly errorTypes: ErrorTypes;
  /** The options that they were made with, as text. */
  readonly settings: string;
}

type AnyMetric =
  | Histogram<readonly string[]>
  | Gauge<readonly string[]>
  | Counter<readonly string[]>;

/** Makes metrics once for each registry, and finds them again. */
class MetricsByRegistry<M extends object> {
  readonly #what: string;
  readonly #create: (settings: MetricSettings) => M;

  constructor(what: string, create: (settings: MetricSettings) => M) {
    this.#what = what;
    this.#create = create;
  }

  /**
   * The metrics of a registry, registered there.
   *
   * @throws {TypeError} If it has them with other options.
   * @throws {DuplicateMetricError} If something else claims one of their names.
   */
  get(options: HttpMetricsOptions): Shared<M> {
    const registry = behind(options.registry ?? REGISTRY);
    const given: MetricSettings = {
      buckets: options.buckets ?? DURATION_BUCKETS,
      sizeBuckets: options.sizeBuckets ?? SIZE_BUCKETS,
      nativeHistogram: options.nativeHistogram ?? false,
      exemplars: options.exemplars ?? false,
    };
    const settings = JSON.stringify(given);
    const all = this.#all();
    const known = all.get(registry);
    if (known !== undefined && known.settings !== settings) {
      throw new TypeError(
        `Cannot instrument ${this.#what}: the registry has its metrics with other options: ` +
          `received ${settings} after ${known.settings}`,
      );
    }
    const metrics = known?.metrics ?? this.#create(given);
    // Also those that are known: what is there already is left as it is, and a registry that was
    // cleared has them again.
    const registered = registerAll(metrics, registry);
    if (known !== undefined) return known;
    const shared = { metrics: registered, errorTypes: new ErrorTypes(), settings };
    all.set(registry, shared);
    return shared;
  }

  /** The metrics of all registries, where all copies of this package in a program find them. */
  #all(): WeakMap<Registry, Shared<M>> {
    // The number is that of the protocol: what is there was put there by a copy of this module.
    const key = Symbol.for(`narthex.http.${this.#what}.1`);
    const global = globalThis as { [key: symbol]: WeakMap<Registry, Shared<M>> | undefined };
    if (global[key] === undefined) {
      Object.defineProperty(global, key, { value: new WeakMap<Registry, Shared<M>>() });
    }
    return global[key]!;
  }
}

/** The registry that a proxy stands for now: metrics stay with it when the proxy gets another. */
function behind(registry: Registry): Registry {
  let found = registry as Registry & { getRegistry?: () => Registry };
  while (typeof found.getRegistry === "function") found = found.getRegistry();
  return found;
}

/** Registers metrics, all of them or none. */
function registerAll<M extends object>(metrics: M, registry: Registry): M {
  const registered: Record<string, AnyMetric> = {};
  const added: AnyMetric[] = [];
  try {
    for (const [key, metric] of Object.entries<AnyMetric>(metrics as Record<string, AnyMetric>)) {
      // A registry may hand back one of the same definition that it has, which is the one to use.
      const kept = registry.register(metric) as unknown as AnyMetric | undefined;
      const existing = kept !== undefined && kept.definition === metric.definition;
      registered[key] = existing ? kept : metric;
      if (registered[key] === metric) added.push(metric);
    }
  } catch (error) {
    for (const metric of added) registry.unregister(metric);
    throw error;
  }
  return registered as M; // Metrics of the same definitions, under the same keys.
}

/** The metrics of servers, by registry. */
export const SERVER_METRICS: MetricsByRegistry<ServerMetrics> = new MetricsByRegistry(
  "handler",
  createServerMetrics,
);

/** The metrics of clients, by registry. */
export const CLIENT_METRICS: MetricsByRegistry<ClientMetrics> = new MetricsByRegistry(
  "fetch",
  createClientMetrics,
);

/** The platform's clock. */
export const CLOCK: Pick<Clock, "monotonic"> = { monotonic: () => performance.now() / 1000 };
