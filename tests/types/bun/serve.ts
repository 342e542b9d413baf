/// <reference types="npm:bun-types@1.4.5" />
/**
 * Checks `instrument()` against Bun's types of `Bun.serve()`. Nothing here runs. These types change
 * global ones, so `tests/deno/bun_types_test.ts` checks this file separately.
 *
 * @module
 */
import { instrument } from "../../../collectors/http.ts";

/** Routes, with types of requests and parameters that are inferred from their paths. */
export const server: Bun.Server<undefined> = Bun.serve(instrument({
  routes: {
    "/users/:id": (request) => {
      const id: string = request.params.id;
      const session: string | null = request.cookies.get("session");
      return new Response(id + session);
    },
    "/orders/:id/lines/:line": {
      GET: (request, server) => new Response(request.params.line + server.port),
      POST: async (request) => new Response(await request.text()),
    },
    "/static": new Response("static"),
    "/file": Bun.file("LICENSE"),
    "/off": false,
  },
  fetch: (request, server) => new Response(request.url + server.port),
}));

Bun.serve(instrument({
  routes: {
    // With explicit types of Bun.
    "/users/:id": (request: Bun.BunRequest<"/users/:id">, server: Bun.Server<undefined>) =>
      new Response(request.params.id + server.url),
  },
}));

Bun.serve(instrument({
  routes: {
    // @ts-expect-error: the path has no such parameter.
    "/users/:id": (request) => new Response(request.params.other),
  },
}));

Bun.serve(instrument({
  websocket: { message: () => {} },
  fetch(request, server) {
    if (!server.upgrade(request)) return new Response("no", { status: 400 });
  },
}));

Bun.serve({
  port: 8000,
  fetch: instrument((request: Request, server: Bun.Server<undefined>) =>
    new Response(request.url + server.port)
  ),
});

/** Workers of other runtimes keep their types. */
const worker = instrument({ fetch: (_: Request, env: { key: string }) => new Response(env.key) });
worker.fetch(new Request("http://localhost/"), { key: "k" });
