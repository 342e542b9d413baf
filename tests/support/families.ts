/**
 * Random metric families of all types, for fast-check.
 *
 * @module
 */
import fc from "fast-check";
import {
  type Exemplar,
  type LiveMetrics,
  type Metric,
  MetricFamily,
  type MetricType,
  type NativeHistogram,
  TRUSTED,
} from "../../model.ts";

/** Constraints on the generated families. */
export interface FamilyConstraints {
  /**
   * Whether all numbers are legal in OpenMetrics: counters are >= 0, counts are whole numbers, and
   * a histogram has a sum if and only if it has a count.
   */
  readonly legal: boolean;
}

/** A metric before it is added to a family. */
interface Point {
  readonly labels: Record<string, string>;
  readonly timestamp: number | undefined;
  readonly created: number | undefined;
  readonly exemplar: Exemplar | undefined;
  readonly value: number;
  /** Counts of the buckets, not cumulative: one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number | undefined;
  readonly quantileValues: readonly number[];
  readonly native: NativeHistogram | undefined;
  readonly isClassic: boolean;
}

/** The type of a family, and the parts of a {@linkcode Point} that it uses. */
interface Shape {
  readonly type: MetricType;
  readonly bounds: readonly number[];
  readonly quantiles: readonly number[];
  readonly states: readonly string[];
}

/** All types of metrics. */
export const TYPES: readonly MetricType[] = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
];

/** Texts that have each broken a parser before. */
const NASTY = [
  "",
  " ",
  "\\",
  '"',
  "\n",
  "\r\n",
  "\t",
  "\0",
  "\\n",
  '\\"',
  "{",
  "}",
  ",",
  "=",
  "#",
  " # {",
  "# EOF",
  "\n# EOF\n",
  "# TYPE x counter",
  "é",
  "火",
  "\u{1f525}",
  "\ud800",
  "\ufeff",
  "\u2028",
  "NaN",
  "+Inf",
  "__proto__",
];

const text = fc.oneof(
  fc.array(fc.constantFrom(...NASTY, "a", "b"), { maxLength: 5 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const number = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    0.1,
    1e21,
    1e-7,
    Infinity,
    -Infinity,
    NaN,
    Number.MAX_VALUE,
    5e-324,
  ),
  fc.integer(),
  fc.double(),
);

const amount = fc.oneof(
  fc.constantFrom(0, 1, 0.1, 1e21, 1e-7, Infinity, Number.MAX_VALUE, 5e-324, 1_000_000_000),
  fc.nat(),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
);

/** A time in seconds since 1970, with microseconds. It may be before 1970. */
const moment = fc.oneof(
  fc.constantFrom(0, 0.001, -1.5, 1_700_000_000, 1_700_000_000.123),
  fc.integer({ min: -2e9 * 1e6, max: 4e9 * 1e6 }).map((microseconds) => microseconds / 1e6),
);

const labelName = fc.oneof(
  fc.constantFrom("a", "b", "_c", "A1", "constructor", "hasOwnProperty", "toString", "bound"),
  fc.constantFrom("a.b", "é", "a b", "1", "{", '"', "\\", "\n", "火", "a:b"),
);

const labels = fc.dictionary(labelName, text, { maxKeys: 4, noNullPrototype: true });

const exemplar: fc.Arbitrary<Exemplar> = fc.record(
  {
    labels: fc.dictionary(fc.constantFrom("trace_id", "a", "le"), text, {
      maxKeys: 2,
      noNullPrototype: true,
    }),
    value: number,
    timestamp: moment,
  },
  { requiredKeys: ["labels", "value"] },
).filter(({ labels }) => [...Object.entries(labels).flat().join("")].length <= 128);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const buckets = fc.uniqueArray(
  fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 1, max: 9 })),
  {
    maxLength: 5,
    selector: ([index]) => index,
  },
).map((entries) => new Map(entries));

const native: fc.Arbitrary<NativeHistogram> = fc.record({
  schema: fc.integer({ min: -4, max: 8 }),
  zeroThreshold: fc.constantFrom(0, 2 ** -128, 0.5),
  zeroCount: fc.nat({ max: 9 }),
  positive: buckets,
  negative: buckets,
  sum: amount,
}).map((histogram) => ({
  ...histogram,
  count: [histogram.zeroCount, ...histogram.positive.values(), ...histogram.negative.values()]
    .reduce((sum, count) => sum + count, 0),
}));

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

const shape: fc.Arbitrary<Shape> = fc.record({
  type: fc.constantFrom(...TYPES),
  bounds: fc.uniqueArray(fc.oneof(fc.constantFrom(-1, 0, 0.25, 1, 2.5, 1e6, 1e-5), finite), {
    maxLength: 4,
  }).map((bounds) => bounds.sort((a, b) => a - b)),
  quantiles: fc.uniqueArray(fc.constantFrom(0, 0.5, 0.9, 0.99, 0.999, 1), { maxLength: 3 }),
  states: fc.uniqueArray(text.map((state) => state.toWellFormed()), { minLength: 1, maxLength: 3 }),
});

function point({ type, bounds, quantiles }: Shape, { legal }: FamilyConstraints) {
  const count = legal ? fc.nat({ max: 1e12 }) : amount;
  const value = type === "info"
    ? fc.constant(1)
    : type === "stateset"
    ? fc.nat({ max: 2 ** 20 })
    : type === "counter" && legal
    ? amount
    : number;
  return fc.record<Point>({
    labels,
    timestamp: optional(moment),
    created: optional(moment),
    exemplar: optional(exemplar),
    value,
    counts: fc.array(count, { minLength: bounds.length + 1, maxLength: bounds.length + 1 }),
    sum: optional(legal ? amount : number),
    quantileValues: fc.array(legal ? fc.oneof(amount, fc.constant(NaN)) : number, {
      minLength: quantiles.length,
      maxLength: quantiles.length,
    }),
    native: optional(native),
    isClassic: fc.boolean(),
  });
}

interface Description {
  readonly shape: Shape;
  readonly base: string;
  readonly help: string;
  readonly unit: string;
  readonly isTotal: boolean;
  readonly points: readonly Point[];
}

function description(constraints: FamilyConstraints): fc.Arbitrary<Description> {
  return shape.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      base: fc.constantFrom("x", "a_sum", "b_bucket", "c:d", "e.f", "a b", "火", '"', "\\", "\n{}"),
      help: text,
      unit: shape.type === "info" || shape.type === "stateset"
        ? fc.constant("")
        : fc.constantFrom("", "seconds", "bytes"),
      isTotal: fc.boolean(),
      points: fc.uniqueArray(point(shape, constraints), {
        maxLength: 4,
        selector: ({ labels }) =>
          JSON.stringify(
            Object.entries(labels).map(([name, value]) => [name, value.toWellFormed()]).sort(),
          ),
      }),
    })
  );
}

/** Returns an arbitrary of families whose names do not clash in any format. */
export function arbitraryFamilies(constraints: FamilyConstraints): fc.Arbitrary<MetricFamily[]> {
  return fc.array(description(constraints), { maxLength: 6 })
    .map((descriptions) => descriptions.map(build));
}

function build({ shape, base, help, unit, isTotal, points }: Description, index: number) {
  const { type } = shape;
  const suffix = type === "counter" && isTotal ? "_total" : "";
  // The name of a stateset is also a label name.
  const stem = type === "stateset" ? base.replaceAll(":", "_") : base;
  const family = new MetricFamily(`${stem}_${index}${suffix}`, help, type, {
    unit,
    nameValidation: "utf8",
  });
  for (const point of points) {
    // Either all infos of a family have timestamps or none has, because OpenMetrics cannot show
    // which infos belong to one metric.
    const timestamp = type === "info" ? points[0]?.timestamp : point.timestamp;
    addPoint(family, shape, { ...point, timestamp });
  }
  return family;
}

function addPoint(family: MetricFamily, shape: Shape, point: Point): void {
  const { name, type } = family;
  const { labels, timestamp, created, exemplar, counts, sum } = point;
  const add = (suffix: string, value: number, extra?: Record<string, string | number>) =>
    family.addSample(name + suffix, { ...labels, ...extra }, value, { timestamp });
  switch (type) {
    case "histogram":
    case "gaugehistogram": {
      const g = type === "gaugehistogram" ? "g" : "";
      const isClassic = point.isClassic || point.native === undefined;
      if (point.native !== undefined) {
        const { native } = point;
        family.addSample(name, labels, 0, { timestamp, nativeHistogram: native });
        // Both parts describe the same values.
        if (isClassic) {
          add("_bucket", native.count, { le: Infinity });
          add(`_${g}sum`, native.sum);
          add(`_${g}count`, native.count);
        }
      } else {
        let cumulative = 0;
        for (const [i, count] of counts.entries()) {
          cumulative += count;
          family.addSample(
            `${name}_bucket`,
            { ...labels, le: shape.bounds[i] ?? Infinity },
            cumulative,
            { timestamp, ...i === 0 && { exemplar } },
          );
        }
        if (sum !== undefined) {
          add(`_${g}sum`, sum);
          add(`_${g}count`, cumulative);
        }
      }
      break;
    }
    case "summary":
      for (const [i, quantile] of shape.quantiles.entries()) {
        add("", point.quantileValues[i]!, { quantile });
      }
      if (sum !== undefined) add("_sum", sum);
      if (shape.quantiles.length === 0 || sum === undefined) add("_count", counts[0]!);
      break;
    case "stateset":
      for (const [i, state] of shape.states.entries()) {
        add("", (point.value >> i) & 1, { [name]: state });
      }
      break;
    default:
      family.addSample(name, labels, point.value, {
        timestamp,
        ...type === "counter" && { exemplar },
      });
  }
  if (created === undefined) return;
  if (type === "counter") {
    family.addSample(`${name.replace(/_total$/, "")}_created`, labels, created, { timestamp });
  } else if (type === "histogram" || type === "summary") {
    add("_created", created);
  }
}

/**
 * Marks metrics as trusted, so that they are read while they are written, as the library's own are.
 */
export function trusted(type: MetricType, metrics: Iterable<Metric>): LiveMetrics {
  return { [TRUSTED]: type, [Symbol.iterator]: () => metrics[Symbol.iterator]() };
}
