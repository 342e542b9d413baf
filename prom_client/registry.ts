import type { Counter } from "./counter.ts";
import type { Gauge } from "./gauge.ts";
import type { Histogram } from "./histogram.ts";
import { RegistryCore } from "./registry_core.ts";
import type { Summary } from "./summary.ts";
import type {
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
} from "./types.ts";

/** A metric of any of the four types. */
export type Metric<T extends string = string> =
  | Counter<T>
  | Gauge<T>
  | Summary<T>
  | Histogram<T>;

/**
 * Holds metrics and writes them as text and JSON. The default one, `register`, also has the metrics
 * of `REGISTRY`.
 *
 * @typeParam BoundRegistryContentType The format of the text.
 */
export interface Registry<
  BoundRegistryContentType extends RegistryContentType = RegistryContentType,
> extends Omit<RegistryCore, "registerMetric" | "getMetricsAsString" | "getSingleMetric"> {
  /** For the compiler alone. */
  readonly boundContentType?: BoundRegistryContentType;
  /** Registers a metric. Throws if another one has its name. */
  registerMetric<T extends string>(metric: Metric<T>): void;
  /** Returns one metric as text, without a final line feed. Rejects if its `collect()` fails. */
  getMetricsAsString<T extends string>(metric: Metric<T>): Promise<string>;
  /** Returns the metric that was registered here under a name, or undefined. */
  getSingleMetric<T extends string>(name: string): Metric<T> | undefined;
}

/** The class {@linkcode Registry}. */
export interface RegistryConstructor {
  /** The members of all registries. */
  readonly prototype: Registry;
  /** The content type of the Prometheus text format. */
  readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType;
  /** The content type of OpenMetrics. */
  readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType;
  /** The default registry. */
  readonly globalRegistry: Registry;
  /** Creates a registry that writes the Prometheus text format, or the given one. */
  new <T extends RegistryContentType = RegistryContentType>(
    regContentType?: RegistryContentType,
  ): Registry<T>;
  /** See the static method of {@linkcode RegistryCore}. */
  merge(registers: Registry[]): Registry;
  /** See the static method of {@linkcode RegistryCore}. */
  aggregate<T extends RegistryContentType>(
    metricsArr: Array<object>,
    registryType?: RegistryContentType,
  ): Registry<T>;
}

/** The class of registries. */
// The class itself knows no types of metrics; its methods take and return the same.
export const Registry: RegistryConstructor = RegistryCore as unknown as RegistryConstructor;
