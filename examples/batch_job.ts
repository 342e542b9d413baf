/**
 * A batch job that finds duplicate files in a folder, by default `docs`, and pushes its metrics to a
 * Pushgateway. The gateway is `http://localhost:9091`, unless `--gateway URL` or the environment variable
 * `PUSHGATEWAY_URL` names another one.
 *
 * - `deno run --allow-net --allow-read --allow-env=PUSHGATEWAY_URL examples/batch_job.ts`
 * - `bun examples/batch_job.ts`
 * - `node examples/batch_job.ts`
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { CollectorRegistry, Counter, Gauge, Histogram } from "@narthex/prometheus";
import { pushAddToGateway } from "@narthex/prometheus/pushgateway";

const namespace = "duplicates";
// A separate registry, because metrics of the process are of no use for a job that ends.
const registry = new CollectorRegistry();

const files = new Counter("files_read_total", "Files read by this run.", { namespace, registry });
const sizes = new Histogram("file_size", "Sizes of the files.", {
  namespace,
  registry,
  unit: "bytes",
  buckets: [1024, 65_536, 4_194_304],
});
const found = new Gauge("files_found", "Files that are there already under another name.", {
  namespace,
  registry,
});
const duration = new Gauge("duration", "How long the run took.", {
  namespace,
  registry,
  unit: "seconds",
});
const completed = new Gauge("last_completion_timestamp_seconds", "When the last run ended.", {
  namespace,
  registry,
});
// Registered only after a success, so that a failure does not push it.
const succeeded = new Gauge("last_success_timestamp_seconds", "When a run last succeeded.", {
  namespace,
  registry: null,
});

/** Returns the files below a folder that repeat an earlier file, each with the earlier one. */
async function findDuplicates(folder: string): Promise<Map<string, string>> {
  const byDigest = new Map<string, string>();
  const duplicates = new Map<string, string>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => {
    return join(parentPath, name);
  });
  for (const path of paths.sort()) {
    const content = await readFile(path);
    files.inc();
    sizes.observe(content.length);
    const digest = createHash("sha256").update(content).digest("hex");
    const first = byDigest.get(digest);
    if (first === undefined) byDigest.set(digest, path);
    else duplicates.set(path, first);
  }
  return duplicates;
}

async function run(folder: string, gateway: string): Promise<void> {
  const timer = duration.startTimer();
  try {
    const duplicates = await findDuplicates(folder);
    for (const [path, first] of duplicates) console.log(`${path} is ${first}`);
    found.set(duplicates.size);
    succeeded.setToCurrentTime();
    registry.register(succeeded);
  } catch (error) {
    process.exitCode = 1;
    console.error(error instanceof Error ? error.message : error);
    // An unknown result is not pushed. The gateway keeps that of an earlier run.
    registry.unregister(found);
  } finally {
    timer.stop();
    completed.setToCurrentTime();
    await push(gateway, folder);
  }
}

async function push(url: string, folder: string): Promise<void> {
  try {
    // Replaces the metrics of this run, and leaves the time of an earlier success.
    await pushAddToGateway(url, { job: "duplicates", groupingKey: { folder }, registry });
  } catch (error) {
    // The work is done, but the push failed. The cause of the error says why.
    process.exitCode = 1;
    console.error(error);
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { gateway: { type: "string" } },
});
const gateway = values.gateway ?? process.env["PUSHGATEWAY_URL"] ?? "http://localhost:9091";
await run(positionals[0] ?? "docs", gateway);
