/**
 * Checks which code compiles and which does not. This file is only type-checked and never run: each
 * line below a `@ts-expect-error` must be an error.
 *
 * @module
 */
import {
  Counter,
  Gauge,
  Histogram,
  Info,
  type LabelValue,
  StateSet,
  Summary,
  type Timer,
} from "../../mod.ts";

/** Whether two types are identical, including `any` and `never`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Accepts only the type `true`. */
function check<_Holds extends true>(): void {}

const registry = null;
const labelNames = ["method", "code"] as const;

const plain = new Counter("plain_total", "No labels.", { registry });
const counter = new Counter("c_total", "Labels.", { labelNames: ["method", "code"], registry });
const gauge = new Gauge("g", "Labels.", { labelNames, registry });
const histogram = new Histogram("h", "Labels.", { labelNames, registry });
const summary = new Summary("s", "Labels.", { labelNames, registry });
const info = new Info("i", "Labels.", { labelNames, registry });
const state = new StateSet("st", "Labels.", {
  states: ["starting", "running"],
  labelNames,
  registry,
});
/** One label has a default. */
const half = new Counter("half_total", "Half.", {
  labelNames: ["method", "code"],
  defaultLabels: { code: 200 },
  registry,
});
/** All labels have a default. */
const full = new Histogram("full", "Full.", {
  labelNames: ["method", "code"],
  defaultLabels: { method: "GET", code: 200 },
  registry,
});

export function labelsByName(): void {
  counter.labels({ method: "GET", code: 200 }).inc();
  counter.labels({ code: "200", method: true }).inc();
  // @ts-expect-error A missing label: this is a partial, which cannot be observed.
  counter.labels({ method: "GET" }).inc();
  // @ts-expect-error An extra label.
  counter.labels({ method: "GET", code: 200, path: "/" });
  // @ts-expect-error A misspelt label.
  counter.labels({ method: "GET", kode: 200 });
  // @ts-expect-error A misspelt label of a partial.
  counter.labels({ methud: "GET" });
  // @ts-expect-error A label for a metric without labels.
  plain.labels({ method: "GET" });
}

export function labelsByPosition(): void {
  counter.labels("GET", 200).inc();
  plain.labels().inc();
  // @ts-expect-error Too few values.
  counter.labels("GET");
  // @ts-expect-error No value.
  counter.labels();
  // @ts-expect-error Too many values.
  counter.labels("GET", 200, "/");
  // @ts-expect-error A value for a metric without labels.
  plain.labels("GET");
  // @ts-expect-error Too few values, even if the rest has defaults.
  half.labels("GET");
  // @ts-expect-error An array is not a list of values.
  counter.labels(["GET", 200]);
}

export function labelValues(): void {
  // @ts-expect-error A bigint.
  counter.labels({ method: "GET", code: 1n });
  // @ts-expect-error An object.
  counter.labels({ method: "GET", code: { status: 200 } });
  // @ts-expect-error null.
  counter.labels({ method: "GET", code: null });
  // @ts-expect-error undefined.
  counter.labels({ method: "GET", code: undefined });
  // @ts-expect-error A bigint by position.
  counter.labels("GET", 1n);
  // @ts-expect-error An object by position.
  counter.labels("GET", {});
  // @ts-expect-error A symbol by position.
  counter.labels("GET", Symbol("x"));
}

export function partials(): void {
  counter.labels({ method: "GET" }).labels({ code: 200 }).inc();
  counter.labels({}).labels({ method: "GET" }).labels({ code: 200 }).inc();
  counter.labels({ method: "GET" }).labels({ method: "PUT", code: 200 }).inc();
  const kept = counter.labels({ code: 200 });
  kept.labels({ method: "GET" }).inc();
  // @ts-expect-error A partial has no positional form.
  kept.labels("GET");
  // @ts-expect-error An extra label.
  kept.labels({ path: "/" });
  // @ts-expect-error Still missing a label.
  kept.labels({ code: 500 }).inc();
  // @ts-expect-error The value of a partial.
  kept.value;
  // @ts-expect-error Setting a function of a partial.
  kept.setFunction(() => 1);
  // @ts-expect-error Counting exceptions with a partial.
  kept.countExceptions(() => {});
  // @ts-expect-error A partial is not a collector.
  kept.collect();
  // @ts-expect-error A partial removes nothing.
  kept.remove({ method: "GET" });
  // @ts-expect-error Counters do not time.
  kept.startTimer();
  // @ts-expect-error Setting a partial gauge.
  gauge.labels({ method: "GET" }).set(1);
  // @ts-expect-error Decrementing a partial gauge.
  gauge.labels({ method: "GET" }).dec();
  // @ts-expect-error Tracking with a partial gauge.
  gauge.labels({ method: "GET" }).trackInProgress(() => {});
  // @ts-expect-error Observing with a partial histogram.
  histogram.labels({ method: "GET" }).observe(1);
  // @ts-expect-error Timing with a partial histogram.
  histogram.labels({ method: "GET" }).time(() => {});
  // @ts-expect-error Wrapping with a partial histogram.
  histogram.labels({ method: "GET" }).wrap(() => {});
  // @ts-expect-error Observing with a partial summary.
  summary.labels({ method: "GET" }).observe(1);
  // @ts-expect-error Setting a partial info.
  info.labels({ method: "GET" }).info({ version: "1" });
  // @ts-expect-error Changing a partial stateset.
  state.labels({ method: "GET" }).state("running");
}

export function metricsWithLabels(): void {
  // @ts-expect-error Counting with a metric whose labels are missing.
  counter.inc();
  // @ts-expect-error Counting exceptions with it.
  counter.countExceptions(() => {});
  // @ts-expect-error Setting a function of it.
  counter.setFunction(() => 1);
  // @ts-expect-error Setting a gauge whose labels are missing.
  gauge.set(1);
  // @ts-expect-error Incrementing it.
  gauge.inc();
  // @ts-expect-error Decrementing it.
  gauge.dec();
  // @ts-expect-error Setting it to the time.
  gauge.setToCurrentTime();
  // @ts-expect-error Tracking with it.
  gauge.trackInProgress(() => {});
  // @ts-expect-error Timing with it.
  gauge.time(() => {});
  // @ts-expect-error Observing with a histogram whose labels are missing.
  histogram.observe(1);
  // @ts-expect-error Timing with it.
  histogram.time(() => {});
  // @ts-expect-error Wrapping with it.
  histogram.wrap(() => {});
  // @ts-expect-error Observing with a summary whose labels are missing.
  summary.observe(1);
  // @ts-expect-error Setting an info whose labels are missing.
  info.info({ version: "1" });
  // @ts-expect-error Changing a stateset whose labels are missing.
  state.state("running");
}

export function values(): void {
  check<Same<typeof plain.value, number>>();
  check<Same<typeof counter.value, "labels are missing: method, code">>();
  check<Same<typeof half.value, "labels are missing: method">>();
  check<Same<typeof gauge.value, "labels are missing: method, code">>();
  const child = gauge.labels("GET", 200);
  check<Same<typeof child.value, number>>();
  // @ts-expect-error A value is read-only.
  child.value = 5;
  // @ts-expect-error A string for a number.
  plain.inc("5");
  // @ts-expect-error A bigint for a number.
  plain.inc(1n);
  // @ts-expect-error The value is missing.
  child.set();
  // @ts-expect-error A function that returns a string.
  child.setFunction(() => "5");
  // @ts-expect-error An exemplar's labels are strings.
  plain.inc(1, { trace: 5 });
}

export function defaults(): void {
  // A label with a default can be omitted or overridden.
  half.labels({ method: "GET" }).inc();
  half.labels({ method: "GET", code: 500 }).inc();
  half.labels("GET", 500).inc();
  // @ts-expect-error The label without a default is missing.
  half.inc();
  // @ts-expect-error The label without a default is missing, the other is overridden.
  half.labels({ code: 500 }).inc();
  half.labels({ code: 500 }).labels({ method: "GET" }).inc();

  // With defaults for all labels the metric itself is observable.
  full.observe(1);
  full.time(() => {});
  full.wrap(() => {});
  full.labels({}).observe(1);
  full.labels({ code: 500 }).observe(1);
  full.labels("PUT", 500).observe(1);
  const gaugeOfOne = new Gauge("one", "One.", {
    labelNames: ["a"],
    defaultLabels: { a: "x" },
    registry,
  });
  check<Same<typeof gaugeOfOne.value, number>>();

  // @ts-expect-error A default for a label that does not exist.
  new Counter("x_total", "X.", { labelNames: ["a"], defaultLabels: { b: 1 }, registry });
  // @ts-expect-error A default without labels.
  new Counter("x_total", "X.", { defaultLabels: { b: 1 }, registry });
  // @ts-expect-error A default that is not a label value.
  new Counter("x_total", "X.", { labelNames: ["a"], defaultLabels: { a: 1n }, registry });
}

export function removing(): void {
  counter.remove({ method: "GET", code: 200 });
  counter.remove("GET", 200);
  plain.remove();
  half.remove({ method: "GET" });
  full.remove({});
  counter.removeMatching({ code: 200 });
  counter.removeMatching({});
  // @ts-expect-error A missing label.
  counter.remove({ method: "GET" });
  // @ts-expect-error A missing label that has no default.
  half.remove({ code: 200 });
  // @ts-expect-error An extra label.
  counter.remove({ method: "GET", code: 200, path: "/" });
  // @ts-expect-error Too few values.
  counter.remove("GET");
  // @ts-expect-error A misspelt label.
  counter.removeMatching({ kode: 200 });
}

export function timers(): void {
  const child = histogram.labels("GET", 200).startTimer();
  check<Same<typeof child, Timer>>();
  check<Same<ReturnType<typeof child.stop>, number>>();
  child.stop();
  child[Symbol.dispose]();
  // @ts-expect-error All labels were given before.
  child.stop({ code: 500 });

  const open = histogram.startTimer();
  open.stop({ method: "GET", code: 200 });
  // @ts-expect-error The labels are missing.
  open.stop();
  // @ts-expect-error A label is missing.
  open.stop({ method: "GET" });
  // @ts-expect-error An extra label.
  open.stop({ method: "GET", code: 200, path: "/" });
  // @ts-expect-error A timer whose labels are missing cannot be disposed of.
  open[Symbol.dispose]();

  for (const timed of [gauge, summary]) {
    const timer = timed.startTimer();
    timer.stop({ method: "GET", code: 200 });
    // @ts-expect-error The labels are missing.
    timer.stop();
  }

  const partial = summary.labels({ method: "GET" }).startTimer();
  partial.stop({ code: 200 });
  partial.stop({ code: 200, method: "PUT" });
  // @ts-expect-error The rest of the labels is missing.
  partial.stop();
  // @ts-expect-error The rest of the labels is still missing.
  partial.stop({ method: "PUT" });
  // @ts-expect-error A misspelt label.
  partial.stop({ kode: 200 });
  // @ts-expect-error A timer of a partial cannot be disposed of.
  partial[Symbol.dispose]();

  const defaulted = full.startTimer();
  defaulted.stop();
  defaulted.stop({ code: 500 });
  defaulted[Symbol.dispose]();
  // @ts-expect-error A misspelt label.
  defaulted.stop({ kode: 500 });
}

export function disposal(): void {
  using child = gauge.labels("GET", 200).startTimer();
  using defaulted = full.startTimer();
  // @ts-expect-error A timer whose labels are missing.
  using open = histogram.startTimer();
  // @ts-expect-error A timer of a partial.
  using partial = histogram.labels({ method: "GET" }).startTimer();
  void [child, defaulted, open, partial];
}

export function states(): void {
  const service = new StateSet("service", "Service.", {
    states: ["starting", "running"],
    registry,
  });
  service.state("running");
  state.labels("GET", 200).state("starting");
  // @ts-expect-error A wrong state.
  service.state("stopped");
  // @ts-expect-error A wrong state of a child.
  state.labels("GET", 200).state("stopped");
  // @ts-expect-error The states are missing.
  new StateSet("x", "X.", { registry });
  // States that are only known at run time.
  const some: string[] = ["a", "b"];
  new StateSet("x", "X.", { states: some, registry }).state("a");
}

export function dynamicLabelNames(names: string[], labels: Record<string, LabelValue>): void {
  const dynamic = new Histogram("dynamic", "Dynamic.", { labelNames: names, registry });
  dynamic.labels({ anything: 1 }).observe(1);
  dynamic.labels(labels).observe(1);
  dynamic.labels("a", "b", 3).observe(1);
  dynamic.labels(...names).observe(1);
  dynamic.startTimer().stop(labels);
  dynamic.remove(labels);
  dynamic.removeMatching(labels);
  // @ts-expect-error It may have labels, so it cannot be observed itself.
  dynamic.observe(1);
  // @ts-expect-error A bigint.
  dynamic.labels({ anything: 1n });
}

export function wrapping(): void {
  const duration = new Histogram("d", "D.", { registry });
  const f = (_a: number, _b?: string): boolean => true;
  const wrapped = duration.wrap(f);
  check<Same<Parameters<typeof wrapped>, Parameters<typeof f>>>();
  check<Same<ReturnType<typeof wrapped>, boolean>>();
  wrapped(1);
  // @ts-expect-error An argument of the wrong type.
  wrapped("1");
  // @ts-expect-error Too few arguments.
  wrapped();

  const { wrap } = duration;
  const identity = wrap(<T>(x: T): T => x);
  check<Same<ReturnType<typeof identity<string>>, string>>();
  const later = wrap((id: number) => Promise.resolve(String(id)));
  check<Same<ReturnType<typeof later>, Promise<string>>>();

  const bound = duration.labels().wrap(function (this: { base: number }, a: number): number {
    return this.base + a;
  });
  bound.call({ base: 1 }, 2);
  // @ts-expect-error A wrong `this`.
  bound.call({ bass: 1 }, 2);
  // @ts-expect-error Not a function.
  duration.wrap(5);
}

export function results(): void {
  const duration = new Summary("d", "D.", { registry });
  const now = duration.time(() => 5);
  check<Same<typeof now, number>>();
  const later = duration.time(() => Promise.resolve("x"));
  check<Same<typeof later, Promise<string>>>();
  const counted = plain.countExceptions(() => [1], RangeError, DOMException);
  check<Same<typeof counted, number[]>>();
  const tracked = new Gauge("t", "T.", { registry }).trackInProgress(() => Promise.resolve(1));
  check<Same<typeof tracked, Promise<number>>>();
  // @ts-expect-error Not an error class.
  plain.countExceptions(() => 1, "RangeError");
}

export function options(): void {
  // @ts-expect-error A misspelt option.
  new Counter("x_total", "X.", { labels: ["a"], registry });
  // @ts-expect-error Buckets are for histograms.
  new Counter("x_total", "X.", { buckets: [1], registry });
  // @ts-expect-error Quantiles are for summaries.
  new Histogram("x", "X.", { quantiles: [0.5], registry });
  // @ts-expect-error Buckets are numbers.
  new Histogram("x", "X.", { buckets: ["1"], registry });
  // @ts-expect-error The help text is missing.
  new Counter("x_total");
  // @ts-expect-error Label names are strings.
  new Counter("x_total", "X.", { labelNames: [1], registry });
}

// Labels in a variable are checked like labels in a literal.
const context = { method: "GET", code: 200, tenant: "x" };
const optional: { method: string; code?: number } = { method: "GET" };
const exact: { readonly method: string; readonly code: number } = { method: "GET", code: 200 };
// @ts-expect-error An extra label in a variable.
counter.labels(context);
// @ts-expect-error An extra label in a spread.
counter.labels({ ...context });
// @ts-expect-error An optional label.
counter.labels(optional);
counter.labels(exact).inc();
