import {
  type Aggregation,
  checkLabelNames,
  checkMetricName,
  checkNameValidation,
  checkNumber,
  checkShape,
  type Collector,
  fullName,
  type LabelSet,
  type LabelValue,
  type LiveMetrics,
  MetricFamily,
  type MetricType,
  received,
} from "../model.ts";
import {
  checkMaxSeries,
  checkPrefix,
  checkRegistry,
  exposedName,
  REGISTRY,
  type Registry,
} from "../registry.ts";
import { SYSTEM_CLOCK } from "../time/clock.ts";
import type { Child } from "./child.ts";
import { ChildStore } from "./child_store.ts";
import type { Columns } from "./columns.ts";
import { ExpiringStore } from "./expiry.ts";
import type { IfComplete, LabelsLike, LegalLabels, PartialMetric } from "./label_types.ts";
import {
  asLabels,
  type GivenValues,
  isComplete,
  missingLabels,
  readArguments,
  readLabels,
  refuseMissing,
  resolveLabels,
} from "./label_values.ts";
import { MetricCore, type MetricCoreOptions } from "./metric_core.ts";
import type { MetricOptions } from "./options.ts";
import { type OnCollect, REFRESH, Refresh, type Refreshable } from "./refresh.ts";
import type { startLabelTimer } from "./timer.ts";

/** The families of what a metric counts about itself. */
const OVERFLOWS = {
  name: "narthex_series_overflow_total",
  help: "Look-ups of label sets for which the metric had no room.",
};
const EXEMPLAR_ERRORS = {
  name: "narthex_exemplar_errors_total",
  help: "Exemplars that the source could not give.",
};

/** How a type makes its metrics. */
export interface MetricKind<C> {
  /** The type. */
  type: MetricType;
  /** What all series of the type share. */
  core?: Pick<MetricCoreOptions, "bounds" | "width" | "hasExemplars" | "keepsTimes">;
  /** Makes a series that is in no columns yet. */
  create: (columns: Columns<unknown>) => C;
  /** Whether writes without room are dropped. Otherwise one series has their sum. @default {false} */
  canDrop?: boolean;
  /** What makes two metrics of the type different, besides names and labels. */
  definition?: unknown;
  /** How the numbers of several processes become one. @default {"sum"} */
  aggregation?: Aggregation;
  /** Makes what readers see of the series. @default {the series themselves} */
  view?: (store: ChildStore<Child>) => LiveMetrics;
  /** Starts a timer, if the type has timers. */
  startTimer?: typeof startLabelTimer;
}

/**
 * A metric that stands for one series. The methods of metrics cast their `this` to it, because it
 * has no type if labels are missing. At run time, reading `own` throws then.
 *
 * @typeParam Series The type of the series.
 */
export interface Own<Series> {
  /** The series. */
  readonly own: Series;
}

/**
 * The common part of all metrics: a name, label names, and a series for each label set. A metric
 * without labels, or with defaults for all of them, stands for that one series, and can be written
 * itself.
 *
 * @typeParam Names The label names, a literal tuple.
 * @typeParam Defaulted The labels that have a default value.
 * @typeParam Series The type of the series.
 */
export abstract class BaseMetric<
  Names extends readonly string[],
  Defaulted extends Names[number],
  Series extends LabelSet,
> implements Collector {
  /** The full name. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricType;
  /** The unit, or `""`. */
  readonly unit: string;
  /** The label names, in the order in which they are written. */
  readonly labelNames: readonly string[];
  readonly #core: MetricCore;
  /** The registry that the metric was made for. */
  readonly #registry: Pick<Registry, "prefix"> | null;
  readonly #store: ChildStore<Child & Series>;
  readonly #family: MetricFamily;
  readonly #startTimer: MetricKind<Child>["startTimer"];
  /** The default of each label. */
  readonly #defaults: GivenValues;
  /** The definition. A metric with an equal one can take the place of this one. */
  readonly #definition: readonly unknown[];
  /** The series that the metric itself stands for, if no label is missing. */
  readonly #own: (Child & Series) | undefined;
  /** Brings the numbers up to date before they are read. */
  readonly #refresh: Refresh | undefined = undefined;

  static {
    // For a metric that is created again, of whatever copy of this package.
    Object.defineProperty(this.prototype, REFRESH, {
      get(this: BaseMetric<readonly string[], string, LabelSet>): Refresh | undefined {
        return this.#refresh;
      },
    });
  }

  /**
   * Creates a metric and registers it.
   *
   * @param name The name.
   * @param help The help text.
   * @param options Options, without unknown ones.
   * @param kind How the type makes its metrics.
   *
   * @ignore
   */
  constructor(
    name: string,
    help: string,
    options: MetricOptions<Names, Defaulted, never>,
    kind: MetricKind<Child & Series>,
  ) {
    const { type } = kind;
    const doing = `Cannot create ${type} ${received(name)}`;
    checkShape(typeof help === "string", doing, "help must be a string", help);
    const { unit = "", clock = SYSTEM_CLOCK, exemplars = false, expireAfterSeconds } = options;
    const isClock = typeof clock?.now === "function" && typeof clock.monotonic === "function";
    checkShape(isClock, doing, "clock must have now() and monotonic()", clock);
    checkShape(typeof exemplars === "boolean", doing, "exemplars must be a boolean", exemplars);
    const registry = options.registry === null
      ? null
      : checkRegistry(options.registry ?? REGISTRY, doing);
    this.#registry = registry;
    const limit = options.maxSeries === undefined ? registry?.maxSeries : options.maxSeries;
    const maxSeries = checkMaxSeries(limit, doing);
    if (expireAfterSeconds !== undefined) {
      checkNumber(expireAfterSeconds, (seconds) => seconds > 0, "> 0", doing, "expireAfterSeconds");
    }
    const nameValidation = checkNameValidation(options.nameValidation, doing);
    checkMetricName(name, nameValidation, doing);
    const full = fullName(name, type, { ...options, unit, nameValidation }, doing);
    checkMetricName(full, nameValidation, doing);
    this.name = full;
    this.help = help.toWellFormed();
    this.type = type;
    this.unit = unit;
    this.labelNames = checkLabelNames(options.labelNames ?? [], nameValidation, type, full, doing);
    const isLimited = maxSeries < Infinity || expireAfterSeconds !== undefined;
    const { labelNames } = this;
    this.#core = new MetricCore({
      ...kind.core,
      type,
      name: full,
      labelNames,
      clock,
      nameValidation,
      asksSource: exemplars && kind.core?.hasExemplars === true,
      expires: expireAfterSeconds !== undefined,
    });
    const defaults = readLabels(options.defaultLabels ?? {}, doing);
    this.#defaults = resolveLabels(labelNames, defaults, labelNames.map(() => undefined), doing);
    const limits = [maxSeries, expireAfterSeconds];
    const own = [type, full, help, unit, exemplars];
    this.#definition = [own, labelNames, this.#defaults, kind.definition, limits];
    const { create, canDrop } = kind;
    this.#startTimer = kind.startTimer;
    const guards = { maxSeries, canDrop };
    const store = expireAfterSeconds === undefined
      ? new ChildStore(this.#core, create, guards)
      : new ExpiringStore(this.#core, create, { ...guards, expireAfterSeconds });
    this.#store = store;
    this.#family = this.#core.family = new MetricFamily(full, help, type, {
      unit,
      nameValidation,
      labelNames,
      createdSamples: false,
      aggregation: kind.aggregation ?? "sum",
      limits: isLimited ? { maxSeries, expireAfterSeconds } : undefined,
      // The series of a type have the shape of its metrics, unless it has a view.
      metrics: kind.view?.(store) ?? store as Iterable<unknown> as LiveMetrics,
    });
    this.#own = isComplete(this.#defaults) ? store.add(this.#defaults) : undefined;
    if (this.#own !== undefined) {
      this.#core.listener?.pin(this.#own);
      // In place of the getter, which throws. Reading it takes no call.
      Object.defineProperty(this, "own", { value: this.#own });
    }
    const { onCollect } = options;
    if (onCollect !== undefined) {
      checkShape(typeof onCollect === "function", doing, "onCollect must be a function", onCollect);
    }
    // The function was declared for this metric.
    this.#refresh = new Refresh(onCollect as OnCollect | undefined, this.#core.doing("collect"));
    if (registry === null) return;
    const kept: unknown = registry.register(this);
    // A registry that reuses metrics returns the existing one of the same definition.
    if (kept !== this && (kept as Collector | undefined)?.definition === this.definition) {
      if (onCollect !== undefined) (kept as Refreshable)[REFRESH]?.replace(this.#refresh);
      return kept as this;
    }
  }

  /** A text that two metrics share if one can take the place of the other. */
  get definition(): string {
    return JSON.stringify(this.#definition);
  }

  /**
   * Returns the series of a label set, by name. The first call creates it, later calls return
   * the same object. If there is no room (`maxSeries`), all such label sets share one.
   *
   * @param labels Values by label name. Labels that are left out take their default.
   * @returns The series, or, if labels are still missing, a partial metric that can be kept and
   * completed later.
   * @throws {TypeError} If a label is unknown, or its value is not a string, a number
   * or a boolean.
   */
  labels<L extends LabelsLike<Names>>(
    labels: L & LegalLabels<Names, L>,
  ): IfComplete<
    Names,
    string extends Names[number] ? string : Defaulted | keyof L & string,
    Series,
    PartialMetric<Names, Defaulted | keyof L & string, Series>
  >;
  /**
   * Returns the series of a label set, by position.
   *
   * @param values A value for each of `labelNames`, in their order, even if there are defaults.
   * @returns The series.
   * @throws {TypeError} If there are too few or too many values, or one is not a
   * string, a number or a boolean.
   */
  labels(...values: { readonly [I in keyof Names]: LabelValue }): Series;
  labels(...args: readonly unknown[]): unknown {
    const labels = args[0];
    if (typeof labels === "object" && labels !== null && args.length === 1) {
      // The overload says that one object is labels by name.
      const byName = labels as Readonly<Record<string, unknown>>;
      return this.#store.findByName(byName) ?? this.#newByName(byName);
    }
    // Passed on like this, the arguments need no array if labels are given by name.
    return this.#inOrder(...args);
  }

  #newByName(labels: Readonly<Record<string, unknown>>): unknown {
    return this.#store.foldByName(labels) ?? this.#get([labels], this.#defaults);
  }

  #inOrder(...args: readonly unknown[]): unknown {
    const found = this.#store.findInOrder(args);
    if (found !== undefined) return found;
    // Engines make no array of `args` as long as it is not passed on itself.
    const copy: unknown[] = [];
    for (let i = 0; i < args.length; i++) copy.push(args[i]);
    const folded = this.#store.foldInOrder(copy);
    if (folded !== undefined) return folded;
    // Spelled out: with a call of `#get()` in its place, look-ups by position take 2 ns more.
    const doing = this.#core.doing("get series of");
    const labels = readArguments(this.labelNames, copy, doing);
    const values = resolveLabels(this.labelNames, labels, this.#defaults, doing);
    if (!isComplete(values)) return this.#partial(values);
    const series = this.#store.get(values);
    for (const [name, value] of labels) this.#store.alias(name, value);
    return series;
  }

  /**
   * Looks up a series by name and creates nothing. It does not keep the series from expiring.
   *
   * @param labels All labels by name. Labels that are left out take their default.
   * @returns The series; undefined if the labels are unknown or missing, or if the series was
   * removed or has expired. Never throws.
   *
   * @example Reading the value of a series only if it exists
   * ```ts
   * import { Counter } from "@narthex/prometheus";
   * import assert from "node:assert/strict";
   *
   * const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"], registry: null });
   * hits.labels({ page: "home" }).inc();
   * assert.equal(hits.find({ page: "home" })?.value, 1);
   * assert.equal(hits.find({ page: "other" }), undefined);
   * ```
   */
  find<L extends LabelsLike<Names>>(
    labels: L & LegalLabels<Names, L, Exclude<Names[number], Defaulted>>,
  ): Series | undefined;
  /**
   * Looks up a series by position and creates nothing.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns The series; undefined if there is none. Never throws.
   */
  find(...values: { readonly [I in keyof Names]: LabelValue }): Series | undefined;
  find(...args: readonly unknown[]): Series | undefined {
    try {
      const labels = asLabels(args);
      const found = labels ? this.#store.peekByName(labels) : this.#store.peek(args);
      if (found !== undefined) return found;
      const values = this.#valuesOf(args, "");
      return isComplete(values) ? this.#store.peek(values) : undefined;
    } catch {
      // The labels are not those of the metric, or cannot be read.
      return undefined;
    }
  }

  /**
   * Removes a series. Later writes to it go nowhere. The series that the metric itself stands for
   * is set to zero instead. A series that has expired counts as removed already.
   *
   * @param labels All labels by name. Labels that are left out take their default.
   * @returns Whether there was such a series.
   * @throws {TypeError} If a label is missing, unknown, or of the wrong type.
   */
  remove<L extends LabelsLike<Names>>(
    labels: L & LegalLabels<Names, L, Exclude<Names[number], Defaulted>>,
  ): boolean;
  /**
   * Removes a series.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns Whether there was such a series.
   * @throws {TypeError} If there are too few or too many values, or one is of the wrong type.
   */
  remove(...values: { readonly [I in keyof Names]: LabelValue }): boolean;
  remove(...args: readonly unknown[]): boolean {
    const doing = this.#core.doing("remove series of");
    const values = this.#valuesOf(args, doing);
    if (!isComplete(values)) {
      const missing = missingLabels(this.labelNames, values);
      throw new TypeError(`${doing}: labels are missing: ${missing}`);
    }
    const series = this.#store.reach(values);
    return series !== undefined && this.#drop(series);
  }

  /**
   * Removes all series that have some label values. Looks at every series.
   *
   * @param partial Some labels by name. Without labels all series are removed.
   * @returns How many were removed.
   * @throws {TypeError} If a label is unknown, or its value is of the wrong type.
   */
  removeMatching<L extends LabelsLike<Names>>(
    partial: L & LegalLabels<Names, L>,
  ): number {
    const doing = this.#core.doing("remove series of");
    const none = this.labelNames.map(() => undefined);
    const wanted = resolveLabels(this.labelNames, readLabels(partial, doing), none, doing);
    let removed = 0;
    for (const series of this.#store.reachable()) {
      const { labelValues } = series;
      if (!wanted.every((value, i) => value === undefined || value === labelValues[i])) continue;
      if (this.#drop(series)) removed++;
    }
    return removed;
  }

  /** Removes all series. The one that the metric itself stands for is set to zero instead. */
  clear(): void {
    const own = this.#own;
    if (own === undefined) return this.#store.clear();
    for (const series of this.#store.reachable()) {
      if (series !== own) this.#store.delete(series);
    }
    own.reset();
  }

  /**
   * Returns the metric as a family. Its metrics are the series themselves, so their
   * numbers are those of the moment in which they are read.
   *
   * @param options Options of a registry.
   * @returns The family, always the same object, and families of what the metric counts about
   * itself, as long as that is not zero: `narthex_series_overflow_total` and
   * `narthex_exemplar_errors_total`. With an asynchronous `onCollect`, a promise of these.
   * @throws What `onCollect` throws.
   */
  collect(options: { signal?: AbortSignal; maxAgeMs?: number } = {}): MetricFamily[] {
    const refreshing = this.#refresh?.run(this, this.#core.clock, options?.maxAgeMs);
    if (refreshing === undefined) return this.#families();
    // Registries await it; the declared type is that of metrics without an asynchronous `onCollect`.
    return refreshing.then(() => this.#families()) as unknown as MetricFamily[];
  }

  #families(): MetricFamily[] {
    const { overflows, exemplarErrors } = this.#core;
    const families = [this.#family];
    if (overflows > 0) families.push(this.#count(OVERFLOWS, overflows));
    if (exemplarErrors > 0) families.push(this.#count(EXEMPLAR_ERRORS, exemplarErrors));
    return families;
  }

  /**
   * Returns the metric as a family, for registries to know its names.
   *
   * @returns The family.
   */
  describe(): MetricFamily[] {
    return [this.#family];
  }

  /**
   * Returns the metric for `JSON.stringify`, with its samples as they are now.
   *
   * @returns A plain object. Numbers that are not finite are strings.
   */
  toJSON(): object {
    return this.#family.toJSON();
  }

  /** Returns one of the metric's own counts as a family. */
  #count({ name, help }: typeof OVERFLOWS, value: number): MetricFamily {
    const prefix = checkPrefix(this.#registry?.prefix, "Cannot count");
    const labelNames = ["metric"];
    const metrics = [{ labelNames, labelValues: [exposedName(prefix, this.name)], value }];
    return new MetricFamily(name, help, "counter", { labelNames, metrics, aggregation: "sum" });
  }

  /**
   * The series that the metric itself stands for. Reading it throws while labels are missing.
   *
   * @ignore
   */
  protected get own(): Series {
    return refuseMissing(this.#core, this.#defaults);
  }

  /**
   * Starts a timer whose labels may be given at its end. Types declare which of them must.
   *
   * @ignore
   */
  protected startLabelTimer(): unknown {
    return this.#timer(this.#defaults);
  }

  #timer(given: GivenValues): unknown {
    return this.#startTimer?.(this.#core, given, (values) => this.#store.get(values));
  }

  /** Returns the values of labels by name or by position. */
  #valuesOf(args: readonly unknown[], doing: string): GivenValues {
    const labels = readArguments(this.labelNames, args, doing);
    return resolveLabels(this.labelNames, labels, this.#defaults, doing);
  }

  /** Returns the series of labels if none is missing, else a partial metric. */
  #get(args: readonly unknown[], given: GivenValues): unknown {
    const doing = this.#core.doing("get series of");
    const labels = readArguments(this.labelNames, args, doing);
    const values = resolveLabels(this.labelNames, labels, given, doing);
    if (!isComplete(values)) return this.#partial(values);
    const series = this.#store.get(values);
    for (const [name, value] of labels) this.#store.alias(name, value);
    return series;
  }

  #partial(given: GivenValues): unknown {
    const partial: Record<PropertyKey, unknown> = {
      labels: (...args: readonly unknown[]): unknown => {
        if (asLabels(args) !== undefined) return this.#get(args, given);
        const doing = this.#core.doing("get series of");
        checkShape(false, doing, "a partial metric takes labels by name", args);
      },
    };
    if (this.#startTimer !== undefined) partial.startTimer = () => this.#timer(given);
    // All other members of the metric throw as long as labels are missing.
    return new Proxy(partial, {
      get: (target, key) => {
        if (!(key in target) && key in this) return refuseMissing(this.#core, given);
        return Reflect.get(target, key);
      },
    });
  }

  /** Removes a series, or resets it if the metric stands for it. Returns whether readers saw it. */
  #drop(series: Child & Series): boolean {
    if (series !== this.#own) return this.#store.delete(series);
    series.reset();
    return true;
  }
}
