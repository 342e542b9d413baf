/**
 * `/metrics` for a person: who opens it in a browser sees a page that shows the metrics
 * live, instead of a wall of text. Prometheus and curl get what they always got.
 *
 * ```ts
 * import { Counter, metricsHandler } from "@narthex/prometheus";
 * import { livePage } from "@narthex/prometheus/live";
 * import assert from "node:assert/strict";
 *
 * new Counter("visits_total", "Visits.").inc();
 * const handler = metricsHandler({ live: livePage() });
 *
 * const url = "http://localhost/metrics";
 * const page = await handler(new Request(url, { headers: { accept: "text/html,*\/*;q=0.8" } }));
 * assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
 *
 * const scrape = await handler(new Request(url));
 * assert.match(await scrape.text(), /^visits_total 1$/m);
 * ```
 *
 * The page is one document and asks nothing of any other host. Its script asks the URL that
 * it came from, query included, for the metrics every few seconds, and keeps the last
 * three minutes or so of them in the browser; the server keeps nothing.
 *
 * @module
 */

import type { LivePage } from "../mod.ts";
import { checkKnownOptions, checkNumber, checkShape, type KnownOptions } from "../model.ts";
import { liveDocument } from "./document.ts";

/** Options of {@linkcode livePage}. */
export interface LivePageOptions {
  /** The title of the page. @default {"Metrics"} */
  title?: string | undefined;
  /**
   * How long the page waits after a scrape before it makes the next one, in milliseconds; at
   * least 250. The page shows the last 60 scrapes. @default {3000}
   */
  intervalMs?: number | undefined;
}

const KNOWN_OPTIONS: KnownOptions<LivePageOptions> = { title: true, intervalMs: true };

/** From one scrape to the next when nothing else is said. */
const INTERVAL_MS = 3000;

/** What is shorter than this would be for the eye alone, and cost the program. */
const MIN_INTERVAL_MS = 250;

/** The longest time that a timer of a browser can wait. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

/**
 * Makes the page for `live`, an option of `metricsHandler` and `metricsResponse`.
 *
 * The page shows families in groups, with a search over names, help, types and labels:
 *
 * - counters as their rate over the last ten scrapes, with a sparkline;
 * - gauges as their value, with a sparkline;
 * - histograms as a heat strip of new observations and p50, p90 and p99 over the time that
 *   the strip covers, interpolated as `histogram_quantile` of Prometheus does; native buckets
 *   where there are any;
 * - summaries by their quantiles, an info by its labels, a stateset by the state that it is in.
 *
 * It stops asking while it is hidden or paused, and tries again by itself, later each time, when
 * the endpoint fails. Where the program starts again and a counter falls, the rate is that of
 * what was counted since.
 *
 * Each response has a Content-Security-Policy with a nonce of its own, which lets the page run
 * its one script and ask its own origin, and nothing else. What a program puts into names, labels
 * and help is only ever text.
 *
 * @param options Options.
 * @returns The page, as a function from a request to its response.
 * @throws {TypeError} If an option is unknown, or not of its type.
 * @throws {RangeError} If the interval is out of bounds.
 *
 * @example A slower page with a title
 * ```ts
 * import { livePage } from "@narthex/prometheus/live";
 * import assert from "node:assert/strict";
 *
 * const page = livePage({ title: "Bakery", intervalMs: 10_000 });
 * const response = await page(new Request("http://localhost/metrics"));
 * assert.match(await response.text(), /<title>Bakery<\/title>/);
 * ```
 */
export function livePage(options: LivePageOptions = {}): LivePage {
  const doing = "Cannot create live page";
  const known = checkKnownOptions(options, KNOWN_OPTIONS, doing);
  const { title = "Metrics", intervalMs = INTERVAL_MS } = known;
  checkShape(typeof title === "string", doing, "title must be a string", title);
  const isWithin = (ms: number) => ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS;
  const rule = `from ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS}`;
  checkNumber(intervalMs, isWithin, rule, doing, "intervalMs");
  return () => {
    const nonce = createNonce();
    return new Response(liveDocument({ title, intervalMs, nonce }), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": securityPolicy(nonce),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        vary: "Accept",
        "x-content-type-options": "nosniff",
      },
    });
  };
}

/** What the page may do: nothing but what is named. */
function securityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** 128 random bits in base64. */
function createNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
}
