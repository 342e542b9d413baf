/**
 * Two processes that share one registry in Redis, and a scrape of each. It starts a `redis-server`.
 * `REDIS_URL=redis://localhost:6379` uses a running one instead.
 *
 * - `deno run -A examples/multiprocess_redis.ts`
 * - `bun examples/multiprocess_redis.ts`
 * - `node examples/multiprocess_redis.ts`
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createClient } from "redis";
import { Counter, Gauge, generateMetricsAsync } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { redisBackend } from "@narthex/prometheus/redis";

const jobs = new Counter("jobs_total", "Jobs done.", { labelNames: ["queue"] });
const memory = new Gauge("memory_bytes", "Memory in use.");

async function work(url: string, name: string): Promise<void> {
  const client = createClient({ url });
  client.on("error", () => {}); // The client reconnects on its own.
  await client.connect();
  const shared = await loadBackend(redisBackend((...command) => client.sendCommand(command)), {
    process: name,
    namespace: "example",
  });
  // Another run on the same server continues from these counts.
  const before = await shared.getSampleValueAsync("jobs_total", { queue: "mail" }) ?? 0;
  for (let i = 0; i < 1000; i++) jobs.labels(i % 2 === 0 ? "mail" : "images").inc();
  memory.set(process.memoryUsage().rss);
  // Waits until the store also has the counts of the other process.
  const deadline = Date.now() + 3000;
  while (
    Date.now() < deadline &&
    (await shared.getSampleValueAsync("jobs_total", { queue: "mail" }) ?? 0) < before + 1000
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`# ${name} answers:\n${await generateMetricsAsync()}`);
  await shared.close();
  client.destroy();
}

function startWorker(url: string, name: string): Promise<void> {
  const permissions = "Deno" in globalThis ? ["run", "-A"] : [];
  const args = [...permissions, process.argv[1] ?? "", url, name];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => code === 0 ? resolve() : reject(new Error(`${name}: ${code}`)));
  });
}

/** Starts a server that stores nothing on disk. The program stops it at the end. */
async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" ? address?.port ?? 6379 : 6379));
    });
  });
  const folder = await mkdtemp(join(tmpdir(), "narthex-example-"));
  const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", ""];
  const server = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.stdout.on("data", (text) => /Ready to accept/.test(String(text)) && resolve());
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      server.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

const [url, name] = process.argv.slice(2);
if (url !== undefined && name !== undefined) {
  await work(url, name);
} else {
  const running = process.env["REDIS_URL"];
  const server = running === undefined ? await startServer() : undefined;
  await Promise.all(["one", "two"].map((name) => startWorker(server?.url ?? running ?? "", name)));
  await server?.stop();
}
