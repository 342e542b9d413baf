/** What stands for all values that are not known, as the conventions of OpenTelemetry have it. */
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

/** How many classes of errors a registry tells apart. */
const MAX_ERROR_TYPES = 50;

/** What a class may be called to be the value of a label. */
const CLASS_NAME_REGEXP = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,63}$/u;

/** Texts of which only so many are told apart: what comes later is one and the same. */
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

/** The methods that are told apart; all others are one. */
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

/** What errors are called: by their class, of which there are only so many. */
export class ErrorTypes {
  readonly #known: BoundedValues = new BoundedValues(MAX_ERROR_TYPES);

  /** The name of the error's class; for a `DOMException`, its own, such as `AbortError`. */
  nameOf(error: unknown): string {
    try {
      if (!(error instanceof Error)) return OTHER;
      const name: unknown = error instanceof DOMException ? error.name : error.constructor.name;
      if (typeof name !== "string" || !CLASS_NAME_REGEXP.test(name)) return OTHER;
      return this.#known.fold(name);
    } catch {
      // A hostile error, whose getters throw.
      return OTHER;
    }
  }
}
