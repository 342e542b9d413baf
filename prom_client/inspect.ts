import { received } from "../model.ts";
import { builtin } from "./builtin.ts";

/** The part of `node:util` that error messages need. */
interface Util {
  format(value: unknown): string;
  inspect(value: unknown): string;
}

/** Spells a value in an error message as `util.format()` does. */
export function format(value: unknown): string {
  const util = builtin<Util>("node:util");
  if (util !== undefined) return util.format(value);
  return typeof value === "string" ? value : received(value);
}

/** Spells a list of names in an error message as `util.inspect()` does. */
export function inspectNames(names: readonly string[]): string {
  const util = builtin<Util>("node:util");
  if (util !== undefined) return util.inspect(names);
  return names.length === 0 ? "[]" : `[ ${names.map((name) => `'${name}'`).join(", ")} ]`;
}
