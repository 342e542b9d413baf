import {
  type Exemplar,
  type LabelledMetric,
  type MetricType,
  type NameValidation,
  received,
} from "../model.ts";
import { askExemplarLabels } from "./exemplar_source.ts";
import type { Clock } from "./options.ts";

/** What is settled when a metric is made. */
export type MetricCoreOptions = Pick<
  MetricCore,
  "type" | "name" | "labelNames" | "clock" | "nameValidation" | "exemplars"
>;

/** What the children of one metric share. */
export class MetricCore {
  /** The type of the metric. */
  readonly type: MetricType;
  /** The full name of the metric. */
  readonly name: string;
  /** The label names. */
  readonly labelNames: readonly string[];
  /** Where the time comes from. */
  readonly clock: Clock;
  /** The time of day by that clock, in seconds since 1970. */
  readonly now: () => number;
  /** The alphabet of the label names. */
  readonly nameValidation: NameValidation;
  /** Whether the exemplar source is asked. */
  readonly exemplars: boolean;
  /** When the metric was made, in seconds since 1970. */
  readonly created: number;
  /** How often the exemplar source failed. */
  exemplarErrors: number = 0;
  /** Whether a child reads its value from a function, which may throw. */
  hasFunctions: boolean = false;

  /**
   * Prepares what the children of a metric share.
   *
   * @param options What was settled when the metric was made.
   */
  constructor(options: MetricCoreOptions) {
    this.type = options.type;
    this.name = options.name;
    this.labelNames = options.labelNames;
    this.clock = options.clock;
    this.now = () => this.clock.now();
    this.nameValidation = options.nameValidation;
    this.exemplars = options.exemplars;
    this.created = this.now();
  }

  /**
   * The beginning of an error message.
   *
   * @param verb What was tried, as in `increment`.
   * @returns `Cannot increment counter "x"`.
   */
  doing(verb: string): string {
    return `Cannot ${verb} ${this.type} "${this.name}"`;
  }

  /**
   * The exemplar that the exemplar source gives for an observation.
   *
   * @param value The value that is observed.
   * @returns The exemplar, if there is one.
   */
  askExemplar(value: number): Required<Exemplar> | undefined {
    const labels = askExemplarLabels(() => this.exemplarErrors++);
    return labels && { labels, value, timestamp: this.now() };
  }

  /**
   * The error for something that is not a number.
   *
   * @param verb What was tried, as in `increment`.
   * @param value What was received.
   * @returns The error.
   */
  notANumber(verb: string, value: unknown): TypeError {
    return new TypeError(
      `${this.doing(verb)}: value must be a number: received ${received(value)}`,
    );
  }
}

/**
 * A writable handle for one series or one set of series: the metric with all of
 * its labels given. It only changes its own numbers. Once it is removed from its
 * metric it is a dead handle, whose writes go nowhere.
 */
export abstract class Child<Core extends MetricCore = MetricCore> implements LabelledMetric {
  /** What all children of the metric share. */
  protected readonly core: Core;
  /** The label values, in the order of `labelNames`. */
  readonly labelValues: readonly string[];
  /** The place among its siblings, kept by their store; -1 when it is not among them. */
  slot: number = -1;
  /** When it began to count, in seconds after the metric was made: a small number takes less room. */
  #since: number;

  /**
   * Makes a child; metrics do so in `labels()`.
   *
   * @param core What all children of the metric share.
   * @param labelValues The label values, in the order of the label names.
   */
  constructor(core: Core, labelValues: readonly string[]) {
    this.core = core;
    this.labelValues = labelValues;
    this.#since = core.now() - core.created;
  }

  /** The label names. */
  get labelNames(): readonly string[] {
    return this.core.labelNames;
  }

  /** When the child began to count, in seconds since 1970. */
  get created(): number {
    // Whole milliseconds: more would be the noise of the addition.
    return Math.round((this.core.created + this.#since) * 1000) / 1000;
  }

  /** Begins to count anew, at zero. */
  reset(): void {
    this.#since = this.core.now() - this.core.created;
  }
}
