import { CHUNK_SIZE } from "../encoding/byte_writer.ts";
import { type EscapingScheme, isEscapingScheme } from "../encoding/escaping.ts";
import type { Chunks } from "../encoding/lines.ts";
import { encodeOpenMetrics } from "../encoding/open_metrics.ts";
import { encodeProtobuf } from "../encoding/protobuf.ts";
import { encodeText } from "../encoding/text.ts";
import { type MetricFamily, received } from "../model.ts";
import { checkRegistry, gatherAsync, REGISTRY, type Registry, restrict } from "../registry.ts";
import { createBody } from "./body.ts";
import { gzip } from "./gzip.ts";
import { type ExpositionFormat, negotiate, negotiateEncoding, prefersHtml } from "./negotiation.ts";

/** How long asynchronous collectors are waited for when nothing else is said. */
const TIMEOUT_MS = 10_000;

/** How much of the time that Prometheus gives itself is spent on waiting. */
const SCRAPE_TIMEOUT_SHARE = 0.9;

/**
 * From which size on a family goes on in another protobuf message, in bytes: that of a
 * chunk, since a message has to be whole before any of it can be handed on.
 */
const MESSAGE_SIZE = CHUNK_SIZE;

/** The methods that a scrape may use, and the one that asks which these are. */
const ALLOW = "GET, HEAD, OPTIONS";

/** Options of {@linkcode metricsResponse} and {@linkcode metricsHandler}. */
export interface MetricsResponseOptions {
  /** The registry. @default {REGISTRY} */
  registry?: Registry | undefined;
  /**
   * How long asynchronous collectors are waited for, in milliseconds; at most 0.9 of
   * what the request's `X-Prometheus-Scrape-Timeout-Seconds` says. @default {10000}
   */
  timeoutMs?: number | undefined;
  /** Whether to compress for clients that accept gzip. @default {true} */
  compress?: boolean | undefined;
  /** Whether OpenMetrics has `_created` series. @default {false} */
  created?: boolean | undefined;
  /**
   * How names outside of the classic alphabet are spelled for scrapers that name no
   * escaping scheme in `Accept`; one that does gets what it names.
   * @default {"underscores"}
   */
  escaping?: EscapingScheme | undefined;
  /**
   * Answers those who would rather read HTML than any format of a scrape, which are
   * browsers: `livePage()` of `@narthex/prometheus/live`. Scrapers and tools such as curl never
   * ask for HTML. By default everybody gets the metrics as text.
   */
  live?: LivePage | undefined;
}

/**
 * Answers a request whose `Accept` header prefers HTML: with a page that asks the same URL for
 * the metrics. Its method is GET or HEAD. What it throws, the handler throws.
 */
export type LivePage = (request: Request) => Response | Promise<Response>;

/** The same options, all of them there and legal. */
interface CheckedOptions {
  readonly registry: Registry;
  readonly timeoutMs: number;
  readonly compress: boolean;
  readonly created: boolean;
  readonly escaping: EscapingScheme;
  readonly live: LivePage | undefined;
}

/**
 * Answers a scrape: in the format that the request asks for, with asynchronous
 * collectors awaited, streamed under back-pressure.
 *
 * - The `Accept` header chooses between text 0.0.4, OpenMetrics and protobuf, and how
 *   names that are not of the classic alphabet are spelled; if it does not say,
 *   `escaping` does.
 * - `?name[]=` restricts the answer to families or samples of these names.
 * - A browser gets a page instead if `live` is set.
 * - `HEAD` and `OPTIONS` are answered, other methods refused with 405.
 *
 * @param request The request; without one, the answer is in text 0.0.4.
 * @param options Options.
 * @returns The response. Its status is 500 if the registry itself cannot be read; a
 * collector that cannot be read costs only itself.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If the time limit is not positive.
 *
 * @example A route of a server
 * ```ts
 * import { Counter, metricsResponse } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * new Counter("hits_total", "Hits.").inc();
 * const request = new Request("http://localhost/metrics", {
 *   headers: { accept: "application/openmetrics-text;version=1.0.0" },
 * });
 * const response = await metricsResponse(request);
 * assert.match(await response.text(), /^hits_total 1\n# EOF\n$/m);
 * ```
 */
export async function metricsResponse(
  request?: Request,
  options: MetricsResponseOptions = {},
): Promise<Response> {
  return await respond(request, checkOptions(options, "Cannot answer scrape"));
}

/**
 * Makes a handler that answers each request with the metrics, whatever its path:
 * for a server of its own, or for a route.
 *
 * @param options Options of {@linkcode metricsResponse}.
 * @returns The handler, for `Deno.serve`, `Bun.serve` and the like.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If the time limit is not positive.
 *
 * @example The handler of a server that only has metrics
 * ```ts
 * import { metricsHandler } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const handler = metricsHandler({ timeoutMs: 5000 });
 * const response = await handler(new Request("http://localhost/metrics"));
 * assert.equal(response.status, 200);
 * ```
 */
export function metricsHandler(
  options: MetricsResponseOptions = {},
): (request: Request) => Promise<Response> {
  const checked = checkOptions(options, "Cannot create metrics handler");
  return (request) => respond(request, checked);
}

function checkOptions(options: MetricsResponseOptions, doing: string): CheckedOptions {
  const {
    registry = REGISTRY,
    timeoutMs = TIMEOUT_MS,
    compress = true,
    created = false,
    escaping = "underscores",
    live,
  } = options;
  checkRegistry(registry, doing);
  if (typeof timeoutMs !== "number") {
    throw new TypeError(`${doing}: timeoutMs must be a number: received ${received(timeoutMs)}`);
  }
  if (!(timeoutMs > 0)) {
    throw new RangeError(`${doing}: timeoutMs must be > 0: received ${timeoutMs}`);
  }
  checkBoolean("compress", compress, doing);
  checkBoolean("created", created, doing);
  if (!isEscapingScheme(escaping)) {
    throw new TypeError(
      `${doing}: escaping must be "underscores", "dots", "values" or "allow-utf-8": received ${
        received(escaping)
      }`,
    );
  }
  if (live !== undefined && typeof live !== "function") {
    throw new TypeError(`${doing}: live must be a function: received ${received(live)}`);
  }
  return { registry, timeoutMs, compress, created, escaping, live };
}

function checkBoolean(name: string, value: unknown, doing: string): void {
  if (typeof value === "boolean") return;
  throw new TypeError(`${doing}: ${name} must be a boolean: received ${received(value)}`);
}

async function respond(
  request: Request | undefined,
  options: CheckedOptions,
): Promise<Response> {
  const method = request?.method ?? "GET";
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: ALLOW } });
  if (method !== "GET" && method !== "HEAD") {
    return plain(405, `Cannot answer ${method}: the metrics can only be read`, { allow: ALLOW });
  }
  const accept = request?.headers.get("accept") ?? null;
  if (request !== undefined && options.live !== undefined && prefersHtml(accept)) {
    return await options.live(request);
  }
  const { format, escaping, contentType } = negotiate(accept, options.escaping);
  const encoding = options.compress && typeof CompressionStream === "function"
    ? negotiateEncoding(request?.headers.get("accept-encoding") ?? null)
    : "identity";
  const headers = new Headers({ "content-type": contentType, vary: "Accept, Accept-Encoding" });
  if (encoding === "gzip") headers.set("content-encoding", "gzip");
  if (method === "HEAD") return new Response(unknownLength(), { headers });

  let body: ReturnType<typeof createBody>;
  try {
    const families: MetricFamily[] = [];
    const registry = restrictTo(options.registry, request);
    // Not with the request's signal: Deno aborts that after a good answer too, and warns about it.
    const limits = { timeoutMs: timeLimit(request, options.timeoutMs) };
    for await (const family of gatherAsync(registry, limits)) families.push(family);
    body = createBody(encode(families, format, escaping, options.created));
  } catch (error) {
    return plain(500, error instanceof Error ? error.message : "Cannot read the registry");
  }
  if (encoding === "identity") return new Response(body, { headers });
  const stream = body instanceof ReadableStream ? body : new Blob([body]).stream();
  return new Response(gzip(stream), { headers });
}

function encode(
  families: MetricFamily[],
  format: ExpositionFormat,
  escaping: EscapingScheme,
  created: boolean,
): Chunks {
  switch (format) {
    case "protobuf":
      return encodeProtobuf(families, escaping, MESSAGE_SIZE);
    case "openmetrics":
      return encodeOpenMetrics(families, escaping, created);
    default:
      return encodeText(families, escaping);
  }
}

/**
 * An empty body for the answer to HEAD. With `null`, servers would say that the length
 * is 0, and it may only be that of the answer to GET: see
 * {@link https://www.rfc-editor.org/rfc/rfc9110#section-8.6 | RFC 9110, section 8.6}.
 */
function unknownLength(): ReadableStream<Uint8Array<ArrayBuffer>> {
  // It ends only when read, or a server could see that it is empty.
  return new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 });
}

/** The registry, or the part of it that the request names in `?name[]=`. */
function restrictTo(registry: Registry, request: Request | undefined): Registry {
  if (request === undefined || !request.url.includes("?")) return registry;
  const names = new URL(request.url).searchParams.getAll("name[]");
  return names.length === 0 ? registry : restrict(registry, names);
}

/** The time for asynchronous collectors, which Prometheus may want to be shorter. */
function timeLimit(request: Request | undefined, timeoutMs: number): number {
  const seconds = Number(request?.headers.get("x-prometheus-scrape-timeout-seconds") ?? NaN);
  return seconds > 0 ? Math.min(timeoutMs, seconds * 1000 * SCRAPE_TIMEOUT_SHARE) : timeoutMs;
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
