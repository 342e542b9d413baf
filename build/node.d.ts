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

declare module "node:async_hooks" {
  export class AsyncLocalStorage {
    static snapshot(): <R>(callback: () => R) => R;
  }
}

declare module "node:fs" {
  export interface Stats {
    readonly dev: number;
    readonly ino: number;
    readonly size: number;
    readonly atimeMs: number;
    readonly mtimeMs: number;
    readonly ctimeMs: number;
    readonly birthtimeMs: number;
    isDirectory(): boolean;
  }
  export const constants: { readonly R_OK: number; readonly W_OK: number };
  export function openSync(path: string, flags: string): number;
  export function closeSync(file: number): void;
  export function accessSync(path: string, mode?: number): void;
  export function statSync(path: string): Stats;
  export function statSync(path: string, options: { throwIfNoEntry: false }): Stats | undefined;
  export function realpathSync(path: string): string;
  export function rmSync(path: string, options?: { force?: boolean }): void;
  export function utimesSync(path: string, accessed: number, modified: number): void;
}

declare module "node:fs/promises" {
  interface FileHandle {
    writeFile(data: Uint8Array): Promise<void>;
    chmod(mode: number): Promise<void>;
    sync(): Promise<void>;
    close(): Promise<void>;
  }
  export function open(path: string | URL, flags: string, mode?: number): Promise<FileHandle>;
  export function rename(from: string | URL, to: string | URL): Promise<void>;
  export function rm(path: string | URL, options?: { force?: boolean }): Promise<void>;
}

declare module "node:path" {
  export function dirname(path: string): string;
  export function isAbsolute(path: string): boolean;
  export function resolve(...paths: string[]): string;
}

declare module "node:process" {
  const process: { readonly pid: number; readonly platform: string };
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
  // Also a number, because the global `clearTimeout()` of browsers accepts nothing else.
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
