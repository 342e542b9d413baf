import {
  checkShape,
  type Collector,
  type Exemplar,
  familyLike,
  type HistogramMetric,
  type LabelledMetric,
  type Metric,
  type MetricFamily,
  openMetricsName,
  SAMPLE_SUFFIXES,
  type SummaryMetric,
} from "../model.ts";
import { checkPrefix, exposedName } from "./options.ts";
import type { CollectAsyncOptions, CollectorErrorCause, Registry } from "./protocol.ts";

/** What a restricted view reads from. */
export type RestrictedSource = Pick<Registry, "prefix" | "collect" | "collectAsync" | "countError">;

/**
 * A view of a registry that has only the families or samples of some names. It is
 * live: what is registered later is seen too. It takes no collectors itself.
 */
export class RestrictedRegistry implements Registry {
  readonly #source: RestrictedSource;
  readonly #names: ReadonlySet<string> | null;

  /**
   * Creates a view.
   *
   * @param source The registry, or a part of it that can have these names.
   * @param names Names of families or of samples, as exposed; `null` for all.
   */
  constructor(source: RestrictedSource, names: ReadonlySet<string> | null) {
    this.#source = source;
    this.#names = names;
  }

  /** The prefix of the registry. */
  get prefix(): string | null {
    return this.#source.prefix;
  }

  /**
   * Refused: a view takes no collectors.
   *
   * @param _collector The collector.
   * @throws {TypeError} Always.
   */
  register(_collector: Collector): never {
    throw new TypeError("Cannot register collector: a restricted view takes none");
  }

  /**
   * Nothing can be unregistered from a view.
   *
   * @param _collector The collector.
   * @returns `false`.
   */
  unregister(_collector: Collector): boolean {
    return false;
  }

  /**
   * Brings the families, or their parts, that have one of the names.
   *
   * @returns The families, under the names they were registered with.
   */
  *collect(): Generator<MetricFamily> {
    for (const family of this.#source.collect()) {
      const part = this.#restrict(family);
      if (part !== undefined) yield part;
    }
  }

  /**
   * The same, with asynchronous collectors awaited.
   *
   * @param options A signal and a time limit.
   */
  async *collectAsync(options: CollectAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    const source = this.#source;
    for await (const family of source.collectAsync?.(options) ?? source.collect()) {
      const part = this.#restrict(family);
      if (part !== undefined) yield part;
    }
  }

  /**
   * A view of the view.
   *
   * @param names Names of families or of samples, as exposed; `null` for all.
   * @returns A view of what both have.
   */
  restrictedRegistry(names: Iterable<string> | null): Registry {
    return new RestrictedRegistry(this, names === null ? null : checkNames(names));
  }

  /**
   * Counts in the registry that the view is of.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   */
  countError(collector: string, cause: CollectorErrorCause): void {
    this.#source.countError?.(collector, cause);
  }

  #restrict(family: MetricFamily): MetricFamily | undefined {
    if (this.#names === null) return family;
    try {
      const prefix = checkPrefix(this.#source.prefix, "Cannot restrict registry");
      const { name, type } = family;
      const exposed = exposedName(prefix, name);
      const names = this.#names;
      if (names.has(exposed) || names.has(openMetricsName(exposed, type))) return family;
      const wanted = new Set(
        SAMPLE_SUFFIXES[type].filter((suffix) => suffix !== "" && names.has(exposed + suffix)),
      );
      return wanted.size === 0 ? undefined : partOf(family, wanted);
    } catch {
      this.countError("anonymous", "invalid");
      return undefined;
    }
  }
}

/**
 * Checks the names for a restricted view.
 *
 * @param names The names as they were given.
 * @returns A copy.
 * @throws {TypeError} If they are not an iterable of strings.
 */
export function checkNames(names: Iterable<string>): ReadonlySet<string> {
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
 * Restricts any registry, by its own means if it has them.
 *
 * @param registry The registry.
 * @param names Names of families or of samples, as exposed; `null` for all.
 * @param accept Which collectors to read at all, if the registry can tell. @default {all}
 * @returns A view that has only those.
 */
export function restrict(
  registry: Registry,
  names: Iterable<string> | null,
  accept?: (collector: Collector) => boolean,
): Registry {
  return registry.restrictedRegistry?.(names, accept) ??
    new RestrictedRegistry(registry, names === null ? null : checkNames(names));
}

/** What a histogram and a summary have in common, some of it hidden. */
abstract class Part<M extends HistogramMetric | SummaryMetric> implements LabelledMetric {
  protected readonly metric: M;
  protected readonly wanted: ReadonlySet<string>;

  constructor(metric: M, wanted: ReadonlySet<string>) {
    this.metric = metric;
    this.wanted = wanted;
  }

  get labelNames(): readonly string[] {
    return this.metric.labelNames;
  }
  get labelValues(): readonly string[] {
    return this.metric.labelValues;
  }
  get timestamp(): number | undefined {
    return this.metric.timestamp;
  }
  get sum(): number | undefined {
    return this.wanted.has("_sum") || this.wanted.has("_gsum") ? this.metric.sum : undefined;
  }
  get count(): number | undefined {
    return this.wanted.has("_count") || this.wanted.has("_gcount") ? this.metric.count : undefined;
  }
}

class HistogramPart extends Part<HistogramMetric> implements HistogramMetric {
  get bounds(): readonly number[] {
    return this.wanted.has("_bucket") ? this.metric.bounds : [];
  }
  get exemplars(): readonly (Exemplar | undefined)[] | undefined {
    return this.wanted.has("_bucket") ? this.metric.exemplars : undefined;
  }
  cumulativeCounts(into?: number[]): readonly number[] {
    return this.wanted.has("_bucket") ? this.metric.cumulativeCounts(into) : [];
  }
}

class SummaryPart extends Part<SummaryMetric> implements SummaryMetric {
  get quantiles(): readonly number[] {
    return [];
  }
  quantileValues(): readonly number[] {
    return [];
  }
}

/**
 * A histogram or summary family with only some of its series.
 *
 * @param family The family.
 * @param wanted The suffixes of the series.
 * @returns A view of the family, as live as the family is.
 */
function partOf(family: MetricFamily, wanted: ReadonlySet<string>): MetricFamily {
  const View = family.type === "summary" ? SummaryPart : HistogramPart;
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      for (const metric of family.metrics) {
        // The family's type says which of the two it is, for the view as for the metric.
        yield new View(metric as HistogramMetric & SummaryMetric, wanted) as Metric;
      }
    },
  };
  return familyLike(family, { metrics });
}
