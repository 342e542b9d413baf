import {
  type Aggregation,
  type Collector,
  Counter,
  type CounterSeries,
  Gauge,
  type GaugeSeries,
  Histogram,
  type HistogramOptions,
  type HistogramSeries,
  type Metric,
  MetricFamily,
  type MetricType,
} from "../../mod.ts";
import { type Collected, type LiveMetrics, TRUSTED } from "../../model.ts";
import type { Clock } from "../../time/clock.ts";
import type { Labels } from "./labels.ts";

/** A series that values are written to. */
export type Series = CounterSeries | GaugeSeries | HistogramSeries;

/** The buckets of a histogram. */
export type Buckets = Pick<HistogramOptions, "buckets" | "nativeHistogram">;

/** A source of series that are created for each read. */
export interface ObservedSource {
  /** Calls the callbacks. Returns a promise if one of them does. */
  observe(): Promise<void> | undefined;
  /** Returns the series that were observed last, by the key of their labels. */
  series(): Iterable<readonly [key: string, metric: Metric]>;
}

/** The metadata of a family. */
export interface FamilyDescription {
  readonly name: string;
  readonly help: string;
  readonly type: Extract<MetricType, "counter" | "gauge" | "histogram">;
  readonly unit: string;
  readonly isObserved: boolean;
  readonly aggregation: Aggregation;
  readonly clock: Clock;
}

/** A metric of any type. It is in no registry. */
type SeriesMetric =
  | Counter<readonly string[]>
  | Gauge<readonly string[]>
  | Histogram<readonly string[]>;

/**
 * One family of a registry, with the series of all instruments that have its name.
 *
 * OpenTelemetry has no fixed label names. So there is a metric of this library for each set of label
 * names and buckets, and a read goes over all of them.
 */
export class FamilyCollector implements Collector {
  readonly name: string;
  readonly description: FamilyDescription;
  /** A text that interchangeable families share. A store shares only series of a family with one. */
  readonly definition?: string;
  /** The metrics by their label names, and then by their buckets. */
  readonly #metrics: Map<string, Map<string, SeriesMetric>> = new Map();
  readonly #sources: Set<ObservedSource> = new Set();

  constructor(description: FamilyDescription) {
    const { name, help, type, unit, isObserved } = description;
    this.name = name;
    this.description = description;
    // Observed values are those of the process that is scraped.
    if (!isObserved) this.definition = JSON.stringify(["opentelemetry", type, name, help, unit]);
  }

  /** Returns the series of some labels, with any buckets. Creates it if there is none. */
  series({ labelNames, labelValues }: Labels, buckets: Buckets): Series {
    const names = JSON.stringify(labelNames);
    let metrics = this.#metrics.get(names);
    if (metrics === undefined) this.#metrics.set(names, metrics = new Map());
    // Each type takes its values in the order of its names.
    for (const metric of metrics.values() as Iterable<Counter<readonly string[]>>) {
      const known = metric.find(...labelValues);
      if (known !== undefined) return known;
    }
    const key = JSON.stringify(buckets);
    let metric = metrics.get(key);
    if (metric === undefined) metrics.set(key, metric = this.#create(labelNames, buckets));
    return (metric as Counter<readonly string[]>).labels(...labelValues);
  }

  /** Throws if a histogram cannot have such buckets. */
  check(buckets: Buckets): void {
    this.#create([], buckets);
  }

  /** Adds a source of observed series. */
  addSource(source: ObservedSource): void {
    this.#sources.add(source);
  }

  collect(): Collected {
    if (this.#sources.size === 0) return this.#families(this.#live());
    const observing: Promise<void>[] = [];
    for (const source of this.#sources) {
      const promise = source.observe();
      if (promise !== undefined) observing.push(promise);
    }
    if (observing.length === 0) return this.#families(this.#observed());
    return Promise.all(observing).then(() => this.#families(this.#observed()));
  }

  describe(): MetricFamily[] {
    return [this.#family({ [Symbol.iterator]: () => [][Symbol.iterator]() })];
  }

  /** Leaves out a family without series, because instrumentations create many unused ones. */
  #families(metrics: LiveMetrics | undefined): MetricFamily[] {
    return metrics === undefined ? [] : [this.#family(metrics)];
  }

  #family(metrics: LiveMetrics): MetricFamily {
    const { name, help, type, unit, aggregation, isObserved } = this.description;
    return new MetricFamily(name, help, type, {
      unit,
      nameValidation: "utf8",
      metrics,
      createdSamples: false,
      aggregation: isObserved ? undefined : aggregation,
    });
  }

  #live(): LiveMetrics | undefined {
    const { type } = this.description;
    const parts: LiveMetrics[] = [];
    for (const metrics of this.#metrics.values()) {
      for (const metric of metrics.values()) {
        const [family] = metric.collect();
        parts.push(family!.metrics);
      }
    }
    if (parts.length < 2) return parts[0];
    return {
      // No two have a series of the same labels.
      [TRUSTED]: type,
      *[Symbol.iterator]() {
        for (const part of parts) yield* part;
      },
    };
  }

  #observed(): LiveMetrics | undefined {
    const { type } = this.description;
    const series = new Map<string, Metric>();
    for (const source of this.#sources) {
      for (const [key, metric] of source.series()) if (!series.has(key)) series.set(key, metric);
    }
    if (series.size === 0) return undefined;
    const metrics = [...series.values()];
    return { [TRUSTED]: type, [Symbol.iterator]: () => metrics[Symbol.iterator]() };
  }

  #create(labelNames: readonly string[], buckets: Buckets): SeriesMetric {
    const { name, help, type, aggregation, clock } = this.description;
    const options = { registry: null, labelNames, nameValidation: "utf8", clock } as const;
    switch (type) {
      case "counter":
        return new Counter(name, help, options);
      case "gauge":
        return new Gauge(name, help, { ...options, aggregation });
      case "histogram":
        return new Histogram(name, help, { ...options, ...buckets });
    }
  }
}
