import { escapeLabelName, escapeMetricName } from "../encoding/escaping.ts";
import { parseValue } from "../encoding/parse/numbers.ts";
import { readEntries, type TextEntry } from "../encoding/parse/prometheus_text.ts";
import type { ParsedSample } from "../encoding/parse/sample.ts";
import { Scanner } from "../encoding/parse/scanner.ts";
import { TEXT_TYPE_NAMES } from "../encoding/text.ts";
import {
  gather,
  gatherAsync,
  type Gatherer,
  generateMetrics,
  type MetricFamily,
  type ReadAsyncOptions,
  REGISTRY,
} from "../mod.ts";
import {
  checkKnownOptions,
  checkShape,
  exposedNames,
  formatBound,
  type KnownOptions,
} from "../model.ts";
import { readSynchronously } from "./synchronous.ts";

const DOING = "Cannot compare metrics";

/** Options of {@linkcode compareMetrics}. */
export interface CompareOptions {
  /** The registry, or a view of one. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * The names of the families or samples to compare, as exposed. Everything else is left out of
   * both sides. @default {all}
   */
  names?: Iterable<string> | undefined;
}

/** Options of {@linkcode compareMetricsAsync}. */
export interface CompareAsyncOptions
  extends CompareOptions, Pick<ReadAsyncOptions, "signal" | "timeoutMs"> {}

const KNOWN_OPTIONS: KnownOptions<CompareOptions> = { registry: true, names: true };
const KNOWN_ASYNC_OPTIONS: KnownOptions<CompareAsyncOptions> = {
  ...KNOWN_OPTIONS,
  signal: true,
  timeoutMs: true,
};

/** A line of a text. */
interface Line {
  /** The series, or the name that a line of metadata is about. */
  readonly key: string;
  /** The line as it is shown: labels in order, numbers in one spelling. */
  readonly text: string;
  /** Whether it is a line of HELP or TYPE. */
  readonly isMetadata: boolean;
}

/**
 * Compares what a registry exposes with a text that you expect, in text format 0.0.4.
 *
 * The order of families, series and labels does not matter, nor does the spelling of numbers
 * (`1e3` is `1000`), and lines may be indented. HELP and TYPE are compared for those names for which
 * the expected text has them. Timestamps are compared; exemplars and units are not part of the
 * format.
 *
 * Asynchronous collectors are left out of this read, and counted;
 * {@linkcode compareMetricsAsync} awaits them.
 *
 * @param expected The text.
 * @param options The registry, and the names to compare.
 * @returns The differences: the lines that are missing, each behind a `-`, and those that were not
 * expected, each behind a `+`. Lines of one series stand together. Empty if nothing differs.
 * @throws {TypeError} If `expected` is not a string, an option is not legal, or the registry can be
 * read only asynchronously.
 * @throws {ParseError} If `expected` is not in the text format. The error has the line and the
 * column.
 *
 * @example What a job counts
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { compareMetrics } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const options = { registry, labelNames: ["kind", "size"] } as const;
 * const orders = new Counter("orders_total", "Orders.", options);
 * orders.labels("rye", "large").inc(2);
 * orders.labels("wheat", "small").inc();
 *
 * const expected = `
 *   \# TYPE orders_total counter
 *   orders_total{kind="wheat",size="small"} 1
 *   orders_total{size="large",kind="rye"} 2
 * `;
 * assert.deepEqual(compareMetrics(expected, { registry }), []);
 *
 * orders.labels("rye", "large").inc();
 * assert.deepEqual(compareMetrics(expected, { registry, names: ["orders_total"] }), [
 *   '-orders_total{kind="rye",size="large"} 2',
 *   '+orders_total{kind="rye",size="large"} 3',
 * ]);
 * ```
 */
export function compareMetrics(expected: string, options: CompareOptions = {}): string[] {
  const { registry = REGISTRY, names } = checkKnownOptions(options, KNOWN_OPTIONS, DOING);
  const entries = readExpected(expected);
  const wanted = names === undefined ? undefined : checkNames(names);
  const instead = { doing: DOING, instead: "compareMetricsAsync()" };
  const read = () => [...gather(registry, { names: wanted })];
  const families = readSynchronously(registry, instead, read);
  return compare(entries, families, wanted);
}

/**
 * Does the same as {@linkcode compareMetrics}, with asynchronous collectors awaited, and for
 * registries that several processes share.
 *
 * @param expected The text.
 * @param options The registry, the names to compare, a signal and a time limit.
 * @returns The differences.
 * @throws {TypeError} If `expected` is not a string, or an option is not legal.
 * @throws {ParseError} If `expected` is not in the text format.
 *
 * @example A collector that awaits
 * ```ts
 * import { CollectorRegistry, MetricFamily } from "@narthex/prometheus";
 * import { compareMetricsAsync } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   async *collect() {
 *     yield new MetricFamily("users", "Users known.", "gauge")
 *       .addSample("users", {}, await Promise.resolve(7));
 *   },
 * });
 * assert.deepEqual(await compareMetricsAsync("users 7", { registry }), []);
 * ```
 */
export async function compareMetricsAsync(
  expected: string,
  options: CompareAsyncOptions = {},
): Promise<string[]> {
  const { registry = REGISTRY, names, ...others } = checkKnownOptions(
    options,
    KNOWN_ASYNC_OPTIONS,
    DOING,
  );
  const entries = readExpected(expected);
  const wanted = names === undefined ? undefined : checkNames(names);
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, { ...others, names: wanted })) {
    families.push(family);
  }
  return compare(entries, families, wanted);
}

function readExpected(expected: string): TextEntry[] {
  checkShape(typeof expected === "string", DOING, "expected must be a string", expected);
  return parse(expected);
}

function checkNames(names: Iterable<string>): ReadonlySet<string> {
  const isIterable = typeof names !== "string" && typeof names?.[Symbol.iterator] === "function";
  checkShape(isIterable, DOING, "names must be an iterable", names);
  const copy = new Set(names);
  for (const name of copy) {
    checkShape(typeof name === "string", DOING, "names must be strings", name);
  }
  return copy;
}

function parse(text: string): TextEntry[] {
  return [...readEntries(new Scanner(text, "Prometheus text", {})).values()];
}

/** Compares what is expected with what is there. */
function compare(
  expected: readonly TextEntry[],
  families: readonly MetricFamily[],
  wanted: ReadonlySet<string> | undefined,
): string[] {
  const isWanted = wantedNames(expected, families, wanted);
  /** What is missing, and what is there in its place. */
  const differences = new Map<string, { missing: Line[]; others: Line[] }>();
  for (const line of linesOf(expected.filter(({ name }) => isWanted(name)))) {
    const difference = differences.get(line.key) ?? { missing: [], others: [] };
    difference.missing.push(line);
    differences.set(line.key, difference);
  }
  const unexpected: Line[] = [];
  const text = generateMetrics({ prefix: null, collect: () => families });
  for (const line of linesOf(parse(text))) {
    const difference = differences.get(line.key);
    const at = difference?.missing.findIndex(({ text }) => text === line.text) ?? -1;
    if (at >= 0) difference!.missing.splice(at, 1);
    else if (difference !== undefined) difference.others.push(line);
    else if (!line.isMetadata) unexpected.push(line);
  }
  const lines = [...differences.values()].flatMap(({ missing, others }) => [
    ...missing.map(({ text }) => `-${text}`),
    ...others.map(({ text }) => `+${text}`),
  ]);
  return [...lines, ...unexpected.map(({ text }) => `+${text}`)];
}

/** Returns whether a name of the expected text is to be compared. */
function wantedNames(
  expected: readonly TextEntry[],
  families: readonly MetricFamily[],
  wanted: ReadonlySet<string> | undefined,
): (name: string) => boolean {
  if (wanted === undefined) return () => true;
  const names = new Set(wanted);
  // The name of a family stands for those of its samples.
  for (const { name, type = "unknown" } of [...expected, ...families]) {
    if (wanted.has(name)) exposedNames(name, type).forEach((own) => names.add(own));
  }
  return (name) => names.has(name);
}

function* linesOf(entries: readonly TextEntry[]): Generator<Line> {
  for (const { name, help, type, samples } of entries) {
    const spelled = escapeMetricName(name, "underscores");
    const metadata = (key: string, text: string): Line => ({
      key,
      text: `${key} ${text}`.trimEnd(),
      isMetadata: true,
    });
    if (help !== undefined) {
      const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
      yield metadata(`# HELP ${spelled}`, escaped);
    }
    if (type !== undefined) yield metadata(`# TYPE ${spelled}`, TEXT_TYPE_NAMES[type]);
    for (const sample of samples) yield sampleLine(spelled, sample);
  }
}

/** The line of a sample. A label without a value is as if it were not there. */
function sampleLine(name: string, { labels, value, timestamp }: ParsedSample): Line {
  const pairs = Object.entries(labels).filter(([, text]) => text !== "")
    .map(([label, text]) => {
      const bound = label === "le" || label === "quantile" ? parseValue(String(text)) : undefined;
      const escaped = bound === undefined
        ? String(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
        : formatBound(bound);
      return `${escapeLabelName(label, "underscores")}="${escaped}"`;
    }).sort();
  const key = pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
  const number = Number.isFinite(value) ? String(value + 0) : formatValue(value);
  const time = timestamp === undefined ? "" : ` ${Math.round(timestamp * 1000)}`;
  return { key, text: `${key} ${number}${time}`, isMetadata: false };
}

/** Spells a number that is not finite. */
function formatValue(value: number): string {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
