import {
  isMetricType,
  labelSetKey,
  type MetricFamily,
  type MetricType,
  type ParseError,
  received,
} from "../../model.ts";
import { PointCheck } from "./histogram_point.ts";
import { parseValue } from "./numbers.ts";
import { addSample, createFamily, type OpenMetricsSample } from "./sample.ts";
import { type Scanner, unescapeHelp } from "./scanner.ts";

/** The suffixes of the sample names of each type. */
const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum", "_created"],
  gaugehistogram: ["_bucket", "_gcount", "_gsum"],
  summary: ["", "_count", "_sum", "_created"],
  info: ["_info"],
  stateset: [""],
  unknown: [""],
};

/** The suffixes of samples that are neither NaN nor negative. `_gsum` may be negative. */
const COUNTING_SUFFIXES = ["_total", "_bucket", "_count", "_sum", "_gcount", "_gsum"];
const WHOLE_SUFFIXES = ["_bucket", "_count", "_gcount"];

/**
 * The family whose lines are being read. Each line is checked against the rules of the
 * specification. When the next family begins, this one becomes a family of the model.
 */
export class OpenFamily {
  /** The name, as in the text. */
  readonly name: string;
  readonly #scanner: Scanner;
  readonly #at: number;
  #help: string | undefined;
  #type: MetricType | undefined;
  #unit: string | undefined;
  /** The samples by group. */
  readonly #samples: OpenMetricsSample[][] = [];
  /** The groups so far. The samples of a group must be together. */
  readonly #groups: Set<string> = new Set();
  #group: string | undefined;
  #timestamp: number | undefined;
  /** The samples of the group with the present timestamp. */
  readonly #points: Set<string> = new Set();
  readonly #histogram: PointCheck;

  /**
   * Opens a family.
   *
   * @param scanner Creates errors with their place.
   * @param name The name.
   * @param at The index in the text where the family begins.
   */
  constructor(scanner: Scanner, name: string, at: number) {
    this.#scanner = scanner;
    this.name = name;
    this.#at = at;
    this.#histogram = new PointCheck(scanner);
  }

  /**
   * Adds a line of metadata.
   *
   * @param keyword `HELP`, `TYPE` or `UNIT`.
   * @param value The text of the line.
   * @param places The indices where the line and its text begin.
   * @throws {ParseError} If the line comes too late or twice, or the type is unknown.
   */
  declare(keyword: string, value: string, places: { at: number; valueAt: number }): void {
    const { at, valueAt } = places;
    if (this.#samples.length > 0) {
      throw this.#scanner.unexpected("metadata must come before the samples", at);
    }
    const before = keyword === "HELP" ? this.#help : keyword === "TYPE" ? this.#type : this.#unit;
    if (before !== undefined) {
      throw this.#scanner.unexpected(`a metric must have one ${keyword}`, at);
    }
    if (keyword === "HELP") this.#help = unescapeHelp(value, true);
    else if (keyword === "UNIT") this.#unit = value;
    else if (isMetricType(value)) this.#type = value;
    else throw this.#scanner.unexpected("TYPE must be a metric type", valueAt);
  }

  /**
   * Returns whether a sample belongs to this family, by its name.
   *
   * @param sample The sample.
   * @returns Whether it belongs here.
   */
  takes(sample: OpenMetricsSample): boolean {
    const { name } = sample;
    if (!name.startsWith(this.name)) return false;
    const suffix = name.slice(this.name.length);
    const type = this.#type ?? "unknown";
    return SUFFIXES[type].includes(suffix) ||
      (type === "histogram" && suffix === "" && sample.nativeHistogram !== undefined);
  }

  /**
   * Adds a sample.
   *
   * @param sample The sample.
   * @throws {ParseError} If the specification does not allow it here.
   */
  add(sample: OpenMetricsSample): void {
    const suffix = sample.name.slice(this.name.length);
    this.#checkValue(sample, suffix);
    const { special, specialValue } = this.#specialLabel(sample, suffix);
    if (!this.#checkOrder(sample, suffix, special, specialValue)) return;
    if (this.#type === "histogram" || this.#type === "gaugehistogram") {
      this.#histogram.add(sample, suffix);
    }
    this.#samples.at(-1)!.push(sample);
  }

  /**
   * Ends the family.
   *
   * @param claimedNames The sample names of the families before. The names of this family are
   * added.
   * @returns The family.
   * @throws {ParseError} If the specification does not allow the family as a whole.
   */
  close(claimedNames: Set<string>): MetricFamily {
    const { name } = this;
    const type = this.#type ?? "unknown";
    const unit = this.#unit ?? "";
    for (const suffix of new Set(["", ...SUFFIXES[type]])) {
      if (claimedNames.has(name + suffix)) throw this.#error(`"${name + suffix}" must be unique`);
      claimedNames.add(name + suffix);
    }
    if (unit !== "" && !name.endsWith(`_${unit}`)) {
      throw this.#error(`the unit "${unit}" must be the last part of the metric name`);
    }
    if (unit !== "" && (type === "info" || type === "stateset")) {
      throw this.#error(`a metric of type ${type} must have no unit`);
    }
    this.#histogram.finish();

    const family = createFamily(this.#scanner, this.#at, {
      name: type === "counter" ? `${name}_total` : type === "info" ? `${name}_info` : name,
      help: this.#help ?? "",
      type,
      unit,
    });
    for (const samples of this.#samples) {
      for (const sample of samples.toSorted((a, b) => this.#rank(a) - this.#rank(b))) {
        addSample(this.#scanner, family, sample);
      }
    }
    return family;
  }

  /**
   * Returns the rank of a sample in the order in which a group is added to the model. The sum and
   * the count of classic buckets come before a native histogram. A created timestamp comes after
   * the sample that it belongs to.
   */
  #rank(sample: OpenMetricsSample): number {
    if (sample.nativeHistogram !== undefined) return 1;
    const isCreated = sample.name === `${this.name}_created` &&
      SUFFIXES[this.#type ?? "unknown"].includes("_created");
    return isCreated ? 2 : 0;
  }

  #error(message: string): ParseError {
    return this.#scanner.unexpected(message, this.#at);
  }

  /** Checks the value and the exemplar of a sample. */
  #checkValue(sample: OpenMetricsSample, suffix: string): void {
    const { value, valueAt, nativeHistogram } = sample;
    const type = this.#type;
    const fail = (rule: string) => this.#scanner.unexpected(rule, valueAt);
    if (nativeHistogram !== undefined) {
      if (type !== "histogram" || suffix !== "") throw fail("a value must be a number");
      return;
    }
    if (COUNTING_SUFFIXES.includes(suffix)) {
      if (Number.isNaN(value)) throw fail(`${suffix} must be a number`);
      if (value < 0 && suffix !== "_gsum") throw fail(`${suffix} must be >= 0`);
    }
    if (WHOLE_SUFFIXES.includes(suffix) && !Number.isInteger(value)) {
      throw fail(`${suffix} must be a whole number`);
    }
    if (type === "summary" && suffix === "" && value < 0) throw fail("a quantile must be >= 0");
    if (type === "info" && value !== 1) throw fail("the value of an info must be 1");
    if (type === "stateset" && value !== 0 && value !== 1) {
      throw fail("the value of a state must be 0 or 1");
    }
    if (sample.exemplar !== undefined && suffix !== "_bucket" && suffix !== "_total") {
      throw fail("only counters and buckets have exemplars");
    }
  }

  /** Returns the label that distinguishes the samples of a point. */
  #specialLabel(
    sample: OpenMetricsSample,
    suffix: string,
  ): { special: string | undefined; specialValue: string } {
    const type = this.#type;
    let special: string | undefined;
    if (suffix === "_bucket") special = "le";
    else if (type === "summary" && suffix === "") special = "quantile";
    else if (type === "stateset") special = this.name;
    if (special === undefined) return { special, specialValue: "" };

    const specialValue = Object.hasOwn(sample.labels, special) ? sample.labels[special] : undefined;
    const fail = (rule: string) => {
      return this.#scanner.error(`${rule}: received ${received(specialValue)}`, sample.at);
    };
    if (specialValue === undefined) throw fail(`the label "${special}" is missing`);
    if (type === "stateset") return { special, specialValue };
    const bound = parseValue(specialValue);
    const isCanonical = bound !== undefined && !Number.isNaN(bound) &&
      (bound !== Infinity || specialValue === "+Inf");
    if (!isCanonical) throw fail(`the label "${special}" must be a number, or "+Inf"`);
    if (special === "quantile" && !(bound >= 0 && bound <= 1)) {
      throw fail('the label "quantile" must be from 0 to 1');
    }
    return { special, specialValue };
  }

  /**
   * Checks that the samples of a group are together and in the order of time.
   *
   * @returns Whether the sample is new. False if there is one with the same timestamp.
   */
  #checkOrder(
    sample: OpenMetricsSample,
    suffix: string,
    special: string | undefined,
    specialValue: string,
  ): boolean {
    const { labels, timestamp, at } = sample;
    const isInfo = this.#type === "info";
    const names = Object.keys(labels).filter((label) => label !== special);
    const key = labelSetKey(names, names.map((label) => labels[label] ?? ""));
    // The labels of an info do not tell its metrics apart, so all its samples are one group.
    const group = isInfo ? "" : key;
    if (group !== this.#group) {
      if (this.#groups.has(group)) {
        throw this.#scanner.unexpected("the samples of a metric must be together", at);
      }
      this.#groups.add(group);
      this.#group = group;
      this.#samples.push([]);
      this.#startPoint(timestamp);
    } else if (timestamp !== this.#timestamp) {
      if (timestamp === undefined || this.#timestamp === undefined) {
        throw this.#scanner.unexpected("all or no samples of a metric must have timestamps", at);
      }
      if (timestamp < this.#timestamp && !isInfo) {
        throw this.#scanner.unexpected("the timestamps of a metric must not fall", at);
      }
      this.#startPoint(timestamp);
    }
    const point = `${suffix}:${isInfo ? key : specialValue}`;
    if (!this.#points.has(point)) {
      this.#points.add(point);
      return true;
    }
    if (timestamp === undefined) throw this.#scanner.unexpected("a series must be unique", at);
    return false;
  }

  #startPoint(timestamp: number | undefined): void {
    this.#histogram.finish();
    this.#points.clear();
    this.#timestamp = timestamp;
  }
}
