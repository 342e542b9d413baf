/**
 * The lower limit of the times: plain fields, a `Map` for each label, and a copy of bytes. Nothing
 * is checked, named or encoded, and the bucket of each value is known.
 *
 * @module
 */
import * as data from "../data.ts";
import type { Work, Works } from "../work.ts";

const { MASK, DURATIONS, SIZES, VISITS, BUCKETS } = data;
const { method, route, status } = VISITS;

/** A counting number. */
interface Field {
  value: number;
}
type Tree<T> = Map<string, Map<string, Map<string, T>>>;

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/** Creates a value for each label set, in nested maps with one level for each label. */
function makeTree<T>(size: number, labels: (index: number) => string[], make: () => T): Tree<T> {
  const tree: Tree<T> = new Map();
  for (let i = 0; i < size; i++) {
    const [a, b, c] = labels(i) as [string, string, string]; // All label sets have three labels.
    const second = getOrAdd(tree, a, () => new Map<string, Map<string, T>>());
    getOrAdd(getOrAdd(second, b, () => new Map<string, T>()), c, make);
  }
  return tree;
}

const makeField = (): Field => ({ value: 0 });
const visit = (i: number): string[] => [method[i]!, route[i]!, status[i]!];
const tree: Tree<Field> = makeTree(data.INPUTS, visit, makeField);

/** The bucket of each duration, computed before the measurement. */
const BUCKET_INDICES = Uint8Array.from(
  DURATIONS,
  (duration) => BUCKETS.filter((bound) => bound < duration).length,
);

/** Creates the counts of the buckets, followed by the sum. */
const makeHistogram = (): Float64Array => new Float64Array(BUCKETS.length + 2);
const SUM = BUCKETS.length + 1;

/** Finds fields by a joined key of all label values. */
function incJoined(width: data.Wide): Work {
  const { sets, labelNames } = width;
  const rows = sets.map((set) => labelNames.map((name) => set[name]!));
  const fields = new Map(rows.map((row) => [row.join("\xff"), makeField()]));
  return {
    run(times) {
      for (let i = 0; i < times; i++) fields.get(rows[i & MASK]!.join("\xff"))!.value++;
      return fields;
    },
  };
}

/** Copies as many bytes as an exposition has. */
function copy(lines: number, line: string): Work {
  const bytes = new TextEncoder().encode(line.repeat(lines));
  return {
    run(times) {
      let length = 0;
      for (let i = 0; i < times; i++) length += bytes.slice().length;
      return length;
    },
  };
}

const COUNTER_LINE =
  'requests_total{method="POST",route="/api/v1/things/100",status="250"} 50000\n';
const BUCKET_LINE =
  'seconds_bucket{method="POST",route="/api/v1/things/100",status="205",le="0.1"} 2\n';

export const works: Works = {
  counterInc() {
    const field = makeField();
    return {
      run(times) {
        for (let i = 0; i < times; i++) field.value++;
        return field.value;
      },
    };
  },
  counterAdd() {
    const field = makeField();
    return {
      run(times) {
        for (let i = 0; i < times; i++) field.value += SIZES[i & MASK]!;
        return field.value;
      },
    };
  },
  labelsInc: () => ({
    run(times) {
      for (let i = 0; i < times; i++) {
        const j = i & MASK;
        tree.get(method[j]!)!.get(route[j]!)!.get(status[j]!)!.value++;
      }
      return tree;
    },
  }),
  positionalInc: () => ({
    run(times) {
      for (let i = 0; i < times; i++) {
        const j = i & MASK;
        tree.get(method[j]!)!.get(route[j]!)!.get(status[j]!)!.value++;
      }
      return tree;
    },
  }),
  freshInc() {
    let fresh = VISITS;
    return {
      prepare(times) {
        fresh = data.decodeVisits(times);
      },
      run(times) {
        const { method, route, status } = fresh;
        for (let i = 0; i < times; i++) {
          tree.get(method[i]!)!.get(route[i]!)!.get(status[i]!)!.value++;
        }
        return tree;
      },
    };
  },
  labels8Inc: () => incJoined(data.WIDE_8),
  labels16Inc: () => incJoined(data.WIDE_16),
  histogramObserve() {
    const histogram = makeHistogram();
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          histogram[BUCKET_INDICES[j]!]!++;
          histogram[SUM]! += DURATIONS[j]!;
        }
        return histogram;
      },
    };
  },
  labelsObserve() {
    const tree = makeTree(data.INPUTS, visit, makeHistogram);
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const j = i & MASK;
          const histogram = tree.get(method[j]!)!.get(route[j]!)!.get(status[j]!)!;
          histogram[BUCKET_INDICES[j]!]!++;
          histogram[SUM]! += DURATIONS[j]!;
        }
        return tree;
      },
    };
  },
  nativeObserve() {
    const counts = new Map<number, number>();
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          const index = Math.ceil(Math.log2(DURATIONS[i & MASK]!) * 8);
          counts.set(index, (counts.get(index) ?? 0) + 1);
        }
        return counts;
      },
    };
  },
  summaryObserve() {
    const child = { count: 0, sum: 0 };
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          child.count++;
          child.sum += DURATIONS[i & MASK]!;
        }
        return child.sum;
      },
    };
  },
  scrapeCounters: () => copy(data.COUNTERS, COUNTER_LINE),
  scrapeHistograms: () => copy(data.HISTOGRAMS * 14, BUCKET_LINE),
  scrapeChanged: () => copy(data.COUNTERS, COUNTER_LINE),
  scrapeFirst: () => copy(data.COUNTERS, COUNTER_LINE),
};
