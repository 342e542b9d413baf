/**
 * Measures the work of a function as a number that does not depend on the load of the machine: how
 * often each block of the library runs, plus how many characters or items its calls of built-in
 * functions process.
 *
 * The number of blocks comes from V8's coverage, so this works on Deno and Node. V8 counts too low
 * when it compiles code, at times that depend on the machine. Start the program with flags that
 * disable the compilers, so that the same work always has the same count.
 *
 * @module
 */
import { Session } from "node:inspector/promises";
import { ROOT_URL } from "./paths.ts";

/** The flags of V8 for exact counts. They only have an effect at the start. */
export const WORK_FLAGS: readonly string[] = ["--no-opt", "--no-maglev"];

/** Computes the cost of a call: the number of characters or items that it processes. */
type Cost = (self: never, result: unknown, args: readonly unknown[]) => number;

const whole: Cost = (self: { length: number }) => self.length;
const found = (self: string, result: unknown, [, from = 0]: readonly unknown[]): number =>
  (result === -1 ? self.length : Number(result)) - Number(from);
const searched = (self: RegExp, result: unknown, [text]: readonly unknown[]): number => {
  const match = result as RegExpExecArray | null;
  if (match !== null) return match[0].length + (self.sticky || self.global ? 0 : match.index) + 1;
  return self.sticky ? 1 : String(text).length;
};
const expected: Cost = (_self, _result, [text]) => String(text).length;

/** The built-in functions of the parsers that do not take constant time. */
const COSTS: readonly [target: object, name: PropertyKey, cost: Cost][] = [
  [String.prototype, "isWellFormed", whole],
  [String.prototype, "toWellFormed", whole],
  [String.prototype, "search", whole],
  [String.prototype, "replace", whole],
  [String.prototype, "trim", whole],
  [String.prototype, "slice", (_self, result) => String(result).length],
  [String.prototype, "indexOf", found],
  [String.prototype, "includes", whole],
  [String.prototype, "startsWith", expected],
  [String.prototype, "endsWith", expected],
  // The methods that replace and test call it too.
  [RegExp.prototype, "exec", searched],
  [Array.prototype, "splice", (self: unknown[], _result, [at]) => self.length - Number(at)],
  [Array.prototype, "includes", whole],
  [Array.prototype, "indexOf", whole],
  [Array.prototype, "sort", whole],
  [Array.prototype, "toSorted", whole],
  [Array.prototype, "join", whole],
  [Array.prototype, Symbol.iterator, whole],
  [Map.prototype, Symbol.iterator, (self: Map<unknown, unknown>) => self.size],
  [Set.prototype, Symbol.iterator, (self: Set<unknown>) => self.size],
  [Object, "keys", (_self, result) => (result as unknown[]).length],
  [Object, "entries", (_self, result) => (result as unknown[]).length],
  [Object, "fromEntries", (_self, result) => Object.values(result as object).length],
];

/** Counts the cost of built-in functions while a function runs. */
function countBuiltIns(run: () => void): number {
  let cost = 0;
  const originals = COSTS.map(([target, name]) => Object.getOwnPropertyDescriptor(target, name)!);
  for (const [i, [target, name, costOf]] of COSTS.entries()) {
    const original = originals[i]!.value as (...args: unknown[]) => unknown;
    const counting = function (this: never, ...args: unknown[]): unknown {
      const result = original.apply(this, args);
      cost += costOf(this, result, args);
      return result;
    };
    Object.defineProperty(target, name, { ...originals[i], value: counting });
  }
  try {
    run();
  } finally {
    for (const [i, [target, name]] of COSTS.entries()) {
      Object.defineProperty(target, name, originals[i]!);
    }
  }
  return cost;
}

/** V8's coverage of a file. */
interface ScriptCoverage {
  url: string;
  functions: { ranges: { count: number }[] }[];
}

/** Counts the work of functions. */
export class WorkCounter {
  readonly #session: Session = new Session();

  /**
   * Starts counting. Modules that were imported before are counted from their next call.
   *
   * @returns The counter.
   */
  static async start(): Promise<WorkCounter> {
    const counter = new WorkCounter();
    counter.#session.connect();
    await counter.#session.post("Profiler.enable");
    await counter.#session.post("Profiler.startPreciseCoverage", {
      callCount: true,
      detailed: true,
    });
    return counter;
  }

  /**
   * Counts the work of the library while a function runs.
   *
   * @param run The function.
   */
  async count(run: () => void): Promise<number> {
    await this.#blocks();
    const builtIns = countBuiltIns(run);
    return builtIns + await this.#blocks();
  }

  /** Stops counting. */
  stop(): void {
    this.#session.disconnect();
  }

  /** Returns the number of blocks that have run since the last call. */
  async #blocks(): Promise<number> {
    const taken = await this.#session.post("Profiler.takePreciseCoverage");
    const { result } = taken as unknown as { result: ScriptCoverage[] };
    const tests = new URL("tests/", ROOT_URL).href;
    return result
      .filter(({ url }) => url.startsWith(ROOT_URL.href) && !url.startsWith(tests))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  }
}
