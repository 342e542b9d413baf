/// <reference lib="dom" />
import { ScrapeError } from "./poller.ts";

/** The Accept header: unescaped names, and native buckets. */
const ACCEPT = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;" +
  "encoding=delimited;escaping=allow-utf-8";

/**
 * Requests the metrics.
 *
 * @throws {ScrapeError} If there is no answer, or if it is not a scrape.
 */
export async function scrape(
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      headers: { accept: ACCEPT },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.any([signal, late]),
    });
    if (!response.ok) {
      throw new ScrapeError(
        `The endpoint answers ${response.status} ${response.statusText}`.trimEnd(),
        retryAfterMs(response.headers.get("retry-after")),
      );
    }
    const type = response.headers.get("content-type") ?? "nothing";
    if (!type.startsWith("application/vnd.google.protobuf")) {
      throw new ScrapeError(`The endpoint answers with ${type.split(";")[0]}, not with metrics`);
    }
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof ScrapeError) throw error;
    if (late.aborted) throw new ScrapeError("The endpoint takes too long to answer");
    throw new ScrapeError("The endpoint can’t be reached");
  }
}

/** Returns the seconds of `Retry-After` in milliseconds. Ignores a date. */
function retryAfterMs(header: string | null): number {
  const seconds = Number(header ?? 0);
  return seconds > 0 ? seconds * 1000 : 0;
}
