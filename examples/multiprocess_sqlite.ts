/**
 * Two processes that share one registry in an SQLite file, and a scrape of each.
 *
 * - `deno run -A examples/multiprocess_sqlite.ts`
 * - `bun examples/multiprocess_sqlite.ts`
 * - `node examples/multiprocess_sqlite.ts`
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Counter, Gauge, generateMetricsAsync } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { sqliteBackend } from "@narthex/prometheus/sqlite";

const jobs = new Counter("jobs_total", "Jobs done.", { labelNames: ["queue"] });
const memory = new Gauge("memory_bytes", "Memory in use.");

async function work(path: string, name: string): Promise<void> {
  const shared = await loadBackend(sqliteBackend(path), { process: name });
  for (let i = 0; i < 1000; i++) jobs.labels(i % 2 === 0 ? "mail" : "images").inc();
  memory.set(process.memoryUsage().rss);
  // Waits until the store also has the counts of the other process.
  while ((await shared.getSampleValueAsync("jobs_total", { queue: "mail" }) ?? 0) < 1000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`# ${name} answers:\n${await generateMetricsAsync()}`);
  await shared.close();
}

function startWorker(path: string, name: string): Promise<void> {
  const permissions = "Deno" in globalThis ? ["run", "-A"] : [];
  const args = [...permissions, process.argv[1] ?? "", path, name];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => code === 0 ? resolve() : reject(new Error(`${name}: ${code}`)));
  });
}

const [path, name] = process.argv.slice(2);
if (path !== undefined && name !== undefined) {
  await work(path, name);
} else {
  const folder = await mkdtemp(join(tmpdir(), "narthex-example-"));
  const file = join(folder, "metrics.db");
  await Promise.all(["one", "two"].map((name) => startWorker(file, name)));
  await rm(folder, { recursive: true });
}
