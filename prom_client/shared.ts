import type { LabelSet } from "../model.ts";
import type { AnyMetricObject, MetricCollector } from "./metric_object.ts";
import type { RegistryContentType } from "./types.ts";

/** The labels of a series as its first write gave them. */
export interface GivenLabels {
  /** The names of the labels that are written, in their order. */
  readonly labelNames: readonly string[];
  /** Their texts, in the same order. */
  readonly labelValues: readonly string[];
  /** The labels with the values that were given: numbers stay numbers. */
  readonly labels: Readonly<Record<string, unknown>>;
}

/** How the text of a metric of this folder differs from this library's own formats. */
export interface KnownStore {
  /** Whether some series has other labels than its text in this library's own formats. */
  isOdd: boolean;
  /** Whether the values of its quantiles are 0 instead of NaN. */
  readonly isSummary: boolean;
}

/** The state of a registry of this folder. */
export interface RegistryRecord {
  /** The metrics by name, in the order of registration. */
  readonly metrics: Map<string, AnyMetricObject>;
  /** Which format it writes. */
  contentType: RegistryContentType;
  /** Labels that yield to those of a metric, and their texts. */
  defaultLabels: Readonly<Record<string, unknown>>;
  /** The texts of the default labels. */
  defaults: LabelSet | undefined;
}

/** The state that all copies of this package in a program share. */
export interface Shared {
  /** The default registry. */
  readonly register: RegistryRecord;
  /** Labels of series that were not given as this library writes them, by series. */
  readonly given: WeakMap<object, GivenLabels>;
  /** The metrics of this folder, by the iterable of their series. */
  readonly stores: WeakMap<object, KnownStore>;
  /** The collectors of metrics that are not of this folder. */
  readonly foreign: WeakMap<object, MetricCollector>;
  /** How many metrics were made. */
  metrics: number;
  /** The fleets of processes and of threads. */
  cluster?: unknown;
  threads?: unknown;
  /** The channels between threads. */
  radio?: unknown;
}

/** The key of the shared state. The number is its version. */
const KEY = Symbol.for("narthex.prom_client.1");

/** The content type of the Prometheus text format. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** The content type of OpenMetrics. */
export const OPENMETRICS_CONTENT_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Makes what a registry without metrics holds. */
export function newRecord(contentType: RegistryContentType): RegistryRecord {
  return { metrics: new Map(), contentType, defaultLabels: {}, defaults: undefined };
}

/** The state that all copies of this package in the program share. */
export const shared: Shared = findShared();

function findShared(): Shared {
  // It was put there by a copy of this module, since the key names the version.
  const target = globalThis as { [KEY]?: Shared };
  if (target[KEY] === undefined) {
    const value: Shared = {
      register: newRecord(PROMETHEUS_CONTENT_TYPE),
      given: new WeakMap(),
      stores: new WeakMap(),
      foreign: new WeakMap(),
      metrics: 0,
    };
    Object.defineProperty(target, KEY, { value });
  }
  return target[KEY]!;
}
