import { MetricFamily, type NumberMetric, received } from "../model.ts";
import type { CollectorErrorCause } from "./protocol.ts";

/** The name of the family that counts what was left out of reads. */
export const ERRORS_NAME = "narthex_collector_errors_total";
const ERRORS_HELP = "Collectors, families and series that were left out of a scrape.";
const LABEL_NAMES: readonly string[] = ["collector", "cause"];

/** The maximum number of collectors and causes that are counted by name. */
const MAX_NAMES = 1000;

/** What is counted for all names beyond that. */
const OTHERS = "others";

/** The maximum length of a kept message, in UTF-16 code units. */
const MAX_MESSAGE = 1000;

/** The last error of a collector. */
export interface LastError {
  /** Why the collector, or a part of what it brought, was left out. */
  readonly cause: CollectorErrorCause;
  /** The message of the error. */
  readonly message: string;
  /** When it happened, in seconds since 1970. */
  readonly time: number;
}

/** What was counted, in plain objects: it may come from another copy of this package. */
export interface ErrorState {
  readonly counts: ReadonlyMap<string, NumberMetric & { value: number }>;
  readonly last: ReadonlyMap<string, LastError>;
}

/** What a registry had to leave out of its reads. */
export class ErrorCounts {
  readonly #now: () => number;
  #counts: Map<string, NumberMetric & { value: number }> = new Map();
  #last: Map<string, LastError> = new Map();

  /**
   * Starts with nothing counted.
   *
   * @param now Returns the time of day, in seconds since 1970.
   */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The last error of each collector. */
  get last(): ReadonlyMap<string, LastError> {
    return this.#last;
  }

  /** Whether nothing was counted. */
  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Counts what was left out. */
  count(collector: string, cause: CollectorErrorCause, error: unknown, times: number): void {
    // Collectors that yield new names all the time must not fill the memory with them.
    const isKnown = this.#counts.size < MAX_NAMES || this.#counts.has(`${cause} ${collector}`);
    const name = isKnown ? collector.toWellFormed() : OTHERS;
    const key = `${cause} ${name}`;
    let metric = this.#counts.get(key);
    if (metric === undefined) {
      metric = { labelNames: LABEL_NAMES, labelValues: [name, cause], value: 0 };
      this.#counts.set(key, metric);
    }
    metric.value += times;
    this.#remember(name, cause, error);
  }

  /** Keeps an error without counting it. */
  note(collector: string, cause: CollectorErrorCause, error: unknown): void {
    const isKnown = this.#last.size < MAX_NAMES || this.#last.has(collector);
    this.#remember(isKnown ? collector.toWellFormed() : OTHERS, cause, error);
  }

  #remember(name: string, cause: CollectorErrorCause, error: unknown): void {
    const message = messageOf(error).slice(0, MAX_MESSAGE);
    this.#last.set(name, { cause, message, time: this.#now() });
  }

  /** Everything that was counted, for another registry to take over. */
  get state(): ErrorState {
    return { counts: this.#counts, last: this.#last };
  }

  /** Takes over what another registry counted, of whatever copy of this package. */
  adopt({ counts, last }: ErrorState): void {
    this.#counts = new Map(counts);
    this.#last = new Map(last);
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts = new Map();
    this.#last = new Map();
  }

  /** Returns the counts as a family, or nothing as long as there are none. */
  families(): MetricFamily[] {
    if (this.isEmpty) return [];
    const metrics = [...this.#counts.values()];
    const options = { metrics, labelNames: LABEL_NAMES, aggregation: "sum" } as const;
    return [new MetricFamily(ERRORS_NAME, ERRORS_HELP, "counter", options)];
  }
}

/** The message of whatever was thrown. Never throws itself. */
function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return String(error.message);
    if (typeof error === "string") return error;
    return received(error);
  } catch {
    return "unknown";
  }
}
