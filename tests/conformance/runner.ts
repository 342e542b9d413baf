/**
 * Runs cases that others wrote, and accounts for every one of them.
 *
 * @module
 */

/**
 * A way in which this library differs on purpose. It does not excuse a case: it says
 * what holds in its place, and that must be so. When a case holds as it is although
 * a deviation changes it, the deviation is out of date, which is a failure.
 */
export interface Deviation<C> {
  /** Why. */
  readonly reason: string;
  /** The case as it holds here; nothing if the deviation does not concern it. */
  readonly adapt: (c: C) => C | undefined;
}

/** The cases of one list in a file, and how to verify one. */
export interface Suite<C> {
  /** The list, or nothing if the file has none. */
  readonly cases: (file: JsonObject) => readonly C[] | undefined;
  /** What a case is called in the report. */
  readonly name: (c: C, index: number) => string;
  /** Throws if a case does not hold. */
  readonly verify: (c: C) => void | Promise<void>;
  /** Why a case means nothing to this library, if so. */
  readonly inapplicable?: (c: C) => string | undefined;
  /** The known deviations. Each changes what the ones before have made of a case. */
  readonly deviations?: readonly Deviation<C>[];
}

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What became of cases. */
export interface Outcome {
  cases: number;
  passed: number;
  /** The names of the cases that hold in another way, by reason; one may have several. */
  deviations: Map<string, string[]>;
  deviating: number;
  /** The names of the cases that mean nothing here, by reason. */
  inapplicable: Map<string, string[]>;
  failures: { name: string; message: string }[];
}

/** A suite whose type of cases is its own affair. */
export type Runner = (file: JsonObject, outcome: Outcome) => Promise<void>;

/** An outcome of nothing. */
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

/** Makes a runner of a suite. */
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

/** A runner for a file of which nothing applies. */
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
 * The cases of a list of a file. Their shape is that which the files' README gives; a
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
