import { parseValue } from "../encoding/parse/numbers.ts";
import {
  type Gatherer,
  generateMetrics,
  generateMetricsAsync,
  type ReadAsyncOptions,
  REGISTRY,
} from "../mod.ts";
import { readSynchronously } from "./synchronous.ts";

/** What a registry exposed when {@linkcode snapshot} was called. */
export interface Snapshot {
  /**
   * What has changed since then, series by series: the value now less the value then.
   *
   * A series that is not there counts as 0. So a new one stands there with its whole
   * value, one that was removed with its value below zero, and one that came or went
   * at 0 not at all, nor does any other that has not changed. Numbers are subtracted
   * as they are: the sum of fractions may differ in its last digits.
   *
   * @returns A new plain object: series in the order of the exposition, then those
   * that were removed.
   * @throws {TypeError} If the registry has since become one that is read asynchronously.
   */
  diff(): Record<string, number>;
  /**
   * All values as they were, those that are 0 included.
   *
   * @returns A new plain object: series in the order of the exposition.
   */
  values(): Record<string, number>;
}

/** What a registry exposed when {@linkcode snapshotAsync} was called. */
export interface AsyncSnapshot {
  /**
   * What has changed since then, as {@linkcode Snapshot.diff} tells it, with
   * asynchronous collectors awaited again.
   *
   * @returns A new plain object: series in the order of the exposition, then those
   * that were removed.
   */
  diff(): Promise<Record<string, number>>;
  /**
   * All values as they were, those that are 0 included.
   *
   * @returns A new plain object: series in the order of the exposition.
   */
  values(): Record<string, number>;
}

/** The values by series. */
type Values = ReadonlyMap<string, number>;

/**
 * Remembers what a registry exposes, so that a test can tell what has changed since.
 * Nothing has to be reset between tests, and metrics that others have counted with
 * before do not matter.
 *
 * A series is spelled as its line in text format 0.0.4 begins, as `generateMetrics()`
 * writes it: `http_requests_total{method="GET",status="200"}`, labels in the order of
 * `labelNames`. Buckets, sums, counts and quantiles are series too; a native histogram
 * has its sum, its count and the bucket `+Inf`. Timestamps, exemplars and moments of
 * creation are no values.
 *
 * For a part of a registry take a snapshot of a view:
 * `snapshot(REGISTRY.restrictedRegistry(["http_requests_total"]))`.
 *
 * An asynchronous collector is left out of this read, as of every synchronous one, and
 * counted for each: `diff()` then has `narthex_collector_errors_total`.
 * {@linkcode snapshotAsync} awaits it.
 *
 * Takes time and memory in proportion to the text of a scrape.
 *
 * @param registry The registry; the default one if left out.
 * @returns What it exposes now.
 * @throws {TypeError} If the registry can be read only asynchronously, as one that
 * several processes share.
 *
 * @example What a function counts
 * ```ts
 * import { Counter, Histogram } from "@narthex/prometheus";
 * import { snapshot } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const orders = new Counter("orders_total", "Orders.", { labelNames: ["kind"] });
 * const size = new Histogram("order_size", "Loaves of an order.", { buckets: [1, 10] });
 * const order = (kind: string, loaves: number) => {
 *   orders.labels({ kind }).inc();
 *   size.observe(loaves);
 * };
 * order("rye", 1);
 *
 * const before = snapshot();
 * order("rye", 5);
 * assert.deepEqual(before.diff(), {
 *   'orders_total{kind="rye"}': 1,
 *   'order_size_bucket{le="10"}': 1,
 *   'order_size_bucket{le="+Inf"}': 1,
 *   "order_size_sum": 5,
 *   "order_size_count": 1,
 * });
 * ```
 */
export function snapshot(registry: Gatherer = REGISTRY): Snapshot {
  const names = { doing: "Cannot take a snapshot", instead: "snapshotAsync()" };
  const read = () =>
    readValues(readSynchronously(registry, names, () => generateMetrics(registry)));
  const then = read();
  return Object.freeze({
    diff: () => subtract(read(), then),
    values: () => Object.fromEntries(then),
  });
}

/**
 * The same as {@linkcode snapshot}, with asynchronous collectors awaited, and for
 * registries that several processes share.
 *
 * @param registry The registry; the default one if left out.
 * @param options A signal and a time limit, for this read and for those of `diff()`.
 * @returns What it exposes now.
 *
 * @example What another process may have counted
 * ```ts
 * import { CollectorRegistry, MetricFamily } from "@narthex/prometheus";
 * import { snapshotAsync } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const users = ["ada"];
 * const registry = new CollectorRegistry();
 * registry.register({
 *   async *collect() {
 *     yield new MetricFamily("users", "Users known.", "gauge")
 *       .addSample("users", {}, await Promise.resolve(users.length));
 *   },
 * });
 *
 * const before = await snapshotAsync(registry);
 * users.push("grace", "joan");
 * assert.deepEqual(await before.diff(), { users: 2 });
 * ```
 */
export async function snapshotAsync(
  registry: Gatherer = REGISTRY,
  options: ReadAsyncOptions = {},
): Promise<AsyncSnapshot> {
  const read = async () => readValues(await generateMetricsAsync(registry, options));
  const then = await read();
  return Object.freeze({
    diff: async () => subtract(await read(), then),
    values: () => Object.fromEntries(then),
  });
}

/** The lines of a text as the encoder writes them, each cut behind its labels. */
function readValues(text: string): Values {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    // Behind the labels there are only numbers, and a name that has none has no braces.
    const end = line.lastIndexOf("}") + 1 || line.indexOf(" ");
    const [value = ""] = line.slice(end + 1).split(" ", 1);
    values.set(line.slice(0, end), parseValue(value) ?? NaN);
  }
  return values;
}

function subtract(now: Values, then: Values): Record<string, number> {
  const differences: [string, number][] = [];
  for (const [series, value] of now) {
    const before = then.get(series) ?? 0;
    if (!isSame(value, before)) differences.push([series, value - before]);
  }
  for (const [series, before] of then) {
    if (!now.has(series) && !isSame(0, before)) differences.push([series, -before]);
  }
  // Object.fromEntries defines, so that even "__proto__" is an ordinary series.
  return Object.fromEntries(differences);
}

/** NaN is the same as NaN, and 0 as -0. */
function isSame(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
