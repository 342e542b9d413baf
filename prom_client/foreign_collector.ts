import type { MetricFamily } from "../mod.ts";
import { familyFromJson } from "./json_family.ts";
import {
  type AnyMetricObject,
  COLLECTOR,
  type JsonMetric,
  type MetricCollector,
} from "./metric_object.ts";
import { shared } from "./shared.ts";

/**
 * Returns the collector of a metric, which may belong to another client or to a plugin. It is
 * always the same for one metric.
 */
export function collectorOf(metric: AnyMetricObject): MetricCollector {
  const own = metric[COLLECTOR] ?? shared.foreign.get(metric);
  if (own !== undefined) return own;
  const collector = new ForeignCollector(metric);
  shared.foreign.set(metric, collector);
  return collector;
}

/** Collects the family of a metric that can only return JSON. */
class ForeignCollector implements MetricCollector {
  readonly name: string;
  isFresh = false;
  readonly #metric: AnyMetricObject;
  #json: JsonMetric;

  constructor(metric: AnyMetricObject) {
    const { name, help = "", type = "gauge" } = metric;
    this.name = name;
    this.#metric = metric;
    this.#json = { name, help, type, values: [] };
  }

  describe(): MetricFamily[] {
    return [familyFromJson({ ...this.#json, values: [] })];
  }

  collect(): MetricFamily[] | Promise<MetricFamily[]> {
    if (!this.isFresh) return this.refresh().then(() => this.families());
    this.isFresh = false;
    return this.families();
  }

  async refresh(): Promise<void> {
    this.#json = await this.#metric.get();
  }

  families(): MetricFamily[] {
    return [familyFromJson(this.#json)];
  }
}
