import {
  checkShape,
  type KnownOptions,
  type LabelSet,
  received,
  type StateSetMetric,
} from "../model.ts";
import { BaseMetric, type Own } from "./base_metric.ts";
import { Child } from "./child.ts";
import type { Columns } from "./columns.ts";
import type { IfComplete } from "./label_types.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";

/**
 * A set of series of a stateset, one for each state.
 *
 * @typeParam State The states, a union of literals.
 */
export interface StateSetSeries<State extends string = string> extends LabelSet {
  /**
   * Changes to a state, and leaves the one before.
   *
   * @param state One of the states.
   * @throws {TypeError} If it is not one of them.
   */
  state(state: State): void;
  /** The states, in the order in which they are written. */
  readonly states: readonly State[];
  /** For each state 1 if it is the current one, else 0. */
  readonly stateValues: readonly number[];
}

/** The set of series of a stateset: what `labels()` returns at run time. */
export class StateSetChild<State extends string = string> extends Child
  implements StateSetSeries<State>, StateSetMetric {
  readonly states: readonly State[];

  constructor(columns: Columns<unknown>, states: readonly State[]) {
    super(columns);
    this.states = states;
  }

  state(state: State): void {
    const index = this.indexOf(state);
    if (this.columns.core.extras === 0) this.change("set", index);
    else this.write("set", index);
  }

  get stateValues(): readonly number[] {
    const current = this.columns.numbers[this.slot];
    return this.states.map((_, i) => (i === current ? 1 : 0));
  }

  protected override change(_verb: string, index: number): void {
    // The number of a series is the place of its state.
    this.columns.numbers[this.slot] = index;
  }

  /** Returns the place of a state among the states. Throws if it is not one of them. */
  protected indexOf(state: State): number {
    // The states were made well-formed, and still have the declared type.
    const text = typeof state === "string" ? state.toWellFormed() as State : state;
    const index = this.states.indexOf(text);
    if (index === -1) {
      const rule = `state must be one of ${received(this.states)}`;
      checkShape(false, this.core.doing("set"), rule, state);
    }
    return index;
  }
}

/** Options of {@linkcode StateSet}. */
export interface StateSetOptions<
  States extends readonly string[] = readonly string[],
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> extends MetricOptions<Names, Defaulted, StateSet<States, Names, Defaulted>> {
  /** The states. The first one is the current one at the beginning. */
  states: States;
}

const KNOWN_OPTIONS: KnownOptions<StateSetOptions> = { ...METRIC_OPTIONS, states: true };

/**
 * One of several states. Each state is a series: 1 for the current state, 0 for the others. The
 * label with the state is named like the metric.
 *
 * @typeParam States The states, inferred as a literal tuple.
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example The state of a service
 * ```ts
 * import { REGISTRY, StateSet } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const service = new StateSet("service_state", "What the service does.", {
 *   states: ["starting", "running"],
 * });
 * service.state("running");
 * assert.equal(REGISTRY.getSampleValue("service_state", { service_state: "running" }), 1);
 * ```
 */
export class StateSet<
  const States extends readonly string[] = readonly string[],
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends BaseMetric<Names, Defaulted, StateSetSeries<States[number]>> {
  /**
   * Creates a stateset and registers it.
   *
   * @param name The name.
   * @param help The help text: what has these states.
   * @param options The states, and other options. A stateset has no unit.
   * @throws {TypeError} If a name, a state or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: StateSetOptions<States, Names, Defaulted>) {
    const { options: known, doing } = readOptions("stateset", name, options, KNOWN_OPTIONS);
    const states = checkStates(known.states, doing);
    super(name, help, known, {
      type: "stateset",
      // Each process has its own state.
      aggregation: "liveall",
      definition: states,
      canDrop: true,
      create: (columns) => new StateSetChild<States[number]>(columns, states),
    });
  }

  /**
   * Changes to a state, and leaves the one before. Needs all labels to have
   * defaults, or to be none.
   *
   * @param state One of the states.
   * @throws {TypeError} If it is not one of them.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  state(this: IfComplete<Names, Defaulted>, state: States[number]): void {
    (this as unknown as Own<StateSetSeries<States[number]>>).own.state(state);
  }
}

function checkStates(states: unknown, doing: string): readonly string[] {
  const isArray = Array.isArray(states) && states.length > 0;
  checkShape(isArray, doing, "states must be an array that is not empty", states);
  const copy: string[] = [];
  for (const state of states) {
    checkShape(typeof state === "string", doing, "states must be strings", state);
    const text = state.toWellFormed();
    if (copy.includes(text)) {
      throw new TypeError(`${doing}: states must differ: received ${received(state)} twice`);
    }
    copy.push(text);
  }
  return copy;
}
