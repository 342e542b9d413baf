/** The value of a label for everything that is not known, as OpenTelemetry spells it. */
export const OTHER = "_OTHER";

/** The methods of RFC 9110, RFC 5789 (`PATCH`) and of the draft of `QUERY`. */
const METHODS = [
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
] as const;

/** Texts of which only the first are told apart. All later ones become `_OTHER`. */
export class BoundedValues {
  readonly #max: number;
  readonly #values: Set<string> = new Set();

  constructor(max: number) {
    this.#max = max;
  }

  /** The text itself if it is among the first, else `_OTHER`. */
  fold(value: string): string {
    const values = this.#values;
    if (values.has(value)) return value;
    if (values.size >= this.#max) return OTHER;
    values.add(value);
    return value;
  }
}

/** The methods that are told apart. All others become `_OTHER`. */
export class KnownMethods {
  readonly #methods: ReadonlySet<unknown>;

  constructor(more: readonly string[] = []) {
    this.#methods = new Set([...METHODS, ...more]);
  }

  /** The method itself if it is known, else `_OTHER`. Methods are case-sensitive. */
  fold(method: unknown): string {
    return this.#methods.has(method) ? method as string : OTHER; // All that are known are strings.
  }
}
