/**
 * A program that counts once and ends: `redis_script.ts <port> <namespace> <amount>`.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { makeBackend } from "./redis_writer.ts";

const [port, namespace, amount] = process.argv.slice(2);
new Counter("jobs_total", "Jobs.").inc(Number(amount));
new Gauge("speed", "Speed.", { aggregation: "sum" }).set(Number(amount));
new Gauge("running", "Whether it runs.", { aggregation: "livesum" }).set(1);
const shared = await loadBackend(await makeBackend(Number(port)), {
  namespace,
  timeoutMs: 60_000,
});
await shared.close();
console.log("end of the program");
