import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  type MetricType,
  StateSet,
  Summary,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { LINT_RULES, lintMetrics, lintMetricsAsync, type Problem } from "../../testing.ts";
import { arbitraryRegistry, promtoolLines, registryOf } from "../support/linting.ts";
import { MemoryStore } from "../support/memory_store.ts";

const NO_TOTAL = 'counter metrics should have "_total" suffix';
const TOTAL = 'non-counter metrics should not have "_total" suffix';
const CAMEL_CASE = "metric names should be written in 'snake_case' not 'camelCase'";
const CAMEL_LABEL = "label names should be written in 'snake_case' not 'camelCase'";
const COLON = "metric names should not contain ':'";
const ABBREVIATED = "metric names should not contain abbreviated units";
const LE = 'non-histogram metrics should not have "le" label';
const QUANTILE = 'non-summary metrics should not have "quantile" label';
const typed = (type: string) => `metric name should not include type '${type}'`;
const unit = (base: string, other: string) => `use base unit "${base}" instead of "${other}"`;
const suffix = (suffix: string, owners = "non-histogram and non-summary") =>
  `${owners} metrics should not have "${suffix}" suffix`;

/** Returns a family of one series, from a text like `name{label,label}`. */
function family(type: MetricType, series: string, help = "Help."): MetricFamily {
  const [, name = "", names = ""] = /^(.*?)(?:\{(.*)\})?$/.exec(series)!;
  const family = new MetricFamily(name, help, type, { nameValidation: "utf8" });
  const own = names === "" ? [] : names.split(",");
  const labels = Object.fromEntries(own.map((label) => [label, "x"]));
  switch (type) {
    case "histogram":
      return family.addSample(`${name}_bucket`, { ...labels, le: Infinity }, 1)
        .addSample(`${name}_sum`, labels, 1).addSample(`${name}_count`, labels, 1);
    case "gaugehistogram":
      return family.addSample(`${name}_bucket`, { ...labels, le: Infinity }, 1);
    case "summary":
      return family.addSample(name, { ...labels, quantile: 0.5 }, 1);
    case "stateset":
      return family.addSample(name, { ...labels, [name]: "on" }, 1);
    default:
      return family.addSample(family.name, labels, 1);
  }
}

/** Returns the messages for a family, each with the suggested name. */
function found(type: MetricType, series: string, help?: string): (string | undefined)[][] {
  return lintMetrics(registryOf([family(type, series, help)]))
    .map(({ message, rename }) => rename === undefined ? [message] : [message, rename]);
}

/** All findings of promtool, with suggestions. */
const CASES: readonly (readonly [MetricType, string, ...(readonly string[])[]])[] = [
  ["counter", "a_total"],
  ["counter", "a", [NO_TOTAL, "a_total"]],
  ["counter", "a_counter", [NO_TOTAL, "a_total"], [typed("counter"), "a"]],
  ["counter", "a_counter_total", [typed("counter"), "a_total"]],
  ["counter", "a_Total", [NO_TOTAL, "a_total"]],
  ["counter", "a_total_count", [NO_TOTAL, "a_total"], [suffix("_count"), "a_total"]],
  ["counter", "a_count", [NO_TOTAL, "a_total"], [suffix("_count"), "a_total"]],
  ["counter", "a_sum", [NO_TOTAL, "a_total"], [suffix("_sum"), "a_total"]],
  ["counter", "a_bucket", [NO_TOTAL, "a_total"], [suffix("_bucket", "non-histogram"), "a_total"]],
  ["counter", "_count", [NO_TOTAL], [suffix("_count")]],
  ["counter", "a_created_total"],
  ["gauge", "a"],
  ["gauge", "a_created"],
  ["gauge", "a_info"],
  ["gauge", "a_total", [TOTAL, "a"]],
  ["gauge", "_total", [TOTAL]],
  ["gauge", "a_total_total", [TOTAL, "a"]],
  ["gauge", "a_count_sum", [suffix("_sum"), "a"]],
  ["gauge", "total"],
  ["gauge", "a_total_"],
  ["gauge", "a_bucket", [suffix("_bucket", "non-histogram"), "a"]],
  ["gauge", "a_count", [suffix("_count"), "a"]],
  ["gauge", "a_sum", [suffix("_sum"), "a"]],
  ["gauge", "a_gsum"],
  ["gauge", "a_count_x"],
  ["gauge", "a{le}", [LE, "limit"]],
  ["gauge", "a{le,limit}", [LE]],
  ["gauge", "a{quantile}", [QUANTILE, "share"]],
  ["gauge", "a{quantile,le}", [LE, "limit"], [QUANTILE, "share"]],
  ["gauge", "a_gauge", [typed("gauge"), "a"]],
  ["gauge", "a_GAUGE_x", [typed("gauge"), "a_x"]],
  ["gauge", "gauge_a"],
  ["gauge", "a_gauges"],
  ["gauge", "_gauge", [typed("gauge")]],
  ["gauge", "a_gauge_gauge_", [typed("gauge"), "a_"]],
  ["gauge", "a_histogram", [typed("histogram"), "a"]],
  ["gauge", "a_summary_x", [typed("summary"), "a_x"]],
  ["gauge", "a_untyped"],
  [
    "gauge",
    "a_gauge_histogram",
    [typed("gauge"), "a_histogram"],
    [typed("gauge_histogram"), "a"],
    [typed("histogram"), "a_gauge"],
  ],
  ["gauge", "a:b:c", [COLON, "a_b_c"]],
  ["gauge", "fooBar", [CAMEL_CASE, "foo_bar"]],
  ["gauge", "fooHTTPServer", [CAMEL_CASE, "foo_http_server"]],
  ["gauge", "HTTP_server"],
  ["gauge", "a{aB,ok,cD}", [CAMEL_LABEL, "a_b"], [CAMEL_LABEL, "c_d"]],
  ["gauge", "a{aB,a_b}", [CAMEL_LABEL]],
  ["gauge", "a_seconds"],
  ["gauge", "a_metres"],
  ["gauge", "thermometers"],
  ["gauge", "a_milliseconds", [unit("seconds", "milliseconds"), "a_seconds"]],
  ["gauge", "a_Milliseconds"],
  ["gauge", "minutes", [unit("seconds", "minutes"), "seconds"]],
  ["gauge", "minutes_a_total_x", [unit("seconds", "minutes"), "seconds_a_total_x"]],
  ["gauge", "a_kelvins", [unit("kelvin", "kelvins"), "a_kelvin"]],
  ["gauge", "a_kilograms", [unit("grams", "kilograms"), "a_grams"]],
  ["gauge", "a_mibibytes", [unit("bytes", "mibibytes"), "a_bytes"]],
  ["gauge", "a_mebibytes"],
  ["gauge", "a_microfahrenheit", [unit("celsius", "microfahrenheit"), "a_celsius"]],
  ["gauge", "a_bits_bytes", [unit("bytes", "bits"), "a_bytes"]],
  [
    "gauge",
    "miles_per_hours",
    [unit("meters", "miles"), "meters_per_hours"],
    [unit("seconds", "hours"), "miles_per_seconds"],
  ],
  ["gauge", "a_ms", [ABBREVIATED, "a_seconds"]],
  ["gauge", "a_MS_x", [ABBREVIATED, "a_seconds_x"]],
  ["gauge", "a_kb_ms", [ABBREVIATED, "a_bytes_seconds"]],
  ["gauge", "a_d_seconds", [ABBREVIATED, "a_seconds"]],
  ["gauge", "a_m", [ABBREVIATED]],
  ["gauge", "s_a"],
  ["gauge", "a_min"],
  ["histogram", "a_seconds"],
  ["histogram", "a_bucket"],
  ["histogram", "a_count"],
  ["histogram", "a_sum"],
  ["histogram", "a_total", [TOTAL, "a"]],
  ["histogram", "a{quantile}", [QUANTILE, "share"]],
  ["gaugehistogram", "a_bucket"],
  ["gaugehistogram", "a_ms", [ABBREVIATED, "a_seconds"]],
  ["summary", "a_bucket", [suffix("_bucket", "non-histogram"), "a"]],
  ["summary", "a_count"],
  ["summary", "a_sum"],
  ["summary", "a{le}", [LE, "limit"]],
  ["info", "a_info"],
  ["info", "fooBar_info{aB}", [CAMEL_LABEL, "a_b"], [CAMEL_CASE, "foo_bar_info"]],
  ["stateset", "a"],
  ["stateset", "fooBar", [CAMEL_LABEL], [CAMEL_CASE, "foo_bar"]],
  ["stateset", "le", [LE]],
  ["unknown", "a_total"],
  ["unknown", "a_bucket{le,quantile}"],
  ["unknown", "a_gauge", [typed("gauge"), "a"]],
  ["unknown", "a.x_ms", [ABBREVIATED, "a_x_seconds"]],
  ["gauge", "a{b.c,bC.d}", [CAMEL_LABEL, "b_c_d"]],
];
for (const [type, series, ...problems] of CASES) {
  const names = problems.length === 0 ? "nothing" : problems.map(([text]) => text).join("; ");
  test(`lintMetrics() finds in a ${type} ${series}: ${names}`, () => {
    assert.deepEqual(found(type, series), problems);
  });
}

for (const help of ["", " ", " \t "]) {
  test(`lintMetrics() treats ${JSON.stringify(help)} as a missing help`, () => {
    assert.deepEqual(found("gauge", "a", help), [["no help text"]]);
  });
}
for (const help of ["x", "\n", "\u00a0"]) {
  test(`lintMetrics() accepts ${JSON.stringify(help)} as a help, like promtool`, () => {
    assert.deepEqual(found("gauge", "a", help), []);
  });
}

test("a problem is frozen plain data with a reason and a suggestion", () => {
  const registry = new CollectorRegistry({ prefix: "shop" });
  new Counter("visits", "Visits.", { registry });
  const problems = lintMetrics(registry);
  assert.deepEqual(problems, [{
    metric: "shop_visits",
    rule: "counter-total",
    source: "promtool",
    message: NO_TOTAL,
    reason: LINT_RULES.find(({ rule }) => rule === "counter-total")!.reason,
    suggestion: 'Rename it to "shop_visits_total".',
    rename: "shop_visits_total",
  }]);
  assert.ok(Object.isFrozen(problems[0]));
  assert.deepEqual(JSON.parse(JSON.stringify(problems)), problems);
});

test("a suggestion includes other steps than renaming", () => {
  const suggestions = lintMetrics(registryOf([
    family("gauge", "a_total"),
    family("gauge", "b_m"),
    family("gauge", "c_ms"),
    family("gauge", "d_days"),
    family("gauge", "e{userId}"),
    family("gauge", "f", ""),
    family("gauge", "_sum"),
    family("gauge", "g{le,limit}"),
  ])).map(({ suggestion }) => suggestion);
  assert.deepEqual(suggestions, [
    "Remove the suffix.",
    'Rename it to "a", or make it a Counter if it only grows.',
    "Spell the unit out, in its base form, and measure in it: seconds or meters.",
    'Rename it to "c_seconds", and give its values in seconds.',
    'Rename it to "d_seconds", and give its values in seconds.',
    'Rename the label "userId" to "user_id".',
    "Give it a help text that says what is measured.",
    "Rename the label.",
  ]);
});

test("LINT_RULES has each rule once, frozen, with a reason and a suggestion", () => {
  const seen = new Set(
    CASES.flatMap(([type, series]) =>
      lintMetrics(registryOf([family(type, series)])).map(({ rule }) => rule)
    ),
  );
  const rules = LINT_RULES.map(({ rule }) => rule);
  assert.equal(new Set(rules).size, rules.length);
  for (const { rule, source, reason, suggestion, ...others } of LINT_RULES) {
    assert.deepEqual(others, {});
    for (const text of [reason, suggestion]) assert.match(text, /^[A-Z].*\.$/, rule);
    // The table above has all rules of promtool except this one.
    const isInTable = source === "promtool" && rule !== "help-missing";
    assert.equal(seen.has(rule), isInTable, rule);
  }
  assert.ok(Object.isFrozen(LINT_RULES) && LINT_RULES.every(Object.isFrozen));
});

test("labels that targets have are a problem that only this library reports", () => {
  const problems = lintMetrics(registryOf([family("gauge", "a{job,instance,other}")]));
  assert.deepEqual(
    problems.map(({ rule, source, label, rename }) => [rule, source, label, rename]),
    [
      ["target-label", "narthex", "instance", "instance_name"],
      ["target-label", "narthex", "job", "job_name"],
    ],
  );
});

test("negative bounds are a problem, because OpenMetrics leaves out the sum", () => {
  const registry = new CollectorRegistry();
  new Histogram("error_celsius", "Error.", { registry, buckets: [-1, 0, 1] });
  new Histogram("size_bytes", "Size.", { registry, buckets: [0, 1] });
  const problems = lintMetrics(registry);
  assert.deepEqual(problems.map(({ metric, rule }) => [metric, rule]), [
    ["error_celsius", "negative-bounds"],
  ]);
});

test("metrics whose labels have no values yet are checked", () => {
  const registry = new CollectorRegistry();
  const labelNames = ["userId"] as const;
  new Counter("a", "A.", { registry, labelNames });
  new Gauge("b_total", "B.", { registry, labelNames });
  new Histogram("c_ms", "C.", { registry, labelNames });
  new Summary("d_bucket", "D.", { registry, labelNames });
  new StateSet("eE", "E.", { registry, labelNames, states: ["on"] });
  new Info("f", "", { registry });
  const problems = lintMetrics(registry);
  assert.deepEqual([...new Set(problems.map(({ metric }) => metric))], [
    ...["a", "b_total", "c_ms", "d_bucket", "eE", "f_info"],
  ]);
  const labels = problems.filter(({ rule }) => rule === "label-name-case");
  assert.deepEqual(labels.map(({ metric, label }) => `${metric} ${label}`), [
    ...["a userId", "b_total userId", "c_ms userId", "d_bucket userId", "eE userId", "eE eE"],
  ]);
});

test("a family without series is not checked, like in promtool", () => {
  const empty = new MetricFamily("fooBar", "", "counter");
  assert.deepEqual(lintMetrics(registryOf([empty])), []);
});

test("labels of every series are checked, including constant ones", () => {
  const registry = new CollectorRegistry({ constLabels: { theZone: "eu" } });
  const mixed = new MetricFamily("a", "A.", "gauge").addSample("a", { b: 1 }, 1)
    .addSample("a", { cD: 1 }, 1);
  registry.register({ collect: () => [mixed] });
  assert.deepEqual(lintMetrics(registry).map(({ label }) => label), ["theZone", "cD"]);
});

test("problems are sorted by name and then by message", () => {
  const registry = registryOf([
    family("gauge", "b"),
    family("gauge", "a_ms_total", ""),
    family("gauge", "Z:z"),
    family("counter", "a.x"),
  ]);
  assert.deepEqual(promtoolLines(lintMetrics(registry)), [
    `Z:z ${COLON}`,
    `a_ms_total ${ABBREVIATED}`,
    "a_ms_total no help text",
    `a_ms_total ${TOTAL}`,
    `a.x ${NO_TOTAL}`, // promtool reads it as a_x.
  ]);
});

test("an empty registry and the default registry can be checked", () => {
  assert.deepEqual(lintMetrics(new CollectorRegistry()), []);
  assert.ok(Array.isArray(lintMetrics()));
});

test("the metric for errors of collectors has no problems", () => {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => Promise.reject(new Error("broken")) });
  assert.deepEqual(lintMetrics(registry), []);
  assert.match([...gather(registry)].map(({ name }) => name).join(), /narthex_collector_errors/);
});

test("lintMetricsAsync() awaits collectors, and lintMetrics() leaves them out", async () => {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => Promise.resolve([family("counter", "a")]) });
  assert.deepEqual(lintMetrics(registry), []);
  assert.deepEqual((await lintMetricsAsync(registry)).map(({ rule }) => rule), ["counter-total"]);
});

test("lintMetrics() throws for a shared registry, and lintMetricsAsync() reads it", async () => {
  const registry = new CollectorRegistry();
  new Counter("visits", "Visits.", { registry });
  const shared = await loadBackend(new MemoryStore().backend(), { registry });
  try {
    assert.throws(() => lintMetrics(shared), {
      name: "TypeError",
      message:
        "Cannot lint metrics: the registry cannot be read synchronously: use lintMetricsAsync()",
    });
    const problems = await lintMetricsAsync(shared);
    assert.deepEqual(problems.map(({ metric, rule }) => [metric, rule]), [
      ["visits", "counter-total"],
    ]);
  } finally {
    await shared.close();
  }
});

/** Returns a family with the name or the label that a problem suggests. */
function follow(text: MetricFamily, { label, rename }: Problem): MetricFamily {
  const isName = label === undefined;
  const name = isName ? rename! : text.name;
  const renamed = new MetricFamily(name, text.help, text.type, { nameValidation: "utf8" });
  for (const sample of text.samples) {
    const labels = Object.entries(sample.labels).map(([key, value]) => {
      if (isName) return [key === text.name ? renamed.name : key, value];
      return [key === label ? rename! : key, value];
    });
    const suffix = sample.name.slice(text.name.length);
    renamed.addSample(renamed.name + suffix, Object.fromEntries(labels), sample.value);
  }
  return renamed;
}

test("applying all suggestions leaves only problems without a rename", () => {
  fc.assert(
    fc.property(arbitraryRegistry, (registry) => {
      for (const original of gather(registry)) {
        let family = original;
        for (let steps = 0;; steps++) {
          assert.ok(steps < 30, `no end: ${original.type} ${original.name}`);
          const problems = lintMetrics(registryOf([family]));
          const next = problems.find(({ rename }) => rename !== undefined);
          if (next === undefined) break;
          family = follow(family, next);
          const again = lintMetrics(registryOf([family]));
          const isSolved = !again.some(({ rule, message, label }) =>
            rule === next.rule && message === next.message && label === next.label
          );
          assert.ok(isSolved, `${original.name}: ${next.message}: ${next.rename}`);
        }
      }
    }),
    { seed: 42, numRuns: 40 },
  );
});

test("parsed texts can be checked", () => {
  const text = "# HELP a A.\n# TYPE a counter\na 1\n";
  assert.deepEqual(promtoolLines(lintMetrics(registryOf(parsePrometheusText(text)))), [
    `a ${NO_TOTAL}`,
  ]);
});
