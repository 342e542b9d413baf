/**
 * What Elysia takes from `httpMetrics()`, by Elysia's own types. Nothing here runs. They load Bun's
 * types, which change global ones, so that this file is checked alone, by
 * tests/deno/bun_types_test.ts.
 *
 * @module
 */
import { Elysia } from "elysia";
import { httpMetrics } from "../../../collectors/http/elysia.ts";

/** An app that is measured knows the types of its routes as before. */
export const app = new Elysia()
  .use(httpMetrics({ ignore: ["/metrics"], labels: { host: (request) => request.url } }))
  .get("/users/:id", ({ params }) => {
    const id: string = params.id;
    return id;
  })
  .get("/", () => 7);

const answer: Promise<Response> = app.handle(new Request("http://localhost/"));

// @ts-expect-error: it is no option.
new Elysia().use(httpMetrics({ route: "/users/:id" }));

void answer;
