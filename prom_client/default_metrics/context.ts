import { attempt, type Platform } from "../../collectors/platform.ts";
import { builtin } from "../builtin.ts";
import { Gauge } from "../gauge.ts";
import type { Registry } from "../registry.ts";
import type { Aggregator } from "../types.ts";

/** Options of `collectDefaultMetrics()`, as far as all metrics read them. */
export interface Context {
  /** Stands before every name. */
  readonly prefix: string;
  /** Labels of every series. */
  readonly labels: Readonly<Record<string, string>>;
  /** The names of these labels. */
  readonly labelNames: readonly string[];
  /** Where the metrics are registered. */
  readonly registers: Registry[] | undefined;
}

/** The part of Node's `process` that default metrics read. Each member may be missing. */
export interface DefaultProcess {
  readonly platform?: string;
  readonly version?: string;
  cpuUsage?(): { readonly user: number; readonly system: number };
  uptime?(): number;
  memoryUsage?: {
    (): { rss: number; heapTotal: number; heapUsed: number; external?: number };
    rss?(): number;
  };
  getActiveResourcesInfo?(): string[];
  _getActiveHandles?(): object[];
  _getActiveRequests?(): object[];
}

/** Returns Node's `process`, or an object without members. */
export function processOf(): DefaultProcess {
  return (globalThis as { process?: DefaultProcess }).process ?? {};
}

/** The options that default metrics of all types have. */
interface CommonOptions {
  name: string;
  help: string;
  labelNames: string[];
  registers?: Registry[];
}

/** Returns the options of a metric. Its name is given without the prefix. */
export function optionsOf(
  { prefix, labelNames, registers }: Context,
  name: string,
  help: string,
  ownLabelNames: readonly string[] = [],
): CommonOptions {
  const options = { name: prefix + name, help, labelNames: [...ownLabelNames, ...labelNames] };
  return registers === undefined ? options : { ...options, registers };
}

/** Creates a gauge. Its name is given without the prefix. */
export function gaugeOf(
  context: Context,
  name: string,
  help: string,
  more: { labelNames?: string[]; aggregator?: Aggregator; collect?: (this: Gauge) => void } = {},
): Gauge {
  return new Gauge<string>({ ...more, ...optionsOf(context, name, help, more.labelNames) });
}

/** The part of `node:fs` that is used. */
interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  readdirSync(path: string): string[];
}

/** Reads with `node:fs`. Where Deno would have to ask its user first, nothing is read. */
function readFiles<T>(read: (files: FileSystem) => T): T | undefined {
  const { Deno } = globalThis as Platform;
  const files = builtin<FileSystem>("node:fs");
  if (files === undefined) return undefined;
  return attempt(() => {
    // Deno needs all permissions for files in /proc.
    const query = Deno?.permissions.querySync.bind(Deno.permissions);
    const isRefused = query !== undefined &&
      ["read", "write", "run", "ffi"].some((name) => query({ name }).state !== "granted");
    return isRefused ? undefined : read(files);
  });
}

/** Reads a file of `/proc`. */
export function readText(path: string): string | undefined {
  return readFiles((files) => files.readFileSync(path, "utf8"));
}

/** Reads the names in a folder of `/proc`. */
export function readNames(path: string): string[] | undefined {
  return readFiles((files) => files.readdirSync(path));
}
