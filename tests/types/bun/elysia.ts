/**
 * Checks `httpMetrics()` against Elysia's own types. Nothing here runs. Elysia loads Bun's types,
 * which change global ones, so `tests/deno/bun_types_test.ts` checks this file separately.
 *
 * @module
 */
import { Elysia } from "elysia";
import { httpMetrics } from "../../../collectors/http/elysia.ts";

/** A measured app keeps the types of its routes. */
export const app = new Elysia()
  .use(httpMetrics({ ignore: ["/metrics"], labels: { host: (request) => request.url } }))
  .get("/users/:id", ({ params }) => {
    const id: string = params.id;
    return id;
  })
  .get("/", () => 7);

const answer: Promise<Response> = app.handle(new Request("http://localhost/"));

// @ts-expect-error: this option does not exist.
new Elysia().use(httpMetrics({ route: "/users/:id" }));

void answer;
