import type { LabelSet, Metric } from "../../mod.ts";
import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  ObservableCallback,
  ObservableInstrument,
} from "./api.ts";
import type { ObservedSource } from "./family_collector.ts";
import type { DropCause } from "./instruments.ts";
import type { Stream } from "./stream.ts";

/** An observed value. */
interface Observation {
  readonly value: number;
  readonly attributes: object;
}

/** Settings of an observable instrument. */
export interface ObservableSettings {
  readonly isInteger: boolean;
  /** Whether values are totals that never decrease. */
  readonly isCounter: boolean;
  /** Whether values in the same series are added up, as for counters. */
  readonly adds: boolean;
  /** When the instrument was created, in seconds since 1970. */
  readonly created: number;
  readonly onDrop: (cause: DropCause, error?: unknown) => void;
  /** Called with errors of callbacks. */
  readonly onError: (error: unknown) => void;
}

/** An instrument whose callbacks run at each read of one of its families. */
export class OtelObservable implements ObservableInstrument {
  readonly settings: ObservableSettings;
  /** The batches that include the instrument. */
  readonly batches: Set<Batch> = new Set();
  readonly #callbacks: Set<ObservableCallback> = new Set();
  /** The last observations of each callback. */
  readonly #observed: Map<object, readonly Observation[]> = new Map();
  /** The last run of the callbacks, and the families that have read it. */
  #run: { readonly readers: Set<object>; readonly promise: Promise<void> | undefined } | undefined;

  constructor(settings: ObservableSettings) {
    this.settings = settings;
  }

  addCallback(callback: ObservableCallback): void {
    if (typeof callback === "function") this.#callbacks.add(callback);
    else this.settings.onError(new TypeError("Cannot add callback: it must be a function"));
  }

  removeCallback(callback: ObservableCallback): void {
    this.#callbacks.delete(callback);
    this.#observed.delete(callback);
  }

  /** Forgets the observations of a batch. */
  forget(batch: Batch): void {
    this.batches.delete(batch);
    this.#observed.delete(batch);
  }

  /** Stores the observations of a callback. */
  take(callback: object, observations: readonly Observation[]): void {
    this.#observed.set(callback, observations);
  }

  /** Calls all callbacks, unless they just ran for another family of the same read. */
  observe(reader: object): Promise<void> | undefined {
    const run = this.#run;
    if (run !== undefined && !run.readers.has(reader)) {
      run.readers.add(reader);
      return run.promise;
    }
    const running: Promise<void>[] = [];
    for (const callback of this.#callbacks) {
      const observations: Observation[] = [];
      const result = {
        observe: (value: number, attributes?: Attributes): void => {
          this.note(observations, value, attributes);
        },
      };
      const promise = call(
        () => callback(result),
        () => this.take(callback, observations),
        (error) => {
          this.take(callback, []);
          this.settings.onError(error);
        },
      );
      if (promise !== undefined) running.push(promise);
    }
    for (const batch of this.batches) {
      const promise = batch.observe(this);
      if (promise !== undefined) running.push(promise);
    }
    const promise = running.length === 0 ? undefined : Promise.all(running).then(() => {});
    const started = this.#run = { readers: new Set([reader]), promise };
    forgetLater(promise, () => {
      if (this.#run === started) this.#run = undefined;
    });
    return promise;
  }

  /** Adds an observation if it is valid. */
  note(observations: Observation[], value: number, attributes: unknown): void {
    const { isCounter, isInteger, onDrop } = this.settings;
    const isLegal = typeof value === "number" && (!isCounter || (value >= 0 && value < Infinity));
    if (!isLegal) return onDrop("value");
    observations.push({
      value: isInteger && Number.isFinite(value) ? Math.trunc(value) : value,
      attributes: typeof attributes === "object" && attributes !== null ? attributes : {},
    });
  }

  /** Returns the last observations of all callbacks. */
  *observations(): Generator<Observation> {
    for (const observations of this.#observed.values()) yield* observations;
  }
}

/** A callback for several instruments. It runs once in a read. */
export class Batch {
  readonly callback: BatchObservableCallback;
  readonly instruments: ReadonlySet<OtelObservable>;
  #run: { readonly readers: Set<object>; readonly promise: Promise<void> | undefined } | undefined;

  constructor(callback: BatchObservableCallback, instruments: ReadonlySet<OtelObservable>) {
    this.callback = callback;
    this.instruments = instruments;
  }

  /** Whether this is the batch of a callback and some instruments. */
  is(callback: unknown, instruments: ReadonlySet<OtelObservable>): boolean {
    return callback === this.callback && instruments.size === this.instruments.size &&
      [...instruments].every((instrument) => this.instruments.has(instrument));
  }

  /** Calls the callback, unless it just ran for another instrument of the same read. */
  observe(reader: OtelObservable): Promise<void> | undefined {
    const run = this.#run;
    if (run !== undefined && !run.readers.has(reader)) {
      run.readers.add(reader);
      return run.promise;
    }
    const observed = new Map<OtelObservable, Observation[]>();
    for (const instrument of this.instruments) observed.set(instrument, []);
    const result: BatchObservableResult = {
      observe: (instrument, value, attributes) => {
        // Ignores instruments of other batches.
        const observations = observed.get(instrument as OtelObservable);
        if (observations === undefined) return;
        (instrument as OtelObservable).note(observations, value, attributes);
      },
    };
    const end = (isWhole: boolean): void => {
      for (const [instrument, observations] of observed) {
        if (instrument.batches.has(this)) instrument.take(this, isWhole ? observations : []);
      }
    };
    const promise = call(() => this.callback(result), () => end(true), (error) => {
      end(false);
      reader.settings.onError(error);
    });
    const started = this.#run = { readers: new Set([reader]), promise };
    forgetLater(promise, () => {
      if (this.#run === started) this.#run = undefined;
    });
    return promise;
  }
}

/** The series of an instrument in one family. */
export class ObservedStream implements ObservedSource {
  readonly #instrument: OtelObservable;
  readonly #stream: Stream;

  constructor(instrument: OtelObservable, stream: Stream) {
    this.#instrument = instrument;
    this.#stream = stream;
  }

  observe(): Promise<void> | undefined {
    return this.#instrument.observe(this);
  }

  series(): Iterable<readonly [string, Metric]> {
    const { settings } = this.#instrument;
    const { maxSeries } = this.#stream.options;
    /** The last value of each attribute set. */
    const last = new Map<string, { value: number; attributes: object }>();
    for (const { value, attributes } of this.#instrument.observations()) {
      try {
        last.set(JSON.stringify(Object.entries(attributes).sort()), { value, attributes });
      } catch (error) {
        settings.onDrop("attributes", error);
      }
    }
    const series = new Map<string, ObservedMetric>();
    for (const { value, attributes } of last.values()) {
      let labels = this.#stream.labelsOf(attributes);
      if (!series.has(labels.key) && series.size >= maxSeries - 1) {
        labels = this.#stream.overflowLabels();
      }
      const known = series.get(labels.key);
      // A view may leave out the attributes that distinguish two series.
      if (known === undefined) series.set(labels.key, new ObservedMetric(labels, value, settings));
      else known.value = settings.adds ? known.value + value : value;
    }
    // A gauge or a counter is one number.
    return series as Map<string, Metric>;
  }
}

/** An observed series. */
class ObservedMetric {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly created: number | undefined;
  value: number;

  constructor({ labelNames, labelValues }: LabelSet, value: number, settings: ObservableSettings) {
    this.labelNames = labelNames;
    this.labelValues = labelValues;
    this.created = settings.isCounter ? settings.created : undefined;
    this.value = value;
  }
}

/** Calls a function that may be asynchronous, and then one of the listeners. */
function call(
  callback: () => void | Promise<void>,
  onEnd: () => void,
  onError: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    const returned: unknown = callback();
    if (typeof (returned as PromiseLike<void> | undefined)?.then === "function") {
      return Promise.resolve(returned).then(onEnd, onError);
    }
    onEnd();
  } catch (error) {
    onError(error);
  }
  return undefined;
}

/** Forgets a run after the turn in which one read collects all its families. */
function forgetLater(promise: Promise<void> | undefined, forget: () => void): void {
  if (promise === undefined) queueMicrotask(forget);
  else promise.then(forget, forget);
}
