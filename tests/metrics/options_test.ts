import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Histogram, Info, StateSet, Summary } from "../../mod.ts";

/** The options of all metrics. */
const COMMON = [
  ...["labelNames", "defaultLabels", "unit", "namespace", "subsystem", "registry", "maxSeries"],
  ...["expireAfterSeconds", "exemplars", "nameValidation", "onCollect", "clock"],
];

/** A constructor call of a program without type checks. */
type Create = (options: unknown) => unknown;
const TYPES: Record<string, { create: Create; own: string[]; needed?: object }> = {
  counter: { create: (options) => new Counter("m", "M.", options as object), own: [] },
  gauge: { create: (options) => new Gauge("m", "M.", options as object), own: ["aggregation"] },
  histogram: {
    create: (options) => new Histogram("m", "M.", options as object),
    own: ["buckets", "nativeHistogram"],
  },
  summary: {
    create: (options) => new Summary("m", "M.", options as object),
    own: ["quantiles", "maxAgeSeconds", "ageBuckets"],
  },
  info: { create: (options) => new Info("m", "M.", options as object), own: [] },
  stateset: {
    create: (options) => new StateSet("m", "M.", options as { states: string[] }),
    own: ["states"],
    needed: { states: ["x"] },
  },
};

for (const [type, { create, own, needed }] of Object.entries(TYPES)) {
  test(`the error for an unknown option of a ${type} lists the known ones`, () => {
    for (const name of ["labelnames", "toString", "__proto__"]) {
      const options = { ...needed, registry: null };
      Object.defineProperty(options, name, { value: ["a"], enumerable: true });
      const known = [...COMMON, ...own].map((option) => `"${option}"`).join(", ");
      assert.throws(() => create(options), {
        name: "TypeError",
        message: `Cannot create ${type} "m": unknown option "${name}": known options are ${known}`,
      });
    }
  });

  test(`a ${type} reads each option once, and only its own properties`, () => {
    const reads = new Map<PropertyKey, number>();
    const options = new Proxy({ ...needed, registry: null, labelNames: ["a"] }, {
      get(target, key) {
        reads.set(key, (reads.get(key) ?? 0) + 1);
        return Reflect.get(target, key);
      },
    });
    create(options);
    assert.deepEqual([...reads.values()], [...reads.keys()].map(() => 1));
    create(
      Object.assign(Object.create({ unit: 5, wrong: 1, buckets: 7 }), { registry: null }, needed),
    );
  });

  test(`a ${type} refuses options that are not an object`, () => {
    for (const options of [null, 5, "x"]) {
      assert.throws(() => create(options), {
        name: "TypeError",
        message: new RegExp(`^Cannot create ${type} "m": options must be an object: received `),
      });
    }
  });
}

test("the error for an unknown option of a native histogram lists the known ones", () => {
  const nativeHistogram = { bucketfactor: 1.1 } as object;
  assert.throws(() => new Histogram("m", "M.", { registry: null, nativeHistogram }), {
    name: "TypeError",
    message: 'Cannot create histogram "m": nativeHistogram: unknown option "bucketfactor": ' +
      'known options are "bucketFactor", "maxBuckets", "zeroThreshold", "maxZeroThreshold", ' +
      '"minResetDurationSeconds"',
  });
});
