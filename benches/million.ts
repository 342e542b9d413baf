/**
 * Measures what a scrape of a million series costs the serving program: the peak of its memory, and
 * the longest block of its event loop.
 *
 * Each format is measured in a separate process from the first scrape on, so that caches count. The
 * client is this process. It scrapes over loopback, and discards the responses.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import {
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "@narthex/prometheus";
import { discard, startSeriesServer } from "../tests/support/series_servers.ts";

const SERIES = 1_000_000;
const SCRAPES = 3;
const MIB = 2 ** 20;

const FORMATS: Readonly<Record<string, string>> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

/** Scrapes a million series, and prints a line for each scrape. */
async function measure(format: string, accept: string): Promise<void> {
  await using server = await startSeriesServer("deno", SERIES);
  const idle = await server.watch(() => sleep(1000));
  for (let scrape = 1; scrape <= SCRAPES; scrape++) {
    let [length, took] = [0, 0];
    const seen = await server.watch(async () => {
      const start = performance.now();
      length = await discard(`${server.url}/metrics`, accept);
      took = performance.now() - start;
    });
    const memory = [seen.rss, seen.heap, seen.external, seen.together];
    console.log(row([
      scrape === 1 ? format : "",
      `${(length / MIB).toFixed(0)} MiB`,
      `${took.toFixed(0)} ms`,
      ...memory.map((bytes) => `${(bytes / MIB).toFixed(1)} MiB`),
      `${seen.longestGapMs.toFixed(1)} ms`,
      `${idle.longestGapMs.toFixed(1)} ms`,
    ]));
  }
}

function row([first = "", ...rest]: readonly string[]): string {
  return first.padEnd(12) + rest.map((cell) => cell.padStart(11)).join("");
}

console.log(`Deno ${process.versions["deno"]}, ${SERIES} counters, ${SCRAPES} scrapes each`);
console.log(row(["", "body", "time", "RSS", "heap", "external", "together", "gap", "idle gap"]));
for (const [format, accept] of Object.entries(FORMATS)) await measure(format, accept);
