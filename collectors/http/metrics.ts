import {
  type Clock,
  type Collector,
  Counter,
  type DuplicateMetricError,
  Gauge,
  Histogram,
  type NativeHistogramOptions,
  REGISTRY,
  type Registry,
} from "../../mod.ts";
import type { KnownOptions } from "../../model.ts";

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

/** Bounds for the sizes of bodies, in bytes. The conventions advise none. */
const SIZE_BUCKETS = [
  16,
  64,
  256,
  1024,
  4096,
  16384,
  65536,
  262144,
  1048576,
  4194304,
  16777216,
  67108864,
];

/** Options that the metrics of servers and of clients have in common. */
export interface HttpMetricsOptions {
  /**
   * Where the metrics are registered. Everything that is instrumented for one registry shares
   * them, so the options of the metrics have to be the same everywhere.
   *
   * @default {REGISTRY}
   */
  registry?: Registry | undefined;
  /** A namespace for the names of the metrics: `namespace_http_server_…`. @default {none} */
  namespace?: string | undefined;
  /**
   * How many series each family has at most. Further label sets share one series, whose labels
   * are all `overflow`. @default {that of the registry}
   */
  maxSeries?: number | undefined;
  /**
   * The upper bounds of durations, in seconds.
   *
   * @default {those of OpenTelemetry, from 0.005 to 10}
   */
  buckets?: readonly number[] | undefined;
  /** The upper bounds of the sizes of bodies, in bytes. @default {powers of four, from 16} */
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

/** The names of the options above. */
export const HTTP_METRICS_OPTIONS: KnownOptions<HttpMetricsOptions> = {
  registry: true,
  namespace: true,
  maxSeries: true,
  buckets: true,
  sizeBuckets: true,
  nativeHistogram: true,
  exemplars: true,
  clock: true,
};

const SERVER_LABELS = [
  "http_request_method",
  "http_response_status_code",
  "http_route",
] as const;

const ERROR_LABELS = ["http_request_method", "http_route", "error_type"];

const CLIENT_LABELS = [
  "http_request_method",
  "http_response_status_code",
  "server_address",
  "server_port",
] as const;

/** A counter, whatever its labels. */
export type AnyCounter = Counter<readonly string[]>;

/** A histogram, whatever its labels. */
export type AnyHistogram = Histogram<readonly string[]>;

/** The metrics of servers. */
export interface ServerMetrics {
  /** Labels: those of {@linkcode SERVER_LABELS}, then those of the option `labels`. */
  readonly duration: AnyHistogram;
  readonly active: Gauge<readonly ["http_request_method"]>;
  readonly requestSize: AnyHistogram;
  /** Only where bodies are measured. */
  readonly responseSize: AnyHistogram | undefined;
  /** Labels: method, route, error type, then those of the option `labels`. */
  readonly errors: AnyCounter;
}

/**
 * Creates the metrics of servers in a registry, or takes those of the same definition that the
 * registry has.
 *
 * @param options Options of the metrics.
 * @param more Further labels, and whether the bodies of responses are measured.
 * @throws {TypeError} If an option or a label is not legal.
 * @throws {DuplicateMetricError} If something else claims one of their names.
 */
export function createServerMetrics(
  options: HttpMetricsOptions,
  more: { readonly labelNames: readonly string[]; readonly bodies: boolean },
): ServerMetrics {
  return inRegistry(options, (common) => {
    const { buckets, sizeBuckets, exemplars } = withDefaults(options);
    const { nativeHistogram } = options;
    const labelNames = [...SERVER_LABELS, ...more.labelNames];
    const sizes = { ...common, labelNames, buckets: sizeBuckets, nativeHistogram };
    return {
      duration: new Histogram(
        "http_server_request_duration_seconds",
        "Duration of HTTP server requests.",
        { ...common, labelNames, buckets, nativeHistogram, exemplars },
      ),
      active: new Gauge("http_server_active_requests", "Number of active HTTP server requests.", {
        ...common,
        labelNames: ["http_request_method"],
        aggregation: "livesum",
      }),
      requestSize: new Histogram(
        "http_server_request_body_size_bytes",
        "Size of HTTP server request bodies.",
        sizes,
      ),
      responseSize: more.bodies
        ? new Histogram(
          "http_server_response_body_size_bytes",
          "Size of HTTP server response bodies.",
          sizes,
        )
        : undefined,
      errors: new Counter(
        "http_server_request_errors_total",
        "HTTP server requests that failed or were aborted.",
        {
          ...common,
          labelNames: [...ERROR_LABELS, ...more.labelNames],
        },
      ),
    };
  });
}

/**
 * Creates the metrics of clients in a registry, or takes those of the same definition that the
 * registry has.
 *
 * @param options Options of the metrics.
 * @throws {TypeError} If an option is not legal.
 * @throws {DuplicateMetricError} If something else claims one of their names.
 */
export function createClientMetrics(options: HttpMetricsOptions) {
  return inRegistry(options, (common) => {
    const { buckets, sizeBuckets, exemplars } = withDefaults(options);
    const { nativeHistogram } = options;
    return {
      duration: new Histogram(
        "http_client_request_duration_seconds",
        "Duration of HTTP client requests.",
        { ...common, labelNames: CLIENT_LABELS, buckets, nativeHistogram, exemplars },
      ),
      active: new Gauge("http_client_active_requests", "Number of active HTTP client requests.", {
        ...common,
        labelNames: ["http_request_method", "server_address", "server_port"],
        aggregation: "livesum",
      }),
      responseSize: new Histogram(
        "http_client_response_body_size_bytes",
        "Size of HTTP client response bodies.",
        { ...common, labelNames: CLIENT_LABELS, buckets: sizeBuckets, nativeHistogram },
      ),
      errors: new Counter(
        "http_client_request_errors_total",
        "HTTP client requests that failed or were aborted.",
        {
          ...common,
          labelNames: ["http_request_method", "server_address", "server_port", "error_type"],
        },
      ),
    };
  });
}

function withDefaults(options: HttpMetricsOptions) {
  const { buckets = DURATION_BUCKETS, sizeBuckets = SIZE_BUCKETS, exemplars = false } = options;
  return { buckets, sizeBuckets, exemplars };
}

/** The options that all metrics of one call share. */
type Common = Pick<HttpMetricsOptions, "namespace" | "maxSeries"> & { readonly registry: Registry };

/**
 * Creates metrics in the registry of the options, or takes those of the same definition that it
 * has: all of them, or none.
 */
export function inRegistry<M>(options: HttpMetricsOptions, create: (common: Common) => M): M {
  const { registry = REGISTRY, namespace, maxSeries } = options;
  const sharing = new SharingRegistry(registry);
  try {
    return create({
      registry: sharing,
      ...namespace !== undefined && { namespace },
      ...maxSeries !== undefined && { maxSeries },
    });
  } catch (error) {
    sharing.undo();
    throw error;
  }
}

/** The metrics of each registry, by their definition. */
const metricsOf: WeakMap<Registry, Map<string, Collector>> = new WeakMap();

/**
 * Registers metrics in another registry. Where that has a metric of the same definition, it hands
 * back that one, whatever the registry does with duplicates otherwise.
 */
class SharingRegistry implements Registry {
  readonly prefix = null;
  readonly maxSeries: number | undefined;
  readonly #registry: Registry;
  readonly #known: Map<string, Collector>;
  readonly #added: Collector[] = [];

  constructor(registry: Registry) {
    this.#registry = registry;
    this.maxSeries = registry.maxSeries;
    const holder = behind(registry);
    this.#known = metricsOf.get(holder) ?? new Map();
    metricsOf.set(holder, this.#known);
  }

  register(collector: Collector): Collector {
    const { definition = "" } = collector;
    const candidate = this.#known.get(definition) ?? collector;
    let used: Collector;
    try {
      // A registry of a program's own may return nothing.
      used = this.#registry.register(candidate) ?? candidate;
    } catch (error) {
      const existing = existingOf(error);
      if (existing?.definition !== definition) throw error;
      used = existing;
    }
    if (used === collector) this.#added.push(collector);
    this.#known.set(definition, used);
    return used;
  }

  unregister(collector: Collector): boolean | void {
    return this.#registry.unregister(collector);
  }

  collect(): ReturnType<Registry["collect"]> {
    return this.#registry.collect();
  }

  /** Unregisters what was added. */
  undo(): void {
    for (const collector of this.#added) {
      this.#registry.unregister(collector);
      this.#known.delete(collector.definition ?? "");
    }
  }
}

/** The registry that a proxy stands for now. It may get another one. */
function behind(registry: Registry): Registry {
  let found = registry as Registry & { getRegistry?: () => Registry };
  while (typeof found.getRegistry === "function") found = found.getRegistry();
  return found;
}

/** The collector that was in the way of another one, also by an error of another copy. */
function existingOf(error: unknown): Collector | undefined {
  const { name, existing } = (error ?? {}) as Partial<DuplicateMetricError>;
  return name === "DuplicateMetricError" ? existing : undefined;
}
