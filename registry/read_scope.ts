import type { Collector, MetricFamily } from "../model.ts";
import type { Gatherer } from "./protocol.ts";

/** The registries whose collectors or functions are being called in this turn. */
const busy: Set<object> = new Set();

/** The scope of the read that is under way in this turn, if there is one. */
let current: ReadScope | undefined;

/**
 * How many look-ups may be under way within one another. A chain that is longer is resolved from its
 * far end, so that it does not exhaust the stack.
 */
const MAX_DEPTH = 50;

/** A look-up of a collector's families. */
interface LookUp {
  readonly collector: Collector;
  /** Reads the families. */
  readonly read: () => MetricFamily[];
}

/**
 * What one read has looked up for functions and collectors that it called, and that asked the
 * registry themselves (`getSampleValue`). The answers are kept, so that however functions ask for
 * each other, a read stays linear in their number.
 */
export class ReadScope {
  /** The families of collectors. Undefined for those that were found to ask for each other. */
  readonly #answers: Map<Collector, MetricFamily[] | undefined> = new Map();
  /** The collectors that wait for an answer, outermost first. */
  readonly #path: Set<Collector> = new Set();
  /** How many of these are being called. The others were, and will be called again. */
  #depth = 0;
  /** The look-up that was too deep. All others are left without an answer then. */
  #deep: LookUp | undefined;

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

  /** Whether look-ups are being left without an answer, and will be made again. */
  get isUnwinding(): boolean {
    return this.#deep !== undefined;
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
    if (this.#deep !== undefined) throw tooDeep();
    if (this.#path.has(collector)) {
      const path = [...this.#path];
      for (const member of path.slice(path.indexOf(collector))) {
        this.#answers.set(member, undefined);
      }
    }
    const lookUp = { collector, read };
    if (!this.#answers.has(collector)) {
      if (this.#depth === 0) this.#resolve(lookUp);
      else if (this.#depth < MAX_DEPTH) this.#attempt(lookUp);
      else {
        this.#deep = lookUp;
        throw tooDeep();
      }
    }
    const answer = this.#answers.get(collector);
    if (answer !== undefined) return answer;
    throw new TypeError(
      "Cannot look up sample: its value depends on itself, through functions or collectors " +
        "that look up each other",
    );
  }

  /** Makes a look-up that is not within another one. One that is too deep is made before it. */
  #resolve(lookUp: LookUp): void {
    const stack = [{ lookUp, waiting: 0 }];
    for (let last = stack.at(-1); last !== undefined; last = stack.at(-1)) {
      // What was on the way from here on is looked up again.
      for (const collector of [...this.#path].slice(last.waiting)) this.#path.delete(collector);
      try {
        if (!this.#answers.has(last.lookUp.collector)) this.#attempt(last.lookUp);
      } catch (error) {
        if (this.#deep === undefined) {
          this.#path.clear();
          throw error;
        }
      }
      const deep = this.#deep;
      this.#deep = undefined;
      if (deep === undefined) stack.pop();
      else stack.push({ lookUp: deep, waiting: this.#path.size });
    }
  }

  #attempt({ collector, read }: LookUp): void {
    this.#path.add(collector);
    this.#depth++;
    try {
      const answer = read();
      if (this.#deep !== undefined) throw tooDeep();
      if (!this.#answers.has(collector)) this.#answers.set(collector, answer);
    } finally {
      this.#depth--;
      // What was on the way to a look-up that was too deep goes on waiting.
      if (this.#deep === undefined) this.#path.delete(collector);
    }
  }
}

/** What functions and collectors see of a look-up that will be made again. */
function tooDeep(): RangeError {
  return new RangeError(
    "Cannot look up sample now: too many look-ups are under way within one another: " +
      "it will be looked up again",
  );
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

/**
 * Returns the registry behind proxies and views, of whatever copy of this package.
 *
 * @param registry The registry, or a proxy or a view of it.
 * @returns The registry.
 */
export function rootOf(registry: Gatherer): Gatherer {
  let root = registry;
  for (;;) {
    const { getRegistry } = root as { getRegistry?: () => Gatherer };
    const next = typeof getRegistry === "function" ? getRegistry.call(root) : undefined;
    // A registry of another make may have a method of this name that means something else.
    if (typeof next?.collect !== "function" || next === root) return root;
    root = next;
  }
}
