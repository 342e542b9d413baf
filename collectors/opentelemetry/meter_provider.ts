import {
  type Collector,
  type LabelValue,
  MetricFamily,
  type MetricType,
  REGISTRY,
  type Registry,
} from "../../mod.ts";
import {
  checkKnownOptions,
  checkNumber,
  checkShape,
  type KnownOptions,
  reservedLabelName,
} from "../../model.ts";
import { type Clock, SYSTEM_CLOCK } from "../../time/clock.ts";
import type {
  AddingInstrument,
  Attributes,
  InstrumentKind,
  InstrumentOptions,
  Meter,
  MeterOptions,
  ObservableInstrument,
  RecordingInstrument,
} from "./api.ts";
import { type Cause, type DropCounts, dropCountsOf } from "./drop_counts.ts";
import { type Buckets, FamilyCollector } from "./family_collector.ts";
import {
  type InstrumentSettings,
  OtelCounter,
  OtelGauge,
  OtelHistogram,
  OtelUpDownCounter,
} from "./instruments.ts";
import { toText } from "./labels.ts";
import { escape, translateKey, translateName, type Translation, TRANSLATIONS } from "./names.ts";
import { ObservedStream, OtelObservable } from "./observables.ts";
import { type CreateInstrument, OtelMeter } from "./otel_meter.ts";
import { prepareSpanLabels } from "./span.ts";
import { Stream } from "./stream.ts";
import { type CheckedView, checkViews, type View } from "./views.ts";

/** A resource: its attributes, or an object of OpenTelemetry that has them. */
export type Resource = Attributes | { readonly attributes: Attributes };

/** Options of {@linkcode meterProvider}. */
export interface MeterProviderOptions {
  /** The registry of the metrics. @default {REGISTRY} */
  registry?: Registry | undefined;
  /**
   * The maximum number of series of each metric of an instrument. Further attributes count in one
   * series with the label `otel_metric_overflow="true"`, which is included in the number.
   * @default {that of the registry, or 2000}
   */
  maxSeries?: number | undefined;
  /** How names are translated. @default {"UnderscoreEscapingWithSuffixes"} */
  translation?: Translation | undefined;
  /** Changes how some instruments become metrics. @default {[]} */
  views?: readonly View[] | undefined;
  /**
   * Whether each series has labels that name its meter: `otel_scope_name`, `otel_scope_version` and
   * `otel_scope_schema_url`. With `"none"` series of several meters become one.
   * @default {"labels"}
   */
  scopes?: "labels" | "none" | undefined;
  /** Describes the program in the registry's `target_info`. @default {no change} */
  resource?: Resource | undefined;
  /** Whether counters and histograms have exemplars from the active span, if it is sampled. @default {true} */
  exemplars?: boolean | undefined;
  /**
   * Called with each error, because instruments never throw: for example a name that is invalid or
   * in use, or an error of a callback. Errors that it throws itself are ignored. @default {none}
   */
  onError?: ((error: unknown) => void) | undefined;
  /** The clock, for tests. @default {the platform's} */
  clock?: Clock | undefined;
}

const KNOWN_OPTIONS: KnownOptions<MeterProviderOptions> = {
  registry: true,
  maxSeries: true,
  translation: true,
  views: true,
  scopes: true,
  resource: true,
  exemplars: true,
  onError: true,
  clock: true,
};

/** The limit in the specification. It includes the overflow series. */
const MAX_SERIES = 2000;

/** The bounds in the specification for histograms without advice. */
const DEFAULT_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

const DOING = "Cannot create meter provider";

/** A meter provider of `@opentelemetry/api`, by shape. */
export interface MeterProvider {
  /**
   * Returns the meter of a scope. Calls with the same scope return the same meter.
   *
   * @param name The name of the instrumented library.
   * @param version Its version.
   * @param options Further properties of the scope.
   * @returns The meter.
   */
  getMeter(name: string, version?: string, options?: MeterOptions): Meter;
  /** Does nothing, because a scrape reads the metrics. */
  forceFlush(): Promise<void>;
  /** Removes the provider's metrics from the registry. Its instruments have no effect afterwards. */
  shutdown(): Promise<void>;
}

/**
 * Creates a meter provider whose metrics are in a registry of this library. Pass it to
 * `metrics.setGlobalMeterProvider()` of `@opentelemetry/api` before instrumentations are created.
 *
 * Instruments never throw. An invalid value, such as a negative one for a counter, is ignored and
 * counted in `narthex_opentelemetry_dropped_total{instrument,cause}`.
 *
 * @param options Options.
 * @returns The provider.
 * @throws {TypeError} If an option is invalid.
 * @throws {RangeError} If `maxSeries` is out of bounds.
 *
 * @example Other buckets for one instrument, and fewer attributes for one library
 * ```ts
 * import { CollectorRegistry, generateMetrics } from "@narthex/prometheus";
 * import { meterProvider } from "@narthex/prometheus/opentelemetry";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const provider = meterProvider({
 *   registry,
 *   scopes: "none",
 *   views: [
 *     { instrumentName: "job.duration", buckets: [1, 60], attributes: ["queue"] },
 *     { meterName: "chatty", attributes: { exclude: ["user.id"] } },
 *   ],
 * });
 * provider.getMeter("jobs").createHistogram("job.duration", { unit: "s" })
 *   .record(2, { queue: "mail", id: 77 });
 * provider.getMeter("chatty").createCounter("visits").add(1, { "user.id": 9, page: "/" });
 *
 * const text = generateMetrics(registry);
 * assert.match(text, /^job_duration_seconds_bucket\{queue="mail",le="60"\} 1$/m);
 * assert.match(text, /^visits_total\{page="\/"\} 1$/m);
 * ```
 */
export function meterProvider(options: MeterProviderOptions = {}): MeterProvider {
  return new OtelMeterProvider(checkKnownOptions(options, KNOWN_OPTIONS, DOING));
}

/** A scope: its labels, and its properties for views. */
interface Scope {
  readonly name: string;
  readonly version: string;
  readonly labels: ReadonlyMap<string, string>;
}

class OtelMeterProvider implements MeterProvider {
  readonly #registry: Registry;
  readonly #maxSeries: number;
  readonly #translation: Translation;
  readonly #views: readonly CheckedView[];
  readonly #hasScopes: boolean;
  readonly #exemplars: boolean;
  readonly #clock: Clock;
  readonly #tell: (error: unknown) => unknown;
  readonly #meters: Map<string, Meter> = new Map();
  readonly #families: Map<string, FamilyCollector> = new Map();
  readonly #registered: Set<Collector> = new Set();
  readonly #scopeInfos: Map<string, Record<string, string>> = new Map();
  readonly #drops: DropCounts;

  constructor(options: MeterProviderOptions) {
    const {
      registry = REGISTRY,
      translation = "UnderscoreEscapingWithSuffixes",
      views = [],
      scopes = "labels",
      exemplars = true,
      onError = () => {},
      clock = SYSTEM_CLOCK,
    } = options;
    const isRegistry = typeof registry?.register === "function" &&
      typeof registry.collect === "function";
    checkShape(isRegistry, DOING, "registry must be a registry", registry);
    const strategies = `translation must be one of ${TRANSLATIONS.join(", ")}`;
    checkShape(TRANSLATIONS.includes(translation), DOING, strategies, translation);
    const isScopes = scopes === "labels" || scopes === "none";
    checkShape(isScopes, DOING, 'scopes must be "labels" or "none"', scopes);
    checkShape(typeof exemplars === "boolean", DOING, "exemplars must be a boolean", exemplars);
    checkShape(typeof onError === "function", DOING, "onError must be a function", onError);
    const { maxSeries = registry.maxSeries ?? Infinity } = options;
    this.#registry = registry;
    // A registry without a limit has no effect. There is always room for the overflow series.
    const isUnset = options.maxSeries === undefined && maxSeries === Infinity;
    this.#maxSeries = isUnset
      ? MAX_SERIES
      : checkLimit(options.maxSeries ?? Math.max(1, maxSeries));
    this.#translation = translation;
    this.#views = checkViews(views, DOING);
    for (const { maxSeries } of this.#views) if (maxSeries !== undefined) checkLimit(maxSeries);
    this.#hasScopes = scopes === "labels";
    if (exemplars) prepareSpanLabels();
    this.#exemplars = exemplars;
    this.#tell = onError;
    this.#clock = clock;
    this.#drops = dropCountsOf(registry, (error) => this.#report(error));
    if (options.resource !== undefined) this.#setTarget(options.resource);
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    const scope = {
      name: toText(name),
      version: toText(version),
      schemaUrl: toText(options?.schemaUrl),
      attributes: this.#labelsOf(options?.attributes ?? {}),
    };
    const key = JSON.stringify(scope);
    let meter = this.#meters.get(key);
    if (meter === undefined) {
      const labels = new Map<string, string>();
      if (this.#hasScopes) {
        const own = {
          otel_scope_name: scope.name,
          otel_scope_version: scope.version,
          otel_scope_schema_url: scope.schemaUrl,
        };
        for (const [label, value] of Object.entries(own)) {
          if (value !== "") labels.set(label, value);
        }
        if (Object.keys(scope.attributes).length > 0) {
          this.#addScopeInfo(key, { ...scope.attributes, ...Object.fromEntries(labels) });
        }
      }
      const own: Scope = { name: scope.name, version: scope.version, labels };
      const report = (error: unknown) => this.#report(error);
      const made = new Map<string, { instrument: ReturnType<CreateInstrument>; bounds: string }>();
      meter = new OtelMeter((kind, name, options) => {
        const about = describe(name, options, report);
        const { bounds: _, ...identity } = about;
        const id = JSON.stringify([kind, identity]);
        const bounds = JSON.stringify(about.bounds ?? null);
        const known = made.get(id);
        if (known === undefined) {
          const instrument = this.#create(own, kind, about);
          made.set(id, { instrument, bounds });
          return instrument;
        }
        // The specification wants the advice that was seen first.
        if (about.bounds !== undefined && known.bounds !== bounds) {
          const rule = `they must be those of the first instrument of this name, ${known.bounds}`;
          report(
            new TypeError(`Cannot use buckets for "${about.name}": ${rule}: received ${bounds}`),
          );
        }
        return known.instrument;
      }, report);
      this.#meters.set(key, meter);
    }
    return meter;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    for (const collector of this.#registered) this.#registry.unregister(collector);
    this.#registered.clear();
    this.#families.clear();
    this.#meters.clear();
    await Promise.resolve();
  }

  #create(
    scope: Scope,
    kind: InstrumentKind,
    about: InstrumentDescription,
  ): AddingInstrument | RecordingInstrument | ObservableInstrument {
    const { name } = about;
    const streams = this.#streamsOf(scope, kind, about);
    const onDrop = (cause: Cause, error?: unknown): void => {
      this.#drops.add(name, cause);
      if (error !== undefined) this.#report(error);
    };
    const isObserved = kind.startsWith("observable");
    if (isObserved) {
      const observable = new OtelObservable({
        isInteger: about.isInteger,
        isCounter: kind === "observableCounter",
        adds: kind !== "observableGauge",
        created: this.#clock.now(),
        onDrop,
        onError: (error) => this.#report(error),
      });
      for (const stream of streams) {
        stream.options.family.addSource(new ObservedStream(observable, stream));
      }
      return observable;
    }
    const settings: InstrumentSettings = {
      streams,
      isInteger: about.isInteger,
      exemplars: this.#exemplars,
      onDrop,
    };
    switch (kind) {
      case "counter":
        return new OtelCounter(settings);
      case "upDownCounter":
        return new OtelUpDownCounter(settings);
      case "gauge":
        return new OtelGauge(settings);
      default:
        return new OtelHistogram(settings);
    }
  }

  #streamsOf(scope: Scope, kind: InstrumentKind, about: InstrumentDescription): Stream[] {
    const { name, unit } = about;
    const instrument = { name, kind, unit, meterName: scope.name, meterVersion: scope.version };
    const views = this.#views.filter((view) => view.matches(instrument));
    const streams: Stream[] = [];
    for (const view of views.length === 0 ? [undefined] : views) {
      if (view?.drop) continue;
      try {
        streams.push(this.#streamOf(scope, kind, about, view));
      } catch (error) {
        this.#drops.add(name, "conflict");
        this.#report(error);
      }
    }
    return streams;
  }

  #streamOf(
    scope: Scope,
    kind: InstrumentKind,
    { name, description, unit, bounds }: InstrumentDescription,
    view: CheckedView | undefined,
  ): Stream {
    const type = typeOf(kind);
    const translation = this.#translation;
    const full = translateName(view?.name ?? name, unit, type === "counter", translation);
    const doing = `Cannot create instrument "${name}"`;
    checkShape(full.name !== "", doing, "name must have letters", name);
    const buckets: Buckets = type !== "histogram"
      ? {}
      : view?.buckets !== undefined || view?.nativeHistogram
      ? { buckets: view.buckets ?? [], nativeHistogram: view.nativeHistogram ?? false }
      : { buckets: bounds ?? DEFAULT_BOUNDS };
    const family = this.#family({
      ...full,
      type,
      help: view?.description ?? description,
      isObserved: kind.startsWith("observable"),
      // The value of an up-down counter is a part of a whole.
      aggregation: kind === "upDownCounter" ? "livesum" : kind === "gauge" ? "all" : "sum",
      clock: this.#clock,
    });
    const stream = new Stream({
      family,
      rules: { translation, reserved: reservedLabelName(type, full.name), scope: scope.labels },
      keeps: view?.keeps,
      maxSeries: view?.maxSeries ?? this.#maxSeries,
      buckets,
    });
    // Throws for invalid buckets now instead of at the first measurement.
    if (type === "histogram") family.check(buckets);
    return stream;
  }

  /** Returns the family of a name. Registers it if it is new. */
  #family(description: FamilyCollector["description"]): FamilyCollector {
    const { name, type, isObserved } = description;
    const known = this.#families.get(name);
    if (known !== undefined) {
      const same = known.description.type === type && known.description.isObserved === isObserved;
      const kind = (observed: boolean, type: MetricType) =>
        `${observed ? "an observed" : "a"} ${type}`;
      checkShape(
        same,
        `Cannot create metric "${name}"`,
        `another instrument has made it ${
          kind(known.description.isObserved, known.description.type)
        }`,
        kind(isObserved, type),
      );
      return known;
    }
    let family = new FamilyCollector(description);
    const kept: unknown = this.#registry.register(family);
    // Another provider may have created it, for example if a module ran twice.
    if (kept instanceof FamilyCollector && kept.definition === family.definition) family = kept;
    this.#families.set(name, family);
    this.#registered.add(family);
    return family;
  }

  #addScopeInfo(key: string, labels: Record<string, string>): void {
    const isFirst = this.#scopeInfos.size === 0;
    this.#scopeInfos.set(key, labels);
    if (!isFirst) return;
    const collector: Collector = {
      collect: () => {
        const family = new MetricFamily("otel_scope", "Instrumentation scopes.", "info");
        for (const labels of this.#scopeInfos.values()) family.addSample(family.name, labels, 1);
        return [family];
      },
    };
    try {
      this.#registry.register(collector);
      this.#registered.add(collector);
    } catch (error) {
      this.#report(error);
    }
  }

  #setTarget(resource: Resource): void {
    const { attributes } = resource as { attributes?: unknown };
    const isResource = typeof attributes === "object" && attributes !== null;
    const labels = this.#labelsOf((isResource ? attributes : resource) as Attributes);
    const registry: Registry & {
      setTargetInfo?(labels: Readonly<Record<string, LabelValue>>): void;
    } = this.#registry;
    const canSet = typeof registry.setTargetInfo === "function";
    checkShape(canSet, DOING, "resource needs a registry with setTargetInfo()", registry);
    registry.setTargetInfo!(labels);
  }

  /** Returns the labels of a resource or a scope, in the classic alphabet. */
  #labelsOf(attributes: Attributes): Record<string, string> {
    const labels: Record<string, string> = {};
    for (const key of Object.keys(attributes).sort()) {
      const value = toText(attributes[key]);
      if (key === "" || value === "") continue;
      const name = escape(translateKey(key, "UnderscoreEscapingWithSuffixes"));
      labels[name] = Object.hasOwn(labels, name) ? `${labels[name]};${value}` : value;
    }
    return labels;
  }

  #report(error: unknown): void {
    try {
      // It may be an async function, and reject.
      Promise.resolve(this.#tell(error)).catch(() => {});
    } catch {
      // The user has to handle it.
    }
  }
}

/** The valid properties of an instrument. */
interface InstrumentDescription {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly isInteger: boolean;
  readonly bounds: readonly number[] | undefined;
}

/** The number of the API for integers. */
const INTEGER = 0;

function describe(
  name: unknown,
  options: unknown,
  report: (error: unknown) => void,
): InstrumentDescription {
  // Arguments of any type must not throw.
  const { description, unit, valueType, advice } = (options ?? {}) as InstrumentOptions;
  const text = toText(name);
  return {
    name: text,
    description: toText(description),
    unit: toText(unit),
    isInteger: valueType === INTEGER,
    bounds: readBounds(advice?.explicitBucketBoundaries, text, report),
  };
}

/**
 * Returns the bounds of an advice in order, as the SDK does. Reports an illegal advice, and returns
 * undefined, as if there were none.
 *
 * See https://opentelemetry.io/docs/specs/otel/metrics/sdk/#instrument-advisory-parameters
 */
function readBounds(
  bounds: unknown,
  name: string,
  report: (error: unknown) => void,
): number[] | undefined {
  if (bounds === undefined) return undefined;
  const isLegal = Array.isArray(bounds) &&
    bounds.every((bound) => typeof bound === "number" && !Number.isNaN(bound));
  if (isLegal) return [...new Set(bounds)].filter(Number.isFinite).sort((a, b) => a - b);
  const rule = "explicitBucketBoundaries must be an array of numbers";
  report(new TypeError(`Cannot use advice for instrument "${name}": ${rule}`));
  return undefined;
}

function typeOf(kind: InstrumentKind): "counter" | "gauge" | "histogram" {
  if (kind === "histogram") return "histogram";
  return kind === "counter" || kind === "observableCounter" ? "counter" : "gauge";
}

function checkLimit(maxSeries: unknown): number {
  const isLegal = (limit: number) => limit === Infinity || (Number.isInteger(limit) && limit >= 1);
  return checkNumber(maxSeries, isLegal, "an integer >= 1, or Infinity", DOING, "maxSeries");
}
