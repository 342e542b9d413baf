import { BoundedValues, OTHER } from "./labels.ts";

/** How many types of errors a family tells apart. */
const MAX_ERROR_TYPES = 50;

/** The name of a class or of an error. */
const NAME_REGEXP = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,63}$/u;

/** A code such as `ECONNREFUSED`, `ERR_STREAM_PREMATURE_CLOSE`, `P2002` or `22P02`. */
const CODE_REGEXP = /^[\w.-]{1,64}$/;

/** The error type of requests whose client left. */
export const ABORT = "abort";

/** The types of one family, wherever they are counted. */
const known: WeakMap<object, BoundedValues> = new WeakMap();

/**
 * Returns the value of the label `error_type`: the `code` of the error or of its cause if that is
 * a string, else the error's name if it says more than "Error", else the name of its class.
 *
 * A name of a class alone would not do: bundlers shorten it, and every failure of `fetch()` is a
 * `TypeError`.
 *
 * @param error The error, of whatever kind.
 * @param family The family that counts it. Its first 50 types are told apart.
 */
export function errorTypeOf(error: unknown, family: object): string {
  let types = known.get(family);
  if (types === undefined) known.set(family, types = new BoundedValues(MAX_ERROR_TYPES));
  try {
    const type = codeOf(error) ?? codeOf((error as Partial<Error> | null | undefined)?.cause) ??
      nameOf(error);
    return type === undefined ? OTHER : types.fold(type);
  } catch {
    // The error has getters that throw.
    return OTHER;
  }
}

/** Whether an error says that something was aborted. */
export function isAbortError(error: unknown): boolean {
  try {
    return (error as Partial<Error> | null | undefined)?.name === "AbortError";
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && CODE_REGEXP.test(code) ? code : undefined;
}

function nameOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, constructor } = error as { name: unknown; constructor?: { name?: unknown } };
  if (name !== "Error" && isName(name)) return name;
  const className = constructor?.name;
  return isName(className) ? className : undefined;
}

function isName(text: unknown): text is string {
  return typeof text === "string" && NAME_REGEXP.test(text);
}
