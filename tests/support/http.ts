/**
 * What the metrics of HTTP say, for tests.
 *
 * @module
 */
import { type CollectorRegistry, generateMetrics } from "../../mod.ts";

/** The values of samples by name and labels, of all that are not of a bucket. */
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

/** The number of series that a registry exposes. */
export function countSeries(registry: CollectorRegistry): number {
  return generateMetrics(registry).split("\n").filter((line) => /^[^#]/.test(line)).length;
}

/**
 * Waits until something holds. It is looked at in every turn of the event loop, for so long that
 * only a fault reaches the end.
 */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Cannot go on: it never came true that ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
