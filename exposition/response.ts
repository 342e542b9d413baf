import { checkEscapingScheme, type EscapingScheme } from "../encoding/escaping.ts";
import { checkBounds, checkNumber, checkOptions, checkShape } from "../model.ts";
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

/** How long asynchronous collectors are waited for when nothing else is said. */
const TIMEOUT_MS = 10_000;

/** How much of the time that Prometheus gives itself is spent on waiting. */
const SCRAPE_TIMEOUT_SHARE = 0.9;

/** The shortest time that a scraper can give itself, in seconds. Shorter ones count as this. */
const MIN_SCRAPE_TIMEOUT = 0.1;

/** The methods that a scrape may use, and the one that asks which these are. */
const ALLOW = "GET, HEAD, OPTIONS";

/** When those are to come again who came when there were too many, in seconds. */
const RETRY_AFTER_SECONDS = 1;

/** Options of {@linkcode metricsResponse}, and of {@linkcode metricsHandler}, which has more. */
export interface MetricsResponseOptions {
  /** The registry, or a view of one. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * How long an asynchronous collector may take, in milliseconds. A scrape waits no longer than 0.9
   * of its `X-Prometheus-Scrape-Timeout-Seconds`; a collector that takes longer than that is
   * missing from this scrape, and its call goes on for others. @default {10000}
   */
  timeoutMs?: number | undefined;
  /**
   * The formats to choose from. A scraper that accepts none of them gets the first. `["text"]`
   * keeps `le="1"` as it is, for rules that were written against the text format: OpenMetrics and
   * protobuf make `le="1.0"` of it. @default {["text", "openmetrics", "protobuf"]}
   */
  formats?: readonly ExpositionFormat[] | undefined;
  /**
   * Called with the error when the registry itself cannot be read, which the answer, a 500, does
   * not tell. What it throws is ignored. Errors of a collector are told to the option `onError` of
   * the registry. @default {none}
   */
  onError?: ((error: unknown) => void) | undefined;
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
   * Decides who may see the metrics, before anything else is done: `true` lets a request pass,
   * `false` is answered with 403, and a `Response` is sent as it is. It may be asynchronous. If
   * it throws or returns anything else, the answer is 500 and tells nothing. There are
   * {@linkcode bearerAuth} and {@linkcode basicAuth}. @default {everybody may}
   */
  authorize?: Authorize | undefined;
  /**
   * Answers those who would rather read HTML than any format of a scrape, which are
   * browsers: `livePage()` of `@narthex/prometheus/live`. Scrapers and tools such as curl never
   * ask for HTML. By default everybody gets the metrics as text.
   */
  live?: LivePage | undefined;
}

/** Options of {@linkcode metricsHandler}. */
export interface MetricsHandlerOptions extends MetricsResponseOptions {
  /**
   * How many scrapes may be under way at the same time; those beyond are answered with 503
   * and `Retry-After`. A scrape is under way until the server has taken the end of its body,
   * or has given it up: so a client that reads slowly takes a place while there is more
   * than the buffers between hold. `Infinity` is no limit. Some ten are enough for any number
   * of Prometheus servers; strangers are better kept out by `authorize`, since they could take
   * all places. @default {Infinity}
   */
  maxConcurrentScrapes?: number | undefined;
  /**
   * Whether simultaneous scrapes of the same `?name[]=` share one collection, and small bodies
   * too where they are written alike. A scrape can join a collection until all families are
   * there. What metrics have counted is read after that, so that it is not older than the request
   * that shows it. Which metrics there are, and what custom collectors and functions
   * (`setFunction`) bring, is asked when the collection begins: for a scrape that joins, it may be
   * older than its request, by at most the time that the slowest asynchronous collector takes.
   *
   * A scrape joins no collection that would take longer than its own time limit, or would leave
   * it less than half of it. @default {true}
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
  answered(status: number, refused?: ScrapeRefusal): void;
}

/** Why a request was refused. See {@linkcode ScrapeObserver}. */
export type ScrapeRefusal = "authorization" | "limit" | "method";

/**
 * Answers a request whose `Accept` header prefers HTML: with a page that asks the same URL for
 * the metrics. Its method is GET or HEAD. What it throws, the handler throws.
 */
export type LivePage = (request: Request) => Response | Promise<Response>;

/** The same options, all of them there and legal. */
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

/** What the scrapes of a handler have in common. */
interface Shared {
  readonly admission: Admission;
  /** The collections to join; none if each scrape has its own. */
  readonly collections: Collections | undefined;
  /** Called when a request is refused, for the observer. */
  readonly refuse?: ((reason: ScrapeRefusal) => void) | undefined;
}

/** What a single answer has in common with others: nothing. */
const ALONE: Shared = { admission: new Admission(Infinity), collections: undefined };

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
  const checked = checkResponseOptions(options, "Cannot answer scrape");
  if (request === undefined && checked.authorize !== undefined) {
    throw new TypeError("Cannot answer scrape: authorize needs a request: received undefined");
  }
  return await respond(request, checked, ALONE);
}

/**
 * Makes a handler that answers each request with the metrics, whatever its path:
 * for a server of its own, or for a route.
 *
 * @param options Options of {@linkcode metricsResponse}, and what concerns several requests.
 * @returns The handler, for `Deno.serve`, `Bun.serve` and the like.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If the time limit is not positive, or the limit of scrapes is none.
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
  options: MetricsHandlerOptions = {},
): (request: Request) => Promise<Response> {
  const doing = "Cannot create metrics handler";
  const checked = checkResponseOptions(options, doing);
  const { maxConcurrentScrapes = Infinity, coalesce = true, observer } = options;
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
  checkOptions(options, doing);
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
  } = options;
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
    const refused = await refusal(request, options.authorize);
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
  if (request !== undefined && options.live !== undefined && prefersHtml(accept)) {
    return await options.live(request);
  }
  const { format, escaping, contentType } = negotiate(accept, options.escaping, options.formats);
  const encoding = options.compress && typeof CompressionStream === "function"
    ? negotiateEncoding(request?.headers.get("accept-encoding") ?? null)
    : "identity";
  const headers = new Headers({ "content-type": contentType, vary: "Accept, Accept-Encoding" });
  if (encoding === "gzip") headers.set("content-encoding", "gzip");
  if (method === "HEAD") return new Response(unknownLength(), { headers });

  const view: View = {
    registry: options.registry,
    names: readNames(request),
    timeoutMs: options.timeoutMs,
    waitMs: timeToWait(request, options.timeoutMs),
  };
  const spelling: Spelling = { format, escaping, created: options.created, encoding };
  return await answer({ view, spelling, headers, onError: options.onError }, shared);
}

/** A scrape that may be answered. */
interface Scrape {
  readonly view: View;
  readonly spelling: Spelling;
  readonly headers: Headers;
  readonly onError: (error: unknown) => unknown;
}

/** Collects and writes what is to be seen, if there is room for one more scrape. */
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
    try {
      const returned = onError(error);
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // An error of a log must not become one of the scrape.
    }
    // The error may have secrets in it, and anyone can ask.
    return plainResponse(500, "Cannot answer scrape: the registry cannot be read");
  }
  if (body instanceof ReadableStream) admission.leaveWith(body, leave);
  else leave(); // The server gets all of it at once.
  return new Response(body, { headers });
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

/** The names in `?name[]=` that the request wants to see alone. */
function readNames(request: Request | undefined): string[] {
  // A URL as a whole need not be valid, since its host is what the client sent.
  const [, query = ""] = request?.url.split("#", 1)[0]?.split(/\?(.*)/s) ?? [];
  return query === "" ? [] : new URLSearchParams(query).getAll("name[]");
}

/** How long to wait for asynchronous collectors, of which Prometheus may ask for less. */
function timeToWait(request: Request | undefined, timeoutMs: number): number {
  const seconds = Number(request?.headers.get("x-prometheus-scrape-timeout-seconds") ?? NaN);
  if (!(seconds > 0)) return timeoutMs;
  const asked = Math.max(seconds, MIN_SCRAPE_TIMEOUT) * 1000 * SCRAPE_TIMEOUT_SHARE;
  return Math.min(timeoutMs, asked);
}
