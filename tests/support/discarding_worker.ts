/**
 * A worker that scrapes a given URL, discards the response and reports its size in bytes. It runs
 * in a worker, so that the client takes no time from the measured isolate.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { discard } from "./series_servers.ts";

parentPort!.on("message", async ({ url, accept }: { url: string; accept: string }) => {
  parentPort!.postMessage(await discard(url, accept));
});
