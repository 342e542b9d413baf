/**
 * The parts of Node's modules that the library imports, so that the TypeScript compiler needs
 * no package to build it. Deno checks the same code against the complete types.
 */
declare module "node:crypto" {
  interface Hash {
    update(text: string): Hash;
    digest(encoding: "hex" | "base64url"): string;
  }
  export function createHash(algorithm: "sha1" | "sha256"): Hash;
}

declare module "node:fs" {
  interface Stats {
    readonly dev: number;
    readonly ino: number;
  }
  export function statSync(path: string, options: { throwIfNoEntry: false }): Stats | undefined;
}

declare module "node:process" {
  const process: { readonly pid: number };
  export default process;
}

declare module "node:sqlite" {
  type Value = null | number | bigint | string | Uint8Array;
  export interface StatementSync {
    run(...values: Value[]): { readonly changes: number | bigint };
    get(...values: Value[]): Record<string, Value> | undefined;
    all(...values: Value[]): Record<string, Value>[];
  }
  export class DatabaseSync {
    constructor(path: string, options?: { readOnly?: boolean });
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}

declare module "node:timers" {
  // Also a number, because the global `clearTimeout()` of browsers takes nothing else.
  type Timer = number & { ref(): Timer; unref(): Timer };
  export function setTimeout(callback: (value: undefined) => void, milliseconds?: number): Timer;
  export function setInterval(callback: () => void, milliseconds?: number): Timer;
  export function setImmediate(callback: (value: undefined) => void): Timer;
  export function clearTimeout(timer: Timer | undefined): void;
  export function clearInterval(timer: Timer | undefined): void;
}

declare module "node:worker_threads" {
  export class BroadcastChannel {
    constructor(name: string);
    onmessage: (event: { readonly data: unknown }) => void;
    onmessageerror: (event: { readonly data: unknown }) => void;
    postMessage(message: unknown): void;
    close(): void;
    ref(): this;
    unref(): this;
  }
}
