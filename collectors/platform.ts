import type { TimerFunctions } from "../time/clock.ts";

/** What is read of Node's `process`, which Deno and Bun have too, some of it. */
export interface PlatformProcess {
  readonly platform?: string;
  readonly versions?: Readonly<Record<string, string | undefined>>;
  cpuUsage?(): { readonly user: number; readonly system: number };
  memoryUsage?(): {
    readonly rss: number;
    readonly heapTotal: number;
    readonly heapUsed: number;
    readonly external: number;
    readonly arrayBuffers: number;
  };
  getBuiltinModule?(name: string): unknown;
}

/** What is read of `Deno`. */
export interface PlatformDeno {
  readonly permissions: {
    querySync(descriptor: { name: string }): { readonly state: string; readonly partial?: boolean };
  };
}

/** What is read of the global object: all that may be missing is optional. */
export interface Platform extends Partial<TimerFunctions> {
  readonly process?: PlatformProcess;
  readonly Deno?: PlatformDeno;
  readonly performance?: { now(): number; readonly timeOrigin: number };
  readonly WorkerGlobalScope?: unknown;
}

/** The names under which runtimes have their own version, Node's last: the others have that too. */
const RUNTIMES = ["deno", "bun", "node"] as const;

/** The name and the version of a runtime. */
export interface Runtime {
  /** `deno`, `bun` or `node`. */
  readonly runtime: typeof RUNTIMES[number];
  /** The version, as in `24.9.0`. */
  readonly version: string;
}

/**
 * Which runtime this is.
 *
 * @param platform The global object.
 * @returns Its name and version; nothing on a platform that is none of the three.
 */
export function runtimeOf({ process }: Platform): Runtime | undefined {
  for (const runtime of RUNTIMES) {
    const version = process?.versions?.[runtime];
    if (version !== undefined) return { runtime, version };
  }
  return undefined;
}

/**
 * One of Node's modules, where there are any. It is not imported, so that this file
 * can be on platforms that have none.
 *
 * @typeParam T The part of the module that is used.
 * @param platform The global object.
 * @param name The name, as in `node:fs`.
 * @returns The module, if there is one.
 */
export function builtinModule<T>({ process }: Platform, name: string): Partial<T> | undefined {
  // Every member may be missing, and is asked for by those who use it.
  return process?.getBuiltinModule?.(name) as Partial<T> | undefined;
}

/**
 * What a function returns, or nothing where it throws: what cannot be had is left out.
 *
 * @typeParam T What it returns.
 * @param read The function.
 * @returns Its result, if it has one.
 */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
