/**
 * The works of `@prometheus-io/client` and `prom-client`, which have the same interface.
 *
 * @module
 */
import type client from "@prometheus-io/client";
import type * as data from "../data.ts";
import type { Work, Works } from "../work.ts";

/** The common interface of the two libraries. */
export type ClientJs = Pick<typeof client, "Counter" | "Histogram" | "Registry" | "Summary">;

/** Creates the works of one of the two libraries. */
export type CreateWorks = (library: ClientJs, inputs: typeof data) => Works;

/**
 * Creates the works of one of the two libraries. The function is compiled separately for each, so
 * it must only use its arguments.
 *
 * @param library The library.
 * @param inputs The inputs.
 * @returns The works.
 */
export const createWorks: CreateWorks = (
  { Counter, Histogram, Registry, Summary },
  { MASK, DURATIONS, SIZES, VISITS, BUCKETS: buckets, ...data },
) => {
  const { method, route, status } = VISITS;
  const labelNames = [...data.LABEL_NAMES];
  const first = data.seriesLabels(0);
  const counterOptions = { name: "requests_total", help: "h", labelNames, registers: [] };
  const histogramOptions = { name: "seconds", help: "h", labelNames, buckets, registers: [] };
  const encoder = new TextEncoder();

  const scrape = async (registry: { metrics(): Promise<string> }): Promise<number> =>
    encoder.encode(await registry.metrics()).length;

  const incWide = ({ labelNames, sets }: data.Wide): Work => {
    const counter = new Counter({ ...counterOptions, labelNames: [...labelNames] });
    return {
      run(times) {
        for (let i = 0; i < times; i++) counter.labels({ ...sets[i & MASK]! }).inc();
        return counter;
      },
    };
  };

  const makeBig = () => {
    const registry = new Registry();
    const counter = new Counter({ ...counterOptions, registers: [registry] });
    for (let i = 0; i < data.COUNTERS; i++) counter.labels(...data.seriesLabels(i)).inc(i);
    return { registry, counter };
  };

  return {
    counterInc() {
      const child = new Counter(counterOptions).labels(...first);
      return {
        run(times) {
          for (let i = 0; i < times; i++) child.inc();
          return child;
        },
      };
    },
    counterAdd() {
      const child = new Counter(counterOptions).labels(...first);
      return {
        run(times) {
          for (let i = 0; i < times; i++) child.inc(SIZES[i & MASK]!);
          return child;
        },
      };
    },
    labelsInc() {
      const counter = new Counter(counterOptions);
      return {
        run(times) {
          for (let i = 0; i < times; i++) {
            const j = i & MASK;
            counter.labels({ method: method[j]!, route: route[j]!, status: status[j]! }).inc();
          }
          return counter;
        },
      };
    },
    positionalInc() {
      const counter = new Counter(counterOptions);
      return {
        run(times) {
          for (let i = 0; i < times; i++) {
            const j = i & MASK;
            counter.labels(method[j]!, route[j]!, status[j]!).inc();
          }
          return counter;
        },
      };
    },
    freshInc() {
      const counter = new Counter(counterOptions);
      let fresh = VISITS;
      return {
        prepare(times) {
          fresh = data.decodeVisits(times);
        },
        run(times) {
          const { method, route, status } = fresh;
          for (let i = 0; i < times; i++) {
            counter.labels({ method: method[i]!, route: route[i]!, status: status[i]! }).inc();
          }
          return counter;
        },
      };
    },
    labels8Inc: () => incWide(data.WIDE_8),
    labels16Inc: () => incWide(data.WIDE_16),
    histogramObserve() {
      const child = new Histogram(histogramOptions).labels(...first);
      return {
        run(times) {
          for (let i = 0; i < times; i++) child.observe(DURATIONS[i & MASK]!);
          return child;
        },
      };
    },
    labelsObserve() {
      const histogram = new Histogram(histogramOptions);
      return {
        run(times) {
          for (let i = 0; i < times; i++) {
            const j = i & MASK;
            histogram.labels({ method: method[j]!, route: route[j]!, status: status[j]! })
              .observe(DURATIONS[j]!);
          }
          return histogram;
        },
      };
    },
    summaryObserve() {
      const child = new Summary({
        ...{ name: "seconds", help: "h", labelNames, registers: [] },
        percentiles: data.QUANTILES,
        maxAgeSeconds: data.MAX_AGE_SECONDS,
        ageBuckets: data.AGE_BUCKETS,
      }).labels(...first);
      return {
        run(times) {
          for (let i = 0; i < times; i++) child.observe(DURATIONS[i & MASK]!);
          return child;
        },
      };
    },
    scrapeCounters() {
      const { registry, counter } = makeBig();
      return {
        prepare() {
          for (let i = 0; i < data.COUNTERS; i++) counter.labels(...data.seriesLabels(i)).inc();
        },
        run: () => scrape(registry),
      };
    },
    scrapeHistograms() {
      const registry = new Registry();
      const histogram = new Histogram({ ...histogramOptions, registers: [registry] });
      return {
        prepare() {
          for (let i = 0; i < data.HISTOGRAMS; i++) {
            histogram.labels(...data.seriesLabels(i)).observe(DURATIONS[i & MASK]!);
          }
        },
        run: () => scrape(registry),
      };
    },
    scrapeChanged() {
      const { registry, counter } = makeBig();
      return {
        prepare() {
          for (const i of data.drawChanges()) counter.labels(...data.seriesLabels(i)).inc();
        },
        run: () => scrape(registry),
      };
    },
    scrapeFirst() {
      let { registry } = makeBig();
      return {
        prepare() {
          ({ registry } = makeBig());
        },
        run: () => scrape(registry),
      };
    },
  };
};

/**
 * Compiles a function again, so that the engine optimizes it for one library only.
 *
 * @param create The function, which must only use its arguments.
 * @returns The same function, as separate code.
 */
export function compileAnew(create: CreateWorks): CreateWorks {
  return new Function(`"use strict"; return (${create});`)();
}
