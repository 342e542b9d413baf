/**
 * Starts a real Pushgateway for tests.
 *
 * @module
 */
import { freePort, start, waitFor } from "./processes.ts";

/** A running Pushgateway without persistence. Dispose of it to stop it. */
export interface RunningPushgateway extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** Fetches the text lines of one job, except those about the pushes. */
  series(job: string): Promise<string[]>;
  /** Fetches the labels of all groups. */
  groups(): Promise<Record<string, string>[]>;
}

/** Starts the program at `path` with more command-line options. */
export async function startPushgateway(
  path: string,
  options: readonly string[] = [],
): Promise<RunningPushgateway> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const program = start(path, [
    `--web.listen-address=${new URL(url).host}`,
    "--persistence.file=",
    ...options,
  ]);
  try {
    await waitFor(`Pushgateway: ${program.output()}`, async () => {
      try {
        const response = await fetch(`${url}/-/ready`);
        await response.body?.cancel();
        // A Pushgateway with a password is ready when it responds 401.
        return response.ok || response.status === 401 || undefined;
      } catch {
        return undefined; // It does not listen yet.
      }
    });
  } catch (error) {
    await program.stop();
    throw error;
  }
  return {
    url,
    series: async (job) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return text.split("\n").filter((line) =>
        line.includes(`job="${job}"`) && !/^push_(?:failure_)?time_seconds\{/.test(line)
      );
    },
    groups: async () => {
      const response = await fetch(`${url}/api/v1/metrics`);
      const { data }: { data: { labels: Record<string, string> }[] } = await response.json();
      return data.map(({ labels }) => labels);
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
