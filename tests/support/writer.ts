/**
 * A program that counts and flushes until SIGTERM, for tests that kill it: `writer.ts <file of the
 * backend> <arguments of the backend as JSON>`. It prints `issued N` before a flush can contain the
 * Nth increment, and `acked N` after a flush succeeded.
 *
 * @module
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Counter, Gauge, Histogram } from "../../mod.ts";
import { type Backend, loadBackend } from "../../multiprocess/mod.ts";

const [file = "", args = "[]"] = process.argv.slice(2);
const { makeBackend }: { makeBackend: (...args: unknown[]) => Promise<Backend> } = await import(
  file
);
const jobs = new Counter("jobs_total", "Jobs.");
const size = new Histogram("size", "Sizes.", { buckets: [1, 2], nativeHistogram: true });
const busy = new Gauge("busy", "Whether it runs.", { aggregation: "livesum" });
busy.set(1);

const shared = await loadBackend(await makeBackend(...JSON.parse(args)), { intervalMs: 20 });
let stopping = false;
process.on("SIGTERM", () => stopping = true);

let issued = 0;
while (!stopping) {
  issued++;
  writeSync(1, `issued ${issued}\n`);
  jobs.inc();
  size.observe(issued % 3);
  if (await shared.flush()) writeSync(1, `acked ${issued}\n`);
  await sleep(Math.random() * 10);
}
await shared.close();
writeSync(1, "closed\n");
