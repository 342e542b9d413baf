import { parseValue } from "../encoding/parse/numbers.ts";
import {
  type Gatherer,
  generateMetrics,
  generateMetricsAsync,
  type ReadAsyncOptions,
  REGISTRY,
} from "../mod.ts";
import { readSynchronously } from "./synchronous.ts";

/** The values that a registry exposed when {@linkcode snapshot} was called. */
export interface Snapshot {
  /**
   * Returns the differences between the values now and then. Series without a difference are left
   * out.
   *
   * A missing series counts as 0. So a new series has its whole value, and a removed one has its
   * negated value. The subtraction is not rounded, so the sum of fractions may differ in its last
   * digits.
   *
   * @returns A new plain object: series in the order of the exposition, then removed ones.
   * @throws {TypeError} If the registry can only be read asynchronously by now.
   */
  diff(): Record<string, number>;
  /**
   * Returns all values of that time, zeros included.
   *
   * @returns A new plain object: series in the order of the exposition.
   */
  values(): Record<string, number>;
}

/** The values that a registry exposed when {@linkcode snapshotAsync} was called. */
export interface AsyncSnapshot {
  /**
   * Returns the differences between the values now and then, like {@linkcode Snapshot.diff}. Awaits
   * asynchronous collectors again.
   *
   * @returns A new plain object: series in the order of the exposition, then removed ones.
   */
  diff(): Promise<Record<string, number>>;
  /**
   * Returns all values of that time, zeros included.
   *
   * @returns A new plain object: series in the order of the exposition.
   */
  values(): Record<string, number>;
}

/** The values by series. */
type Values = ReadonlyMap<string, number>;

/**
 * Remembers the values that a registry exposes, so that a test can assert what has changed since.
 * You do not have to reset anything between tests, and earlier counts do not matter.
 *
 * A series is spelled like the beginning of its line in text format 0.0.4, as in
 * `http_requests_total{method="GET",status="200"}`, with labels in the order of `labelNames`.
 * Buckets, sums, counts and quantiles are series too. A native histogram has its sum, its count and
 * the bucket `+Inf`. Timestamps, exemplars and created timestamps are left out.
 *
 * For a part of a registry, take a snapshot of a view:
 * `snapshot(REGISTRY.restrictedRegistry(["http_requests_total"]))`.
 *
 * As in every synchronous read, an asynchronous collector is left out and counted, so `diff()` has
 * `narthex_collector_errors_total`. {@linkcode snapshotAsync} awaits it.
 *
 * Takes time and memory in proportion to the text of a scrape.
 *
 * @param registry The registry. @default {REGISTRY}
 * @returns The present values.
 * @throws {TypeError} If the registry can only be read asynchronously, like a shared registry.
 *
 * @example The counts of a function
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
 * Remembers the values that a registry exposes, like {@linkcode snapshot}. Awaits asynchronous
 * collectors, and can read shared registries.
 *
 * @param registry The registry. @default {REGISTRY}
 * @param options A signal and a time limit, for this read and for the reads of `diff()`.
 * @returns The present values.
 *
 * @example An asynchronous collector
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

/** Splits the lines of a text, as the encoder writes them, after the labels. */
function readValues(text: string): Values {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    // Only numbers follow the labels, and a name without labels has no braces.
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
  // Object.fromEntries defines properties, so that even "__proto__" is an ordinary series.
  return Object.fromEntries(differences);
}

/** Compares numbers. NaN equals NaN, and 0 equals -0. */
function isSame(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
