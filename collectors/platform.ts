import type { TimerFunctions } from "../time/clock.ts";

/** The part of Node's `process` that is used. Deno and Bun have some of it. */
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

/** The part of `Deno` that is used. */
export interface PlatformDeno {
  readonly permissions: {
    querySync(descriptor: { name: string }): { readonly state: string; readonly partial?: boolean };
  };
}

/** The part of the global object that is used. Members that may be missing are optional. */
export interface Platform extends Partial<TimerFunctions> {
  readonly process?: PlatformProcess;
  readonly Deno?: PlatformDeno;
  readonly performance?: { now(): number; readonly timeOrigin: number };
  readonly navigator?: { readonly userAgent?: string };
  readonly WorkerGlobalScope?: unknown;
}

/** The user agent of Cloudflare Workers. */
const WORKERD_USER_AGENT = "Cloudflare-Workers";

/** The keys of the versions of the runtimes. Node is last, because the others have its key too. */
const RUNTIMES = ["deno", "bun", "node"] as const;

/** The name and the version of a runtime. */
export interface Runtime {
  /** `deno`, `bun`, `node` or `workerd`. */
  readonly runtime: typeof RUNTIMES[number] | "workerd";
  /** The version, such as `24.9.0`. Empty for workerd, which does not know its own. */
  readonly version: string;
}

/**
 * Returns the runtime.
 *
 * @param platform The global object.
 * @returns The name and the version. Undefined if it is not one of the four.
 */
export function runtimeOf({ process, navigator }: Platform): Runtime | undefined {
  if (navigator?.userAgent === WORKERD_USER_AGENT) return { runtime: "workerd", version: "" };
  for (const runtime of RUNTIMES) {
    const version = process?.versions?.[runtime];
    if (version !== undefined) return { runtime, version };
  }
  return undefined;
}

/**
 * Returns a module of Node, if there is one. It is not imported, so that this file can be loaded on
 * platforms without such modules.
 *
 * @typeParam T The part of the module that is used.
 * @param platform The global object.
 * @param name The name, such as `node:fs`.
 * @returns The module, if there is one.
 */
export function builtinModule<T>({ process }: Platform, name: string): Partial<T> | undefined {
  // Every member may be missing, and callers check for that.
  return process?.getBuiltinModule?.(name) as Partial<T> | undefined;
}

/**
 * Calls a function, and ignores its errors.
 *
 * @typeParam T The result.
 * @param read The function.
 * @returns The result, or undefined if the function throws.
 */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
