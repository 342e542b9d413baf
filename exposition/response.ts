import { checkEscapingScheme, type EscapingScheme } from "../encoding/escaping.ts";
import {
  checkBounds,
  checkKnownOptions,
  checkNumber,
  checkShape,
  type KnownOptions,
  tell,
} from "../model.ts";
import { checkGatherer, type Gatherer, REGISTRY } from "../registry.ts";
import { type Authorize, plainResponse, refusal } from "./authorize.ts";
import type { Body } from "./body.ts";
import { Admission, collectAlone, Collections, type Spelling, type View } from "./collection.ts";
import {
  ALL_FORMATS,
  type ExpositionFormat,
  negotiate,
  negotiateEncoding,
  prefersHtml,
} from "./negotiation.ts";

/** The default of `timeoutMs`. */
const TIMEOUT_MS = 10_000;

/** The share of Prometheus's scrape timeout during which a scrape waits for collectors. */
const SCRAPE_TIMEOUT_SHARE = 0.9;

/** The shortest scrape timeout in seconds. A shorter one counts as this. */
const MIN_SCRAPE_TIMEOUT = 0.1;

/** The methods of a scrape, and the one that asks for them. */
const ALLOW = "GET, HEAD, OPTIONS";

/** When a client may try again after a 503, in seconds. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Options of {@linkcode metricsResponse}, and of {@linkcode metricsHandler}, which has more.
 *
 * @example Rules that name the bucket `le="1"`
 * ```ts
 * import { CollectorRegistry, Histogram, metricsHandler } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Histogram("wait_seconds", "Waiting.", { registry, buckets: [1] }).observe(0.5);
 * const handler = metricsHandler({ registry, formats: ["text"] });
 * const headers = { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" };
 * const response = await handler(new Request("http://localhost/metrics", { headers }));
 * assert.match(await response.text(), /^wait_seconds_bucket\{le="1"\} 1$/m);
 * ```
 *
 * @example Why a scrape is a 500
 * ```ts
 * import { metricsResponse } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = {
 *   prefix: null,
 *   collect(): never {
 *     throw new Error("Cannot connect to redis://admin:secret@cache");
 *   },
 * };
 * const log: unknown[] = [];
 * const onError = (error: unknown) => void log.push(error);
 * const response = await metricsResponse(undefined, { registry, onError });
 * assert.equal(await response.text(), "Cannot answer scrape: the registry cannot be read\n");
 * assert.match(String(log[0]), /secret/);
 * ```
 */
export interface MetricsResponseOptions {
  /** The registry, or a view of one. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * How long an asynchronous collector may take, in milliseconds. A scrape waits no longer than 0.9
   * of its `X-Prometheus-Scrape-Timeout-Seconds`. A slower collector is missing from this scrape,
   * and its call continues for other scrapes. @default {10000}
   */
  timeoutMs?: number | undefined;
  /**
   * The formats to choose from. A scraper that accepts none of them gets the first. `["text"]`
   * keeps `le="1"`, for rules that were written for the text format: OpenMetrics and protobuf
   * change it to `le="1.0"`. @default {["text", "openmetrics", "protobuf"]}
   */
  formats?: readonly ("text" | "openmetrics" | "protobuf")[] | undefined;
  /**
   * Called with the error if the registry itself cannot be read, or if `authorize` or `live` fails.
   * The response has the status 500 and does not show the error. Errors of `onError` itself are
   * ignored. Errors of a collector go to the option `onError` of the registry. @default {none}
   */
  onError?: ((error: unknown) => void) | undefined;
  /** Whether to compress responses to clients that accept gzip. @default {true} */
  compress?: boolean | undefined;
  /** Whether to write `_created` series in OpenMetrics. @default {false} */
  created?: boolean | undefined;
  /**
   * How to spell names outside the classic character set for scrapers that name no escaping scheme
   * in `Accept`. @default {"underscores"}
   */
  escaping?: EscapingScheme | undefined;
  /**
   * Decides whether a request may see the metrics, before anything else happens. It returns `true`
   * to allow the request, `false` to answer it with 403, or a `Response` to send instead. It may be
   * asynchronous. If it throws or returns anything else, the response has the status 500 and does
   * not show the error. See {@linkcode bearerAuth} and {@linkcode basicAuth}.
   * @default {all requests are allowed}
   */
  authorize?: Authorize | undefined;
  /**
   * Answers those who would rather read HTML than any format of a scrape, which are
   * browsers: `livePage()` of `@narthex/prometheus/live`. Scrapers and tools such as curl never
   * ask for HTML, and `?text` in the URL shows a browser the text. By default everybody gets the
   * metrics as text.
   */
  live?: LivePage | undefined;
}

/** Options of {@linkcode metricsHandler}. */
export interface MetricsHandlerOptions extends MetricsResponseOptions {
  /**
   * How many scrapes may be in progress at the same time. Further ones are answered with 503 and
   * `Retry-After`. `Infinity` is no limit; ten are enough for any number of Prometheus servers.
   *
   * A scrape ends when the server has read its whole body or has cancelled it. So a client that
   * reads slowly counts until the rest of the body fits into the buffers of the connection. Use
   * `authorize` against strangers, because they could use up the whole limit. @default {Infinity}
   */
  maxConcurrentScrapes?: number | undefined;
  /**
   * Whether simultaneous scrapes of the same `?name[]=` share one collection. Small bodies of the
   * same format are shared too. A scrape can join a collection until it has all families.
   *
   * - Values of metrics are read after that, so they are never older than the request.
   * - The list of metrics, custom collectors and functions (`setFunction`) are read when the
   *   collection begins. For a scrape that joins, they may be older than its request, by at most
   *   the time of the slowest asynchronous collector.
   * - A scrape joins no collection that may take longer than its own time limit, or that leaves it
   *   less than half of this limit.
   *
   * @default {true}
   */
  coalesce?: boolean | undefined;
  /**
   * Measures the handler itself: `endpointMetrics()` of `@narthex/prometheus/http`.
   *
   * @default {nothing is measured}
   */
  observer?: ScrapeObserver | undefined;
}

/**
 * An observer of the requests to a handler. It must not throw. `endpointMetrics()` of
 * `@narthex/prometheus/http` returns one.
 */
export interface ScrapeObserver {
  /**
   * Called when a scrape begins to collect.
   *
   * @returns A function that is called once, when the last byte was handed to the server, or the
   * client has left.
   */
  begin(): () => void;
  /**
   * Called for each request when its status is known.
   *
   * @param status The status.
   * @param refused Why it was refused, if it was: by `authorize`, because of
   * `maxConcurrentScrapes`, or because of its method.
   */
  answered(status: number, refused?: "authorization" | "limit" | "method"): void;
}

/** Why a request was refused. */
type ScrapeRefusal = NonNullable<Parameters<ScrapeObserver["answered"]>[1]>;

/**
 * A function that answers a GET or HEAD request whose `Accept` header prefers HTML. Its page
 * fetches the metrics from the same URL. If it throws, the response has the status 500 and does not
 * show the error, and `onError` is called with it.
 */
export type LivePage = (request: Request) => Response | Promise<Response>;

const RESPONSE_OPTIONS: KnownOptions<MetricsResponseOptions> = {
  registry: true,
  timeoutMs: true,
  formats: true,
  onError: true,
  compress: true,
  created: true,
  escaping: true,
  authorize: true,
  live: true,
};
/** The checked options with all defaults. */
interface CheckedOptions {
  readonly registry: Gatherer;
  readonly timeoutMs: number;
  readonly formats: readonly ExpositionFormat[];
  readonly onError: (error: unknown) => unknown;
  readonly compress: boolean;
  readonly created: boolean;
  readonly escaping: EscapingScheme;
  readonly authorize: Authorize | undefined;
  readonly live: LivePage | undefined;
}

/** What the scrapes of a handler share. */
interface Shared {
  readonly admission: Admission;
  /** The collections to join. `undefined` if each scrape has its own. */
  readonly collections?: Collections | undefined;
  /** Called when a request is refused, for the observer. */
  readonly refuse?: ((reason: ScrapeRefusal) => void) | undefined;
}

/**
 * Answers a scrape in the format that the request asks for. Awaits asynchronous collectors, and
 * streams the body under back-pressure.
 *
 * - The `Accept` header chooses text 0.0.4, OpenMetrics or protobuf. It may also choose how names
 *   outside the classic character set are spelled; otherwise the option `escaping` does.
 * - `?name[]=` restricts the response to families or samples with these names.
 * - A browser gets a page instead if `live` is set.
 * - `HEAD` and `OPTIONS` are answered. Other methods are refused with 405.
 *
 * @param request The request. Without one, the response is in text 0.0.4.
 * @param options Options.
 * @returns The response. Its status is 500 if the registry itself cannot be read. A failing
 * collector is only missing from the response.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If the time limit is not positive.
 *
 * @example Add a route to a server
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
  const checked = checkResponseOptions(options, "Cannot answer scrape");
  if (request === undefined && checked.authorize !== undefined) {
    throw new TypeError("Cannot answer scrape: authorize needs a request: received undefined");
  }
  return await respond(request, checked, { admission: new Admission(Infinity) });
}

/**
 * Creates a handler that answers each request with the metrics, whatever its path. Use it for a
 * server that serves only metrics, or for a route.
 *
 * @param options Options of {@linkcode metricsResponse}, and those for simultaneous requests.
 * @returns The handler, for `Deno.serve`, `Bun.serve` and others.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If the time limit is not positive, or the limit of scrapes is less than 1.
 *
 * @example Create the handler of a server for metrics
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
  options: MetricsHandlerOptions = {},
): (request: Request) => Promise<Response> {
  const doing = "Cannot create metrics handler";
  const { maxConcurrentScrapes = Infinity, coalesce = true, observer, ...others } =
    checkKnownOptions<MetricsHandlerOptions>(
      options,
      { ...RESPONSE_OPTIONS, maxConcurrentScrapes: true, coalesce: true, observer: true },
      doing,
    );
  const checked = checkResponseOptions(others, doing);
  checkShape(typeof coalesce === "boolean", doing, "coalesce must be a boolean", coalesce);
  const rule = "maxConcurrentScrapes must be a whole number >= 1, or Infinity";
  checkShape(typeof maxConcurrentScrapes === "number", doing, rule, maxConcurrentScrapes);
  const isCount = maxConcurrentScrapes === Infinity || Number.isInteger(maxConcurrentScrapes);
  checkBounds(isCount && maxConcurrentScrapes >= 1, doing, rule, maxConcurrentScrapes);
  const isObserver = observer === undefined ||
    typeof observer?.begin === "function" && typeof observer.answered === "function";
  checkShape(isObserver, doing, "observer must have begin() and answered()", observer);
  const shared: Shared = {
    admission: new Admission(maxConcurrentScrapes, observer && (() => observer.begin())),
    collections: coalesce ? new Collections() : undefined,
  };
  return (request) => {
    // Thrown, because a listener's rejected promise would end the program.
    refuseListener(request);
    if (observer === undefined) return respond(request, checked, shared);
    return observed(observer, (refuse) => respond(request, checked, { ...shared, refuse }));
  };
}

/** Throws if the argument is not a `Request`. */
function refuseListener(request: unknown): void {
  const { headers } = (request ?? {}) as { headers?: { get?: unknown } };
  const rule = "the handler takes a Request; for (request, response) of Node there is " +
    'metricsListener() of "@narthex/prometheus/node"';
  checkShape(typeof headers?.get === "function", "Cannot answer scrape", rule, request);
}

function checkResponseOptions(options: MetricsResponseOptions, doing: string): CheckedOptions {
  const {
    registry = REGISTRY,
    timeoutMs = TIMEOUT_MS,
    formats = ALL_FORMATS,
    onError = () => {},
    compress = true,
    created = false,
    escaping = "underscores",
    authorize,
    live,
  } = checkKnownOptions(options, RESPONSE_OPTIONS, doing);
  checkGatherer(registry, doing);
  checkNumber(timeoutMs, (ms) => ms > 0, "> 0", doing, "timeoutMs");
  for (const [name, flag] of Object.entries({ compress, created })) {
    checkShape(typeof flag === "boolean", doing, `${name} must be a boolean`, flag);
  }
  checkEscapingScheme(escaping, doing);
  const areFormats = Array.isArray(formats) && formats.length > 0 &&
    formats.every((format) => ALL_FORMATS.includes(format));
  const rule = 'formats must be a list of "text", "openmetrics" and "protobuf"';
  checkShape(areFormats, doing, rule, formats);
  for (const [name, fn] of Object.entries({ authorize, live, onError })) {
    const isLegal = fn === undefined || typeof fn === "function";
    checkShape(isLegal, doing, `${name} must be a function`, fn);
  }
  return {
    registry,
    timeoutMs,
    formats: [...formats],
    onError,
    compress,
    created,
    escaping,
    authorize,
    live,
  };
}

/** Tells an observer how a request is answered. */
async function observed(
  observer: ScrapeObserver,
  answer: (refuse: (reason: ScrapeRefusal) => void) => Promise<Response>,
): Promise<Response> {
  let refused: ScrapeRefusal | undefined;
  try {
    const response = await answer((reason) => refused = reason);
    observer.answered(response.status, refused);
    return response;
  } catch (error) {
    // Servers answer it with this status.
    observer.answered(500, refused);
    throw error;
  }
}

async function respond(
  request: Request | undefined,
  options: CheckedOptions,
  shared: Shared,
): Promise<Response> {
  if (request !== undefined && options.authorize !== undefined) {
    const refused = await refusal(request, options.authorize, options.onError);
    if (refused !== undefined) {
      shared.refuse?.("authorization");
      return refused;
    }
  }
  const method = request?.method ?? "GET";
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: ALLOW } });
  if (method !== "GET" && method !== "HEAD") {
    shared.refuse?.("method");
    const text = `Cannot answer ${method}: the metrics can only be read`;
    return plainResponse(405, text, { allow: ALLOW });
  }
  const accept = request?.headers.get("accept") ?? null;
  const query = readQuery(request);
  const isForPerson = options.live !== undefined && prefersHtml(accept) && !query.has("text");
  if (request !== undefined && isForPerson) {
    try {
      return await options.live(request);
    } catch (error) {
      tell(options.onError, error);
      return plainResponse(500, "Cannot answer request: the page failed");
    }
  }
  const { format, escaping, contentType } = negotiate(accept, options.escaping, options.formats);
  const encoding = options.compress && canCompress(request)
    ? negotiateEncoding(request?.headers.get("accept-encoding") ?? null)
    : "identity";
  const headers = new Headers({ "content-type": contentType, vary: "Accept, Accept-Encoding" });
  if (encoding === "gzip") headers.set("content-encoding", "gzip");
  if (method === "HEAD") return encodedResponse(unknownLength(), headers);

  const view: View = {
    registry: options.registry,
    names: query.getAll("name[]"),
    timeoutMs: options.timeoutMs,
    waitMs: timeToWait(request, options.timeoutMs),
  };
  const spelling: Spelling = { format, escaping, created: options.created, encoding };
  return await answer({ view, spelling, headers, onError: options.onError }, shared);
}

/** An authorized scrape. */
interface Scrape {
  readonly view: View;
  readonly spelling: Spelling;
  readonly headers: Headers;
  readonly onError: (error: unknown) => unknown;
}

/** Collects and encodes the metrics, unless the limit of scrapes is reached. */
async function answer(
  { view, spelling, headers, onError }: Scrape,
  { admission, collections, refuse }: Shared,
): Promise<Response> {
  const leave = admission.enter();
  if (leave === undefined) {
    refuse?.("limit");
    const text = "Cannot answer scrape: too many are under way";
    return plainResponse(503, text, { "retry-after": `${RETRY_AFTER_SECONDS}` });
  }
  let body: Body;
  try {
    const collection = collections?.join(view, spelling.encoding) ?? collectAlone(view);
    body = await collection.write(spelling, leave);
  } catch (error) {
    leave();
    tell(onError, error);
    // The error is not shown because it may contain secrets.
    return plainResponse(500, "Cannot answer scrape: the registry cannot be read");
  }
  if (body instanceof ReadableStream) admission.leaveWith(body, leave);
  else leave(); // The server gets all of it at once.
  return encodedResponse(body, headers);
}

/**
 * Whether a compressed body would arrive as such. Next.js drops the `content-encoding` of what a
 * route handler returns, and compresses the body itself. Its requests have a `nextUrl`.
 */
function canCompress(request: Request | undefined): boolean {
  return typeof CompressionStream === "function" &&
    (request === undefined || !("nextUrl" in request));
}

/**
 * A response whose body is in its content encoding already. Cloudflare Workers compress it once
 * more unless told not to; other runtimes ignore the
 * {@link https://developers.cloudflare.com/workers/runtime-apis/response/#parameters | option}.
 */
function encodedResponse(body: Body, headers: Headers): Response {
  const init: ResponseInit & { encodeBody: "manual" } = { headers, encodeBody: "manual" };
  return new Response(body, init);
}

/**
 * Returns an empty body for the response to HEAD. For `null`, servers would send a length of 0, but
 * the length must be that of the response to GET. See
 * {@link https://www.rfc-editor.org/rfc/rfc9110#section-8.6 | RFC 9110, section 8.6}.
 */
function unknownLength(): ReadableStream<Uint8Array<ArrayBuffer>> {
  // It closes only when read. Otherwise a server could see that it is empty.
  return new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 });
}

/** Returns the query of a request. */
function readQuery(request: Request | undefined): URLSearchParams {
  // The URL may be invalid, because its host is what the client sent.
  const [, query = ""] = request?.url.split("#", 1)[0]?.split(/\?(.*)/s) ?? [];
  return new URLSearchParams(query);
}

/** Returns how long to wait for asynchronous collectors. Prometheus may ask for less time. */
function timeToWait(request: Request | undefined, timeoutMs: number): number {
  const seconds = Number(request?.headers.get("x-prometheus-scrape-timeout-seconds") ?? NaN);
  if (!(seconds > 0)) return timeoutMs;
  const asked = Math.max(seconds, MIN_SCRAPE_TIMEOUT) * 1000 * SCRAPE_TIMEOUT_SHARE;
  return Math.min(timeoutMs, asked);
}
