/**
 * The isolates and workers of one process as one: `deno serve --parallel`, workers of
 * Deno and Bun, and worker threads of Node.js. They meet on a `BroadcastChannel`, need no
 * permission, and none of them is more than another.
 *
 * ```ts
 * import { Counter, metricsHandler } from "@narthex/prometheus";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { workersBackend } from "@narthex/prometheus/workers";
 *
 * new Counter("hits_total", "Hits.").inc();
 * const shared = await loadBackend(workersBackend());
 * const handler = metricsHandler(); // answers for all isolates of this process
 * await handler(new Request("http://localhost/metrics"));
 * await shared.close();
 * ```
 *
 * @module
 */
import type { Backend, OpenOptions, Session } from "./backend.ts";
import { channelName } from "./workers_messages.ts";
import { Told, WorkersSession } from "./workers_session.ts";

export type { Backend, OpenOptions, Session } from "./backend.ts";

/** Options of {@linkcode workersBackend}. */
export interface WorkersBackendOptions {
  /**
   * How long a scrape waits for isolates that do not answer, since they are blocked or
   * were terminated, in milliseconds: half of the scrape's own time limit at most. Their
   * last known numbers are used then. @default {1000}
   */
  timeoutMs?: number | undefined;
}

/** What this isolate has told under each namespace. */
const TOLD: Map<string, Told> = new Map();

/**
 * Lets the isolates and workers of one process share their metrics. Each of them calls
 * `loadBackend()` with it.
 *
 * Every isolate keeps what all others have counted, as of their last flush, and so what
 * those have counted that were terminated. An isolate that starts learns it from the
 * others: a scrape within the first `timeoutMs` of an isolate waits until one has answered,
 * or for the rest of this time, in case that it is not the only one.
 *
 * @param options Options.
 * @returns The backend, for `loadBackend()`.
 * @throws {TypeError} If `timeoutMs` is not a number.
 * @throws {RangeError} If `timeoutMs` is not positive and finite.
 *
 * @example Two registries, here in one isolate
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { workersBackend } from "@narthex/prometheus/workers";
 * import assert from "node:assert/strict";
 *
 * const [one, two] = [new CollectorRegistry(), new CollectorRegistry()];
 * new Counter("jobs_total", "Jobs.", { registry: one }).inc(2);
 * new Counter("jobs_total", "Jobs.", { registry: two }).inc(3);
 *
 * await using first = await loadBackend(workersBackend(), { registry: one });
 * await using second = await loadBackend(workersBackend(), { registry: two });
 * await first.flush();
 * assert.equal(await second.getSampleValueAsync("jobs_total"), 5);
 * ```
 */
export function workersBackend(options: WorkersBackendOptions = {}): Backend {
  const { timeoutMs = 1000 } = options;
  const doing = "Cannot create workers backend: timeoutMs must be";
  if (typeof timeoutMs !== "number") {
    throw new TypeError(`${doing} a number: received ${String(timeoutMs)}`);
  }
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new RangeError(`${doing} > 0 and < 2 ** 31: received ${timeoutMs}`);
  }
  return {
    name: "workers",
    async open(options: OpenOptions): Promise<Session> {
      // The global one keeps the process alive. Who never opens one does not pay for it.
      const { BroadcastChannel } = await import("node:worker_threads");
      const channel = new BroadcastChannel(channelName(options.namespace));
      let told = TOLD.get(options.namespace);
      if (told === undefined) TOLD.set(options.namespace, told = new Told());
      return new WorkersSession(channel, { ...options, timeoutMs, told });
    },
  };
}
