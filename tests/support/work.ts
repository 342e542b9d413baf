/**
 * How much work a function does, as a number that no other program's load changes: how often each
 * block of the library's code is run, and how much the built-in functions that it calls look at.
 *
 * The first comes from V8's coverage, so this works on Deno and Node. V8 counts too little where it
 * compiles, and when it does depends on the machine. So the program is to be started with flags that
 * switch the compilers off: two counts of the same work are the same then.
 *
 * @module
 */
import { Session } from "node:inspector/promises";
import { ROOT_URL } from "./paths.ts";

/** The flags of V8 with which work is counted exactly. They have no effect once it runs. */
export const WORK_FLAGS: readonly string[] = ["--no-opt", "--no-maglev"];

/** What a call of a built-in function costs: the characters or items that it looks at. */
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

/** Of what a parser calls, all that is not done in one step. */
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
  // What replaces and tests calls it too.
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

/** Counts what built-in functions look at while another function runs. */
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

/** What V8 tells of a file. */
interface ScriptCoverage {
  url: string;
  functions: { ranges: { count: number }[] }[];
}

/** Counts the work of functions. */
export class WorkCounter {
  readonly #session: Session = new Session();

  /**
   * Starts counting. Modules that are imported before are counted from their next call on.
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
   * Counts the work that a function makes the library do.
   *
   * @param run The function.
   */
  async count(run: () => void): Promise<number> {
    await this.#blocks();
    const builtIns = countBuiltIns(run);
    return builtIns + await this.#blocks();
  }

  /** Ends counting. */
  stop(): void {
    this.#session.disconnect();
  }

  /** How many blocks of the library were run since it was asked last. */
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
