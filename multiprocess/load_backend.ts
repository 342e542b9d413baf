import process from "node:process";
import {
  type CollectorRegistryProxy,
  gatherAsync,
  type MetricFamily,
  REGISTRY,
  type Registry,
} from "../mod.ts";
import type { Backend } from "./backend.ts";
import { LOADED, type Loaded } from "./loaded.ts";
import { whyNotShared } from "./schema.ts";
import { type BackendOperation, isSharing, SharedRegistry } from "./shared_registry.ts";
import { SYSTEM_CLOCK, type Timers } from "../time/clock.ts";
import { abortable, limitTime } from "../time/time_limit.ts";

/** How many heartbeats a process sends before it would count as ended. */
const HEARTBEATS = 3;

/** How long a backend that does not open may take to give a reason, in milliseconds. */
const GRACE_MS = 100;

/** The longest time of a timer. */
const MAX_MS = 2 ** 31 - 1 - GRACE_MS;

/** Options of {@linkcode loadBackend}. */
export interface LoadBackendOptions {
  /**
   * The registry to share. A proxy, such as the default registry, then forwards to the shared
   * registry. For any other registry, read the returned shared registry. @default {REGISTRY}
   */
  registry?: Registry | undefined;
  /** How often changes are sent to the store, in milliseconds. @default {1000} */
  intervalMs?: number | undefined;
  /**
   * How long a scrape, a flush, and `loadBackend()` itself wait for the store, in milliseconds.
   * @default {5000}
   */
  timeoutMs?: number | undefined;
  /**
   * Whether to only read a store that other processes write to. The metrics of this process are
   * then not shown. @default {false}
   */
  readOnly?: boolean | undefined;
  /** The namespace. Programs of different namespaces share no numbers. @default {"default"} */
  namespace?: string | undefined;
  /**
   * The value of the label `process` for this process. A name that stays the same after a restart
   * keeps the number of series small. @default {its id and four random digits}
   */
  process?: string | undefined;
  /**
   * How long a process may be silent before it counts as ended, in milliseconds.
   * @default {10000, or five intervals if that is more}
   */
  deadAfterMs?: number | undefined;
  /**
   * How long values of gauges without `live` are kept after their process has ended, in
   * milliseconds. @default {3600000}
   */
  retentionMs?: number | undefined;
  /**
   * Called with every failure that `narthex_backend_errors_total` counts, to log its reason. Errors
   * that it throws are ignored.
   */
  onError?: ((error: unknown, operation: BackendOperation) => void) | undefined;
  /** The clock and timers, for tests. @default {the platform} */
  timers?: Timers | undefined;
}

/**
 * Shares one registry among many isolates, processes or hosts. Each of them calls it once, at
 * start-up. All metrics are included, registered before or after the call. You use them as before.
 *
 * From then on `metricsHandler()`, `metricsResponse()` and `generateMetricsAsync()` of any process
 * answer for all of them. `generateMetrics()` throws.
 *
 * A second call for the same registry closes the first backend and replaces it. On the same
 * store the counts continue.
 *
 * @param backend The store that the processes share.
 * @param options Options.
 * @returns The shared registry, to flush and to close it.
 * @throws {TypeError} If an option is not legal, or a metric has a label `process` that the store
 * adds itself.
 * @throws {RangeError} If a number is not positive.
 * @throws {Error} If the backend can never work with its current settings.
 *
 * @example Two processes on one host, here in one
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { sqliteBackend } from "@narthex/prometheus/sqlite";
 * import assert from "node:assert/strict";
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 *
 * const path = join(mkdtempSync(join(tmpdir(), "metrics-")), "metrics.db");
 * const [one, two] = [new CollectorRegistry(), new CollectorRegistry()];
 * new Counter("jobs_total", "Jobs.", { registry: one }).inc(2);
 * new Counter("jobs_total", "Jobs.", { registry: two }).inc(3);
 *
 * await using first = await loadBackend(sqliteBackend(path), { registry: one });
 * await using second = await loadBackend(sqliteBackend(path), { registry: two });
 * await first.flush();
 * assert.equal(await second.getSampleValueAsync("jobs_total"), 5);
 * ```
 */
export async function loadBackend(
  backend: Backend,
  options: LoadBackendOptions = {},
): Promise<SharedRegistry> {
  const doing = "Cannot load backend";
  if (typeof backend?.open !== "function") {
    throw new TypeError(`${doing}: a backend must have open(): received ${String(backend)}`);
  }
  const {
    registry = REGISTRY,
    readOnly = false,
    namespace = "default",
    process: label = defaultLabel(),
    timers = SYSTEM_CLOCK,
  } = options;
  const intervalMs = checkMs("intervalMs", options.intervalMs ?? 1000, doing);
  const timeoutMs = checkMs("timeoutMs", options.timeoutMs ?? 5000, doing);
  const { deadAfterMs = Math.max(10_000, 5 * intervalMs), retentionMs = 3_600_000 } = options;
  checkMs("deadAfterMs", deadAfterMs, doing, Number.MAX_VALUE);
  checkMs("retentionMs", retentionMs, doing, Number.MAX_VALUE);
  for (const [key, value] of Object.entries({ namespace, process: label })) {
    if (typeof value === "string" && value !== "") continue;
    throw new TypeError(`${doing}: ${key} must be a string, not empty: received ${String(value)}`);
  }
  const given = proxyOf(registry);
  const behind = given?.getRegistry() ?? registry;
  // The default registry may be shared already. Then the new backend replaces the first one.
  const inner = isSharing(behind) ? behind.getInner() : behind;
  const former = LOADED.get(inner);
  const proxy = given ?? former?.proxy;
  const { promise, resolve } = Promise.withResolvers<Awaited<Loaded["shared"]>>();
  const loaded: Loaded = { proxy, shared: promise };
  LOADED.set(inner, loaded);
  const message = `${doing}: ${backend.name} did not open: waited ${timeoutMs} ms`;
  const asked = limitTime(timeoutMs, { timers, message });
  // A backend that is aborted may know why it is late.
  const left = limitTime(timeoutMs + GRACE_MS, { timers, message });
  try {
    const { signal } = asked;
    const opening = backend.open({ namespace, readOnly, deadAfterMs, retentionMs, signal, timers });
    // A session that opens too late is closed again.
    opening.then(async (session) => {
      if (left.signal.aborted) await session.close();
    }).catch(() => {});
    const gathering = gatherMetrics(inner, signal);
    gathering.catch(() => {});
    const session = await abortable(opening, left.signal);
    const families = await gathering.catch(async (error) => {
      await session.close();
      throw error;
    });
    await (await former?.shared)?.close();
    // It may be shared by another copy of the package.
    if (isSharing(behind)) await behind.close();
    const shared = new SharedRegistry({
      inner,
      proxy,
      loaded,
      families,
      session,
      process: label,
      readOnly,
      intervalMs,
      timeoutMs,
      timers,
      heartbeatMs: deadAfterMs / HEARTBEATS,
      onError: options.onError ?? (() => {}),
    });
    proxy?.setRegistry(shared, { collectors: "leave" });
    resolve(shared);
    return shared;
  } catch (error) {
    // Another call may have started meanwhile.
    if (LOADED.get(inner) === loaded) {
      if (former === undefined) LOADED.delete(inner);
      else LOADED.set(inner, former);
    }
    resolve(former?.shared);
    throw left.isTimeout ? new Error(message) : error;
  } finally {
    asked.end();
    left.end();
  }
}

/** Gathers the registered metrics. Throws if one of them cannot be shared. */
async function gatherMetrics(registry: Registry, signal: AbortSignal): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, { metricsOnly: true, signal })) {
    const reason = whyNotShared(family);
    if (reason !== undefined) throw new TypeError(`Cannot load backend: ${reason}`);
    families.push(family);
  }
  return families;
}

/** Returns the registry as a proxy, of any copy of the package, or undefined if it is not one. */
function proxyOf(registry: Registry): CollectorRegistryProxy | undefined {
  const { getRegistry, setRegistry } = registry as Partial<CollectorRegistryProxy>;
  const isProxy = typeof getRegistry === "function" && typeof setRegistry === "function";
  // Only these two methods are used.
  return isProxy ? registry as CollectorRegistryProxy : undefined;
}

function defaultLabel(): string {
  const digits = crypto.getRandomValues(new Uint16Array(1))[0]!.toString(16).padStart(4, "0");
  return `${process.pid}-${digits}`;
}

function checkMs(name: string, value: number, doing: string, max = MAX_MS): number {
  if (typeof value !== "number") {
    throw new TypeError(`${doing}: ${name} must be a number: received ${String(value)}`);
  }
  if (!(value > 0 && value <= max)) {
    throw new RangeError(`${doing}: ${name} must be > 0 and <= ${max}: received ${value}`);
  }
  return value;
}
