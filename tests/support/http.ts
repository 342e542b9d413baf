/**
 * Reads the metrics of HTTP in tests.
 *
 * @module
 */
import { type CollectorRegistry, generateMetrics } from "../../mod.ts";

/** Returns the values of all samples except buckets, by name and labels. */
export function readSamples(registry: CollectorRegistry): Record<string, number> {
  const samples: Record<string, number> = {};
  for (const line of generateMetrics(registry).split("\n")) {
    const [, series = "", value] = line.match(/^(?:http_)?([^#\s].*) (\S+)$/) ?? [];
    if (value === undefined || series.includes("_bucket{")) continue;
    const short = series.replaceAll(/(?:http_request_|http_response_|http_|server_)(\w+)=/g, "$1=");
    samples[short] = Number(value);
  }
  return samples;
}

/** Returns the number of series that a registry exposes. */
export function countSeries(registry: CollectorRegistry): number {
  return generateMetrics(registry).split("\n").filter((line) => /^[^#]/.test(line)).length;
}

/**
 * Waits until a condition holds. It is checked every millisecond, with a limit that only a fault
 * reaches.
 */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Cannot go on: it never came true that ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
