/** The parts of a runtime that read the environment. */
interface Runtime {
  readonly Deno?: {
    readonly permissions: {
      querySync(descriptor: { name: "env"; variable: string }): { readonly state: string };
    };
    readonly env: { get(name: string): string | undefined };
  };
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/**
 * Reads a variable of the environment, if it may be read. Never asks the user for permission.
 *
 * @param name The name of the variable.
 * @returns Its value; undefined if it is not set, is empty, or may not be read.
 */
export function readEnvironment(name: string): string | undefined {
  // Each runtime has some of this, and a browser nothing.
  const { Deno, process } = globalThis as Runtime;
  try {
    if (Deno === undefined) return process?.env?.[name] || undefined;
    const { state } = Deno.permissions.querySync({ name: "env", variable: name });
    return state === "granted" ? Deno.env.get(name) || undefined : undefined;
  } catch {
    return undefined;
  }
}
