import { familyLike, type LabelSet, type MetricFamily } from "../model.ts";
import { COLLECTOR, type JsonMetric, type MetricCollector } from "./metric_object.ts";
import { defaultRegister } from "./registry_core.ts";
import { readLabels, type SeriesStore } from "./series_store.ts";
import { PROMETHEUS_CONTENT_TYPE, shared } from "./shared.ts";
import type {
  Aggregator,
  LabelValues,
  MetricConfiguration,
  MetricObjectWithValues,
  MetricRegistry,
  MetricType,
  MetricValue,
} from "./types.ts";
import { illegalLabelNames, validateMetricName } from "./validation.ts";

/** Options of the metric of this library that has the numbers. */
export interface NativeOptions {
  /** The label names, each once. */
  readonly labelNames: readonly string[];
  readonly registry: null;
  readonly nameValidation: "legacy" | "utf8";
  readonly maxSeries: number | undefined;
  readonly expireAfterSeconds: number | undefined;
}

/**
 * Checks the options that all types have, and returns those of the metric that has the numbers.
 * `reserved` is the label name that the type keeps for itself.
 */
export function readConfiguration(
  configuration: MetricConfiguration<string>,
  reserved?: string,
): NativeOptions {
  if (typeof configuration !== "object" || configuration === null) {
    throw new TypeError("constructor expected a config object");
  }
  const { name, help, collect, maxSeries, expireAfterSeconds } = configuration;
  if (!help) throw new Error("Missing mandatory help parameter");
  if (!name) throw new Error("Missing mandatory name parameter");
  if (!validateMetricName(name)) throw new Error(`Invalid metric name: ${name}`);
  const labelNames = [...configuration.labelNames ?? []];
  const illegal = illegalLabelNames(labelNames);
  if (illegal.length > 0) {
    throw new Error(`At least one label name is invalid: ${illegal.join(",")}`);
  }
  if (collect && typeof collect !== "function") {
    throw new Error('Optional "collect" parameter must be a function');
  }
  if (reserved !== undefined && labelNames.includes(reserved)) {
    throw new Error(`${reserved} is a reserved label keyword`);
  }
  return {
    labelNames: [...new Set(labelNames)],
    registry: null,
    // Names with two leading underscores are legal here.
    nameValidation: labelNames.some((label) => label.startsWith("__")) ? "utf8" : "legacy",
    maxSeries,
    expireAfterSeconds,
  };
}

/**
 * The members that all metrics of this entry point have.
 *
 * @typeParam T The label names.
 * @typeParam V The values that `get()` returns.
 */
export abstract class BaseMetric<T extends string, V extends MetricValue<string>> {
  /** The name. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricType;
  /** The label names. */
  readonly labelNames: readonly string[];
  /** How the values of several processes are combined. */
  readonly aggregator: Aggregator;
  /** The registries that the metric is registered in. */
  readonly registers: readonly MetricRegistry[];
  /** Whether writes take an object with exemplar labels. */
  readonly enableExemplars: boolean;
  /** Called before the metric is read. */
  collect: (() => void | Promise<void>) | undefined;
  readonly #store: SeriesStore<LabelSet>;

  /**
   * Creates a metric, and does not register it.
   *
   * @param configuration The options, checked.
   * @param type The type.
   * @param store The series.
   *
   * @ignore
   */
  constructor(
    configuration: MetricConfiguration<T>,
    type: MetricType,
    store: SeriesStore<LabelSet>,
  ) {
    this.name = configuration.name;
    this.help = configuration.help;
    this.type = type;
    this.labelNames = [...configuration.labelNames ?? []];
    this.aggregator = configuration.aggregator ?? "sum";
    this.registers = configuration.registers ?? [defaultRegister()];
    this.enableExemplars = configuration.enableExemplars ?? false;
    this.collect = configuration.collect as (() => void | Promise<void>) | undefined;
    this.#store = store;
    const collector = new OwnCollector(this, store, () => this.prepare());
    Object.defineProperty(this, COLLECTOR, { value: collector });
  }

  /**
   * Registers the metric. Called at the end of the constructor of each type.
   *
   * @ignore
   */
  protected register(): void {
    for (const registry of this.registers) {
      if (this.enableExemplars && registry.contentType === PROMETHEUS_CONTENT_TYPE) {
        throw new TypeError("Exemplars are supported only on OpenMetrics registries");
      }
      registry.registerMetric(this);
    }
  }

  /** Removes a series by its labels. The next write of a handle brings it back. */
  remove(labels: LabelValues<T>): void;
  /** Removes a series by a value for each label name. */
  remove(...values: string[]): void;
  remove(...args: unknown[]): void {
    this.#store.remove(readLabels(this.labelNames, args));
  }

  /** Removes all series. A metric without labels is set to zero. */
  reset(): void {
    this.#store.clear(true);
  }

  /**
   * Called before a read, after `collect()`.
   *
   * @ignore
   */
  protected prepare(): void {}

  /**
   * Returns the values for `get()`.
   *
   * @ignore
   */
  protected abstract values(): JsonMetric["values"];

  /** Calls `collect()`, and returns the metric with its values as a plain object. */
  async get(): Promise<MetricObjectWithValues<V>> {
    await this.collect?.();
    this.prepare();
    const { name, help, type, aggregator } = this;
    const values = this.values();
    // In the order of prom-client, for programs that compare texts.
    const json: JsonMetric = type === "counter" || type === "gauge"
      ? { help, name, type, values, aggregator }
      : { name, help, type, values, aggregator };
    // It lacks `collect`, as in prom-client, whose declarations have it.
    return json as object as MetricObjectWithValues<V>;
  }
}

/** The part of a metric that its collector reads. */
type MetricPart = Pick<BaseMetric<string, MetricValue<string>>, "name" | "collect" | "aggregator">;

/** Collects the family of a metric for its registries. */
class OwnCollector implements MetricCollector {
  readonly name: string;
  /** Differs for each metric, because no metric can replace another one. */
  readonly definition: string;
  isFresh = false;
  readonly #metric: MetricPart;
  readonly #store: SeriesStore<LabelSet>;
  readonly #prepare: () => void;

  constructor(metric: MetricPart, store: SeriesStore<LabelSet>, prepare: () => void) {
    this.#metric = metric;
    this.#store = store;
    this.#prepare = prepare;
    this.name = metric.name;
    this.definition = JSON.stringify(["prom-client", this.name, shared.metrics++]);
  }

  describe(): MetricFamily[] {
    return this.#store.describe();
  }

  collect(): MetricFamily[] | Promise<MetricFamily[]> {
    if (this.isFresh) {
      this.isFresh = false;
    } else {
      const called = this.refresh();
      if (called !== undefined) return called.then(() => this.families());
    }
    return this.families();
  }

  refresh(): void | Promise<void> {
    const called: unknown = this.#metric.collect?.();
    if (called instanceof Promise) return called;
  }

  families(): MetricFamily[] {
    this.#prepare();
    const families = this.#store.families();
    // A shared registry leaves them out, whatever their type is.
    if (this.#metric.aggregator === "omit") {
      families[0] = familyLike(families[0]!, { aggregation: "omit" });
    }
    return families;
  }
}
