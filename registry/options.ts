import {
  checkKnownOptions,
  checkNumber,
  checkShape,
  isLegacyMetricName,
  type KnownOptions,
  type LabelSet,
  type LabelValue,
  toLabelSet,
} from "../model.ts";
import { type Clock, SYSTEM_CLOCK, type Timers, withTimers } from "../time/clock.ts";
import type { CollectorErrorCause } from "./protocol.ts";

/**
 * What a registry does with a collector whose names another one claims:
 * - `"reuse"`: hands back the existing metric if it has the same definition, and throws otherwise.
 *   The constructor of a metric then returns the existing one, so a module may run more than once.
 * - `"throw"`: throws a {@linkcode DuplicateMetricError}, for equal definitions too.
 * - `"keep"`: keeps the first one, warns once for each name, and leaves the second unregistered.
 * - `"replace"`: hands back an existing metric of the same definition, and lets any other collector
 *   take the place of the existing one. For programs that reload their modules. Of two collectors
 *   without `describe()` that bring a family of one name and type, a read keeps the later one.
 * - `"merge"`: checks no names. A read merges families of one name, and leaves out repeated series.
 *
 * @example A metric that is edited while the program runs
 * ```ts
 * import { CollectorRegistry, Counter, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry({ onDuplicate: "replace" });
 * new Counter("jobs_total", "Jobs done.", { registry }).inc();
 * new Gauge("queue", "Jobs waiting.", { registry }).set(3);
 * // The module runs again, with another help text for one of them.
 * new Counter("jobs_total", "Jobs done.", { registry }).inc();
 * new Gauge("queue", "Jobs that wait.", { registry });
 * assert.equal(registry.getSampleValue("jobs_total"), 2);
 * assert.equal(registry.getSampleValue("queue"), 0);
 * ```
 *
 * @example Two parts of a program that count under one name
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry({ onDuplicate: "merge" });
 * const options = { registry, labelNames: ["part"] } as const;
 * new Counter("errors_total", "Errors.", options).labels("web").inc();
 * new Counter("errors_total", "Errors of jobs.", options).labels("jobs").inc(2);
 * assert.equal(registry.getSampleValue("errors_total", { part: "web" }), 1);
 * assert.equal(registry.getSampleValue("errors_total", { part: "jobs" }), 2);
 * ```
 */
export type OnDuplicate = "throw" | "keep" | "reuse" | "replace" | "merge";

const ON_DUPLICATE: readonly unknown[] = ["throw", "keep", "reuse", "replace", "merge"];

/**
 * Options of {@linkcode CollectorRegistry}.
 *
 * @example A log of what a scrape had to leave out
 * ```ts
 * import { CollectorRegistry, generateMetrics } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const log: string[] = [];
 * const registry = new CollectorRegistry({
 *   onError: (error, { collector, cause }) => log.push(`${collector} (${cause}): ${error}`),
 * });
 * registry.register({
 *   collect() {
 *     throw new Error("connection refused");
 *   },
 * });
 * generateMetrics(registry);
 * assert.deepEqual(log, ["anonymous (error): Error: connection refused"]);
 * ```
 */
export interface CollectorRegistryOptions {
  /** Stands before the name of every family when it is exposed, joined by one `_`. */
  prefix?: string | null | undefined;
  /** Labels that every series gets. A metric that has one of them itself is refused. */
  constLabels?: Readonly<Record<string, LabelValue>> | undefined;
  /** Labels of the `target_info` series, which describes the program as a whole. */
  targetInfo?: Readonly<Record<string, LabelValue>> | null | undefined;
  /**
   * Whether to call `collect()` at registration to learn the names of a collector
   * that has no `describe()`. @default {false}
   */
  autoDescribe?: boolean | undefined;
  /** What to do when a name is claimed already. @default {"reuse"} */
  onDuplicate?: OnDuplicate | undefined;
  /**
   * The `maxSeries` of metrics that are built into this registry and do not say it
   * themselves: for each of them, not for all together. An integer of at least 0, or
   * `Infinity`. @default {Infinity}
   */
  maxSeries?: number | undefined;
  /**
   * Called with each error that made a read leave something out, with the name of the collector
   * or of the family and the cause, for a log. What it throws is ignored.
   * {@linkcode CollectorRegistry.lastErrors} has the messages, too. @default {none}
   */
  onError?:
    | ((error: unknown, about: { collector: string; cause: CollectorErrorCause }) => void)
    | undefined;
  /** Where the registry takes the time from, for tests. @default {the platform} */
  clock?: Clock | undefined;
}

const REGISTRY_OPTIONS: KnownOptions<CollectorRegistryOptions> = {
  prefix: true,
  constLabels: true,
  targetInfo: true,
  autoDescribe: true,
  onDuplicate: true,
  maxSeries: true,
  onError: true,
  clock: true,
};

/** The same options, all of them there and legal. */
export interface CheckedRegistryOptions {
  readonly prefix: string | null;
  readonly constLabels: LabelSet | undefined;
  readonly targetInfo: Readonly<Record<string, LabelValue>> | null;
  readonly autoDescribe: boolean;
  readonly onDuplicate: OnDuplicate;
  readonly maxSeries: number;
  readonly onError: NonNullable<CollectorRegistryOptions["onError"]>;
  readonly clock: Timers;
}

/**
 * Checks the options of a registry.
 *
 * @param given The options as they were given.
 * @returns The options, with defaults.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If `maxSeries` is neither an integer of at least 0 nor `Infinity`.
 */
export function checkRegistryOptions(given: CollectorRegistryOptions): CheckedRegistryOptions {
  const doing = "Cannot create registry";
  const options = checkKnownOptions(given, REGISTRY_OPTIONS, doing);
  const {
    onDuplicate = "reuse",
    autoDescribe = false,
    onError = () => {},
    clock = SYSTEM_CLOCK,
    targetInfo = null,
  } = options;
  const choices = 'onDuplicate must be "throw", "keep", "reuse", "replace" or "merge"';
  checkShape(ON_DUPLICATE.includes(onDuplicate), doing, choices, onDuplicate);
  const isFlag = typeof autoDescribe === "boolean";
  checkShape(isFlag, doing, "autoDescribe must be a boolean", autoDescribe);
  checkShape(typeof onError === "function", doing, "onError must be a function", onError);
  const isClock = typeof clock?.now === "function" && typeof clock.monotonic === "function";
  checkShape(isClock, doing, "clock must have now() and monotonic()", clock);
  return {
    prefix: checkPrefix(options.prefix, doing),
    constLabels: options.constLabels === undefined
      ? undefined
      : checkConstLabels(options.constLabels, doing),
    targetInfo,
    autoDescribe,
    onDuplicate,
    maxSeries: checkMaxSeries(options.maxSeries, doing),
    onError,
    clock: withTimers(clock),
  };
}

/**
 * Checks constant labels.
 *
 * @param labels The labels as they were given.
 * @param doing The action, for error messages, such as `Cannot set constant labels`.
 * @returns A copy; undefined for none.
 * @throws {TypeError} If a label is not legal.
 */
export function checkConstLabels(
  labels: Readonly<Record<string, LabelValue>>,
  doing: string,
): LabelSet | undefined {
  const checked = toLabelSet(labels, "legacy", doing);
  return checked.labelNames.length === 0 ? undefined : checked;
}

/** The one family whose name has a meaning to Prometheus and is never prefixed. */
export const TARGET_INFO = "target_info";

/**
 * Checks a prefix.
 *
 * @param prefix The prefix as it was given.
 * @param doing The action, for error messages, such as `Cannot create registry`.
 * @returns The prefix without trailing underscores; `null` for none.
 * @throws {TypeError} If it cannot begin a metric name.
 */
export function checkPrefix(prefix: unknown, doing: string): string | null {
  if (prefix === undefined || prefix === null || prefix === "") return null;
  const rule = "prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*";
  checkShape(typeof prefix === "string" && isLegacyMetricName(prefix), doing, rule, prefix);
  return prefix.replace(/(?<!_)_+$/, "") || null;
}

/**
 * The name under which a registry exposes a family.
 *
 * @param prefix The registry's prefix, checked.
 * @param name The name as registered.
 * @returns Both, joined by one `_`.
 */
export function exposedName(prefix: string | null, name: string): string {
  return prefix === null || name === TARGET_INFO ? name : `${prefix}_${name}`;
}

/**
 * Checks a limit of series.
 *
 * @param maxSeries The limit as it was given; nothing for none.
 * @param doing The action, for error messages, such as `Cannot create registry`.
 * @returns The limit; `Infinity` for none.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is neither an integer of at least 0 nor `Infinity`.
 */
export function checkMaxSeries(maxSeries: unknown, doing: string): number {
  if (maxSeries === undefined) return Infinity;
  const isLegal = (limit: number) => limit === Infinity || (Number.isInteger(limit) && limit >= 0);
  return checkNumber(maxSeries, isLegal, "an integer >= 0, or Infinity", doing, "maxSeries");
}
