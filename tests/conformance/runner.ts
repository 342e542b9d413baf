/**
 * Runs cases of other projects, and accounts for each of them.
 *
 * @module
 */

/**
 * An intended difference of this library. It does not skip a case, but changes the expectation,
 * which must then hold. If a case holds without the change, the deviation is obsolete, which is a
 * failure.
 */
export interface Deviation<C> {
  /** The reason for the difference. */
  readonly reason: string;
  /** Returns the case as it holds here, or undefined if the deviation does not apply. */
  readonly adapt: (c: C) => C | undefined;
}

/** The cases of one list in a file, and a function that verifies them. */
export interface Suite<C> {
  /** Returns the list, or undefined if the file has none. */
  readonly cases: (file: JsonObject) => readonly C[] | undefined;
  /** Returns the name of a case in the report. */
  readonly name: (c: C, index: number) => string;
  /** Throws if a case does not hold. */
  readonly verify: (c: C) => void | Promise<void>;
  /** Returns the reason why a case does not apply to this library, or undefined if it applies. */
  readonly inapplicable?: (c: C) => string | undefined;
  /** The known deviations. Each one receives the result of those before. */
  readonly deviations?: readonly Deviation<C>[];
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The results of all cases. */
export interface Outcome {
  cases: number;
  passed: number;
  /** The names of deviating cases by reason. A case may have several reasons. */
  deviations: Map<string, string[]>;
  deviating: number;
  /** The names of inapplicable cases by reason. */
  inapplicable: Map<string, string[]>;
  failures: { name: string; message: string }[];
}

/** A suite, without its type of cases. */
export type Runner = (file: JsonObject, outcome: Outcome) => Promise<void>;

/** Returns an empty outcome. */
export function emptyOutcome(): Outcome {
  return {
    cases: 0,
    passed: 0,
    deviations: new Map(),
    deviating: 0,
    inapplicable: new Map(),
    failures: [],
  };
}

/** Creates a runner from a suite. */
export function runner<C>(suite: Suite<C>): Runner {
  return async (file, outcome) => {
    for (const [index, c] of (suite.cases(file) ?? []).entries()) {
      outcome.cases++;
      let name = `case ${index}`;
      try {
        name = suite.name(c, index);
        await runCase(suite, c, name, outcome);
      } catch (error) {
        outcome.failures.push({ name, message: messageOf(error) });
      }
    }
  };
}

/** Creates a runner for a file in which no case applies. */
export function inapplicable(reason: string, list: (file: JsonObject) => unknown): Runner {
  return runner<unknown>({
    cases: (file) => {
      const cases = list(file);
      return Array.isArray(cases) ? cases : undefined;
    },
    name: (_, index) => String(index),
    verify: () => {},
    inapplicable: () => reason,
  });
}

/**
 * Returns the cases of a list in a file. Their shape is described in the README of the files. A
 * case of another shape fails when it is verified.
 */
export function list<C>(key: string): (file: JsonObject) => readonly C[] | undefined {
  return (file) => file[key] as readonly C[] | undefined;
}

async function runCase<C>(suite: Suite<C>, c: C, name: string, outcome: Outcome): Promise<void> {
  const reason = suite.inapplicable?.(c);
  if (reason !== undefined) return note(outcome.inapplicable, reason, name);
  let adapted = c;
  const reasons: string[] = [];
  for (const { reason, adapt } of suite.deviations ?? []) {
    const next = adapt(adapted);
    if (next === undefined) continue;
    adapted = next;
    reasons.push(reason);
  }
  const holds = await attempt(suite, c);
  if (reasons.length === 0) {
    if (holds !== undefined) throw holds;
    outcome.passed++;
    return;
  }
  if (holds === undefined) {
    throw new Error(`holds, although it is listed as a deviation: ${reasons.join("; ")}`);
  }
  const error = await attempt(suite, adapted);
  if (error !== undefined) throw error;
  outcome.deviating++;
  for (const reason of reasons) note(outcome.deviations, reason, name);
}

async function attempt<C>(suite: Suite<C>, c: C): Promise<Error | undefined> {
  try {
    await suite.verify(c);
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function note(names: Map<string, string[]>, reason: string, name: string): void {
  const list = names.get(reason);
  if (list === undefined) names.set(reason, [name]);
  else list.push(name);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
