/**
 * A worker that scrapes what it is told to, throws away what comes, and says how many bytes it was:
 * a client that takes no time from the isolate that measures.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { discard } from "./series_servers.ts";

parentPort!.on("message", async ({ url, accept }: { url: string; accept: string }) => {
  parentPort!.postMessage(await discard(url, accept));
});
