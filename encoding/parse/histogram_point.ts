import { parseValue } from "./numbers.ts";
import type { OpenMetricsSample } from "./sample.ts";
import type { Scanner } from "./scanner.ts";

/** Checks the samples of a point of a histogram: one label set at one time. */
export class PointCheck {
  readonly #scanner: Scanner;
  /** The index of the last sample in the text. Undefined if there is nothing to check. */
  #at: number | undefined;
  #hasNative = false;
  #bound: number | undefined;
  #bucket = 0;
  #count: number | undefined;
  #sum: number | undefined;
  #isGauge = false;
  #hasNegativeBound = false;

  /**
   * Starts without samples.
   *
   * @param scanner Creates errors with their place.
   */
  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  /**
   * Adds a sample of the point.
   *
   * @param sample The sample.
   * @param suffix The suffix after the name of the family.
   * @throws {ParseError} If it is a bucket out of order.
   */
  add(sample: OpenMetricsSample, suffix: string): void {
    const { value, at } = sample;
    if (suffix === "") {
      this.#hasNative = true;
      return;
    }
    if (suffix === "_created" && this.#hasNative) return;
    this.#at = at;
    if (suffix === "_bucket") {
      const bound = parseValue(sample.labels["le"] ?? "") ?? NaN;
      if (this.#bound !== undefined && bound <= this.#bound) {
        throw this.#scanner.unexpected("the bounds of buckets must rise", at);
      }
      if (value < this.#bucket) {
        throw this.#scanner.unexpected("the values of buckets must not fall", sample.valueAt);
      }
      this.#bound = bound;
      this.#bucket = value;
      if (bound < 0) this.#hasNegativeBound = true;
    } else if (suffix.endsWith("count")) {
      this.#count = value;
    } else if (suffix.endsWith("sum")) {
      this.#sum = value;
      this.#isGauge = suffix === "_gsum";
    }
  }

  /**
   * Checks the point, and starts the next one.
   *
   * @throws {ParseError} If the samples do not make up a histogram.
   */
  finish(): void {
    const at = this.#at;
    const count = this.#count;
    const sum = this.#sum;
    if (at !== undefined) {
      const fail = (rule: string) => this.#scanner.unexpected(rule, at);
      if (this.#bound !== Infinity) throw fail('a histogram must have a bucket with le="+Inf"');
      if (count !== undefined && count !== this.#bucket) {
        throw fail('the count of a histogram must be that of its bucket with le="+Inf"');
      }
      if ((count === undefined) !== (sum === undefined)) {
        throw fail("a histogram must have both a sum and a count, or neither");
      }
      if (sum !== undefined && this.#hasNegativeBound && !this.#isGauge) {
        throw fail("a histogram with negative buckets must have no sum");
      }
      if (sum !== undefined && sum < 0 && !this.#hasNegativeBound) {
        throw fail("a sum without negative buckets must be >= 0");
      }
    }
    this.#at = undefined;
    this.#hasNative = false;
    this.#bound = undefined;
    this.#bucket = 0;
    this.#count = undefined;
    this.#sum = undefined;
    this.#isGauge = false;
    this.#hasNegativeBound = false;
  }
}
