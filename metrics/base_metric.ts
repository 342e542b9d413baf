import {
  type Aggregation,
  checkLabelNames,
  checkLabelObject,
  checkMetricName,
  checkNameValidation,
  checkNumber,
  checkOptions,
  checkShape,
  type Collector,
  fullName,
  type LabelValue,
  type Metric,
  MetricFamily,
  type MetricFamilyOptions,
  type MetricType,
  type NameValidation,
  received,
  type SeriesLimits,
  toLabelText,
  UnobservableMetricError,
} from "../model.ts";
import { checkMaxSeries, checkRegistry, REGISTRY, type Registry } from "../registry.ts";
import { SYSTEM_CLOCK } from "../time/clock.ts";
import type { Child } from "./child.ts";
import { ChildStore } from "./child_store.ts";
import type { Columns } from "./columns.ts";
import { ExpiringStore } from "./expiry.ts";
import type {
  Labelled,
  LabelsByName,
  LabelsByPosition,
  LabelsOf,
  OnlyLabels,
  PartialMetric,
} from "./label_types.ts";
import { MetricCore } from "./metric_core.ts";
import type { MetricOptions } from "./options.ts";
import { RunningLabelTimer, RunningTimer } from "./timer.ts";

/** What a metric counts about itself. */
const OVERFLOWS = {
  name: "narthex_series_overflow_total",
  help: "Look-ups of label sets for which the metric had no room.",
};
const EXEMPLAR_ERRORS = {
  name: "narthex_exemplar_errors_total",
  help: "Exemplars that the source could not give.",
};

/** How a type makes its metrics: what the constructor of `BaseMetric` is told. */
export interface MetricKind<C extends Child> {
  /** The type. */
  type: MetricType;
  /** How many numbers a child has. @default {1} */
  width?: number;
  /** The finite upper bounds of a histogram's buckets. @default {[]} */
  bounds?: readonly number[];
  /** Makes a child that is in no columns yet. */
  create: (columns: Columns<unknown>) => C;
  /** Whether writes without room are dropped. Else they are folded into one child. @default {false} */
  canDrop?: boolean;
  /** Whether writes can have exemplars. @default {false} */
  hasExemplars?: boolean;
  /** Whether the time of the last write is kept. @default {false} */
  keepsTimes?: boolean;
  /** What, besides names and labels, makes two metrics of the type different. */
  definition?: unknown;
  /** How the numbers of several processes become one. @default {"sum"} */
  aggregation?: Aggregation;
}

/** A child that durations can be observed with. */
interface TimedChild {
  recordDuration(seconds: number): void;
}

/**
 * What all metrics have: a name, label names, and a child for each label set. A
 * metric that needs no labels, or has defaults for all of them, is observable
 * itself: it then stands for that one child.
 *
 * @typeParam Names The label names, a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
 * @typeParam C The type of the children.
 */
export abstract class BaseMetric<
  Names extends readonly string[],
  Defaulted extends Names[number],
  C extends Child,
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
  /** What makes the metric interchangeable with another one, in one text. */
  readonly definition: string;
  readonly #aggregation: Aggregation;
  readonly #limits: SeriesLimits | undefined;
  readonly #nameValidation: NameValidation;
  readonly #core: MetricCore;
  /** The registry that the metric was made for. */
  readonly #registry: Pick<Registry, "prefix"> | null;
  readonly #store: ChildStore<C>;
  /** The store, where series expire. */
  readonly #expiry: ExpiringStore<C> | undefined = undefined;
  /** The default of each label; `undefined` where there is none. */
  readonly #defaults: readonly (string | undefined)[];
  /** The child that the metric itself stands for, when no label is missing. */
  readonly #own: C | undefined;

  /**
   * Creates a metric and registers it.
   *
   * @param name The name.
   * @param help The help text.
   * @param options Options.
   * @param kind How the type makes its metrics.
   */
  constructor(
    name: string,
    help: string,
    options: MetricOptions<Names, Defaulted>,
    kind: MetricKind<C>,
  ) {
    const { type } = kind;
    const doing = `Cannot create ${type} ${received(name)}`;
    checkShape(typeof help === "string", doing, "help must be a string", help);
    checkOptions(options, doing);
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
    this.#aggregation = kind.aggregation ?? "sum";
    const isLimited = maxSeries < Infinity || expireAfterSeconds !== undefined;
    this.#limits = isLimited ? { maxSeries, expireAfterSeconds } : undefined;
    this.#nameValidation = nameValidation;
    const { labelNames } = this;
    this.#core = new MetricCore({
      type,
      name: full,
      labelNames,
      clock,
      nameValidation,
      bounds: kind.bounds ?? [],
      width: kind.width ?? 1,
      asksSource: exemplars && kind.hasExemplars === true,
      keepsTimes: kind.keepsTimes === true,
      expires: expireAfterSeconds !== undefined,
    });
    const defaults: Readonly<Record<string, LabelValue>> = options.defaultLabels ?? {};
    this.#defaults = this.#resolve(defaults, undefined, doing);
    this.definition = JSON.stringify([
      [type, full, help, unit, exemplars],
      this.labelNames,
      this.#defaults,
      kind.definition,
      [maxSeries, expireAfterSeconds],
    ]);
    const { create, canDrop } = kind;
    const guards = { maxSeries, canDrop };
    if (expireAfterSeconds === undefined) {
      this.#store = new ChildStore(this.#core, create, guards);
    } else {
      const store = new ExpiringStore(this.#core, create, { ...guards, expireAfterSeconds });
      this.#store = this.#expiry = store;
    }
    this.#own = isComplete(this.#defaults) ? this.#store.add(this.#defaults) : undefined;
    if (this.#own !== undefined) this.#expiry?.pin(this.#own);
    if (registry === null) return;
    const kept: unknown = registry.register(this);
    // A registry with `onDuplicate: "reuse"` hands back the metric that is there
    // already. It has the same definition, so it is what was asked for.
    if (kept !== this && (kept as Collector | undefined)?.definition === this.definition) {
      return kept as this;
    }
  }

  /**
   * The child of a label set, by name. It is created at the first call, and the
   * same object at each later one. Where there is no room for another one (`maxSeries`),
   * it is one that all such label sets share.
   *
   * @param labels Values by label name. What is left out takes its default.
   * @returns The child, or, when labels are still missing, a partial metric that
   * can be kept and completed later.
   * @throws {TypeError} If a label is unknown, or its value is not a string, a number
   * or a boolean.
   */
  labels<const L extends object & Partial<LabelsByName<Names[number]>>>(
    labels: L & OnlyLabels<Names, L>,
  ): Labelled<Names, Defaulted | (keyof L & string), C>;
  /**
   * The child of a label set, by position.
   *
   * @param values A value for each of `labelNames`, in their order; never fewer.
   * @returns The child.
   * @throws {TypeError} If there are too few or too many values, or one is not a
   * string, a number or a boolean.
   */
  labels(...values: LabelsByPosition<Names>): C;
  labels(...args: readonly unknown[]): unknown {
    const labels = args[0];
    if (typeof labels === "object" && labels !== null && args.length === 1) {
      // The overload: one object is labels by name.
      const byName = labels as Readonly<Record<string, LabelValue>>;
      return this.#store.findByName(byName) ?? this.#newByName(byName);
    }
    // Handed on like this, the arguments need no array where labels are given by name.
    return this.#inOrder(...args);
  }

  #newByName(labels: Readonly<Record<string, LabelValue>>): unknown {
    return this.#store.foldByName(labels) ?? this.#complete(labels, this.#defaults);
  }

  #inOrder(...args: readonly unknown[]): C {
    const found = this.#store.findInOrder(args);
    if (found !== undefined) return found;
    // As long as `args` itself is not handed on from here, engines need not make an array of it.
    const copy: unknown[] = [];
    for (let i = 0; i < args.length; i++) copy.push(args[i]);
    return this.#store.foldInOrder(copy) ?? this.#byPosition(copy, true);
  }

  /**
   * Removes a child. Handles to it are dead from then on. The child that the
   * metric itself stands for is set to zero instead. One that has expired is no more
   * there to be removed, but dead from then on too.
   *
   * @param labels All labels by name; what is left out takes its default.
   * @returns Whether there was such a child.
   * @throws {TypeError} If a label is missing, unknown, or of the wrong type.
   */
  remove<K extends Names[number]>(
    labels: LabelsOf<Names, K> & LabelsOf<Names, Exclude<Names[number], Defaulted | K>>,
  ): boolean;
  /**
   * Removes a child.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns Whether there was such a child.
   * @throws {TypeError} If there are too few or too many values, or one is of the wrong type.
   */
  remove(...values: LabelsByPosition<Names>): boolean;
  remove(...args: readonly unknown[]): boolean {
    const byName = labelsByName(args);
    let child: C | undefined;
    if (byName === undefined) {
      child = this.#byPosition(args, false);
    } else {
      const doing = this.#core.doing("remove child of");
      const values = this.#resolve(byName, this.#defaults, doing);
      if (!isComplete(values)) {
        throw new TypeError(`${doing}: labels are missing: ${this.#missing(values)}`);
      }
      child = this.#store.reach(values);
    }
    return child !== undefined && this.#drop(child);
  }

  /**
   * Removes all children that have some label values. Takes the time of a look at
   * every child.
   *
   * @param partial Some labels by name; none removes all children.
   * @returns How many were removed.
   * @throws {TypeError} If a label is unknown, or its value is of the wrong type.
   */
  removeMatching<K extends Names[number]>(partial: LabelsOf<Names, K>): number {
    const wanted = this.#resolve(partial, undefined, this.#core.doing("remove children of"));
    let removed = 0;
    for (const child of this.#store.reachable()) {
      const { labelValues } = child;
      if (!wanted.every((value, i) => value === undefined || value === labelValues[i])) continue;
      if (this.#drop(child)) removed++;
    }
    return removed;
  }

  /** Removes all children; the one that the metric itself stands for is set to zero. */
  clear(): void {
    const own = this.#own;
    if (own === undefined) return this.#store.clear();
    for (const child of this.#store.reachable()) if (child !== own) this.#store.delete(child);
    own.reset();
  }

  /**
   * The metric as a family, whose metrics are the children themselves: their
   * numbers are those of the moment in which they are read.
   *
   * @returns The family.
   */
  collect(): MetricFamily[] {
    const { exemplarErrors, overflows } = this.#core;
    const families = this.describe();
    if (exemplarErrors > 0) families.push(this.#count(EXEMPLAR_ERRORS, exemplarErrors));
    if (overflows > 0) families.push(this.#count(OVERFLOWS, overflows));
    return families;
  }

  /** One of the metric's own counts as a family. */
  #count({ name, help }: typeof OVERFLOWS, value: number): MetricFamily {
    const prefix = this.#registry?.prefix;
    const metric = prefix ? `${prefix}_${this.name}` : this.name;
    const labelNames = ["metric"];
    const metrics = [{ labelNames, labelValues: [metric], value }];
    return new MetricFamily(name, help, "counter", { labelNames, metrics, aggregation: "sum" });
  }

  /**
   * The metric as a family, for registries to know its names.
   *
   * @returns The family.
   */
  describe(): MetricFamily[] {
    const { name, help, type, unit, labelNames } = this;
    return [
      new MetricFamily(name, help, type, {
        unit,
        nameValidation: this.#nameValidation,
        labelNames,
        createdSamples: false,
        aggregation: this.#aggregation,
        limits: this.#limits,
        ...this.read(this.#store),
      }),
    ];
  }

  /**
   * How the children are read: as they are, unless a type has more to say.
   *
   * @param children The children.
   * @returns The metrics, and what is known of them.
   */
  protected read(
    children: Iterable<C>,
  ): Pick<MetricFamilyOptions, "metrics"> {
    return {
      // The children of each type have the shape of its metrics.
      metrics: children as Iterable<unknown> as Iterable<Metric>,
    };
  }

  /** The child that the metric itself stands for; throws while labels are missing. */
  protected get own(): C {
    return this.#own ?? this.#refuse(this.#defaults);
  }

  /** Starts a timer whose labels may be given at its end; which of them must is for types to say. */
  protected startLabelTimer(): unknown {
    return this.#timer(this.#defaults);
  }

  #timer(given: readonly (string | undefined)[]): RunningLabelTimer {
    // The end of a scope cannot give the labels that are missing.
    const Timer = isComplete(given) ? RunningTimer : RunningLabelTimer;
    return new Timer(this.#core.clock, (seconds, labels = {}) => {
      const values = this.#resolve(labels, given, this.#core.doing("get child of"));
      if (!isComplete(values)) return this.#refuse(values);
      // Only types whose children record durations hand out timers.
      (this.#store.get(values) as unknown as TimedChild).recordDuration(seconds);
    });
  }

  #byPosition(args: readonly unknown[], create: false): C | undefined;
  #byPosition(args: readonly unknown[], create: boolean): C;
  #byPosition(args: readonly unknown[], create: boolean): C | undefined {
    const names = this.labelNames;
    if (args.length !== names.length) {
      throw new TypeError(
        `${this.#core.doing("get child of")}: it has ${names.length} labels: ` +
          `received ${args.length === 0 ? "no value" : received(args)}`,
      );
    }
    if (args.length === 0) return this.own;
    const values = args.map((value, i) => this.#text(value, names[i]!));
    if (!create) return this.#store.reach(values);
    const child = this.#store.get(values);
    for (const [i, value] of args.entries()) this.#store.alias(names[i]!, value);
    return child;
  }

  #text(value: unknown, labelName: string): string {
    return toLabelText(value as LabelValue, labelName, this.#core.doing("get child of"));
  }

  /** The child of labels when nothing is missing, else a partial metric. */
  #complete(
    labels: Readonly<Record<string, LabelValue>>,
    given: readonly (string | undefined)[],
  ): C | PartialMetric<Names, string, C> {
    const values = this.#resolve(labels, given, this.#core.doing("get child of"));
    if (!isComplete(values)) return this.#partial(values);
    const child = this.#store.get(values);
    for (const name in labels) this.#store.alias(name, labels[name]);
    return child;
  }

  #partial(given: readonly (string | undefined)[]): PartialMetric<Names, string, C> {
    const partial: Record<PropertyKey, unknown> = {
      labels: (...args: readonly unknown[]): unknown => {
        const labels = labelsByName(args);
        if (labels !== undefined) return this.#complete(labels, given);
        const doing = this.#core.doing("get child of");
        checkShape(false, doing, "a partial metric takes labels by name", args);
      },
    };
    // Labels that are known only at the end are for the types that time.
    if ("startTimer" in this) partial.startTimer = () => this.#timer(given);
    // Whatever else can be done with the metric is refused as long as labels are missing.
    return new Proxy(partial, {
      get: (target, key) => {
        if (!(key in target) && key in this) return this.#refuse(given);
        return Reflect.get(target, key);
      },
      // The overloads of `labels` say what the proxy's returns.
    }) as unknown as PartialMetric<Names, string, C>;
  }

  /** The values of all labels in their order, from what is given now, before, or by default. */
  #resolve(
    labels: Readonly<Record<string, LabelValue>>,
    given: readonly (string | undefined)[] | undefined,
    doing: string,
  ): (string | undefined)[] {
    const names = this.labelNames;
    checkLabelObject(labels, doing);
    const values = names.map((_, i) => given?.[i]);
    // As the fast way does it: what can be enumerated is given, inherited or not.
    for (const name in labels) {
      const i = names.indexOf(name);
      if (i === -1) checkShape(false, doing, `its labels are ${quoted(names)}`, name);
      values[i] = toLabelText(labels[name]!, name, doing);
    }
    return values;
  }

  #missing(values: readonly (string | undefined)[]): string {
    return quoted(this.labelNames.filter((_, i) => values[i] === undefined));
  }

  #refuse(given: readonly (string | undefined)[]): never {
    throw new UnobservableMetricError(
      `${this.#core.doing("observe")}: labels are missing: ${this.#missing(given)}`,
    );
  }

  /** Takes a child out, and tells whether it was seen. */
  #drop(child: C): boolean {
    if (child !== this.#own) return this.#store.delete(child);
    child.reset();
    return true;
  }
}

/** The labels, where arguments are one object, by the overload that takes them by name. */
function labelsByName(args: readonly unknown[]): Readonly<Record<string, LabelValue>> | undefined {
  const [labels] = args;
  const isByName = args.length === 1 && typeof labels === "object" && labels !== null;
  return isByName ? labels as Readonly<Record<string, LabelValue>> : undefined;
}

function isComplete(values: readonly (string | undefined)[]): values is readonly string[] {
  return !values.includes(undefined);
}

function quoted(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}
