import {
  checkExemplarLabels,
  checkShape,
  type Exemplar,
  type MetricFamily,
  type MetricType,
  type NameValidation,
  received,
} from "../model.ts";
import type { Clock } from "../time/clock.ts";
import { askExemplarLabels } from "./exemplar_source.ts";

/** The part of a metric that is settled when it is made. */
export interface MetricCoreOptions {
  /** The type of the metric. */
  readonly type: MetricType;
  /** The full name of the metric. */
  readonly name: string;
  /** The label names. */
  readonly labelNames: readonly string[];
  /** Where the time comes from. */
  readonly clock: Clock;
  /** The alphabet of the label names. */
  readonly nameValidation: NameValidation;
  /** The finite upper bounds of a histogram's buckets. @default {[]} */
  readonly bounds?: readonly number[];
  /** How many numbers a series has. @default {1} */
  readonly width?: number;
  /** Whether writes can have exemplars. @default {false} */
  readonly hasExemplars?: boolean;
  /** Whether the exemplar source is asked at writes without an exemplar. @default {false} */
  readonly asksSource?: boolean;
  /** Whether the time of the last write is kept. @default {false} */
  readonly keepsTimes?: boolean;
  /** Whether series expire. @default {false} */
  readonly expires?: boolean;
  /** Whether writes are checked and then ignored. @default {false} */
  readonly isDropped?: boolean;
  /** Returns a number from 0 to 1, for tests. @default {Math.random} */
  readonly random?: () => number;
  /** Makes a table of free places, for tests that count reads. @default {a typed array} */
  readonly createTable?: (places: number) => Int32Array;
}

/** What a place in a table has as long as no slot is there. */
export const FREE = -1;

/** A listener for the writes of a metric whose series expire. */
export interface WriteListener {
  /**
   * Called before a series changes.
   *
   * @param series The series.
   */
  touch(series: object): void;
  /**
   * Called when a series must no longer expire.
   *
   * @param series The series.
   */
  pin(series: object): void;
}

/** The state that all series of a metric share. */
export class MetricCore implements MetricCoreOptions {
  readonly type!: MetricType;
  readonly name!: string;
  readonly labelNames!: readonly string[];
  readonly clock!: Clock;
  readonly nameValidation!: NameValidation;
  readonly bounds: readonly number[] = [];
  readonly width: number = 1;
  readonly hasExemplars: boolean = false;
  readonly asksSource: boolean = false;
  readonly keepsTimes: boolean = false;
  readonly expires: boolean = false;
  readonly isDropped: boolean = false;
  readonly random: () => number = Math.random;
  readonly createTable: (places: number) => Int32Array = createTable;
  /** The time of day by the clock, in seconds since 1970. */
  readonly now: () => number;
  /** When the metric was made, in seconds since 1970. */
  readonly created: number;
  /**
   * 0 if a legal write without an exemplar only changes numbers. Writes compare this number and
   * nothing else: if it is not 0, they go through {@linkcode Child.write}. (A number is compared
   * faster than a boolean.)
   */
  extras: number;
  /** The factors of the labels in hash tables. Undefined until there is a hash table. */
  #factors: readonly number[] | undefined = undefined;
  /** How often the exemplar source failed. */
  exemplarErrors = 0;
  /** How often a label set was looked up for which there was no room. */
  overflows = 0;
  /** The family of the metric. */
  family: MetricFamily | undefined = undefined;
  /** Undefined if series do not expire. */
  listener: WriteListener | undefined = undefined;
  /** The functions that series read their values from. Undefined until there is one. */
  sources: WeakMap<object, () => number> | undefined = undefined;
  /** What a type keeps of some series, such as exemplars. Undefined until there is something. */
  kept: WeakMap<object, unknown> | undefined = undefined;

  constructor(options: MetricCoreOptions) {
    Object.assign(this, options);
    this.now = () => this.clock.now();
    this.created = this.now();
    const { asksSource, keepsTimes, expires, isDropped } = this;
    this.extras = asksSource || keepsTimes || expires || isDropped ? 1 : 0;
  }

  /** Whether a series is the one number in its column, as long as it does not come from a function. */
  get isNumber(): boolean {
    return this.type === "counter" || this.type === "gauge";
  }

  /**
   * Odd numbers, by which the ids of the label values are multiplied in a hash table. They are drawn
   * when the metric needs its first hash table: a client that chooses label values cannot work out
   * which of them collide. Not drawn when a module is loaded, which some platforms refuse.
   */
  get factors(): readonly number[] {
    return this.#factors ??= this.labelNames.map(() => (this.random() * 2 ** 32) | 1);
  }

  /** The time since the metric was made, in milliseconds. */
  age(): number {
    return Math.round((this.now() - this.created) * 1000);
  }

  /** The beginning of an error message, such as `Cannot increment counter "x"`. */
  doing(verb: string): string {
    return `Cannot ${verb} ${this.type} "${this.name}"`;
  }

  /**
   * The exemplar of a write.
   *
   * @param verb The failing action of the error message, as in `increment`.
   * @param value The value that is written.
   * @param labels The labels that the caller gives. Without them the source may be asked.
   * @throws {TypeError} If a given label is not legal, or the type has no exemplars.
   * @throws {RangeError} If the given labels are longer than 128 characters together.
   */
  exemplarOf(
    verb: string,
    value: number,
    labels: Readonly<Record<string, string>> | undefined,
  ): Required<Exemplar> | undefined {
    let checked: Record<string, string> | undefined;
    if (labels !== undefined) {
      const doing = this.doing(verb);
      checkShape(this.hasExemplars, doing, `a ${this.type} has no exemplars`, labels);
      checked = checkExemplarLabels(labels, doing);
    } else if (this.asksSource) checked = askExemplarLabels(this);
    return checked && { labels: checked, value, timestamp: this.now() };
  }

  /** The error for a value that is not a number. */
  notANumber(verb: string, value: unknown): TypeError {
    return new TypeError(
      `${this.doing(verb)}: value must be a number: received ${received(value)}`,
    );
  }
}

function createTable(places: number): Int32Array {
  return new Int32Array(places).fill(FREE);
}
