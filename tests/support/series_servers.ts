/**
 * Starts `series_server.ts`, and measures it.
 *
 * @module
 */
import type { Runtime } from "./demo.ts";
import { portOf, startOn } from "./servers.ts";
import type { Watched } from "./series_server.ts";

/** A running server. */
export interface RunningSeriesServer extends AsyncDisposable {
  /** The base URL, without a path. */
  readonly url: string;
  /** Measures the server while `work` is in progress. */
  watch(work: () => Promise<unknown>): Promise<Watched>;
}

/** Starts a server with a number of series. */
export async function startSeriesServer(
  runtime: Runtime,
  series: number,
): Promise<RunningSeriesServer> {
  const program = await startOn(runtime, "support/series_server.ts", [String(series)]);
  const url = `http://127.0.0.1:${await portOf(program)}`;
  return {
    url,
    async watch(work) {
      await (await fetch(`${url}/watch`)).text();
      await work();
      return await (await fetch(`${url}/watched`)).json();
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Scrapes, discards the response and returns its size in bytes. */
export async function discard(url: string, accept: string): Promise<number> {
  const response = await fetch(url, { headers: { accept, "accept-encoding": "identity" } });
  if (response.body === null) throw new Error(`Cannot read ${url}: it has no body`);
  let length = 0;
  for await (const chunk of response.body) length += chunk.length;
  return length;
}
