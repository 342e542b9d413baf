import {
  eventLoopLag,
  type EventLoopOptions,
  eventLoopUtilization,
} from "./default_metrics/event_loop.ts";
import type { Context } from "./default_metrics/context.ts";
import {
  gc,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  processHandles,
  processRequests,
  processResources,
  version,
} from "./default_metrics/nodejs.ts";
import {
  osMemoryHeap,
  processCpuTotal,
  processMaxFileDescriptors,
  processOpenFileDescriptors,
  processStartTime,
} from "./default_metrics/process.ts";
import type { Registry } from "./registry.ts";
import type { RegistryContentType } from "./types.ts";

/**
 * Options of {@linkcode collectDefaultMetrics}.
 *
 * @typeParam T The format of the registry's text.
 */
export interface DefaultMetricsCollectorConfiguration<T extends RegistryContentType> {
  /** Where the metrics are registered. @default {register} */
  register?: Registry<T>;
  /** Stands before every name. @default {""} */
  prefix?: string;
  /** The bounds of garbage collections, in seconds. */
  gcDurationBuckets?: number[];
  /** How often the delay of the event loop is sampled, in milliseconds. @default {10} */
  eventLoopMonitoringPrecision?: number;
  /** How often the utilization of the event loop is sampled, in milliseconds. @default {100} */
  eventLoopUtilizationTimeout?: number;
  /** The bounds of the utilization. */
  eventLoopUtilizationBuckets?: number[];
  /** The quantiles of the utilization. */
  eventLoopUtilizationPercentiles?: number[];
  /** In how many steps the window of these quantiles moves on. @default {5} */
  eventLoopUtilizationAgeBuckets?: number;
  /** How long a value is among these quantiles, in seconds. @default {60} */
  eventLoopUtilizationMaxAgeSeconds?: number;
  /** Labels of every series. */
  labels?: object;
}

type Collect = (context: Context, options: Options) => void;
type Options = EventLoopOptions & { gcDurationBuckets?: number[] | undefined };

/** All default metrics, by the names in `metricsList`. */
const METRICS: Readonly<Record<string, Collect>> = {
  processCpuTotal,
  processStartTime,
  osMemoryHeap,
  processOpenFileDescriptors,
  processMaxFileDescriptors,
  eventLoopLag,
  eventLoopUtilization,
  processResources,
  processHandles,
  processRequests,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  version,
  gc,
};

/** A function that registers default metrics, and the list of them. */
export interface CollectDefaultMetrics {
  /** Registers metrics of the process and of the runtime, under the names of prom-client. */
  <T extends RegistryContentType>(config?: DefaultMetricsCollectorConfiguration<T>): void;
  /** The names of all default metrics. */
  metricsList: string[];
}

/** Registers metrics of the process and of the runtime, under the names of prom-client. */
export const collectDefaultMetrics: CollectDefaultMetrics = Object.assign(
  function collectDefaultMetrics<T extends RegistryContentType>(
    config?: DefaultMetricsCollectorConfiguration<T> | null,
  ): void {
    if (config !== undefined && typeof config !== "object") {
      throw new TypeError("config must be null, undefined, or an object");
    }
    const { register, prefix, labels = {}, ...options } = config ?? {};
    const context: Context = {
      prefix: prefix ?? "",
      // Anything may be a label value.
      labels: labels as Record<string, string>,
      labelNames: Object.keys(labels),
      registers: register && [register as Registry],
    };
    for (const collect of Object.values(METRICS)) {
      collect(context, { eventLoopMonitoringPrecision: 10, ...options });
    }
  },
  { metricsList: Object.keys(METRICS) },
);
