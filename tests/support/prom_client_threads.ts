/**
 * A main thread and two worker threads. The environment variable `OFFICIAL` lists the threads that
 * use the official client, out of `primary`, `1` and `2`. Prints the metrics of both workers,
 * prints them again after worker 1 has shut down, and exits.
 *
 * @module
 */
import official from "@prometheus-io/client";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import dropIn from "../../prom_client/mod.ts";

const me: string = isMainThread ? "primary" : workerData;
// Both clients have the members that are used here.
const client = (process.env.OFFICIAL ?? "").split(",").includes(me)
  ? official as unknown as typeof dropIn
  : dropIn;
const registry = new client.WorkerRegistry();

if (isMainThread) {
  const workers = ["1", "2"].map((workerData) =>
    new Worker(new URL(import.meta.url), { workerData })
  );
  await Promise.all(workers.map((worker) => once(worker, "message")));
  // Announcements use a different channel than messages.
  while (countWorkers() < 2) await sleep(5);
  console.log(`first\n${await registry.workerMetrics()}`);
  workers[0]!.postMessage("end");
  await once(workers[0]!, "exit");
  while (countWorkers() > 1) await sleep(5);
  console.log(`second\n${await registry.workerMetrics()}`);
  await registry.shutdown();
  workers[1]!.postMessage("end");
  await once(workers[1]!, "exit");
  console.log("done");
  process.exit(0);
} else {
  const counter = new client.Counter({ name: "c_total", help: "C.", labelNames: ["of"] });
  counter.inc({ of: me });
  counter.inc({ of: "all" });
  new client.Histogram({ name: "h", help: "H.", buckets: [1, 2] }).observe(Number(me));
  parentPort!.once("message", async () => {
    await registry.shutdown();
    process.exit(0);
  });
  parentPort!.postMessage("ready");
}

function countWorkers(): number {
  return client.WorkerRegistry.workerCount();
}
