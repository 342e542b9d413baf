/**
 * Checks the types that `instrument()` and `instrumentFetch()` accept and reject. Nothing here
 * runs.
 *
 * @module
 */
import { instrument, instrumentFetch, setRoute } from "../../collectors/http.ts";

/** Handlers of Deno, with inferred and explicit parameter types. */
export function serveOnDeno(): Deno.HttpServer[] {
  return [
    Deno.serve(instrument(() => new Response("x"))),
    Deno.serve(
      instrument((request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) =>
        new Response(request.url + info.remoteAddr.hostname)
      ),
    ),
    Deno.serve(instrument(async (request) => await Promise.resolve(new Response(request.url)))),
  ];
}

/** The default export for `deno serve`. */
export const service = instrument({
  fetch: (request) => new Response(request.url),
}) satisfies Deno.ServeDefaultExport;

const asynchronous = instrument(async (_: Request, name: string) => await new Response(name));
const answer: Promise<Response> = asynchronous(new Request("http://localhost/"), "Ada");
// @ts-expect-error: the second argument is a string.
asynchronous(new Request("http://localhost/"), 7);
// @ts-expect-error: the second argument is required.
asynchronous(new Request("http://localhost/"));

const synchronous = instrument(() => new Response("x"));
const response: Response = synchronous(new Request("http://localhost/"));

const upgrading = instrument((_: Request): Response | undefined => undefined);
const upgraded: Response | undefined = upgrading(new Request("http://localhost/"));
// @ts-expect-error: the response may be undefined.
const never: Response = upgrading(new Request("http://localhost/"));

/** The exports of a Cloudflare worker keep their other handlers. */
const worker = instrument({
  fetch: (_request: Request, env: { key: string }) => new Response(env.key),
  scheduled: (cron: string) => cron.length,
});
const length: number = worker.scheduled("* * * * *");

// @ts-expect-error: it has no fetch().
instrument({ get: () => new Response("x") });
// @ts-expect-error: a route is a text, a function or a list.
instrument(() => new Response("x"), { route: 7 });
instrument(() => new Response("x"), { route: "/users/:id" });
instrument(() => new Response("x"), {
  route: ["/", new URLPattern({ pathname: "/users/:id" })],
});
// @ts-expect-error: a filter returns a boolean.
instrument(() => new Response("x"), { ignore: () => "yes" });
// @ts-expect-error: the first argument is a request.
setRoute("/users/7", "/users/:id");

const measured: typeof fetch = instrumentFetch(fetch);
// @ts-expect-error: the parameters differ from those of fetch.
instrumentFetch((url: number) => url);

void [answer, response, upgraded, never, length, measured];
