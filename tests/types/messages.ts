/**
 * Wrong uses of labels that must not compile, and texts that the compiler's messages must contain.
 * `messages_test.ts` checks TypeScript's own compiler, and `tests/deno/type_messages_test.ts`
 * checks Deno's.
 *
 * @module
 */

/** A program that must not compile. */
export interface WrongUse {
  /** The program. It may use the exports of `message_subjects.ts`. */
  readonly code: string;
  /** Texts that the message must contain. */
  readonly says: readonly string[];
  /** Texts that the message must not contain. @default {["type 'never'"]} */
  readonly saysNot?: readonly string[];
}

const LABELS = ["is not a label", "method, status"];
const MISSING = "labels are missing: method, status";

export const WRONG_USES: readonly WrongUse[] = [
  // A label that does not exist.
  { code: `counter.labels({ method: "GET", statsu: 200 });`, says: ["statsu", ...LABELS] },
  { code: `counter.labels({ statsu: 200 });`, says: ["statsu", ...LABELS] },
  { code: `counter.labels({ method: "GET", status: 200, path: "/" });`, says: ["path", ...LABELS] },
  { code: `counter.labels({ method: "GET", statsu: 1 as any });`, says: ["statsu", ...LABELS] },
  {
    code: `one.labels({ methud: "GET" });`,
    says: ["methud is not a label: the labels are method"],
  },
  {
    code: `const labels = { method: "GET", status: 200, tenant: "x" }; counter.labels(labels);`,
    says: ["tenant", ...LABELS],
  },
  {
    code: `const labels = { method: "GET", tenant: 1 }; counter.labels({ ...labels, status: 1 });`,
    says: ["tenant", ...LABELS],
  },
  {
    code: `declare const labels: { method: "a"; status: 1 } | { method: "a"; status: 1; x: 1 };
      counter.labels(labels);`,
    says: ["x is not a label"],
  },
  { code: `counter.labels({ method: "GET" }).labels({ statsu: 1 });`, says: ["statsu", ...LABELS] },
  { code: `counter.remove({ method: "GET", statsu: 1 });`, says: ["statsu", ...LABELS] },
  { code: `one.remove({ methud: 1 });`, says: ["methud is not a label: the labels are method"] },
  { code: `counter.removeMatching({ statsu: 1 });`, says: ["statsu", ...LABELS] },
  { code: `counter.find({ method: "GET", statsu: 1 });`, says: ["statsu", ...LABELS] },
  {
    code: `histogram.startTimer().stop({ method: "GET", statsu: 1 });`,
    says: ["statsu", ...LABELS],
  },
  {
    code: `histogram.labels({ method: "GET" }).startTimer().stop({ statsu: 1 });`,
    says: ["statsu", ...LABELS],
  },
  { code: `full.startTimer().stop({ statsu: 1 });`, says: ["statsu", ...LABELS] },
  {
    code: `histogram.labels("GET", 200).startTimer().stop({ cod: 1 });`,
    says: ["cod is not a label: there are none"],
  },
  // A metric without labels.
  { code: `plain.labels({ method: "GET" });`, says: ["method is not a label: there are none"] },
  { code: `plain.remove({ method: "GET" });`, says: ["method is not a label: there are none"] },
  { code: `plain.find({ method: "GET" });`, says: ["method is not a label: there are none"] },
  {
    code: `const labels = { method: "GET" }; plain.labels(labels);`,
    says: ["method is not a label: there are none"],
  },
  // A value that is not a label value.
  ...["null", "undefined", "{ code: 200 }", "1n", "[200]", "Symbol()", "() => 200"].map((
    value,
  ) => ({
    code: `counter.labels({ method: "GET", status: ${value} });`,
    says: ["the value of label status must be a string, a number or a boolean"],
  })),
  {
    code: `const labels: { method: string; status?: number } = { method: "GET" };
      counter.labels(labels);`,
    says: ["the value of label status must be a string, a number or a boolean"],
  },
  {
    code: `counter.remove({ method: null, status: 1 });`,
    says: ["the value of label method must be a string, a number or a boolean"],
  },
  {
    code: `histogram.startTimer().stop({ method: "GET", status: null });`,
    says: ["the value of label status must be a string, a number or a boolean"],
  },
  // A missing label.
  { code: `counter.remove({ method: "GET" });`, says: ["status"] },
  { code: `half.remove({ status: 200 });`, says: ["method"] },
  { code: `counter.find({ status: 200 });`, says: ["method"] },
  { code: `histogram.startTimer().stop({ method: "GET" });`, says: ["status"] },
  { code: `histogram.startTimer().stop();`, says: [MISSING] },
  {
    code: `histogram.labels({ method: "GET" }).startTimer().stop();`,
    says: ["labels are missing: status"],
  },
  {
    code: `histogram.labels({ method: "GET" }).startTimer().stop({ method: "PUT" });`,
    says: ["status"],
  },
  { code: `counter.labels({ method: "GET" }).inc();`, says: ["labels are missing: status"] },
  { code: `counter.labels({ method: "GET" }).inc(5);`, says: ["labels are missing: status"] },
  { code: `counter.labels({}).inc();`, says: [MISSING] },
  { code: `half.labels({ status: 500 }).inc();`, says: ["labels are missing: method"] },
  { code: `gauge.labels({ method: "GET" }).set(1);`, says: ["labels are missing: status"] },
  { code: `histogram.labels({ method: "GET" }).observe(1);`, says: ["labels are missing: status"] },
  {
    code: `histogram.labels({ method: "GET" }).time(() => {});`,
    says: ["labels are missing: status"],
  },
  {
    code: `histogram.labels({ method: "GET" }).wrap(() => {});`,
    says: ["labels are missing: status"],
  },
  { code: `summary.labels({ status: 1 }).observe(1);`, says: ["labels are missing: method"] },
  { code: `info.labels({ status: 1 }).info({ a: 1 });`, says: ["labels are missing: method"] },
  { code: `states.labels({ status: 1 }).state("running");`, says: ["labels are missing: method"] },
  // A metric whose labels are missing.
  { code: `counter.inc();`, says: [MISSING] },
  { code: `half.inc(5);`, says: ["labels are missing: method"] },
  { code: `counter.countExceptions(() => 1);`, says: [MISSING] },
  { code: `counter.setFunction(() => 1);`, says: [MISSING] },
  { code: `counter.value.toFixed();`, says: [MISSING] },
  { code: `gauge.set(1);`, says: [MISSING] },
  { code: `gauge.inc();`, says: [MISSING] },
  { code: `gauge.dec();`, says: [MISSING] },
  { code: `gauge.setToCurrentTime();`, says: [MISSING] },
  { code: `gauge.trackInProgress(() => 1);`, says: [MISSING] },
  { code: `gauge.time(() => 1);`, says: [MISSING] },
  { code: `histogram.observe(1);`, says: [MISSING] },
  { code: `histogram.time(() => 1);`, says: [MISSING] },
  { code: `histogram.wrap(() => 1);`, says: [MISSING] },
  { code: `summary.observe(1);`, says: [MISSING] },
  { code: `info.info({ version: "1" });`, says: [MISSING] },
  { code: `states.state("running");`, says: [MISSING] },
  {
    code: `const names: string[] = []; new Counter("x_total", "X.", { labelNames: names }).inc();`,
    says: ["labels are missing"],
  },
  // Values by position.
  {
    code: `counter.labels("GET");`,
    says: ["a value is needed for each of the labels method, status"],
  },
  { code: `counter.labels(["GET", 200]);`, says: ["an array is not an object of labels"] },
  { code: `one.labels(["GET"]);`, says: ["an array is not an object of labels"] },
  { code: `counter.labels("GET", 200, "/");`, says: ["Expected 1-2 arguments, but got 3"] },
  { code: `counter.labels();`, says: ["Expected 1-2 arguments, but got 0"] },
  { code: `counter.labels("GET", null);`, says: ["null", "LabelValue"] },
  // Options.
  {
    code: `new Counter("x_total", "X.", { labelnames: ["a"] });`,
    says: ["labelnames", "Did you mean to write 'labelNames'"],
  },
  {
    code: `new Counter("x_total", "X.", { labelNames: ["a"], defaultLabels: { b: 1 } });`,
    says: ["'b'", '"a"'],
  },
  {
    code: `new Counter("x_total", "X.", { defaultLabels: { b: 1 } });`,
    says: ["there are no label names"],
  },
  { code: `states.labels("GET", 1).state("stopped");`, says: ["stopped", "starting", "running"] },
  // The internals of a series.
  { code: `counter.labels("GET", 200).slot = 5;`, says: ["'slot'", "CounterSeries"] },
  { code: `counter.labels("GET", 200).moveTo();`, says: ["'moveTo'", "CounterSeries"] },
  { code: `counter.labels("GET", 200).columns;`, says: ["'columns'", "CounterSeries"] },
  { code: `histogram.labels("GET", 200).core;`, says: ["'core'", "HistogramSeries"] },
];
