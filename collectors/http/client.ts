import { BoundedValues, KnownMethods, OTHER } from "./labels.ts";
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { errorTypeOf } from "./error_type.ts";
import { createClientMetrics, HTTP_METRICS_OPTIONS, type HttpMetricsOptions } from "./metrics.ts";
import { parseLength } from "./recorder.ts";

/** How many servers a function may name. */
const MAX_SERVERS = 50;

/** The methods whose case `fetch()` does not mind. */
const NORMALIZED = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);

/** Options of {@linkcode instrumentFetch}. */
export interface InstrumentFetchOptions extends HttpMetricsOptions {
  /**
   * The labels `server_address` and `server_port`: a list of hosts, such as
   * `["api.example.com", "localhost:9090"]`, where all others become `_OTHER`; or a function that
   * names the server, as `host` or `host:port`, of which the first fifty names are kept. Without it
   * the labels are empty, since a URL may come from a visitor.
   */
  server?: readonly string[] | ((url: URL) => string | null | undefined) | undefined;
}

const KNOWN_OPTIONS: KnownOptions<InstrumentFetchOptions> = {
  server: true,
  ...HTTP_METRICS_OPTIONS,
};

/** A server, as two labels. */
type Server = readonly [address: string, port: string];

const NO_SERVER: Server = ["", ""];
const OTHER_SERVER: Server = [OTHER, ""];

/**
 * Wraps `fetch`, or a function like it, and measures its calls: how long it takes until there is a
 * response, how many are under way, how large the bodies of responses are as far as their headers
 * say it, and what failed or was aborted. The response itself is handed out untouched: when and
 * whether its body is read is up to the caller, and not measured.
 *
 * @param fetch The function; it keeps its type and its properties.
 * @param options Options.
 * @returns The function to call in its place.
 * @throws {TypeError} If it is not a function, or an option is not legal.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example Calls to one API
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { instrumentFetch } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const api = () => Promise.resolve(new Response("sunny")); // in the place of `fetch`
 * const measured = instrumentFetch(api as typeof fetch, { registry, server: ["api.example.com"] });
 * const response = await measured("https://api.example.com/weather?city=Ulm");
 * assert.equal(await response.text(), "sunny");
 * assert.equal(
 *   registry.getSampleValue("http_client_request_duration_seconds_count", {
 *     http_request_method: "GET",
 *     http_response_status_code: 200,
 *     server_address: "api.example.com",
 *     server_port: 443,
 *   }),
 *   1,
 * );
 * ```
 */
export function instrumentFetch<
  F extends (input: string, init?: { method: string }) => Promise<Response>,
>(fetch: F, options: InstrumentFetchOptions = {}): F {
  const doing = "Cannot instrument fetch";
  if (typeof fetch !== "function") {
    throw new TypeError(`${doing}: it must be a function: received ${typeof fetch}`);
  }
  const checked = checkKnownOptions(options, KNOWN_OPTIONS, doing);
  const { clock = SYSTEM_CLOCK } = checked;
  const serverOf = makeServerOf(checked.server, doing);
  const methods = new KnownMethods();
  const { duration, active, responseSize, errors } = createClientMetrics(checked);
  const call = async (
    args: readonly unknown[],
    send: () => Promise<Response>,
  ): Promise<Response> => {
    const method = methods.fold(methodOf(args));
    const server = serverOf(args[0]);
    const running = active.labels(method, ...server);
    running.inc();
    const start = clock.monotonic();
    let status: number | "" = "";
    try {
      const response = await send();
      status = response.status;
      // The answer to HEAD says how long the one to GET would be.
      const size = method === "HEAD" ? 0 : parseLength(response.headers.get("content-length"));
      if (size !== undefined) responseSize.labels(method, status, ...server).observe(size);
      return response;
    } catch (error) {
      errors.labels(method, ...server, errorTypeOf(error, errors)).inc();
      throw error;
    } finally {
      running.dec();
      duration.labels(method, status, ...server).observe(Math.max(0, clock.monotonic() - start));
    }
  };
  return new Proxy(fetch, {
    apply: (target, self, args) =>
      call(args, () => Reflect.apply(target, self, args) as Promise<Response>),
  });
}

function methodOf([input, init]: readonly unknown[]): unknown {
  const given = (init as RequestInit | undefined)?.method ??
    (input as Partial<Request> | undefined)?.method ?? "GET";
  const upper = String(given).toUpperCase();
  return NORMALIZED.has(upper) ? upper : given;
}

/** Makes what names the server of whatever `fetch()` is given. */
function makeServerOf(
  option: InstrumentFetchOptions["server"],
  doing: string,
): (input: unknown) => Server {
  if (option === undefined) return () => NO_SERVER;
  const name = typeof option === "function" ? byFunction(option) : byList(option, doing);
  return (input) => {
    try {
      const url = (input as Partial<Request> | undefined)?.url ?? String(input);
      return name(new URL(url, (globalThis as { location?: { href: string } }).location?.href));
    } catch {
      // What is no URL has no server, and is for `fetch()` to refuse.
      return NO_SERVER;
    }
  };
}

function byList(hosts: readonly string[], doing: string): (url: URL) => Server {
  if (!Array.isArray(hosts) || hosts.some((host) => typeof host !== "string")) {
    throw new TypeError(
      `${doing}: server must be a function or an array of hosts: received ${typeof hosts}`,
    );
  }
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return ({ host, hostname, port, protocol }) =>
    // A host without a port stands for the ports that its protocols have.
    known.has(host) ? [hostname, port || (protocol === "https:" ? "443" : "80")] : OTHER_SERVER;
}

function byFunction(name: (url: URL) => string | null | undefined): (url: URL) => Server {
  const names = new BoundedValues(MAX_SERVERS);
  return (url) => {
    const given = name(url);
    if (typeof given !== "string" || given === "") return NO_SERVER;
    const [, address = names.fold(given), port = ""] = /^(.+):(\d{1,5})$/.exec(names.fold(given)) ??
      [];
    return [address, port];
  };
}
