import type {
  BatchObservableCallback,
  Meter,
  MeterProvider,
  Observable,
  ObservableCallback,
} from "@opentelemetry/api";

/**
 * Returns a meter provider that forwards all calls to several others, so that they measure the same
 * program.
 *
 * @param providers The others.
 */
export function teeProvider(providers: readonly MeterProvider[]): MeterProvider {
  return {
    getMeter: (...scope) => teeMeter(providers.map((provider) => provider.getMeter(...scope))),
  };
}

function teeMeter(meters: readonly Meter[]): Meter {
  /** The instruments that the meters created for an observable instrument. */
  const made = new Map<Observable, readonly Observable[]>();
  const batches = new Map<BatchObservableCallback, readonly BatchObservableCallback[]>();
  const adding = (make: (meter: Meter) => ReturnType<Meter["createCounter"]>) => {
    const instruments = meters.map(make);
    return {
      add: (...args: Parameters<typeof instruments[0]["add"]>): void => {
        for (const instrument of instruments) instrument.add(...args);
      },
    };
  };
  const recording = (make: (meter: Meter) => ReturnType<Meter["createHistogram"]>) => {
    const instruments = meters.map(make);
    return {
      record: (...args: Parameters<typeof instruments[0]["record"]>): void => {
        for (const instrument of instruments) instrument.record(...args);
      },
    };
  };
  const observable = (make: (meter: Meter) => Observable) => {
    const instruments = meters.map(make);
    const tee: Observable = {
      addCallback: (callback: ObservableCallback): void => {
        for (const instrument of instruments) instrument.addCallback(callback);
      },
      removeCallback: (callback: ObservableCallback): void => {
        for (const instrument of instruments) instrument.removeCallback(callback);
      },
    };
    made.set(tee, instruments);
    return tee;
  };
  return {
    createCounter: (...args) => adding((meter) => meter.createCounter(...args)),
    createUpDownCounter: (...args) => adding((meter) => meter.createUpDownCounter(...args)),
    createHistogram: (...args) => recording((meter) => meter.createHistogram(...args)),
    createGauge: (...args) => recording((meter) => meter.createGauge(...args)),
    createObservableCounter: (...args) =>
      observable((meter) => meter.createObservableCounter(...args)),
    createObservableUpDownCounter: (...args) =>
      observable((meter) => meter.createObservableUpDownCounter(...args)),
    createObservableGauge: (...args) => observable((meter) => meter.createObservableGauge(...args)),
    addBatchObservableCallback: (callback, tees) => {
      const callbacks = meters.map((_, i): BatchObservableCallback => (result) =>
        callback({
          observe: (tee, ...args) => {
            const instrument = made.get(tee)?.[i];
            if (instrument !== undefined) result.observe(instrument, ...args);
          },
        })
      );
      batches.set(callback, callbacks);
      for (const [i, meter] of meters.entries()) {
        meter.addBatchObservableCallback(callbacks[i]!, tees.map((tee) => made.get(tee)![i]!));
      }
    },
    removeBatchObservableCallback: (callback, tees) => {
      for (const [i, meter] of meters.entries()) {
        const own = batches.get(callback)?.[i];
        if (own === undefined) continue;
        meter.removeBatchObservableCallback(own, tees.map((tee) => made.get(tee)![i]!));
      }
    },
  };
}
