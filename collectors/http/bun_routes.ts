import type { FetchRecorder, Handler } from "./fetch_recorder.ts";

/** The methods that a route of Bun may have a handler for each. */
type MethodHandlers = Readonly<Record<string, unknown>>;

/**
 * Measures the functions among the routes of `Bun.serve()`, each under its key. All other
 * values stay as they are.
 *
 * @param routes The routes. They are not changed.
 * @param recorder The recorder of the handlers.
 * @param wrap Makes a measured handler of a handler and the key of its route.
 * @returns The routes to serve.
 */
export function measureRoutes(
  routes: Readonly<Record<string, unknown>>,
  recorder: FetchRecorder,
  wrap: (handler: Handler, key: string) => Handler,
): Record<string, unknown> {
  const measure = (value: unknown, key: string): unknown => {
    if (typeof value === "function") return wrap(value as Handler, key);
    if (!recorder.staticRoutes) return value;
    const answer = answerOf(value);
    return answer === undefined ? value : wrap(answer, key);
  };
  return mapValues(
    routes,
    (value, key) =>
      isMethodHandlers(value)
        ? mapValues(value, (handler) => measure(handler, key))
        : measure(value, key),
  );
}

function mapValues(
  object: MethodHandlers,
  map: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]));
}

/** Whether a route has a handler for each method. An HTML import has none. */
function isMethodHandlers(value: unknown): value is MethodHandlers {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.keys(value).every((name) => /^[A-Z]+$/.test(name));
}

/** Returns a handler that answers like a static route, or `undefined` if that is impossible. */
function answerOf(value: unknown): Handler | undefined {
  // Its body can be sent once, and a copy of a response shares it.
  if (value instanceof Response) return () => value.clone();
  if (value instanceof Blob) return () => new Response(value);
  return undefined;
}
