/**
 * The shapes of `@opentelemetry/api` that this library needs. Nothing is imported from there. Tests
 * check them against the real types.
 *
 * @module
 */

/** Attributes of a measurement. */
export interface Attributes {
  /** A value by its key. `undefined` is left out. */
  [key: string]: unknown;
}

/** A context of the API. Only its span is read. */
export interface Context {
  /** Returns the value of a key. */
  getValue(key: symbol): unknown;
}

/** Options of an instrument. */
export interface InstrumentOptions {
  /** The description, used as the help text. */
  description?: string;
  /** The unit, in UCUM. */
  unit?: string;
  /** The type of the values: 0 for integers, which have their fraction cut off, 1 for doubles. */
  valueType?: number;
  /** Advice on the aggregation. */
  advice?: {
    /** The bounds of a histogram's buckets. */
    explicitBucketBoundaries?: number[];
  };
}

/** A counter or an up-down counter. */
export interface AddingInstrument {
  /**
   * Adds to a series. Never throws. An invalid value is ignored and counted.
   *
   * @param value The value.
   * @param attributes The attributes of the series.
   * @param context The context, for exemplars. @default {the active one}
   */
  add(value: number, attributes?: Attributes, context?: Context): void;
}

/** A gauge or a histogram. */
export interface RecordingInstrument {
  /**
   * Records a value in a series. Never throws. An invalid value is ignored and counted.
   *
   * @param value The value.
   * @param attributes The attributes of the series.
   * @param context The context, for exemplars. @default {the active one}
   */
  record(value: number, attributes?: Attributes, context?: Context): void;
}

/** The argument of the callback of an observable instrument. */
export interface ObservableResult {
  /**
   * Observes a value.
   *
   * @param value The value. For counters it is the total.
   * @param attributes The attributes of the series.
   */
  observe(value: number, attributes?: Attributes): void;
}

/** The argument of the callback of a batch. */
export interface BatchObservableResult {
  /**
   * Observes a value.
   *
   * @param instrument One of the instruments of the batch.
   * @param value The value. For counters it is the total.
   * @param attributes The attributes of the series.
   */
  observe(instrument: ObservableInstrument, value: number, attributes?: Attributes): void;
}

/** The callback of an observable instrument. */
export type ObservableCallback = (result: ObservableResult) => void | Promise<void>;

/** The callback of a batch of observable instruments. */
export type BatchObservableCallback = (result: BatchObservableResult) => void | Promise<void>;

/** An instrument whose callbacks run at each scrape. */
export interface ObservableInstrument {
  /**
   * Adds a callback, unless it was added before.
   *
   * @param callback The callback.
   */
  addCallback(callback: ObservableCallback): void;
  /**
   * Removes a callback.
   *
   * @param callback The callback.
   */
  removeCallback(callback: ObservableCallback): void;
}

/** Creates the instruments of one scope. */
export interface Meter {
  /** Creates a counter. */
  createCounter(name: string, options?: InstrumentOptions): AddingInstrument;
  /** Creates an up-down counter. */
  createUpDownCounter(name: string, options?: InstrumentOptions): AddingInstrument;
  /** Creates a gauge. */
  createGauge(name: string, options?: InstrumentOptions): RecordingInstrument;
  /** Creates a histogram. */
  createHistogram(name: string, options?: InstrumentOptions): RecordingInstrument;
  /** Creates a counter whose total is observed. */
  createObservableCounter(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Creates an up-down counter whose total is observed. */
  createObservableUpDownCounter(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Creates a gauge whose value is observed. */
  createObservableGauge(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Adds a callback that observes several instruments. */
  addBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void;
  /** Removes a callback that was added with the same instruments. */
  removeBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void;
}

/** Options of a meter. */
export interface MeterOptions {
  /** The URL of the telemetry's schema. */
  schemaUrl?: string;
  /** Attributes of the scope, for `otel_scope_info`. */
  attributes?: Attributes;
}

/** The kinds of instruments. */
export type InstrumentKind =
  | "counter"
  | "upDownCounter"
  | "gauge"
  | "histogram"
  | "observableCounter"
  | "observableUpDownCounter"
  | "observableGauge";
