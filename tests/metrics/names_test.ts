import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  DuplicateMetricError,
  Gauge,
  Histogram,
  Info,
  type MetricFamily,
  type MetricOptions,
  REGISTRY,
  type Registry,
  StateSet,
  Summary,
} from "../../mod.ts";
import { samplesOf } from "../support/series.ts";

const registry = null;
const states = ["on", "off"];

/** The options that all constructors share. */
type Options = MetricOptions<string[], string>;
interface Created {
  readonly name: string;
  readonly unit: string;
  readonly labelNames: readonly string[];
  readonly definition: string;
  collect(): MetricFamily[];
}
const CREATE: Record<string, (name: string, help: string, options?: Options) => Created> = {
  counter: (name, help, options) => new Counter(name, help, options),
  gauge: (name, help, options) => new Gauge(name, help, options),
  histogram: (name, help, options) => new Histogram(name, help, options),
  summary: (name, help, options) => new Summary(name, help, options),
  info: (name, help, options) => new Info(name, help, options),
  stateset: (name, help, options) =>
    new StateSet(name, help, options === null ? options! : { ...options, states }),
};
const TYPES = Object.keys(CREATE);

const NAMES: [type: string, name: string, options: Options, full: string][] = [
  ["counter", "jobs_total", {}, "jobs_total"],
  // A counter is never renamed, and gets no suffix.
  ["counter", "jobs", {}, "jobs"],
  ["counter", "jobs_total", { namespace: "app" }, "app_jobs_total"],
  ["counter", "jobs_total", { subsystem: "mail" }, "mail_jobs_total"],
  ["counter", "jobs_total", { namespace: "app", subsystem: "mail" }, "app_mail_jobs_total"],
  ["counter", "sent_total", { unit: "bytes" }, "sent_bytes_total"],
  ["counter", "sent_bytes_total", { unit: "bytes" }, "sent_bytes_total"],
  ["counter", "sent", { unit: "bytes" }, "sent_bytes"],
  ["counter", "sent_bytes", { unit: "bytes" }, "sent_bytes"],
  ["counter", "total", { unit: "bytes" }, "total_bytes"],
  ["gauge", "free", { unit: "bytes" }, "free_bytes"],
  ["gauge", "free_bytes", { unit: "bytes" }, "free_bytes"],
  ["gauge", "free_total", { unit: "bytes" }, "free_total_bytes"],
  ["gauge", "kilobytes", { unit: "bytes" }, "kilobytes_bytes"],
  ["gauge", "a:b", { namespace: "x", unit: "s" }, "x_a:b_s"],
  ["histogram", "duration", { unit: "seconds" }, "duration_seconds"],
  [
    "histogram",
    "duration_seconds",
    { namespace: "a", subsystem: "b", unit: "seconds" },
    "a_b_duration_seconds",
  ],
  ["summary", "duration", { unit: "seconds" }, "duration_seconds"],
  ["info", "build", { namespace: "app" }, "app_build_info"],
  ["info", "build_info", { namespace: "app", subsystem: "web" }, "app_web_build_info"],
  ["stateset", "service", { namespace: "app" }, "app_service"],
  ["gauge", "größe", { nameValidation: "utf8", unit: "m²" }, "größe_m²"],
  ["counter", "http.requests_total", { nameValidation: "utf8" }, "http.requests_total"],
];
for (const [type, name, options, full] of NAMES) {
  test(`${type} "${name}" with ${JSON.stringify(options)} is named ${full}`, () => {
    const metric = CREATE[type]!(name, "Help.", { ...options, registry });
    assert.equal(metric.name, full);
    const [family, ...others] = metric.collect();
    assert.equal(others.length, 0);
    assert.equal(family!.name, full);
    assert.equal(family!.unit, options.unit ?? "");
    assert.equal(family!.type, type);
    assert.equal(family!.help, "Help.");
    for (const sample of samplesOf(metric)) assert(sample.name.startsWith(full), sample.name);
  });
}

const NAME = "name must match [a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = "label name must match [a-zA-Z_][a-zA-Z0-9_]*";
const RESERVED = 'label names that start with "__" are reserved';
/** Arguments that every type refuses. */
const REFUSED: [name: unknown, help: unknown, options: unknown, message: string][] = [
  ["", "", {}, `Cannot create TYPE "": ${NAME}: received ""`],
  ["a-b", "", {}, `Cannot create TYPE "a-b": ${NAME}: received "a-b"`],
  ["1a", "", {}, `Cannot create TYPE "1a": ${NAME}: received "1a"`],
  ["a\n", "", {}, String.raw`Cannot create TYPE "a\n": ${NAME}: received "a\n"`],
  ["größe", "", {}, `Cannot create TYPE "größe": ${NAME}: received "größe"`],
  [5, "", {}, "Cannot create TYPE 5: name must be a string: received 5"],
  [undefined, "", {}, "Cannot create TYPE undefined: name must be a string: received undefined"],
  ["m", undefined, {}, 'Cannot create TYPE "m": help must be a string: received undefined'],
  ["m", 5, {}, 'Cannot create TYPE "m": help must be a string: received 5'],
  ["m", "", { namespace: "1" }, `Cannot create TYPE "m": ${NAME}: received "1_mSUFFIX"`],
  ["m", "", { subsystem: "a.b" }, `Cannot create TYPE "m": ${NAME}: received "a.b_mSUFFIX"`],
  ["m", "", { namespace: 5 }, 'Cannot create TYPE "m": namespace must be a string: received 5'],
  ["m", "", { unit: null }, 'Cannot create TYPE "m": unit must be a string: received null'],
  [
    "m",
    "",
    { nameValidation: "ascii" },
    'Cannot create TYPE "m": nameValidation must be "legacy" or "utf8": received "ascii"',
  ],
  [
    "",
    "",
    { nameValidation: "utf8" },
    'Cannot create TYPE "": name must be well-formed and not empty: received ""',
  ],
  [
    "m",
    "",
    { labelNames: "code" },
    'Cannot create TYPE "m": labelNames must be an array: received "code"',
  ],
  ["m", "", { labelNames: ["a-b"] }, `Cannot create TYPE "m": ${LABEL}: received "a-b"`],
  ["m", "", { labelNames: ["a:b"] }, `Cannot create TYPE "m": ${LABEL}: received "a:b"`],
  ["m", "", { labelNames: [""] }, `Cannot create TYPE "m": ${LABEL}: received ""`],
  ["m", "", { labelNames: ["a\n"] }, String.raw`Cannot create TYPE "m": ${LABEL}: received "a\n"`],
  [
    "m",
    "",
    { labelNames: [5] },
    'Cannot create TYPE "m": label name must be a string: received 5',
  ],
  [
    "m",
    "",
    { labelNames: ["__name__"] },
    `Cannot create TYPE "m": ${RESERVED}: received "__name__"`,
  ],
  [
    "m",
    "",
    { labelNames: ["__proto__"] },
    `Cannot create TYPE "m": ${RESERVED}: received "__proto__"`,
  ],
  [
    "m",
    "",
    { labelNames: ["\ud800"], nameValidation: "utf8" },
    'Cannot create TYPE "m": label name must be well-formed and not empty: ' +
    String.raw`received "\ud800"`,
  ],
  [
    "m",
    "",
    { labelNames: ["a", "b", "a"] },
    'Cannot create TYPE "m": label names must differ: received "a" twice',
  ],
  [
    "m",
    "",
    { labelNames: ["a"], defaultLabels: { b: 1 } },
    'Cannot create TYPE "m": its labels are "a": received "b"',
  ],
  [
    "m",
    "",
    { defaultLabels: { b: 1 } },
    'Cannot create TYPE "m": its labels are none: received "b"',
  ],
  [
    "m",
    "",
    { labelNames: ["a"], defaultLabels: { a: null } },
    'Cannot create TYPE "m": value of label "a" must be a string, a number or a boolean: ' +
    "received null",
  ],
  [
    "m",
    "",
    { labelNames: ["a"], defaultLabels: ["x"] },
    'Cannot create TYPE "m": labels must be an object: received ["x"]',
  ],
];
for (const [name, help, options, message] of REFUSED) {
  test(`a constructor throws and registers nothing: ${message}`, () => {
    for (const type of TYPES) {
      const own = new CollectorRegistry();
      const create = CREATE[type]!;
      assert.throws(
        () => create(name as string, help as string, { ...options as Options, registry: own }),
        {
          name: "TypeError",
          message: message.replace("TYPE", type)
            .replace("SUFFIX", type === "info" ? "_info" : ""),
        },
      );
      assert.deepEqual([...own.collect()], []);
    }
  });
}

test("every type throws on options that are not an object", () => {
  for (const type of TYPES.filter((type) => type !== "stateset")) {
    for (const [options, spelled] of [[null, "null"], ["le", '"le"'], [5, "5"]]) {
      assert.throws(() => CREATE[type]!("m", "M.", options as Options), {
        name: "TypeError",
        message: `Cannot create ${type} "m": options must be an object: received ${spelled}`,
      });
    }
  }
  assert.throws(() => CREATE.stateset!("m", "M.", null as unknown as Options), TypeError);
});

test("a unit must be valid in a name", () => {
  for (const unit of ["m²", "per second", "a-b"]) {
    assert.throws(() => new Gauge("g", "G.", { unit, registry }), {
      name: "TypeError",
      message: `Cannot create gauge "g": unit must be part of a name: received "${unit}"`,
    });
  }
  assert.throws(() => new Gauge("g", "G.", { unit: "\ud800", nameValidation: "utf8", registry }), {
    name: "TypeError",
  });
});

const RESERVED_LABELS: [type: string, label: string, refused: boolean][] = [
  ["histogram", "le", true],
  ["summary", "quantile", true],
  ["stateset", "app_m", true],
  ["stateset", "m", false],
  ["counter", "le", false],
  ["gauge", "quantile", false],
  ["summary", "le", false],
  ["histogram", "quantile", false],
];
for (const [type, label, refused] of RESERVED_LABELS) {
  test(`label "${label}" is ${refused ? "refused" : "legal"} on a ${type}`, () => {
    const create = () =>
      CREATE[type]!("m", "M.", { namespace: "app", labelNames: [label], registry });
    if (refused) {
      assert.throws(create, {
        name: "TypeError",
        message: `Cannot create ${type} "m": label "${label}" is reserved for the ${type} itself`,
      });
    } else assert.deepEqual(create().labelNames, [label]);
  });
}

test("label names such as toString are allowed", () => {
  for (const type of TYPES) {
    const labelNames = ["constructor", "toString", "valueOf", "hasOwnProperty", "_", "A9"];
    assert.deepEqual(CREATE[type]!("m", "M.", { labelNames, registry }).labelNames, labelNames);
  }
});

test("label names are copied", () => {
  const labelNames = ["a"];
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  labelNames[0] = "b";
  assert.deepEqual(counter.labelNames, ["a"]);
  assert(Object.isFrozen(counter.labelNames));
});

test("label names may be UTF-8 by option", () => {
  const counter = new Counter("c_total", "C.", {
    labelNames: ["http.route", "größe"],
    nameValidation: "utf8",
    registry,
  });
  counter.labels({ "http.route": "/", größe: 1 }).inc();
  assert.deepEqual(samplesOf(counter), [
    { name: "c_total", labels: { "http.route": "/", größe: "1" }, value: 1 },
  ]);
});

test("help is made well-formed", () => {
  assert.equal(new Gauge("g", "a\ud800b", { registry }).help, "a\ufffdb");
});

test("a metric is registered in the default registry, in a given one, or in none", () => {
  const own = new CollectorRegistry();
  const given = new Gauge("names_test_given", "G.", { registry: own });
  const nowhere = new Gauge("names_test_nowhere", "G.", { registry: null });
  const byDefault = new Gauge("names_test_default", "G.");
  const undefinedToo = new Gauge("names_test_undefined", "G.", { registry: undefined });
  try {
    assert.equal(REGISTRY.getSampleValue("names_test_default"), 0);
    assert.equal(REGISTRY.getSampleValue("names_test_undefined"), 0);
    assert.equal(REGISTRY.getSampleValue(given.name), undefined);
    assert.equal(REGISTRY.getSampleValue(nowhere.name), undefined);
    assert.equal(own.getSampleValue(given.name), 0);
  } finally {
    assert.equal(REGISTRY.unregister(byDefault), true);
    assert.equal(REGISTRY.unregister(undefinedToo), true);
  }
});

test("a constructor throws on a value that is not a registry", () => {
  for (const [registry, spelled] of [[{}, "{}"], [5, "5"], [[], "[]"]]) {
    assert.throws(() => new Gauge("g", "G.", { registry: registry as Registry }), {
      name: "TypeError",
      message: `Cannot create gauge "g": a registry must have register(): received ${spelled}`,
    });
  }
});

test("a constructor throws on a name that is in use", () => {
  const own = new CollectorRegistry();
  const existing = new Summary("s", "S.", { registry: own });
  assert.throws(() => new Counter("s_count", "S.", { registry: own }), (error) => {
    assert(error instanceof DuplicateMetricError);
    assert.equal(error.existing, existing);
    return true;
  });
});

test("onDuplicate reuse returns the metric with the same definition", () => {
  const own = new CollectorRegistry({ onDuplicate: "reuse" });
  const create = (options: { buckets?: number[]; labelNames?: ["a"] } = {}) =>
    new Histogram("h", "H.", { labelNames: ["a"], ...options, registry: own });
  const first = create();
  first.labels("x").observe(1);
  const second = create();
  assert.equal(second, first);
  assert.equal(second.labels("x").count, 1);
  assert.throws(() => create({ buckets: [1] }), DuplicateMetricError);
  assert.throws(
    () => new Histogram("h", "H.", { labelNames: ["b"], registry: own }),
    DuplicateMetricError,
  );
});

test("metrics with any difference have different definitions", () => {
  const options = { registry };
  const metrics: Created[] = [
    ...TYPES.map((type) => CREATE[type]!("m", "M.", options)),
    new Counter("m", "Other.", options),
    new Counter("n", "M.", options),
    new Counter("m", "M.", { ...options, labelNames: ["a"] }),
    new Counter("m", "M.", { ...options, labelNames: ["a", "b"] }),
    new Counter("m", "M.", { ...options, labelNames: ["b", "a"] }),
    new Counter("m", "M.", { ...options, labelNames: ["a"], defaultLabels: { a: "x" } }),
    new Counter("m", "M.", { ...options, labelNames: ["a"], defaultLabels: { a: "null" } }),
    new Counter("m", "M.", { ...options, exemplars: true }),
    new Histogram("m", "M.", { ...options, buckets: [1] }),
    new Histogram("m", "M.", { ...options, nativeHistogram: true }),
    new Histogram("m", "M.", { ...options, nativeHistogram: { maxBuckets: 9 } }),
    new Summary("m", "M.", { ...options, quantiles: [0.5] }),
    new Summary("m", "M.", { ...options, maxAgeSeconds: 60 }),
    new StateSet("m", "M.", { ...options, states: ["x"] }),
  ];
  assert.equal(new Set(metrics.map(({ definition }) => definition)).size, metrics.length);
});
