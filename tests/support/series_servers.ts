/**
 * Starts `series_server.ts`, and watches it.
 *
 * @module
 */
import type { Runtime } from "./demo.ts";
import { portOf, startOn } from "./servers.ts";
import type { Watched } from "./series_server.ts";

/** The server, started. */
export interface RunningSeriesServer extends AsyncDisposable {
  /** Where it listens, without a path. */
  readonly url: string;
  /** What it sees of itself while `work` is under way. */
  watch(work: () => Promise<unknown>): Promise<Watched>;
}

/** Starts a server with so many series. */
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

/** Scrapes, throws away what comes, and tells how many bytes it was. */
export async function discard(url: string, accept: string): Promise<number> {
  const response = await fetch(url, { headers: { accept, "accept-encoding": "identity" } });
  if (response.body === null) throw new Error(`Cannot read ${url}: it has no body`);
  let length = 0;
  for await (const chunk of response.body) length += chunk.length;
  return length;
}
