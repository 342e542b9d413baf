import { checkNumber, checkShape } from "../../model.ts";
import { BoundedValues } from "./labels.ts";
import { PatternList, type RoutePattern } from "./path_patterns.ts";

/** How many routes a function may name when nothing else is said. */
const MAX_ROUTES = 200;

/** Names a route: the pattern, such as `/users/:id`. Never the path itself. */
export type RouteOf<Req> = (request: Req) => string | null | undefined;

/** Routes that handlers have named themselves. */
const named: WeakMap<object, string> = new WeakMap();

/**
 * Whether any handler has ever named a route. While that is not so, nothing has to be looked up.
 */
let isUsed = false;

/**
 * Names the route of a request, from inside of the handler: for routers that know it only there.
 * It counts more than the option `route`, and the last call counts.
 *
 * @param request The request, the same object that the instrumented handler was called with.
 * @param route The route, such as `/users/:id`; never the path itself.
 * @throws {TypeError} If the request is not an object or the route not a string.
 *
 * @example A router that knows the route when it has matched
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { instrument, setRoute } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const handler = instrument((request: Request) => {
 *   setRoute(request, "/users/:id");
 *   return new Response("Ada");
 * }, { registry });
 * await handler(new Request("http://localhost/users/7"));
 * assert.equal(
 *   registry.getSampleValue("http_server_request_duration_seconds_count", {
 *     http_request_method: "GET",
 *     http_response_status_code: 200,
 *     http_route: "/users/:id",
 *   }),
 *   1,
 * );
 * ```
 */
export function setRoute(request: object, route: string): void {
  const doing = "Cannot set route";
  if (typeof request !== "object" || request === null) {
    throw new TypeError(`${doing}: request must be a Request: received ${typeof request}`);
  }
  if (typeof route !== "string") {
    throw new TypeError(`${doing}: route must be a string: received ${typeof route}`);
  }
  isUsed = true;
  named.set(request, route);
}

/** Returns the route that was named by {@linkcode setRoute}, if there is one. */
export function namedRoute(request: object): string | undefined {
  return isUsed ? named.get(request) : undefined;
}

/** Options of {@linkcode RouteFinder}. */
export interface RouteOptions<Req> {
  readonly route?: RouteOf<Req> | string | readonly RoutePattern[] | undefined;
  readonly maxRoutes?: number | undefined;
}

/** Which requests are not measured. */
export type Ignore<Req> = ((request: Req) => boolean) | readonly RoutePattern[];

/**
 * Returns the function that tells whether to ignore a request.
 *
 * @param ignore The option, if there is one.
 * @param urlOf Returns the URL of a request, or its path.
 * @param doing The failing action, as in `Cannot instrument handler`.
 * @returns The function, or `undefined` if no request is ignored.
 */
export function compileIgnore<Req>(
  ignore: Ignore<Req> | undefined,
  urlOf: (request: Req) => string,
  doing: string,
): ((request: Req) => boolean) | undefined {
  if (ignore === undefined) return undefined;
  if (typeof ignore === "function") {
    return (request) => {
      try {
        return ignore(request) === true;
      } catch {
        // A request must not fail because it is measured.
        return false;
      }
    };
  }
  const rule = "ignore must be a function or an array of patterns";
  checkShape(Array.isArray(ignore), doing, rule, ignore);
  const patterns = new PatternList(ignore, `${doing}: ignore`);
  return (request) => patterns.find(urlOf(request)) !== undefined;
}

/** Finds the route of a request: by the options, and by `setRoute()`. */
export class RouteFinder<Req extends object> {
  /** Whether there is an option to ask. */
  readonly isGiven: boolean;
  readonly #constant: string | undefined;
  readonly #find: RouteOf<Req> | undefined;
  readonly #patterns: PatternList | undefined;
  readonly #routes: BoundedValues;
  readonly #urlOf: (request: Req) => string;

  constructor(
    { route, maxRoutes = MAX_ROUTES }: RouteOptions<Req>,
    urlOf: (request: Req) => string,
    doing: string,
  ) {
    this.#urlOf = urlOf;
    checkNumber(maxRoutes, (routes) => routes >= 0, ">= 0", doing, "maxRoutes");
    this.isGiven = route !== undefined;
    this.#routes = new BoundedValues(maxRoutes);
    if (typeof route === "string") this.#constant = route;
    else if (typeof route === "function") this.#find = route;
    else if (route !== undefined) {
      const rule = "route must be a string, a function or an array of patterns";
      checkShape(Array.isArray(route), doing, rule, route);
      this.#patterns = new PatternList(route, `${doing}: route`);
    }
  }

  /**
   * Returns the route by the option. It is empty if there is none, and `_OTHER` if a function has
   * named too many. It is never the path.
   */
  find(request: Req): string {
    if (this.#constant !== undefined) return this.#constant;
    try {
      if (this.#patterns !== undefined) {
        return this.#patterns.find(this.#urlOf(request)) ?? "";
      }
      const route: unknown = this.#find?.(request);
      return typeof route === "string" && route !== "" ? this.#routes.fold(route) : "";
    } catch {
      // A request must not fail because it is measured.
      return "";
    }
  }

  /** Returns the route that the handler has named, if it did. */
  named(request: Req): string | undefined {
    const route = namedRoute(request);
    return route === undefined ? undefined : this.#routes.fold(route);
  }
}
