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
 * Holds metrics and writes them. The default one, `register`, holds what is in `REGISTRY` too.
 *
 * @typeParam BoundRegistryContentType What it writes.
 */
export interface Registry<
  BoundRegistryContentType extends RegistryContentType = RegistryContentType,
> extends Omit<RegistryCore, "registerMetric" | "getMetricsAsString" | "getSingleMetric"> {
  /** For the compiler alone. */
  readonly boundContentType?: BoundRegistryContentType;
  /**
   * Registers a metric.
   *
   * @param metric The metric.
   * @throws {Error} If another one has its name.
   */
  registerMetric<T extends string>(metric: Metric<T>): void;
  /**
   * Writes one metric.
   *
   * @param metric The metric.
   * @returns The text, without a line feed at the end. Rejects if its `collect()` fails.
   */
  getMetricsAsString<T extends string>(metric: Metric<T>): Promise<string>;
  /**
   * Returns a metric that was registered here.
   *
   * @param name Its name.
   * @returns The metric itself, or undefined.
   */
  getSingleMetric<T extends string>(name: string): Metric<T> | undefined;
}

/** The class {@linkcode Registry}. */
export interface RegistryConstructor {
  /** What all registries have. */
  readonly prototype: Registry;
  /** The content type of the Prometheus text format. */
  readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType;
  /** The content type of OpenMetrics. */
  readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType;
  /** The default registry. */
  readonly globalRegistry: Registry;
  /**
   * Creates a registry.
   *
   * @param regContentType What it writes. @default {the Prometheus text format}
   */
  new <T extends RegistryContentType = RegistryContentType>(
    regContentType?: RegistryContentType,
  ): Registry<T>;
  /**
   * Makes a registry of the metrics of several ones.
   *
   * @param registers The registries.
   * @returns A registry with the same metrics.
   * @throws {Error} If they do not write the same, or two metrics have the same name.
   */
  merge(registers: Registry[]): Registry;
  /**
   * Makes a registry of what several processes sent.
   *
   * @param metricsArr What `getMetricsAsJSON()` returned in each of them.
   * @param registryType What the registry writes. @default {the Prometheus text format}
   * @returns A registry with one metric for each name.
   * @throws {Error} If an aggregator is unknown.
   */
  aggregate<T extends RegistryContentType>(
    metricsArr: Array<object>,
    registryType?: RegistryContentType,
  ): Registry<T>;
}

/** The class of registries. */
// The class itself knows no types of metrics; its methods take and return the same.
export const Registry: RegistryConstructor = RegistryCore as unknown as RegistryConstructor;
