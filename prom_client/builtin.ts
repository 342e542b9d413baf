import { builtinModule, type Platform } from "../collectors/platform.ts";

/**
 * Loads a module of the runtime, or returns undefined if there is none. It is loaded at first use,
 * so that this folder loads no module at import and bundles for browsers.
 */
export function builtin<Module>(name: string): Module | undefined {
  // Every version of the module has the members that callers use.
  return builtinModule<Module>(globalThis as Platform, name) as Module | undefined;
}

/**
 * Loads a module of the runtime. Throws, with the action in the message, if the runtime has none.
 */
export function requireBuiltin<Module>(name: string, doing: string): Module {
  const module = builtin<Module>(name);
  if (module === undefined) throw new TypeError(`${doing}: this runtime has no module "${name}"`);
  return module;
}
