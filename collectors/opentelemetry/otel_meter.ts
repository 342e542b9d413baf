import type {
  AddingInstrument,
  BatchObservableCallback,
  InstrumentKind,
  InstrumentOptions,
  Meter,
  ObservableInstrument,
  RecordingInstrument,
} from "./api.ts";
import { Batch, OtelObservable } from "./observables.ts";

/** Creates an instrument. Never throws. */
export type CreateInstrument = (
  kind: InstrumentKind,
  name: string,
  options: InstrumentOptions,
) => AddingInstrument | RecordingInstrument | ObservableInstrument;

/** The instruments of one scope. */
export class OtelMeter implements Meter {
  readonly #create: CreateInstrument;
  readonly #onError: (error: unknown) => void;
  readonly #batches: Set<Batch> = new Set();

  constructor(create: CreateInstrument, onError: (error: unknown) => void) {
    this.#create = create;
    this.#onError = onError;
  }

  // The kind decides which instrument is created.

  createCounter(name: string, options: InstrumentOptions = {}): AddingInstrument {
    return this.#create("counter", name, options) as AddingInstrument;
  }

  createUpDownCounter(name: string, options: InstrumentOptions = {}): AddingInstrument {
    return this.#create("upDownCounter", name, options) as AddingInstrument;
  }

  createGauge(name: string, options: InstrumentOptions = {}): RecordingInstrument {
    return this.#create("gauge", name, options) as RecordingInstrument;
  }

  createHistogram(name: string, options: InstrumentOptions = {}): RecordingInstrument {
    return this.#create("histogram", name, options) as RecordingInstrument;
  }

  createObservableCounter(name: string, options: InstrumentOptions = {}): ObservableInstrument {
    return this.#create("observableCounter", name, options) as ObservableInstrument;
  }

  createObservableUpDownCounter(
    name: string,
    options: InstrumentOptions = {},
  ): ObservableInstrument {
    return this.#create("observableUpDownCounter", name, options) as ObservableInstrument;
  }

  createObservableGauge(name: string, options: InstrumentOptions = {}): ObservableInstrument {
    return this.#create("observableGauge", name, options) as ObservableInstrument;
  }

  addBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void {
    const observables = observablesOf(instruments);
    if (typeof callback !== "function" || observables.size === 0) {
      const rule = "it must be a function, with observable instruments of this provider";
      return this.#onError(new TypeError(`Cannot add batch callback: ${rule}`));
    }
    if (this.#find(callback, observables) !== undefined) return;
    const batch = new Batch(callback, observables);
    this.#batches.add(batch);
    for (const observable of observables) observable.batches.add(batch);
  }

  removeBatchObservableCallback(
    callback: BatchObservableCallback,
    instruments: ObservableInstrument[],
  ): void {
    const batch = this.#find(callback, observablesOf(instruments));
    if (batch === undefined) return;
    this.#batches.delete(batch);
    for (const observable of batch.instruments) observable.forget(batch);
  }

  #find(callback: unknown, observables: ReadonlySet<OtelObservable>): Batch | undefined {
    for (const batch of this.#batches) if (batch.is(callback, observables)) return batch;
    return undefined;
  }
}

function observablesOf(instruments: unknown): Set<OtelObservable> {
  const list: readonly unknown[] = Array.isArray(instruments) ? instruments : [];
  return new Set(list.filter((one): one is OtelObservable => one instanceof OtelObservable));
}
