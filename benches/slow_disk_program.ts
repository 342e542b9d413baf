/**
 * The program that `slow_disk.ts` measures. It counts in some series every second, and prints the
 * pauses of its event loop as JSON, in milliseconds. Its arguments are the file, the number of
 * series, and the duration in seconds.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { CollectorRegistry, Counter } from "../mod.ts";
import { loadBackend } from "../multiprocess/mod.ts";
import { sqliteBackend } from "../multiprocess/sqlite/mod.ts";

/** The interval of the measurements, in milliseconds. */
const LOOK_MS = 5;

const [path = "", series, seconds] = process.argv.slice(2);
const registry = new CollectorRegistry();
const hits = new Counter("hits_total", "Hits.", { registry, labelNames: ["route"] });
const children = Array.from({ length: Number(series) }, (_, i) => hits.labels(`/route/${i}`));
const shared = await loadBackend(sqliteBackend(path), { registry });

const pauses: number[] = [];
let last = performance.now();
const looking = setInterval(() => {
  const now = performance.now();
  pauses.push(now - last - LOOK_MS);
  last = now;
}, LOOK_MS);
for (let second = 0; second < Number(seconds); second++) {
  for (const child of children) child.inc();
  await sleep(1000);
}
clearInterval(looking);
await shared.close();
console.log(JSON.stringify(pauses));
