/**
 * A live dashboard at `/metrics` for browsers, instead of a wall of text. Prometheus and curl get
 * the same answers as before.
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
 * The page is one document, and never sends a request to another host. Its script requests the
 * metrics from its own URL, with the same query, every few seconds. It keeps about three minutes of
 * them in the browser. The server keeps nothing.
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
   * The time between the end of a scrape and the next one, in milliseconds, at least 250. The page
   * shows the last 60 scrapes. @default {3000}
   */
  intervalMs?: number | undefined;
}

const KNOWN_OPTIONS: KnownOptions<LivePageOptions> = { title: true, intervalMs: true };

/** The default of `intervalMs`. */
const INTERVAL_MS = 3000;

/** The minimum of `intervalMs`. A shorter interval would only cost the program. */
const MIN_INTERVAL_MS = 250;

/** The maximum of `intervalMs`: the longest timer of a browser. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

/**
 * Creates the page for `live`, an option of `metricsHandler` and `metricsResponse`.
 *
 * The page shows families in groups, with a search over names, help, types and labels:
 *
 * - counters as their rate over the last ten scrapes, with a sparkline;
 * - gauges as their value, with a sparkline;
 * - histograms as a heat strip of new observations, with p50, p90 and p99 over the time of the
 *   strip, from native buckets if there are some. In a narrow bucket a quantile is interpolated like
 *   `histogram_quantile` of Prometheus. In a wide bucket only the bound is known, such as `≤ 50 B`;
 * - summaries by their quantiles, infos by their labels, statesets by their state.
 *
 * A pointer over a line or a strip shows the value there. Families can be folded to one line, and
 * are folded at first on a phone. They are sorted by name or by their last change. A link leads to
 * the metrics as text, at `?text`.
 *
 * It makes no requests while it is hidden or paused. If the endpoint fails, it tries again, with
 * growing pauses. If a counter falls because the program was restarted, the rate covers the counts
 * since then.
 *
 * Each response has a Content-Security-Policy with its own nonce. The page can run its script and
 * send requests to its own origin, and nothing else. Names, labels and help texts of a program are
 * always shown as text.
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

/** Returns the policy of the page, which forbids everything that it does not name. */
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

/** Returns 128 random bits in base64. */
function createNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
}
