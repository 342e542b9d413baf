/**
 * The types of `Bun.serve()` that `instrument()` hands on, taken from those of Bun where a program
 * has them.
 *
 * @module
 */

/** The second argument of Bun's handlers. */
export type BunServer =
  & (typeof globalThis extends { Bun: { serve: (options: never) => infer Server } }
    ? Omit<Server, "upgrade">
    : unknown)
  & {
    /**
     * Upgrades a request to a WebSocket.
     *
     * @param request The request.
     * @param options Headers of the answer, and data for the socket.
     * @returns Whether it could be upgraded.
     */
    upgrade(request: Request, options?: object): boolean;
  };

/** The cookies of a request and of its response. */
export type BunCookies = typeof globalThis extends
  { Bun: { CookieMap: new (...args: never) => infer Cookies } } ? Cookies : unknown;

/** The names of the parameters in a path: `"id"` in `"/users/:id"`. */
export type ParameterOf<Path extends string> = Path extends `${infer First}/${infer Rest}`
  ? ParameterOf<First> | ParameterOf<Rest>
  : Path extends `:${infer Name}` ? Name
  : never;

/** A request that a route of Bun has matched. */
export interface BunRouteRequest<Path extends string> extends Request {
  /** The values of the parameters of the path. */
  readonly params: { readonly [Name in ParameterOf<Path>]: string };
  /** The cookies of the request, and those of the response. */
  readonly cookies: BunCookies;
}

/** A handler of a route, which may also be declared for a request of a narrower type. */
export type BunRouteHandler<Path extends string> = {
  handle(request: BunRouteRequest<Path>, server: BunServer): unknown;
}["handle"];

/** Whatever may stand for a route of `Bun.serve()`. */
export type BunRoute<Path extends string> =
  | BunRouteHandler<Path>
  | { readonly [Method in string]: BunRouteHandler<Path> | Response }
  | Response
  | Blob
  | boolean
  | object;
