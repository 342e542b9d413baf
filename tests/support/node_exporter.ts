/**
 * Starts a real node_exporter that only reads the text files of a folder.
 *
 * @module
 */
import { freePort, start, waitFor } from "./processes.ts";

/** A running node_exporter. Dispose of it to stop it. */
export interface NodeExporter extends AsyncDisposable {
  /** Fetches its metrics. */
  scrape(): Promise<string>;
}

/** Starts the program at `path`. It reads the files in `folder`. */
export async function startNodeExporter(path: string, folder: string): Promise<NodeExporter> {
  const port = await freePort();
  const program = start(path, [
    `--web.listen-address=127.0.0.1:${port}`,
    "--collector.disable-defaults",
    "--collector.textfile",
    `--collector.textfile.directory=${folder}`,
  ]);
  const scrape = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return await response.text();
  };
  await waitFor("node_exporter answers", () => scrape().catch(() => undefined));
  return { scrape, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
