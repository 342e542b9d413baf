/**
 * Shares metrics between the isolates and workers of one process: `deno serve --parallel`, workers
 * of Deno and Bun, and worker threads of Node.js. They find each other by a `BroadcastChannel` and
 * need neither a permission nor a coordinator.
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
import type { Backend, OpenOptions, Session } from "../backend.ts";
import { type Channel, channelName, Memories } from "./memories.ts";
import { WorkersSession } from "./session.ts";

export type { Backend, OpenOptions, Session } from "../backend.ts";

/** Options of {@linkcode workersBackend}. */
export interface WorkersBackendOptions {
  /**
   * How long the first flush and the first scrape of a new isolate wait for another isolate that
   * answers, in milliseconds. If none does, the isolate is the first one. A scrape also waits this
   * long for memory that another isolate has shown and that has not arrived. @default {1000}
   */
  timeoutMs?: number | undefined;
}

/** The memories that this isolate knows, by namespace. */
const KNOWN: Map<string, Memories> = new Map();

/**
 * Lets the isolates and workers of one process share their metrics. Each of them calls
 * `loadBackend()` with it.
 *
 * Each isolate writes its numbers to memory that all others can read, so a blocked or terminated
 * isolate delays no other one. An isolate that starts asks the others for their memories. Until one has
 * answered, or `timeoutMs` have passed, its flushes and scrapes wait.
 *
 * @param options Options.
 * @returns The backend, for `loadBackend()`. It rejects if the runtime has no shared memory.
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
      if (typeof SharedArrayBuffer !== "function") {
        throw new Error(
          "Cannot open the workers' store: this runtime has no SharedArrayBuffer: " +
            "use sqliteBackend() of @narthex/prometheus/sqlite",
        );
      }
      // The global one keeps the process alive. Imported here, so that other programs do not load it.
      const { BroadcastChannel } = await import("node:worker_threads");
      const channel = new BroadcastChannel(channelName(options.namespace));
      let memories = KNOWN.get(options.namespace);
      if (memories === undefined) KNOWN.set(options.namespace, memories = new Memories());
      // The events of a channel have more members, and its messages may be anything.
      return new WorkersSession(channel as unknown as Channel, { ...options, timeoutMs, memories });
    },
  };
}
