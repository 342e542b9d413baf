import { builtinModule, type Platform } from "../collectors/platform.ts";

/**
 * Loads a module of the runtime, synchronously and only when it is needed, so that importing this
 * folder loads none and bundles for browsers.
 *
 * @typeParam Module The part of the module that is used.
 * @param name The name, as in `node:util`.
 * @returns The module; undefined where there is none.
 */
export function builtin<Module>(name: string): Module | undefined {
  // The caller uses what every version of the module has.
  return builtinModule<Module>(globalThis as Platform, name) as Module | undefined;
}

/**
 * Loads a module of the runtime that nothing can stand in for.
 *
 * @typeParam Module The part of the module that is used.
 * @param name The name, as in `node:cluster`.
 * @param doing The failing action, as in `Cannot push metrics`.
 * @returns The module.
 * @throws {TypeError} If the runtime does not have it.
 */
export function requireBuiltin<Module>(name: string, doing: string): Module {
  const module = builtin<Module>(name);
  if (module === undefined) throw new TypeError(`${doing}: this runtime has no module "${name}"`);
  return module;
}
