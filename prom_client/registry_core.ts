import {
  CollectorRegistry,
  DuplicateMetricError,
  gatherAsync,
  type Gatherer,
  type MetricFamily,
  type ReadAsyncOptions,
  type ReadOptions,
  type Registerer,
  REGISTRY,
} from "../mod.ts";
import type { LabelSet } from "../model.ts";
import { isObject } from "./amounts.ts";
import { aggregators } from "./aggregators.ts";
import { familyToJson } from "./json_family.ts";
import { collectorOf } from "./foreign_collector.ts";
import type { AnyMetricObject, JsonMetric, MetricCollector } from "./metric_object.ts";
import {
  newRecord,
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  type RegistryRecord,
  shared,
} from "./shared.ts";
import { type TextOptions, writeText } from "./text.ts";
import type {
  MetricObject,
  MetricObjectWithValues,
  MetricValue,
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
} from "./types.ts";

/** A registry of this library with what this folder needs. */
type Backing = Gatherer & Registerer;

/** The method of a `CollectorRegistry` that sets labels which yield to those of a metric. */
const SET_DEFAULT_LABELS = Symbol.for("narthex.default_labels.2");

/** The argument that makes the constructor create the default registry. */
class DefaultParts {}

/**
 * Holds metrics and writes them as text and JSON. The default one, `register`, also has the metrics
 * of `REGISTRY`. It does not know the types of metrics, because these import it: `registry.ts`
 * gives it its public type.
 */
export class RegistryCore implements Gatherer {
  /** The content type of the Prometheus text format. */
  static get PROMETHEUS_CONTENT_TYPE(): PrometheusContentType {
    return PROMETHEUS_CONTENT_TYPE;
  }
  /** The content type of OpenMetrics. */
  static get OPENMETRICS_CONTENT_TYPE(): OpenMetricsContentType {
    return OPENMETRICS_CONTENT_TYPE;
  }

  /** The default registry. */
  static get globalRegistry(): RegistryCore {
    return defaultRegister();
  }

  static {
    // Programs print it.
    Object.defineProperty(this, "name", { value: "Registry" });
  }
  readonly #record: RegistryRecord;
  readonly #backing: Backing;

  /**
   * Creates a registry.
   *
   * @param regContentType The format of the text. @default {the Prometheus text format}
   */
  constructor(regContentType: RegistryContentType = PROMETHEUS_CONTENT_TYPE) {
    if ((regContentType as unknown) instanceof DefaultParts) {
      this.#record = shared.register;
      this.#backing = REGISTRY;
      return;
    }
    if (!isContentType(regContentType)) {
      throw new TypeError(`Content type ${regContentType} is unsupported`);
    }
    this.#record = newRecord(regContentType);
    // Only names that are the same are refused, and that is checked here.
    this.#backing = new CollectorRegistry({ onDuplicate: "merge" });
  }

  /** Stands before the names of metrics; null for none. Readers of this library ask for it. */
  get prefix(): string | null {
    return this.#backing.prefix;
  }

  /**
   * Returns the families of all metrics, for readers of this library such as `metricsHandler()`.
   */
  collect(options?: ReadOptions): Iterable<MetricFamily> {
    return this.#backing.collect(options);
  }

  /** Does the same as {@linkcode collect}, and awaits asynchronous `collect()` functions. */
  async *collectAsync(options?: ReadAsyncOptions): AsyncGenerator<MetricFamily> {
    yield* this.#backing.collectAsync?.(options) ?? this.#backing.collect(options);
  }

  /** Returns all metrics as text. Rejects if the `collect()` of a metric fails. */
  async metrics(): Promise<string> {
    const families = await this.#read();
    const options = this.#textOptions();
    return options.isOpenMetrics
      ? `${writeText(families, options, "")}\n# EOF\n`
      : `${writeText(families, options, "\n")}\n`;
  }

  /** Removes all metrics that were registered here, and the default labels. */
  clear(): void {
    for (const name of [...this.#record.metrics.keys()]) this.removeSingleMetric(name);
    this.setDefaultLabels({});
  }

  /** Resets all metrics that were registered here. */
  resetMetrics(): void {
    for (const metric of this.#record.metrics.values()) metric.reset!();
  }

  /** Registers a metric. Throws if another one has its name. */
  registerMetric(metric: object): void {
    // A metric of another client, or of a plugin, has the members that are used.
    const object = metric as AnyMetricObject;
    const { name } = object;
    const { metrics } = this.#record;
    const refuse = (): never => {
      throw new Error(`A metric with the name ${name} has already been registered.`);
    };
    const existing = metrics.get(name);
    if (existing === object) return;
    if (existing !== undefined) refuse();
    try {
      this.#backing.register(collectorOf(object));
    } catch (error) {
      if (error instanceof DuplicateMetricError) refuse();
      throw error;
    }
    metrics.set(name, object);
  }

  /**
   * Returns all metrics, or those of one aggregator, as plain objects with their values. Rejects if
   * the `collect()` of a metric fails.
   */
  async getMetricsAsJSON(
    aggregator?: string,
  ): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    const own = await Promise.all(
      this.#metricsOf(aggregator).map((metric) => metric.get()),
    );
    const { defaultLabels } = this.#record;
    const defaults = Object.entries(defaultLabels);
    for (const { values } of defaults.length > 0 ? own : []) {
      for (const value of values ?? []) {
        const labels = { ...value.labels };
        for (const [name, given] of defaults) labels[name] ??= given;
        value.labels = labels;
      }
    }
    const others = aggregator === undefined || aggregator === "sum"
      ? await this.#otherMetrics()
      : [];
    // They lack `collect`, as in prom-client, whose declarations have it.
    return [...own, ...others] as unknown as MetricObjectWithValues<MetricValue<string>>[];
  }

  /** Returns one metric as text, without a final line feed. Rejects if its `collect()` fails. */
  async getMetricsAsString(metric: object): Promise<string> {
    // A metric of another client, or of a plugin, has the same members that are used.
    const object = metric as AnyMetricObject;
    const collector = collectorOf(object);
    await collector.refresh();
    const families = collector.families().slice(0, 1);
    return writeText(families, this.#textOptions(), "");
  }

  /** Returns the metrics that were registered here, or those of one aggregator. */
  getMetricsAsArray(aggregator?: string): MetricObject[] {
    // Metrics have these members.
    return this.#metricsOf(aggregator) as unknown as MetricObject[];
  }

  /** Removes a metric that was registered here, by its name. */
  removeSingleMetric(name: string): void {
    const metric = this.#record.metrics.get(name);
    if (metric === undefined) return;
    this.#record.metrics.delete(name);
    this.#backing.unregister(collectorOf(metric));
  }

  /** Returns the metric that was registered here under a name, or undefined. */
  getSingleMetric(name: string): object | undefined {
    return this.#record.metrics.get(name);
  }

  /** Sets labels for all series. A series that has a label of the same name keeps its own. */
  setDefaultLabels(labels: object): void {
    const entries = Object.entries(labels);
    const defaults: LabelSet | undefined = entries.length === 0 ? undefined : {
      labelNames: entries.map(([name]) => name),
      labelValues: entries.map(([, value]) => String(value).toWellFormed()),
    };
    this.#record.defaultLabels = { ...labels };
    this.#record.defaults = defaults;
    setInnermost(this.#backing as Layer, defaults);
  }

  /** Returns one metric as text, by its name. Rejects if there is no such metric. */
  async getSingleMetricAsString(name: string): Promise<string> {
    const metric = this.getSingleMetric(name);
    if (metric === undefined) throw new TypeError(`Cannot write metric "${name}": there is none`);
    return await this.getMetricsAsString(metric);
  }

  /** The content type of what `metrics()` returns. */
  get contentType(): PrometheusContentType | OpenMetricsContentType {
    return this.#record.contentType;
  }

  /** Sets the format of `metrics()`. Throws if it is neither of the two content types. */
  setContentType(contentType: PrometheusContentType | OpenMetricsContentType): void {
    if (!isContentType(contentType)) {
      throw new Error(`Content type ${contentType} is unsupported`);
    }
    this.#record.contentType = contentType;
  }

  /**
   * Creates a registry of the metrics of several ones. Throws if their content types differ, or if
   * two metrics have the same name.
   */
  static merge(registers: RegistryCore[]): RegistryCore {
    const contentType = registers[0]!.contentType;
    if (registers.some((registry) => registry.contentType !== contentType)) {
      throw new Error("Registers can only be merged if they have the same content type");
    }
    const merged = new RegistryCore(contentType);
    for (const registry of registers) {
      for (const metric of registry.getMetricsAsArray()) {
        merged.registerMetric(metric);
      }
    }
    return merged;
  }

  /**
   * Creates a registry of the metrics of several processes, combined by their aggregators.
   *
   * @param metricsArr The result of `getMetricsAsJSON()` in each process.
   * @param registryType The format of the registry. @default {the Prometheus text format}
   * @returns A registry with one metric for each name.
   * @throws {Error} If an aggregator is unknown.
   */
  static aggregate(
    metricsArr: Array<object>,
    registryType: RegistryContentType = PROMETHEUS_CONTENT_TYPE,
  ): RegistryCore {
    const registry = new RegistryCore();
    registry.setContentType(registryType);
    const byName = new Map<string, JsonMetric[]>();
    // It may come from another version of a client, and so only these members are used.
    for (const metrics of metricsArr as JsonMetric[][]) {
      for (const metric of metrics) {
        const same = byName.get(metric.name);
        if (same === undefined) byName.set(metric.name, [metric]);
        else same.push(metric);
      }
    }
    for (const metrics of byName.values()) {
      const name = metrics[0]!.aggregator ?? "sum";
      const aggregate = aggregators[name];
      if (typeof aggregate !== "function") {
        throw new Error(`'${name}' is not a defined aggregator.`);
      }
      const metric = aggregate(metrics);
      if (metric === undefined) continue;
      registry.registerMetric({ get: () => metric, ...metric });
    }
    return registry;
  }

  #metricsOf(aggregator?: string): AnyMetricObject[] {
    const metrics = [...this.#record.metrics.values()];
    if (aggregator === undefined) return metrics;
    return metrics.filter((metric) => (metric.aggregator ?? "sum") === aggregator);
  }

  #textOptions(): TextOptions {
    const { contentType, defaults } = this.#record;
    return { isOpenMetrics: contentType === OPENMETRICS_CONTENT_TYPE, defaults };
  }

  /** Reads all families. Unlike other readers of this library, it fails if a metric does. */
  async #read(): Promise<MetricFamily[]> {
    const collectors = [...this.#record.metrics.values()].map(collectorOf);
    await Promise.all(collectors.map(refresh).filter((called) => called !== undefined));
    return await whileFresh(collectors, () => gatherAll(this.#backing));
  }

  /** The families of the registry behind it that are not of metrics that were registered here. */
  async #otherMetrics(): Promise<JsonMetric[]> {
    if (this.#backing !== REGISTRY) return [];
    const { metrics } = this.#record;
    const collectors = [...metrics.values()].map(collectorOf);
    const families = await whileFresh(collectors, () => gatherAll(this.#backing));
    const start = this.prefix === null ? "" : `${this.prefix}_`;
    const own = new Set([...metrics.keys()].map((name) => start + name));
    return families.filter(({ name }) => !own.has(name)).map(familyToJson);
  }
}

/** Calls the `collect()` of a metric. An error that it throws becomes a rejection. */
function refresh(collector: MetricCollector): Promise<void> | undefined {
  try {
    return collector.refresh() ?? undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Reads without calling the `collect()` of metrics for which that was just done. */
async function whileFresh<T>(
  collectors: readonly MetricCollector[],
  read: () => Promise<T>,
): Promise<T> {
  for (const collector of collectors) collector.isFresh = true;
  try {
    return await read();
  } finally {
    for (const collector of collectors) collector.isFresh = false;
  }
}

async function gatherAll(registry: Gatherer): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry)) families.push(family);
  return families;
}

function isContentType(contentType: unknown): contentType is RegistryContentType {
  return contentType === PROMETHEUS_CONTENT_TYPE || contentType === OPENMETRICS_CONTENT_TYPE;
}

/** Returns whether a value is a registry, of any copy of this package. */
export function isRegistry(value: unknown): value is RegistryCore {
  return value instanceof RegistryCore ||
    (isObject(value) && typeof value.metrics === "function" && "registerMetric" in value);
}

/** A registry that stands before another one, or that takes default labels itself. */
interface Layer {
  getRegistry?(): Layer;
  getInner?(): Layer;
  [SET_DEFAULT_LABELS]?(labels: LabelSet | undefined): void;
}

/** Sets the default labels of the registry behind proxies and shared ones, if it takes them. */
function setInnermost(registry: Layer, labels: LabelSet | undefined): void {
  let layer = registry;
  for (;;) {
    const inner = layer.getRegistry?.() ?? layer.getInner?.();
    if (inner === undefined) break;
    layer = inner;
  }
  layer[SET_DEFAULT_LABELS]?.(labels);
}

let register: RegistryCore | undefined;

/** Returns the default registry. Each copy of this package has an object for the same metrics. */
export function defaultRegister(): RegistryCore {
  // Only this module can make these parts, and the constructor looks for them.
  return register ??= new RegistryCore(new DefaultParts() as unknown as RegistryContentType);
}
