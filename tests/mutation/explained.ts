/**
 * The mutants that no test can notice, or that none should, and why.
 *
 * @module
 */

/** Mutants that have one reason to survive. */
export interface Explanation {
  /** The file, from the top of the checkout. */
  readonly file: string;
  /** The class and functions around them, as the driver prints them. */
  readonly within: string;
  /** What becomes of which line, as the driver prints it. */
  readonly changes: readonly string[];
  /** Why the program does the same as before, as far as anybody may rely on what it does. */
  readonly reason: string;
}

/** All of them, in the order of the files. */
export const EXPLAINED: readonly Explanation[] = [];
