import type { Collector, LabelSet } from "../model.ts";
import type { ErrorState } from "./error_counts.ts";
import type { Registry } from "./protocol.ts";
import type { Registration } from "./registrations.ts";

/** What a registry hands over when another one takes its place, in plain objects. */
export interface RegistryState {
  /** The collectors, in the order of registration. */
  readonly collectors: readonly Collector[];
  /** The labels of `target_info`, if they were set by a call. */
  readonly targetInfo?: Readonly<Record<string, string>> | undefined;
  /** The constant labels, if they were set by a call. */
  readonly constLabels?: LabelSet | undefined;
  /** Labels that yield to those of a metric. */
  readonly defaultLabels?: LabelSet | undefined;
  /** What was counted. */
  readonly errors?: ErrorState | undefined;
  /** How the collectors are known. */
  readonly known?: ReadonlyMap<Collector, Registration> | undefined;
}

/** The method of a registry that returns its state, in every copy of this package. */
export const STATE: unique symbol = Symbol.for("narthex.state.2");

/** The method of a registry that takes over the state of another one, or throws and changes nothing. */
export const ADOPT: unique symbol = Symbol.for("narthex.adopt.2");

/**
 * The method of a registry that sets labels which stand behind those of every series and yield to
 * them: for the entry point that takes the place of prom-client.
 */
export const SET_DEFAULT_LABELS: unique symbol = Symbol.for("narthex.default_labels.2");

/** The methods that registries of this package have for a move. */
interface Movable {
  [STATE]?(): RegistryState;
  [ADOPT]?(state: RegistryState): void;
}

/**
 * Moves what a registry holds to another one.
 *
 * @param from The registry that is left.
 * @param registered What is known to be registered there, if the registry cannot tell.
 * @param to The registry that takes over.
 * @throws If `to` refuses a collector. Nothing is changed then.
 */
export function moveCollectors(
  from: Registry,
  registered: Iterable<Collector>,
  to: Registry,
): void {
  const state = stateOf(from, registered);
  handOver(state, to);
  for (const collector of state.collectors) from.unregister(collector);
}

/**
 * Returns what a registry holds.
 *
 * @param registry The registry.
 * @param registered What is known to be registered there, if the registry cannot tell.
 * @returns The state.
 */
export function stateOf(
  registry: Registry & Movable,
  registered: Iterable<Collector>,
): RegistryState {
  return registry[STATE]?.() ?? { collectors: [...registered] };
}

/**
 * Lets a registry take over a state.
 *
 * @param state The state.
 * @param to The registry.
 * @throws If it refuses a collector. Nothing is changed then.
 */
export function handOver(state: RegistryState, to: Registry & Movable): void {
  if (to[ADOPT] !== undefined) to[ADOPT](state);
  else registerAll(to, state.collectors);
}

/** Registers collectors with a registry of another make; undoes it if one is refused. */
function registerAll(to: Registry, collectors: readonly Collector[]): void {
  const done: Collector[] = [];
  try {
    for (const collector of collectors) {
      to.register(collector);
      done.push(collector);
    }
  } catch (error) {
    for (const collector of done) to.unregister(collector);
    throw error;
  }
}
