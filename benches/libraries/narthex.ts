/**
 * The works of Narthex.
 *
 * @module
 */
import {
  CollectorRegistry,
  Counter,
  Histogram,
  metricsResponse,
  Summary,
} from "@narthex/prometheus";
import * as data from "../data.ts";
import type { Work, Works } from "../work.ts";

const { MASK, DURATIONS, SIZES, VISITS, LABEL_NAMES: labelNames } = data;
const { method, route, status } = VISITS;
const registry = null;
const first = data.seriesLabels(0);

async function scrape(registry: CollectorRegistry): Promise<number> {
  const response = await metricsResponse(undefined, { registry });
  // Older runtimes have no `bytes()`, and need two steps.
  const bytes = "bytes" in response ? await response.bytes() : new Uint8Array(
    // The type is narrowed to never, because it declares that `bytes()` always exists.
    await (response as Response).arrayBuffer(),
  );
  return bytes.length;
}

function incWide({ labelNames, sets }: data.Wide): Work {
  const counter = new Counter("wide_total", "h", { labelNames, registry });
  return {
    run(times) {
      for (let i = 0; i < times; i++) counter.labels({ ...sets[i & MASK]! }).inc();
      return counter.labels(sets[0]!).value;
    },
  };
}

function bigCounter(): { registry: CollectorRegistry; counter: Counter<typeof labelNames> } {
  const registry = new CollectorRegistry();
  const counter = new Counter("requests_total", "h", { labelNames, registry });
  for (let i = 0; i < data.COUNTERS; i++) counter.labels(...data.seriesLabels(i)).inc(i);
  return { registry, counter };
}

export const works: Works = {
  counterInc() {
    const child = new Counter("bound_total", "h", { labelNames, registry }).labels(...first);
    return {
      run(times) {
        for (let i = 0; i < times; i++) child.inc();
        return child.value;
      },
    };
  },
  counterAdd() {
    const child = new Counter("bound_total", "h", { labelNames, registry }).labels(...first);
    return {
      run(times) {
        for (let i = 0; i < times; i++) child.inc(SIZES[i & MASK]!);
        return child.value;
      },
    };
  },
  labelsInc() {
    const counter = new Counter("requests_total", "h", { labelNames, registry });
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          counter.labels({ method: method[j]!, route: route[j]!, status: status[j]! }).inc();
        }
        return counter.labels(method[0]!, route[0]!, status[0]!).value;
      },
    };
  },
  positionalInc() {
    const counter = new Counter("requests_total", "h", { labelNames, registry });
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          counter.labels(method[j]!, route[j]!, status[j]!).inc();
        }
        return counter.labels(method[0]!, route[0]!, status[0]!).value;
      },
    };
  },
  freshInc() {
    const counter = new Counter("requests_total", "h", { labelNames, registry });
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
        return counter.labels(method[0]!, route[0]!, status[0]!).value;
      },
    };
  },
  labels8Inc: () => incWide(data.WIDE_8),
  labels16Inc: () => incWide(data.WIDE_16),
  histogramObserve() {
    const options = { labelNames, buckets: data.BUCKETS, registry };
    const child = new Histogram("seconds", "h", options).labels(...first);
    return {
      run(times) {
        for (let i = 0; i < times; i++) child.observe(DURATIONS[i & MASK]!);
        return child.sum;
      },
    };
  },
  labelsObserve() {
    const options = { labelNames, buckets: data.BUCKETS, registry };
    const histogram = new Histogram("seconds", "h", options);
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          histogram.labels({ method: method[j]!, route: route[j]!, status: status[j]! })
            .observe(DURATIONS[j]!);
        }
        return histogram.labels(method[0]!, route[0]!, status[0]!).sum;
      },
    };
  },
  nativeObserve() {
    const options = { labelNames, nativeHistogram: true, registry } as const;
    const child = new Histogram("seconds", "h", options).labels(...first);
    return {
      run(times) {
        for (let i = 0; i < times; i++) child.observe(DURATIONS[i & MASK]!);
        return child.sum;
      },
    };
  },
  summaryObserve() {
    const child = new Summary("seconds", "h", {
      labelNames,
      quantiles: data.QUANTILES,
      maxAgeSeconds: data.MAX_AGE_SECONDS,
      ageBuckets: data.AGE_BUCKETS,
      registry,
    }).labels(...first);
    return {
      run(times) {
        for (let i = 0; i < times; i++) child.observe(DURATIONS[i & MASK]!);
        return child.sum;
      },
    };
  },
  scrapeCounters() {
    const { registry, counter } = bigCounter();
    return {
      prepare() {
        for (let i = 0; i < data.COUNTERS; i++) counter.labels(...data.seriesLabels(i)).inc();
      },
      run: () => scrape(registry),
    };
  },
  scrapeHistograms() {
    const registry = new CollectorRegistry();
    const options = { labelNames, buckets: data.BUCKETS, registry };
    const histogram = new Histogram("seconds", "h", options);
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
    const { registry, counter } = bigCounter();
    return {
      prepare() {
        for (const i of data.drawChanges()) counter.labels(...data.seriesLabels(i)).inc();
      },
      run: () => scrape(registry),
    };
  },
  scrapeFirst() {
    let { registry } = bigCounter();
    return {
      prepare() {
        ({ registry } = bigCounter());
      },
      run: () => scrape(registry),
    };
  },
};
