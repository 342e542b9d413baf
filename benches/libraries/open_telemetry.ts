/**
 * The works of `@opentelemetry/sdk-metrics` with its Prometheus exporter. It has no children to
 * keep, so each call passes its labels.
 *
 * @module
 */
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationType, MeterProvider, type ViewOptions } from "@opentelemetry/sdk-metrics";
import * as data from "../data.ts";
import type { Work, Works } from "../work.ts";

const { MASK, DURATIONS, SIZES, VISITS } = data;
const { method, route, status } = VISITS;
const histogramOptions = { advice: { explicitBucketBoundaries: data.BUCKETS } };
const encoder = new TextEncoder();

type Meter = ReturnType<MeterProvider["getMeter"]>;
type Counter = ReturnType<Meter["createCounter"]>;

interface Pipeline {
  readonly meter: Meter;
  readonly scrape: () => Promise<number>;
}

function createPipeline(view?: Partial<ViewOptions>): Pipeline {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const views = [{ instrumentName: "*", aggregationCardinalityLimit: 2_000_000, ...view }];
  const meter = new MeterProvider({ readers: [exporter], views }).getMeter("benchmark");
  const scrape = async (): Promise<number> => {
    const { resourceMetrics } = await exporter.collect();
    return encoder.encode(new PrometheusSerializer().serialize(resourceMetrics)).length;
  };
  return { meter, scrape };
}

function attributes(index: number): Record<string, string> {
  const [method, route, status] = data.seriesLabels(index);
  return { method, route, status };
}

function incWide({ sets }: data.Wide): Work {
  const counter = createPipeline().meter.createCounter("wide_total");
  return {
    run(times) {
      for (let i = 0; i < times; i++) counter.add(1, { ...sets[i & MASK]! });
      return counter;
    },
  };
}

function makeBig(): { scrape: () => Promise<number>; counter: Counter } {
  const { meter, scrape } = createPipeline();
  const counter = meter.createCounter("requests_total");
  for (let i = 0; i < data.COUNTERS; i++) counter.add(i, attributes(i));
  return { scrape, counter };
}

export const works: Works = {
  counterInc() {
    const counter = createPipeline().meter.createCounter("bound_total");
    const kept = attributes(0);
    return {
      run(times) {
        for (let i = 0; i < times; i++) counter.add(1, kept);
        return counter;
      },
    };
  },
  counterAdd() {
    const counter = createPipeline().meter.createCounter("bound_total");
    const kept = attributes(0);
    return {
      run(times) {
        for (let i = 0; i < times; i++) counter.add(SIZES[i & MASK]!, kept);
        return counter;
      },
    };
  },
  labelsInc() {
    const counter = createPipeline().meter.createCounter("requests_total");
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          counter.add(1, { method: method[j]!, route: route[j]!, status: status[j]! });
        }
        return counter;
      },
    };
  },
  freshInc() {
    const counter = createPipeline().meter.createCounter("requests_total");
    let fresh = VISITS;
    return {
      prepare(times) {
        fresh = data.decodeVisits(times);
      },
      run(times) {
        const { method, route, status } = fresh;
        for (let i = 0; i < times; i++) {
          counter.add(1, { method: method[i]!, route: route[i]!, status: status[i]! });
        }
        return counter;
      },
    };
  },
  labels8Inc: () => incWide(data.WIDE_8),
  labels16Inc: () => incWide(data.WIDE_16),
  histogramObserve() {
    const histogram = createPipeline().meter.createHistogram("seconds", histogramOptions);
    const kept = attributes(0);
    return {
      run(times) {
        for (let i = 0; i < times; i++) histogram.record(DURATIONS[i & MASK]!, kept);
        return histogram;
      },
    };
  },
  labelsObserve() {
    const histogram = createPipeline().meter.createHistogram("seconds", histogramOptions);
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          const labels = { method: method[j]!, route: route[j]!, status: status[j]! };
          histogram.record(DURATIONS[j]!, labels);
        }
        return histogram;
      },
    };
  },
  nativeObserve() {
    const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const;
    const histogram = createPipeline({ aggregation }).meter.createHistogram("seconds");
    const kept = attributes(0);
    return {
      run(times) {
        for (let i = 0; i < times; i++) histogram.record(DURATIONS[i & MASK]!, kept);
        return histogram;
      },
    };
  },
  scrapeCounters() {
    const { scrape, counter } = makeBig();
    return {
      prepare() {
        for (let i = 0; i < data.COUNTERS; i++) counter.add(1, attributes(i));
      },
      run: scrape,
    };
  },
  scrapeHistograms() {
    const { meter, scrape } = createPipeline();
    const histogram = meter.createHistogram("seconds", histogramOptions);
    return {
      prepare() {
        for (let i = 0; i < data.HISTOGRAMS; i++) {
          histogram.record(DURATIONS[i & MASK]!, attributes(i));
        }
      },
      run: scrape,
    };
  },
  scrapeChanged() {
    const { scrape, counter } = makeBig();
    return {
      prepare() {
        for (const i of data.drawChanges()) counter.add(1, attributes(i));
      },
      run: scrape,
    };
  },
  scrapeFirst() {
    let { scrape } = makeBig();
    return {
      prepare() {
        ({ scrape } = makeBig());
      },
      run: () => scrape(),
    };
  },
};
