import type { Collector, MetricFamily } from "../mod.ts";
import type { Aggregator } from "./types.ts";

/** A value of a metric, as in JSON. */
export interface JsonValue {
  /** The value. */
  value: number;
  /** The labels, with `le` or `quantile`. Official summaries may leave them out. */
  labels?: Record<string, unknown> | undefined;
  /** The name of the series, if it is not that of the metric. */
  metricName?: string | undefined;
  /** An exemplar. */
  exemplar?: JsonExemplar | null | undefined;
}

/** An exemplar, as in JSON. */
export interface JsonExemplar {
  /** The labels. */
  labelSet: Record<string, unknown>;
  /** The value. */
  value: number | null;
  /** The time of the observation, in seconds since 1970. */
  timestamp?: number | undefined;
}

/** A metric with its values, as in JSON. */
export interface JsonMetric {
  /** The name. */
  name: string;
  /** The help text. */
  help: string;
  /** The type. */
  type: string;
  /** The values. */
  values: JsonValue[];
  /** How the values of several processes are combined. */
  aggregator?: Aggregator | undefined;
}

/** The property by which all copies of this package find the collector of a metric. */
export const COLLECTOR: unique symbol = Symbol.for("narthex.prom_client.collector.1");

/** The collector of a metric of this folder. */
export interface MetricCollector extends Collector {
  /** Calls `collect()` of the metric, if it has one. */
  refresh(): void | Promise<void>;
  /** Whether the next read uses the result of the last `refresh()`. */
  isFresh: boolean;
  /** Returns the families without calling `collect()`. */
  families(): MetricFamily[];
}

/** Anything that can be registered: a metric of this folder, or one of another client. */
export interface AnyMetricObject {
  /** The name. */
  name: string;
  /** The help text. */
  help?: string;
  /** The type. */
  type?: string;
  /** How the values of several processes are combined. */
  aggregator?: Aggregator | undefined;
  /** Returns the values. */
  get(): JsonMetric | Promise<JsonMetric>;
  /** Starts again at zero. */
  reset?(): void;
  /** The collector of a metric of this folder. */
  readonly [COLLECTOR]?: MetricCollector;
}
