/**
 * Starts a real Prometheus server for tests, and queries its HTTP API.
 *
 * @module
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT_URL } from "./paths.ts";
import { freePort, start, waitFor } from "./processes.ts";

/** A series that a query selected, with its current value. */
export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A target in Prometheus. */
export interface Target {
  /** Its URL. */
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

/** An exemplar that Prometheus stored. */
export interface StoredExemplar {
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestamp: number;
}

/** A running Prometheus. Dispose of it to stop it and to delete its data. */
export interface PrometheusServer extends AsyncDisposable {
  /** Evaluates the expression `query` now. */
  query(query: string): Promise<QueryResult[]>;
  /**
   * Waits until `query` selects one series whose value satisfies `isEnough`, and returns the value.
   */
  waitForValue(query: string, isEnough?: (value: number) => boolean): Promise<number>;
  /** Returns the exemplars of the selector `query` from the last hour. */
  exemplars(query: string): Promise<StoredExemplar[]>;
  /** Returns the scraped targets. */
  targets(): Promise<Target[]>;
}

/** A Prometheus that accepts remote write. */
export interface ReceivingPrometheusServer extends PrometheusServer {
  /** The remote-write URL. */
  readonly writeUrl: string;
}

/** Options of {@linkcode startReceivingPrometheus}. */
export interface ReceivingOptions {
  /** The data folder, which survives a restart. The caller removes it. */
  readonly folder: string;
  readonly port: number;
  /** Features that are off by default. */
  readonly features?: readonly string[];
}

/** The configuration of the examples. */
const CONFIG_URL = new URL("examples/compose/prometheus.yml", ROOT_URL);

/** Returns the configuration of the examples with other targets. */
async function configure(targets: readonly string[]): Promise<string> {
  const text = await readFile(CONFIG_URL, "utf8");
  const parts = text.split('["demo:8000"]');
  if (parts.length !== 2) throw new Error(`Cannot find the target in ${CONFIG_URL}: ${text}`);
  return parts.join(JSON.stringify(targets));
}

/**
 * Starts the program at `path` with the configuration of the examples. It scrapes `targets`
 * (`host:port`) every second. `features` are off by default in Prometheus.
 */
export async function startPrometheus(
  path: string,
  targets: string | readonly string[],
  features: readonly string[] = [],
): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-prometheus-"));
  return await startServer(path, {
    folder,
    config: await configure([targets].flat()),
    port: await freePort(),
    flags: featureFlags(features),
    dispose: () => rm(folder, { recursive: true, force: true }),
  });
}

/** Starts the program at `path` as a remote-write receiver. It scrapes nothing. */
export async function startReceivingPrometheus(
  path: string,
  { folder, port, features = [] }: ReceivingOptions,
): Promise<ReceivingPrometheusServer> {
  const server = await startServer(path, {
    folder,
    config: "{}\n",
    port,
    flags: ["--web.enable-remote-write-receiver", ...featureFlags(features)],
    dispose: () => Promise.resolve(),
  });
  return { ...server, writeUrl: `http://127.0.0.1:${port}/api/v1/write` };
}

function featureFlags(features: readonly string[]): string[] {
  return features.length > 0 ? [`--enable-feature=${features.join(",")}`] : [];
}

/** Options of {@linkcode startServer}. */
interface ServerOptions {
  readonly folder: string;
  readonly config: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Called after the server has ended. */
  readonly dispose: () => Promise<void>;
}

async function startServer(
  path: string,
  { folder, config, port, flags, dispose: disposeFolder }: ServerOptions,
): Promise<PrometheusServer> {
  const file = join(folder, "prometheus.yml");
  await writeFile(file, config);
  const address = `127.0.0.1:${port}`;
  const program = start(path, [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--log.level=warn",
    ...flags,
  ], { cwd: folder });

  const dispose = async () => {
    await program.stop();
    await disposeFolder();
  };
  const get = async (path: string) => {
    const response = await fetch(`http://${address}${path}`);
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`Cannot ask Prometheus for "${path}": ${error}`);
    return data;
  };
  const query = async (expression: string): Promise<QueryResult[]> => {
    const { result } = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }: { metric: Record<string, string>; value: string[] }) => ({
      metric,
      value: Number(value[1]),
    }));
  };

  const exemplars = async (selector: string): Promise<StoredExemplar[]> => {
    const end = Date.now() / 1000 + 60;
    const parameters = new URLSearchParams({
      query: selector,
      start: `${end - 3600}`,
      end: `${end}`,
    });
    // See https://prometheus.io/docs/prometheus/latest/querying/api/#querying-exemplars
    const data: {
      seriesLabels: Record<string, string>;
      exemplars: { labels: Record<string, string>; value: string; timestamp: number }[];
    }[] = await get(`/api/v1/query_exemplars?${parameters}`);
    return data.flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(({ labels, value, timestamp }) => ({
        series: seriesLabels,
        labels,
        value: Number(value),
        timestamp,
      }))
    );
  };

  try {
    await waitFor(`Prometheus: ${program.output()}`, async () => {
      try {
        const response = await fetch(`http://${address}/-/ready`);
        await response.body?.cancel();
        return response.ok || undefined;
      } catch {
        return undefined; // It does not listen yet.
      }
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    query,
    waitForValue: (expression, isEnough = () => true) =>
      waitFor(`a value of ${expression}`, async () => {
        const [first, second] = await query(expression);
        if (first === undefined || second !== undefined) return undefined;
        return isEnough(first.value) ? first.value : undefined;
      }),
    exemplars,
    targets: async () => (await get("/api/v1/targets")).activeTargets,
    [Symbol.asyncDispose]: dispose,
  };
}
