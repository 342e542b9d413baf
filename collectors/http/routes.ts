import { BoundedValues } from "./labels.ts";

/** How many routes a function may name when nothing else is said. */
const MAX_ROUTES = 200;

/** A path without anything that `URLPattern` gives a meaning to. */
const PLAIN_PATH_REGEXP = /^\/[^:*+?(){}\\#]*$/;

/** What is used of a `URLPattern`. */
export interface UrlPattern {
  /** The pattern of the host; `*` for any. */
  readonly hostname: string;
  /** The pattern of the path. */
  readonly pathname: string;
  /**
   * Whether a URL matches.
   *
   * @param url The URL.
   * @returns Whether it does.
   */
  test(url: string): boolean;
}

/**
 * A path as `URLPattern` has it, such as `/users/:id`, or a whole `URLPattern`.
 */
export type RoutePattern = string | UrlPattern;

/** Routes that handlers have named themselves. */
const named: WeakMap<Request, string> = new WeakMap();

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
export function setRoute(request: Request, route: string): void {
  const doing = "Cannot set route";
  if (typeof request !== "object" || request === null) {
    throw new TypeError(`${doing}: request must be a Request: received ${typeof request}`);
  }
  if (typeof route !== "string") {
    throw new TypeError(`${doing}: route must be a string: received ${typeof route}`);
  }
  named.set(request, route);
}

/** Finds the route of a request. */
export class RouteFinder {
  readonly #find: ((request: Request) => unknown) | undefined;
  readonly #patterns: PatternList | undefined;
  readonly #routes: BoundedValues;

  constructor(
    route: ((request: Request) => unknown) | readonly RoutePattern[] | undefined,
    maxRoutes: number = MAX_ROUTES,
  ) {
    const doing = "Cannot instrument handler";
    if (typeof maxRoutes !== "number") {
      throw new TypeError(`${doing}: maxRoutes must be a number: received ${typeof maxRoutes}`);
    }
    if (!(maxRoutes >= 0)) {
      throw new RangeError(`${doing}: maxRoutes must be >= 0: received ${maxRoutes}`);
    }
    this.#routes = new BoundedValues(maxRoutes);
    if (typeof route === "function") this.#find = route;
    else if (route !== undefined) this.#patterns = new PatternList(route, `${doing}: route`);
  }

  /**
   * The route by the option; empty if there is none, `_OTHER` if there are too many. Never the path.
   */
  find(request: Request): string {
    try {
      if (this.#patterns !== undefined) return this.#patterns.find(request) ?? "";
      const route = this.#find?.(request);
      return typeof route === "string" && route !== "" ? this.#routes.fold(route) : "";
    } catch {
      // Whoever is measured must not fail because of that.
      return "";
    }
  }

  /** The route that the handler has named, if it did. */
  named(request: Request): string | undefined {
    const route = named.get(request);
    return route === undefined ? undefined : this.#routes.fold(route);
  }
}

/** Patterns, the first of which that matches counts. */
export class PatternList {
  readonly #patterns: readonly {
    readonly name: string;
    matches(path: string, url: string): boolean;
  }[];

  constructor(patterns: readonly RoutePattern[], doing: string) {
    if (!Array.isArray(patterns)) {
      throw new TypeError(
        `${doing} must be a function or an array of patterns: received ${typeof patterns}`,
      );
    }
    this.#patterns = patterns.map((pattern: RoutePattern) => {
      if (typeof pattern === "string" && PLAIN_PATH_REGEXP.test(pattern)) {
        return { name: pattern, matches: (path) => path === pattern };
      }
      const compiled = typeof pattern === "string" ? compile(pattern, doing) : pattern;
      if (typeof compiled?.test !== "function" || typeof compiled.pathname !== "string") {
        throw new TypeError(
          `${doing} must have paths or URLPatterns only: received ${typeof pattern}`,
        );
      }
      const { hostname, pathname } = compiled;
      return {
        name: (hostname === "*" ? "" : hostname ?? "") + pathname,
        matches: (_, url) => compiled.test(url),
      };
    });
  }

  /** The first pattern that a request matches. */
  find(request: Request): string | undefined {
    const { url } = request;
    const path = pathOf(url);
    for (const pattern of this.#patterns) if (pattern.matches(path, url)) return pattern.name;
    return undefined;
  }
}

function compile(pathname: string, doing: string): UrlPattern {
  const { URLPattern } = globalThis as {
    URLPattern?: new (init: { pathname: string }) => UrlPattern;
  };
  if (URLPattern === undefined) {
    throw new TypeError(
      `${doing} must be a function or have plain paths where there is no URLPattern: ` +
        `received "${pathname}"`,
    );
  }
  return new URLPattern({ pathname });
}

/** The path of a URL, which is absolute. */
function pathOf(url: string): string {
  const from = url.indexOf("/", url.indexOf("://") + 3);
  if (from === -1) return "/";
  for (let to = from; to < url.length; to++) {
    const code = url.charCodeAt(to);
    if (code === 0x3f || code === 0x23) return url.slice(from, to);
  }
  return url.slice(from);
}
