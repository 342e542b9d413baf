/**
 * A batch job: looks for files that are there twice in a folder, `docs` if none is named, and pushes to
 * a Pushgateway how it went. The gateway is at http://localhost:9091, or where `--gateway URL` or the
 * environment variable `PUSHGATEWAY_URL` says.
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
// A registry of its own: a job that ends has nothing to say about its process.
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
// Not registered before there was a success, so that a failure pushes none.
const succeeded = new Gauge("last_success_timestamp_seconds", "When a run last succeeded.", {
  namespace,
  registry: null,
});

/** The files below `folder` that have the same content as one before, and that one. */
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
    // What was not found out is not pushed, and keeps the value of an earlier run.
    registry.unregister(found);
  } finally {
    timer.stop();
    completed.setToCurrentTime();
    await push(gateway, folder);
  }
}

async function push(url: string, folder: string): Promise<void> {
  try {
    // An addition replaces what this run has, and leaves the time of an earlier success.
    await pushAddToGateway(url, { job: "duplicates", groupingKey: { folder }, registry });
  } catch (error) {
    // The work is done, whether or not anyone hears of it; but somebody should look, and the
    // error's cause tells why.
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
