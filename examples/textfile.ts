/**
 * A cron job that writes its metrics for a node_exporter on the same machine.
 *
 * - `deno run --allow-read --allow-write --allow-env=TEXTFILE_DIRECTORY examples/textfile.ts`
 * - `bun examples/textfile.ts`
 * - `node examples/textfile.ts`
 *
 * `TEXTFILE_DIRECTORY` is the folder of node_exporter's option `--collector.textfile.directory`.
 * The user of the job must be able to write there. This is a line of a crontab:
 *
 * ```text
 * 0,15,30,45 * * * * TEXTFILE_DIRECTORY=/var/lib/node_exporter node /srv/textfile.ts /srv/uploads
 * ```
 *
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import process from "node:process";
import { writeTextfile } from "../bridges/textfile.ts";
import { CollectorRegistry, Gauge } from "../mod.ts";

const directory = process.env["TEXTFILE_DIRECTORY"] ?? ".";

// A separate registry, because the metrics of the process do not belong to the job.
const registry = new CollectorRegistry();
const options = { registry, labelNames: ["folder"] } as const;
const files = new Gauge("folder_files", "Files directly in a folder.", options);
const bytes = new Gauge("folder_size", "Size of these files.", { ...options, unit: "bytes" });
// Alert on `time() - folder_job_last_success_timestamp_seconds > 3600`.
const success = new Gauge("folder_job_last_success_timestamp_seconds", "When the job succeeded.", {
  registry,
});

for (const folder of process.argv.length > 2 ? process.argv.slice(2) : ["."]) {
  let count = 0;
  let size = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    count++;
    size += (await stat(`${folder}/${entry.name}`)).size;
  }
  files.labels({ folder }).set(count);
  bytes.labels({ folder }).set(size);
}
success.setToCurrentTime();
await writeTextfile(`${directory}/folder_job.prom`, { registry });
