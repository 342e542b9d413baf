/**
 * The mutants that no test can notice, or that none should, and why.
 *
 * @module
 */

/** Mutants that have one reason to survive. */
export interface Explanation {
  /** The file, from the top of the checkout. */
  readonly file: string;
  /** The class and functions around them, as the driver prints them. */
  readonly within: string;
  /** What becomes of which line, as the driver prints it. */
  readonly changes: readonly string[];
  /** Why the program does the same as before, as far as anybody may rely on what it does. */
  readonly reason: string;
}

/** All of them, in the order of the files. */
export const EXPLAINED: readonly Explanation[] = [
  {
    file: "encoding/byte_writer.ts",
    within: "ByteWriter.repeat",
    changes: ["this.reserve(to - from + 8); → this.reserve(to + from + 8);"],
    reason: "More room than is needed is no less right.",
  },
  {
    file: "encoding/byte_writer.ts",
    within: "ByteWriter.text",
    changes: ["if (code > 127) { → if (true) {"],
    reason:
      "The platform's encoder writes what the loop for ASCII writes; short texts take longer.",
  },
  {
    file: "encoding/byte_writer.ts",
    within: "ByteWriter.escaped",
    changes: [
      "if (code === 92 || code === 10 || (code === 34 && quotes) || code > 127) { → if (true) {",
    ],
    reason: "The slow way escapes every text right, also one in which there is nothing to escape.",
  },
  {
    file: "encoding/byte_writer.ts",
    within: "isInteger",
    changes: [
      "return value >= 0 && value <= 999_999_999 && value === Math.trunc(value); → return value >= 1 && value <= 999_999_999 && value === Math.trunc(value);",
    ],
    reason: "String() writes 0 and -0 as the digits of the fast way do: as 0.",
  },
  {
    file: "encoding/escaping.ts",
    within: "unescapeName",
    changes: ['return ""; → ;'],
    reason: "Once something is illegal the text that is being made is thrown away.",
  },
  {
    file: "encoding/parse/native_histogram.ts",
    within: "decodeBuckets",
    changes: ["count += deltas[used]?.[0] ?? 0; → count += deltas[used]?.[0] ?? 1;"],
    reason: "The fallback is for the compiler: that there are enough deltas was checked before.",
  },
  {
    file: "encoding/parse/prometheus_text.ts",
    within: "gather",
    changes: [
      'if (suffix === "_bucket") sortManyBuckets(fitting); → if (true) sortManyBuckets(fitting);',
    ],
    reason:
      "Other samples have no bounds; more labels called le than any real family has are sorted too.",
  },
  {
    file: "encoding/parse/scanner.ts",
    within: "Scanner.#checkLine",
    changes: ["if (maxLineLength === Infinity) return; → if (maxLineLength === Infinity) ;"],
    reason: "No line is longer than that, which is found out at the cost of a look at each.",
  },
  {
    file: "encoding/series_shape.ts",
    within: "SeriesShape.sources",
    changes: ['put("__name__", -1, this.#name); → put("__name__", -2, this.#name);'],
    reason: "Any negative number says that the text is no value of a label.",
  },
  {
    file: "encoding/series_writer.ts",
    within: "SeriesWriter.isFull",
    changes: [
      "return this.out.length >= CHUNK_SIZE; → return this.out.length > CHUNK_SIZE;",
    ],
    reason: "Where one chunk ends and the next begins is up to the encoder; the text is the same.",
  },
  {
    file: "metrics/base_metric.ts",
    within: "BaseMetric.#byPosition",
    changes: [
      "for (const [i, value] of args.entries()) this.#store.alias(names[i]!, value); → ;",
    ],
    reason: "A number that is not known as such is found by its text, which takes longer.",
  },
  {
    file: "metrics/child_store.ts",
    within: "ChildStore.#makeDropped",
    changes: [
      "const columns = new Columns<C>(this.core, 1); → const columns = new Columns<C>(this.core, 2);",
    ],
    reason: "Room for one more costs some bytes.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.findByName",
    changes: [
      "if (label?.name !== name) label = this.#byName.get(name); → if (true) label = this.#byName.get(name);",
    ],
    reason: "The look-up by name finds the same label.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.lacksByName",
    changes: [
      "if (missed === own.length) return true; → if (missed === own.length) return false;",
      "if (given === missed ? !isNew(label, value) : !isLegal(value)) return false; → if (true) return false;",
      "return missed !== NOT_OURS && given === own.length; → return missed === NOT_OURS && given === own.length;",
      "return missed !== NOT_OURS && given === own.length; → ;",
    ],
    reason: "What is not told to be certain is looked at closely, and then found to be the same.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.lacksInOrder",
    changes: [
      "if (missed === NOT_OURS) return false; → if (true) return false;",
      "if (i === missed ? !isNew(own[i]!, values[i]) : !isLegal(values[i])) return false; → if (true ? !isNew(own[i]!, values[i]) : !isLegal(values[i])) return false;",
    ],
    reason: "What is not told to be certain is looked at closely, and then found to be the same.",
  },
  {
    file: "metrics/columns.ts",
    within: "isNew",
    changes: [
      'if (typeof value === "string") return value.isWellFormed(); → if (false) return value.isWellFormed();',
    ],
    reason: "A text that no dictionary has is looked for once more.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.setSince",
    changes: [
      "if (milliseconds !== (milliseconds | 0) && this.#since instanceof Int32Array) { → if (milliseconds !== (milliseconds & 0) && this.#since instanceof Int32Array) {",
    ],
    reason: "The larger array holds what the smaller one does.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.#isDirect",
    changes: ["#isDirect = true; → #isDirect = false;"],
    reason: "A hash table of one place has the first child at the same place.",
  },
  {
    file: "metrics/columns.ts",
    within: "Columns.#arrange",
    changes: [
      "this.#isDirect = places <= Math.max(MIN_PLACES, length * PLACES_PER_CHILD); → this.#isDirect = places < Math.max(MIN_PLACES, length * PLACES_PER_CHILD);",
    ],
    reason: "Which kind of table there is tells nobody but a clock.",
  },
  {
    file: "metrics/columns.ts",
    within: "spread",
    changes: ["return sum ^ (sum >>> 15); → return sum & (sum >>> 15);"],
    reason: "Any place will do to begin with; a bad one takes longer.",
  },
  {
    file: "metrics/histogram.ts",
    within: "HistogramChild.nativeExemplars",
    changes: ["return undefined; → ;"],
    reason: "A getter that returns nothing returns undefined.",
  },
  {
    file: "metrics/histogram.ts",
    within: "HistogramChild.record",
    changes: [
      "const i = bounds.length === 0 ? 0 : findBucket(bounds, value); → const i = false ? 0 : findBucket(bounds, value);",
    ],
    reason: "The search among no bounds ends at 0 as well.",
  },
  {
    file: "metrics/info.ts",
    within: "Info.constructor",
    changes: ["width: 0, → width: 1,"],
    reason: "A number that is never read costs eight bytes.",
  },
  {
    file: "registry/own_counts.ts",
    within: "OwnCounts.families",
    changes: [
      "const options = { metrics: [...this.#errors.values()], distinct: true }; → const options = { metrics: [...this.#errors.values()], distinct: false };",
    ],
    reason: "Its metrics differ, as the keys of a map do: to check that again finds no repeats.",
  },
];
