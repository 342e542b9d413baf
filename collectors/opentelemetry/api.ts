/**
 * The shapes of `@opentelemetry/api` that this library needs. Nothing is imported from there. Tests
 * check them against the real types.
 *
 * @module
 */

/** Attributes of a measurement. */
export interface Attributes {
  /** A value by its key. Values of `undefined` are left out. */
  [key: string]: unknown;
}

/** What is carried along the calls of a program; only spans are looked up in it. */
export interface Context {
  /** Returns the value of a key. */
  getValue(key: symbol): unknown;
}

/** Options of an instrument. */
export interface InstrumentOptions {
  /** The description, which becomes the help text. */
  description?: string;
  /** The unit, in UCUM. */
  unit?: string;
  /** The type of the values: 0 for integers, whose fraction is cut off, 1 for doubles. */
  valueType?: number;
  /** Advice on the aggregation. */
  advice?: {
    /** The bounds of a histogram's buckets. */
    explicitBucketBoundaries?: number[];
  };
}

/** An instrument that adds: a counter, or an up-down counter. */
export interface AddingInstrument {
  /**
   * Adds to a series. Never throws: a value that is not legal is ignored and counted.
   *
   * @param value The value.
   * @param attributes The attributes that tell the series.
   * @param context The context, for exemplars. @default {the active one}
   */
  add(value: number, attributes?: Attributes, context?: Context): void;
}

/** An instrument that records: a gauge, or a histogram. */
export interface RecordingInstrument {
  /**
   * Records a value of a series. Never throws: a value that is not legal is ignored and counted.
   *
   * @param value The value.
   * @param attributes The attributes that tell the series.
   * @param context The context, for exemplars. @default {the active one}
   */
  record(value: number, attributes?: Attributes, context?: Context): void;
}

/** The argument of the callback of an observable instrument. */
export interface ObservableResult {
  /**
   * Observes a value.
   *
   * @param value The value; of counters the total.
   * @param attributes The attributes that tell the series.
   */
  observe(value: number, attributes?: Attributes): void;
}

/** The argument of the callback of a batch. */
export interface BatchObservableResult {
  /**
   * Observes a value.
   *
   * @param instrument One of the instruments of the batch.
   * @param value The value; of counters the total.
   * @param attributes The attributes that tell the series.
   */
  observe(instrument: ObservableInstrument, value: number, attributes?: Attributes): void;
}

/** The callback of an observable instrument. */
export type ObservableCallback = (result: ObservableResult) => void | Promise<void>;

/** The callback of a batch of observable instruments. */
export type BatchObservableCallback = (result: BatchObservableResult) => void | Promise<void>;

/** An instrument whose callbacks are called by each scrape. */
export interface ObservableInstrument {
  /**
   * Adds a callback. One that is there already is not added again.
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

/** Makes instruments of one scope. */
export interface Meter {
  /** Makes a counter. */
  createCounter(name: string, options?: InstrumentOptions): AddingInstrument;
  /** Makes a counter that also goes down. */
  createUpDownCounter(name: string, options?: InstrumentOptions): AddingInstrument;
  /** Makes a gauge. */
  createGauge(name: string, options?: InstrumentOptions): RecordingInstrument;
  /** Makes a histogram. */
  createHistogram(name: string, options?: InstrumentOptions): RecordingInstrument;
  /** Makes a counter whose total is observed. */
  createObservableCounter(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Makes an up-down counter whose total is observed. */
  createObservableUpDownCounter(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Makes a gauge whose value is observed. */
  createObservableGauge(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Adds a callback that observes several instruments. */
  addBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void;
  /** Removes such a callback, told by itself and its instruments. */
  removeBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void;
}

/** Options of a meter. */
export interface MeterOptions {
  /** The address of the schema of its telemetry. */
  schemaUrl?: string;
  /** Attributes of the scope. They are in `otel_scope_info`. */
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
