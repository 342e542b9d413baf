/**
 * The program of the soak, on any runtime: `program.ts <options as JSON>`. A server serves scrapes
 * and counts. With the backend for workers it also starts workers that count. A writer counts until
 * SIGTERM.
 *
 * The server prints `port <number>`, and a writer prints `started` and `stopped`. Any other output
 * is a failure. The server accepts the commands `/start?slot=N` (starts a worker), `/kill?slot=N`
 * and `/stop` (stops all updates).
 *
 * @module
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, CollectorRegistryProxy, metricsHandler } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";
import { Load, type LoadOptions } from "./load.ts";

/** Options of the program. */
export interface ProgramOptions extends LoadOptions {
  /**
   * Whether the writers are workers of the server's process, or processes that share an SQLite
   * file.
   */
  readonly backend: "workers" | "sqlite";
  /** Whether the program serves scrapes. */
  readonly isServer: boolean;
}

/** The time limit of a scrape, long enough for a busy machine. */
const TIMEOUT_MS = 20_000;
/**
 * How long a killed writer is remembered. It is short, so that some are forgotten during the soak.
 */
const RETENTION_MS = 20_000;

const options: ProgramOptions = isMainThread ? JSON.parse(process.argv[2]!) : workerData;
const { backend, folder, slot, isServer } = options;
const registry = new CollectorRegistryProxy(new CollectorRegistry());
const load = new Load(registry, options);
const shared = await loadBackend(
  backend === "workers" ? workersBackend() : sqliteBackend(join(folder, "metrics.db")),
  {
    registry,
    timeoutMs: TIMEOUT_MS,
    retentionMs: RETENTION_MS,
    onError: (error) => console.error("slot", slot, error),
  },
);
const running = load.run(shared);

/** Stops all updates. The isolate lives on, so that its live gauges can still be read. */
async function stop(): Promise<void> {
  load.stop();
  await running;
}

if (isServer) {
  await serveAll();
} else if (isMainThread) {
  process.once("SIGTERM", async () => {
    await stop();
    process.once("SIGTERM", async () => {
      await shared.close();
      process.exit();
    });
    writeSync(1, "stopped\n");
  });
  writeSync(1, "started\n");
  setInterval(() => {}, 1000);
} else {
  parentPort!.on("message", async () => {
    await stop();
    parentPort!.postMessage("stopped");
  });
  parentPort!.postMessage("started");
}

async function serveAll(): Promise<void> {
  const metrics = metricsHandler({ registry, timeoutMs: TIMEOUT_MS });
  const workers = new Map<string, Worker>();
  const startWorker = async (slot: string): Promise<void> => {
    const data = { ...options, slot: Number(slot), isServer: false } satisfies ProgramOptions;
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    worker.on("error", (error) => console.error("worker", slot, error));
    workers.set(slot, worker);
    await said(worker);
  };
  const commands: Readonly<Record<string, (slot: string) => Promise<unknown>>> = {
    "/start": startWorker,
    async "/kill"(slot) {
      await workers.get(slot)?.terminate();
      workers.delete(slot);
    },
    async "/stop"() {
      const stopping = [...workers.values()].map((worker) => {
        worker.postMessage("stop");
        return said(worker);
      });
      await Promise.all([stop(), ...stopping]);
    },
  };
  const { port } = await serve(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const command = commands[pathname];
    if (command === undefined) return await metrics(request);
    await command(searchParams.get("slot") ?? "");
    return new Response("done");
  }, 0);
  console.log(`port ${port}`);
}

/** Waits for the next message of a worker. */
function said(worker: Worker): Promise<unknown> {
  return new Promise((resolve) => worker.once("message", resolve));
}
