import {
  checkShape,
  createdName,
  familyLike,
  type HistogramMetric,
  type LiveMetrics,
  type Metric,
  type MetricFamily,
  openMetricsName,
  SAMPLE_SUFFIXES,
  type SummaryMetric,
  viewOf,
} from "../model.ts";
import { checkPrefix, exposedName } from "./options.ts";
import type { Gatherer, ReadAsyncOptions, ReadOptions } from "./protocol.ts";
import { READABLE_METRICS, unread } from "./unread.ts";

/**
 * A view of a registry that has only the families or samples of some names. It is live: it shows
 * what is registered later, too.
 */
class RestrictedView implements Gatherer {
  readonly #source: Gatherer;
  readonly #names: ReadonlySet<string>;

  constructor(source: Gatherer, names: ReadonlySet<string>) {
    this.#source = source;
    this.#names = names;
  }

  get prefix(): string | null {
    return this.#source.prefix;
  }

  /** Returns the registry that this is a view of, as a proxy does. */
  getRegistry(): Gatherer {
    return this.#source;
  }

  *collect(options?: ReadOptions): Generator<MetricFamily> {
    for (const family of this.#source.collect({ ...options, names: this.#names })) {
      yield* narrow(family, this, this.#names, options?.names);
    }
  }

  async *collectAsync(options?: ReadAsyncOptions): AsyncGenerator<MetricFamily> {
    for await (const family of collectFrom(this.#source, { ...options, names: this.#names })) {
      yield* narrow(family, this, this.#names, options?.names);
    }
  }

  countError(...args: Parameters<NonNullable<Gatherer["countError"]>>): void {
    this.#source.countError?.(...args);
  }
}

/**
 * Creates a view of a registry that has only the families or samples of some names.
 *
 * @param source The registry.
 * @param names Names of families or of samples, as exposed.
 * @returns The view.
 * @throws {TypeError} If the names are not an iterable of strings.
 */
export function restrict(source: Gatherer, names: Iterable<string>): Gatherer {
  return new RestrictedView(source, checkNames(names));
}

/**
 * Reads a registry asynchronously if it can be, else synchronously.
 *
 * @param source The registry.
 * @param options Which families are wanted, a signal and a time limit.
 * @returns The families, under the names they were registered with.
 */
export function collectFrom(
  source: Gatherer,
  options: ReadAsyncOptions,
): AsyncIterable<MetricFamily> | Iterable<MetricFamily> {
  return source.collectAsync?.(options) ?? source.collect(options);
}

/** Copies names. Throws if they are not an iterable of strings. */
function checkNames(names: Iterable<string>): ReadonlySet<string> {
  const doing = "Cannot restrict registry";
  const isIterable = typeof names !== "string" && typeof names?.[Symbol.iterator] === "function";
  checkShape(isIterable, doing, "names must be an iterable", names);
  const copy = new Set(names);
  for (const name of copy) {
    checkShape(typeof name === "string", doing, "names must be strings", name);
  }
  return copy;
}

/**
 * Checks the names that a read wants, and copies them.
 *
 * @param options The options of the read.
 * @returns A copy; undefined for all names.
 * @throws {TypeError} If they are not an iterable of strings.
 */
export function wantedNames({ names }: ReadOptions): ReadonlySet<string> | undefined {
  return names === undefined ? undefined : checkNames(names);
}

/**
 * Returns the part of a family that has one of the wanted names: all of it, some of its series,
 * or nothing.
 *
 * @param family The family, under the name it was registered with.
 * @param source The registry that it comes from, which counts a family that cannot be read.
 * @param filters The names that are wanted; of several filters all must match. Undefined for all.
 * @returns A family, or none.
 */
export function narrow(
  family: MetricFamily,
  source: Pick<Gatherer, "prefix" | "countError">,
  ...filters: (Iterable<string> | undefined)[]
): MetricFamily[] {
  let part: MetricFamily | undefined = family;
  try {
    for (const names of filters) {
      if (names === undefined) continue;
      const prefix = checkPrefix(source.prefix, "Cannot restrict registry");
      part = partOf(part, prefix, names instanceof Set ? names : checkNames(names));
      if (part === undefined) return [];
    }
    return [part];
  } catch (error) {
    source.countError?.("anonymous", "invalid", error);
    return [];
  }
}

/** The part of a family that has some names, as live as the family is. */
function partOf(
  family: MetricFamily,
  prefix: string | null,
  names: ReadonlySet<string>,
): MetricFamily | undefined {
  const { name, type } = family;
  const exposed = exposedName(prefix, name);
  const others = [openMetricsName(exposed, type), createdName(exposed, type) ?? exposed];
  if (names.has(exposed) || others.some((other) => names.has(other))) return family;
  const suffixes = SAMPLE_SUFFIXES[type].filter((suffix) =>
    suffix !== "" && names.has(exposed + suffix)
  );
  if (suffixes.length === 0) return undefined;
  const has = (suffix: string): boolean => suffixes.some((wanted) => wanted.endsWith(suffix));
  const whole: LiveMetrics = family.metrics;
  const walk = function* (): Generator<Metric> {
    // The types with suffixes are the histograms and the summary.
    const histograms = unread(whole, READABLE_METRICS) as Iterable<HistogramMetric & SummaryMetric>;
    for (const metric of histograms) {
      const { labelNames, labelValues, timestamp } = metric;
      const part: HistogramMetric & SummaryMetric = {
        labelNames,
        labelValues,
        timestamp,
        bounds: has("_bucket") ? metric.bounds : [],
        exemplars: has("_bucket") ? metric.exemplars : undefined,
        cumulativeCounts: (into) => has("_bucket") ? metric.cumulativeCounts(into) : [],
        sum: has("sum") ? metric.sum : undefined,
        count: has("count") ? metric.count : undefined,
        quantiles: [],
        quantileValues: () => [],
      };
      yield part;
    }
  };
  return familyLike(family, { metrics: viewOf(whole, walk) });
}
