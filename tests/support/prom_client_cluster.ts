/**
 * A primary and two workers of `node:cluster`. The environment variable `OFFICIAL` lists the
 * processes that use the official client, out of `primary`, `1` and `2`. Prints the metrics of all
 * processes, prints them again after worker 1 has shut down, and exits.
 *
 * @module
 */
import official from "@prometheus-io/client";
import cluster from "node:cluster";
import { once } from "node:events";
import process from "node:process";
import dropIn from "../../prom_client/mod.ts";

const me = cluster.isPrimary ? "primary" : process.env.WORKER!;
// Both clients have the members that are used here.
const client = (process.env.OFFICIAL ?? "").split(",").includes(me)
  ? official as unknown as typeof dropIn
  : dropIn;
const registry = new client.ClusterRegistry();
const counter = new client.Counter({ name: "c_total", help: "C.", labelNames: ["of"] });
const gauge = new client.Gauge({ name: "g", help: "G.", aggregator: "max" });
const histogram = new client.Histogram({ name: "h", help: "H.", buckets: [1, 2] });

counter.inc({ of: me });
counter.inc({ of: "all" });
gauge.set(me === "primary" ? 0 : Number(me));
histogram.observe(me === "primary" ? 3 : Number(me));

if (cluster.isPrimary) {
  const workers = ["1", "2"].map((number) => cluster.fork({ WORKER: number }));
  // A worker sends a message after it has announced itself, and messages stay in order.
  await Promise.all(workers.map((worker) => once(worker, "message", {})));
  await Promise.all(workers.map(async (worker) => {
    worker.send("ready?");
    for (;;) if ((await once(worker, "message"))[0] === "ready") return;
  }));
  console.log(`first\n${await registry.clusterMetrics()}`);
  workers[0]!.send("end");
  await once(workers[0]!, "exit");
  console.log(`second\n${await registry.clusterMetrics()}`);
  await registry.shutdown();
  workers[1]!.send("end");
  await once(workers[1]!, "exit");
  console.log("done");
  process.exit(0);
} else {
  process.on("message", async (message) => {
    if (message === "ready?") process.send!("ready");
    if (message !== "end") return;
    await registry.shutdown();
    process.exit(0);
  });
}
