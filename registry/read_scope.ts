import type { Collector, MetricFamily } from "../model.ts";
import type { Gatherer } from "./protocol.ts";

/** The registries whose collectors or functions are being called in this turn. */
const busy: Set<object> = new Set();

/** The scope of the read that is under way in this turn, if there is one. */
let current: ReadScope | undefined;

/**
 * What one read has looked up for functions and collectors that it called, and that asked the
 * registry themselves (`getSampleValue`). Each collector is asked once in a scope, so that however
 * functions ask for each other, a read stays linear in their number.
 */
export class ReadScope {
  readonly #answers: Map<Collector, MetricFamily[]> = new Map();
  /** The collectors that are being looked up, outermost first. */
  readonly #pending: Collector[] = [];
  /** The collectors that were found to ask for each other. */
  readonly #circular: Set<Collector> = new Set();

  /** Runs a function with this scope, or with the one that is current already. */
  run<T>(fn: (scope: ReadScope) => T): T {
    if (current !== undefined) return fn(current);
    current = this;
    try {
      return fn(this);
    } finally {
      current = undefined;
    }
  }

  /** The scope of the read that is under way in this turn, on whose behalf a look-up is made. */
  static get current(): ReadScope | undefined {
    return current;
  }

  /**
   * Looks up the families of a collector.
   *
   * @param collector The collector.
   * @param read Reads it.
   * @returns Its families, the same for each look-up in the scope.
   * @throws {TypeError} If the collector asks for itself, directly or through others.
   */
  lookUp(collector: Collector, read: () => MetricFamily[]): MetricFamily[] {
    const at = this.#pending.indexOf(collector);
    if (at >= 0) { for (const member of this.#pending.slice(at)) this.#circular.add(member); }
    let answer = this.#circular.has(collector) ? undefined : this.#answers.get(collector);
    if (answer === undefined && !this.#circular.has(collector)) {
      this.#pending.push(collector);
      try {
        answer = read();
      } finally {
        this.#pending.pop();
      }
      this.#answers.set(collector, answer);
    }
    if (answer === undefined || this.#circular.has(collector)) {
      throw new TypeError(
        "Cannot look up sample: its value depends on itself, through functions or collectors " +
          "that look up each other",
      );
    }
    return answer;
  }
}

/**
 * Marks a registry while its collectors or functions are called: they must not read all of it.
 *
 * @param registry The registry.
 * @param call Calls them.
 * @returns What the call returns.
 */
export function whileBusy<T>(registry: Gatherer, call: () => T): T {
  const root = rootOf(registry);
  if (busy.has(root)) return call();
  busy.add(root);
  try {
    return call();
  } finally {
    busy.delete(root);
  }
}

/**
 * Refuses to read a registry from within a read of it, which would never end.
 *
 * @param registry The registry.
 * @throws {TypeError} If one of its collectors or functions is being called.
 */
export function checkIdle(registry: object): void {
  if (!busy.has(registry)) return;
  throw new TypeError(
    "Cannot read registry: one of its own collectors or functions is reading it: " +
      "use getSampleValue(), which asks only for one name",
  );
}

/** The registry behind proxies and views, of whatever copy of this package. */
function rootOf(registry: Gatherer): object {
  let root: object = registry;
  for (;;) {
    const { getRegistry } = root as { getRegistry?: () => object };
    if (typeof getRegistry !== "function") return root;
    root = getRegistry.call(root);
  }
}
