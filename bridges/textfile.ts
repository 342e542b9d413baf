/**
 * Writes a registry to a file for the
 * {@link https://github.com/prometheus/node_exporter#textfile-collector | textfile collector} of
 * node_exporter: for cron jobs and other programs on a machine that is scraped anyway.
 *
 * ```ts
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import { writeTextfile } from "@narthex/prometheus/textfile";
 * import assert from "node:assert/strict";
 * import { mkdtemp, readFile } from "node:fs/promises";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("backup_last_success_timestamp_seconds", "When it last succeeded.", { registry })
 *   .set(1700000000);
 *
 * const folder = await mkdtemp("/tmp/textfile-"); // as in --collector.textfile.directory
 * await writeTextfile(`${folder}/backup.prom`, { registry });
 * assert.match(await readFile(`${folder}/backup.prom`, "utf8"), /_timestamp_seconds 1700000000$/m);
 * ```
 *
 * The file is complete at any moment. node_exporter adds no label for the job and merges no families,
 * so use different metric names in each file.
 *
 * @module
 */
import {
  gatherAsync,
  type Gatherer,
  type MetricFamily,
  type ReadAsyncOptions,
  REGISTRY,
} from "../mod.ts";
import { checkKnownOptions, checkShape, type KnownOptions, received } from "../model.ts";
import { abortable } from "../time/time_limit.ts";
import { encodeText } from "../encoding/text.ts";
import { checkParts, checkPositive } from "./requests/checks.ts";
import { reasonOf } from "./requests/reason.ts";
import { replaceFile } from "./textfile/replace_file.ts";

/** Options of {@linkcode writeTextfile}. */
export interface TextfileOptions {
  /** The registry to write. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /** How long to wait for asynchronous collectors, in milliseconds. @default {10000} */
  timeoutMs?: number | undefined;
  /** Abort it to give up before the file is written. */
  signal?: AbortSignal | undefined;
}

const KNOWN_OPTIONS: KnownOptions<TextfileOptions> = {
  registry: true,
  timeoutMs: true,
  signal: true,
};

/**
 * Writes a registry to a file, in the Prometheus text format 0.0.4.
 *
 * The text is written to a new file in the same folder, which then replaces the old one. Therefore a
 * reader never sees half of it. All users may read the file (mode 0644), because node_exporter often
 * runs as another user. If anything fails, the old file is unchanged and the new one is deleted.
 *
 * Asynchronous collectors are awaited for `timeoutMs`. As in a scrape, a collector that fails or is
 * late is left out.
 *
 * @param path The file: a path, or a `file:` URL. node_exporter reads those that end in `.prom`.
 * @param options The registry, a time limit and a signal.
 * @throws {TypeError} If an argument is invalid, or a family has timestamps, because node_exporter
 * skips files with timestamps.
 * @throws {Error} If the file cannot be written. The message names the path.
 *
 * @example A folder that does not exist
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { writeTextfile } from "@narthex/prometheus/textfile";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(
 *   writeTextfile("/no/such/folder/backup.prom", { registry: new CollectorRegistry() }),
 *   { message: /^Cannot write textfile "\/no\/such\/folder\/backup\.prom": ENOENT/ },
 * );
 * ```
 */
export async function writeTextfile(
  path: string | URL,
  options: TextfileOptions = {},
): Promise<void> {
  const doing = `Cannot write textfile ${received(path instanceof URL ? path.href : path)}`;
  const checked = checkKnownOptions(options, KNOWN_OPTIONS, doing);
  const { registry = REGISTRY, timeoutMs = 10_000, signal } = checked;
  checkParts({ registry, signal }, doing);
  checkPositive(timeoutMs, doing, "timeoutMs");
  const isPath = (typeof path === "string" && path !== "") ||
    (path instanceof URL && path.protocol === "file:");
  checkShape(isPath, doing, "path must be a string, and not empty, or a file: URL", path);
  signal?.throwIfAborted();
  const reading = read(registry, { signal, timeoutMs });
  // The registry may ignore its signal.
  const families = await (signal === undefined ? reading : abortable(reading, signal));
  for (const family of families) checkFamily(family, doing);
  const bytes = await new Blob([...encodeText(families, "underscores")]).bytes();
  signal?.throwIfAborted();
  try {
    await replaceFile(path, bytes);
  } catch (error) {
    throw new Error(`${doing}: ${reasonOf(error)}`, { cause: error });
  }
}

async function read(
  registry: Gatherer,
  options: ReadAsyncOptions,
): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, options)) families.push(family);
  return families;
}

/** Throws if node_exporter would skip a file because of this family. */
function checkFamily({ name, metrics }: MetricFamily, doing: string): void {
  for (const { timestamp } of metrics) {
    if (timestamp === undefined) continue;
    const rule = `metric family "${name}" must not have timestamps`;
    throw new TypeError(`${doing}: ${rule}: received ${timestamp}`);
  }
}
