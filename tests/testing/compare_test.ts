import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError } from "../../encoding/parse.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  MetricFamily,
  REGISTRY,
} from "../../mod.ts";
import { compareMetrics, compareMetricsAsync } from "../../testing.ts";
import { allTypes } from "../support/all_types.ts";

function shop(): CollectorRegistry {
  const registry = new CollectorRegistry();
  const orders = new Counter("orders_total", "Orders.", { registry, labelNames: ["kind", "size"] });
  orders.labels("rye", "large").inc(2);
  orders.labels("wheat", "small").inc();
  new Gauge("ovens", "Ovens in use.", { registry }).set(3);
  const size = new Histogram("order_size", "Loaves.", { registry, buckets: [1, 10] });
  size.observe(5);
  return registry;
}

const ORDERS = `# HELP orders_total Orders.
# TYPE orders_total counter
orders_total{kind="rye",size="large"} 2
orders_total{kind="wheat",size="small"} 1
`;
const OVENS = `# HELP ovens Ovens in use.
# TYPE ovens gauge
ovens 3
`;
const SIZE = `# HELP order_size Loaves.
# TYPE order_size histogram
order_size_bucket{le="1"} 0
order_size_bucket{le="10"} 1
order_size_bucket{le="+Inf"} 1
order_size_sum 5
order_size_count 1
`;

/** The expected text for `shop()`, the compared names, and the differences. */
const CASES: readonly {
  name: string;
  expected: string;
  names?: readonly string[];
  differences: readonly string[];
}[] = [
  { name: "the same text", expected: ORDERS + OVENS + SIZE, differences: [] },
  { name: "families in another order", expected: SIZE + OVENS + ORDERS, differences: [] },
  {
    name: "lines in another order, indented, between others",
    expected: `
      order_size_count 1
      ovens 3
      order_size_bucket{le="+Inf"} 1
      # a comment
      order_size_sum 5
      orders_total{kind="wheat",size="small"} 1
      order_size_bucket{le="10"} 1
      orders_total{kind="rye",size="large"} 2
      order_size_bucket{le="1"} 0
      # TYPE ovens gauge`,
    differences: [],
  },
  {
    name: "labels in another order",
    expected: 'orders_total{size="large",kind="rye"} 2\norders_total{size="small",kind="wheat",} 1',
    names: ["orders_total"],
    differences: [],
  },
  {
    name: "other spellings of numbers and bounds",
    expected: SIZE.replace('"1"} 0', '"1.0"} 0e0').replace("sum 5", "sum 5.00").replace(
      "+Inf",
      "inf",
    ),
    names: ["order_size"],
    differences: [],
  },
  {
    name: "another value",
    expected: "ovens 4",
    names: ["ovens"],
    differences: ["-ovens 4", "+ovens 3"],
  },
  {
    name: "a missing series, and an unexpected one",
    expected: 'orders_total{kind="rye",size="large"} 2\norders_total{kind="oat",size="small"} 1\n',
    names: ["orders_total"],
    differences: [
      '-orders_total{kind="oat",size="small"} 1',
      '+orders_total{kind="wheat",size="small"} 1',
    ],
  },
  {
    name: "a missing family",
    expected: "# TYPE cakes gauge\ncakes 1\n",
    names: ["cakes"],
    differences: ["-# TYPE cakes gauge", "-cakes 1"],
  },
  {
    name: "unexpected families, only by their samples",
    expected: ORDERS + SIZE,
    differences: ["+ovens 3"],
  },
  {
    name: "another type",
    expected: OVENS.replace("gauge", "counter"),
    names: ["ovens"],
    differences: ["-# TYPE ovens counter", "+# TYPE ovens gauge"],
  },
  {
    name: "another help text",
    expected: OVENS.replace("in use", "\\\\ hot\\n"),
    names: ["ovens"],
    differences: ["-# HELP ovens Ovens \\\\ hot\\n.", "+# HELP ovens Ovens in use."],
  },
  {
    name: "an empty help text",
    expected: "# HELP ovens\novens 3",
    names: ["ovens"],
    differences: ["-# HELP ovens", "+# HELP ovens Ovens in use."],
  },
  {
    name: "a missing label",
    expected: 'orders_total{kind="rye"} 2',
    names: ["orders_total"],
    differences: [
      '-orders_total{kind="rye"} 2',
      '+orders_total{kind="rye",size="large"} 2',
      '+orders_total{kind="wheat",size="small"} 1',
    ],
  },
  {
    name: "a series that is expected twice",
    expected: "ovens 3\novens 3",
    names: ["ovens"],
    differences: ["-ovens 3"],
  },
  {
    name: "a missing timestamp",
    expected: "ovens 3 1000",
    names: ["ovens"],
    differences: ["-ovens 3 1000", "+ovens 3"],
  },
  {
    name: "a bucket, without TYPE",
    expected:
      'order_size_bucket{le="1"} 0\norder_size_bucket{le="10"} 2\norder_size_bucket{le="+Inf"} 1',
    names: ["order_size_bucket"],
    differences: ['-order_size_bucket{le="10"} 2', '+order_size_bucket{le="10"} 1'],
  },
  {
    name: "a family by its name, without TYPE",
    expected: "order_size_sum 6",
    names: ["order_size"],
    differences: [
      "-order_size_sum 6",
      "+order_size_sum 5",
      '+order_size_bucket{le="1"} 0',
      '+order_size_bucket{le="10"} 1',
      '+order_size_bucket{le="+Inf"} 1',
      "+order_size_count 1",
    ],
  },
  {
    name: "families that are not among the names",
    expected: `${ORDERS}cakes 1\n`,
    names: ["ovens"],
    differences: ["+ovens 3"],
  },
  {
    name: "nothing",
    expected: "",
    names: ["ovens", "cakes"],
    differences: ["+ovens 3"],
  },
  { name: "no names", expected: ORDERS, names: [], differences: [] },
];

for (const { name, expected, names, differences } of CASES) {
  test(`compareMetrics() compares ${name}`, async () => {
    const options = { registry: shop(), names };
    assert.deepEqual(compareMetrics(expected, options), differences);
    assert.deepEqual(await compareMetricsAsync(expected, options), differences);
  });
}

test("compareMetrics() finds no difference from the output of generateMetrics()", () => {
  const families = allTypes();
  const registry = { prefix: null, collect: () => families };
  assert.deepEqual(compareMetrics(generateMetrics(registry), { registry }), []);
  const quoted = generateMetrics(registry, { escaping: "allow-utf-8" });
  assert.deepEqual(compareMetrics(quoted, { registry }), []);
});

test("compareMetrics() reads NaN, infinities and escapes in their written form", () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["l"] });
  gauge.labels("nan").set(NaN);
  gauge.labels("inf").set(-Infinity);
  gauge.labels('\\ " \n').set(-0);
  const expected = 'g{l="nan"} NaN\ng{l="inf"} -Inf\ng{l="\\\\ \\" \\n"} 0\n';
  assert.deepEqual(compareMetrics(expected, { registry }), []);
  assert.deepEqual(compareMetrics(expected.replace("NaN", "+Inf"), { registry }), [
    '-g{l="nan"} +Inf',
    '+g{l="nan"} NaN',
  ]);
});

test("compareMetrics() treats an empty label like an absent one", () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "G.", { registry, labelNames: ["l"] }).labels("").set(1);
  assert.deepEqual(compareMetrics("g 1", { registry }), []);
  assert.deepEqual(compareMetrics('g{l="",m=""} 1', { registry }), []);
});

test("compareMetrics() compares the default registry by default", () => {
  const gauge = new Gauge("compared", "C.");
  assert.deepEqual(compareMetrics("compared 0", { names: ["compared"] }), []);
  REGISTRY.unregister(gauge);
});

test("compareMetrics() compares exposed names and labels, with prefix and constant labels", () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  new Counter("c_total", "C.", { registry }).inc();
  const expected = 'app_c_total{region="eu"} 1';
  assert.deepEqual(compareMetrics(expected, { registry, names: ["app_c_total"] }), []);
});

test("compareMetrics() leaves out asynchronous collectors, and compareMetricsAsync() awaits them", async () => {
  const registry = new CollectorRegistry();
  registry.register({
    async *collect() {
      yield new MetricFamily("g", "G.", "gauge").addSample("g", {}, await Promise.resolve(1));
    },
  });
  assert.deepEqual(compareMetrics("g 1", { registry, names: ["g"] }), ["-g 1"]);
  assert.deepEqual(await compareMetricsAsync("g 1", { registry, names: ["g"] }), []);
});

test("compareMetrics() throws for an asynchronous registry, and names compareMetricsAsync()", () => {
  const registry = {
    prefix: null,
    collect(): never {
      throw new TypeError("Cannot collect");
    },
    async *collectAsync() {},
  };
  const message = "Cannot compare metrics: the registry cannot be read synchronously: " +
    "use compareMetricsAsync()";
  assert.throws(() => compareMetrics("", { registry }), { name: "TypeError", message });
});

/** Wrong calls, with the start of the error message. */
const WRONG: readonly (readonly [args: unknown[], name: string, message: RegExp])[] = [
  [[], "TypeError", /^Cannot compare metrics: expected must be a string: received undefined$/],
  [[["g 1"]], "TypeError", /^Cannot compare metrics: expected must be a string: received \[/],
  [[{}, {}], "TypeError", /^Cannot compare metrics: expected must be a string/],
  [["", null], "TypeError", /^Cannot compare metrics: options must be an object: received null$/],
  [["", "g"], "TypeError", /^Cannot compare metrics: options must be an object/],
  [["", new CollectorRegistry()], "TypeError", /^Cannot compare metrics: options must be \{ reg/],
  [
    ["", { name: ["g"] }],
    "TypeError",
    /unknown option "name": known options are "registry", "names"/,
  ],
  [["", { names: "g" }], "TypeError", /^Cannot compare metrics: names must be an iterable/],
  [["", { names: [1] }], "TypeError", /names must be strings: received 1$/],
  [["", { registry: {} }], "TypeError", /^Cannot /],
];

for (const [args, name, message] of WRONG) {
  test(`compareMetrics() throws: ${message.source}`, async () => {
    // The types are wrong on purpose.
    const call = args as Parameters<typeof compareMetrics>;
    assert.throws(() => compareMetrics(...call), { name, message });
    await assert.rejects(() => compareMetricsAsync(...call), { name, message });
  });
}

test("compareMetrics() reports the line and the column of an invalid text", () => {
  for (
    const [expected, line, column] of [
      ["g 1\n\n  g{a=b} 2\n", 3, 7],
      ["# TYPE g thing\n", 1, 10],
      ["g one\n", 1, 3],
    ] as const
  ) {
    assert.throws(() => compareMetrics(expected), (error) => {
      assert.ok(error instanceof ParseError);
      assert.deepEqual([error.line, error.column], [line, column]);
      assert.match(error.message, new RegExp(`\\(line ${line}, column ${column}\\)$`));
      return true;
    });
  }
});
