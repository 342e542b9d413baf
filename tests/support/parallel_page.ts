/**
 * Pages of a service with several isolates, for tests and benchmarks.
 *
 * @module
 */
import { get } from "node:http";

/** A page, and the isolate that has sent it, by its header `isolate`. */
export interface Page {
  readonly text: string;
  readonly isolate: string;
}

/** Loads a page over a new connection, so that any isolate may respond. */
export function loadPage(url: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => text += part);
      response.on("end", () => resolve({ text, isolate: String(response.headers["isolate"]) }));
      response.on("error", reject);
    }).on("error", reject);
  });
}
