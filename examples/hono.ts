/**
 * A service on [Hono](https://hono.dev), with metrics of its requests by Hono's own routes. It listens
 * on port 8000 under Deno and on 3000 under Bun; load `/users/7` some times, then `/metrics`. Under
 * Node, `serve()` of `@hono/node-server` takes what is exported here.
 *
 * - `deno serve examples/hono.ts`
 * - `bun examples/hono.ts`
 *
 * @module
 */
import { Hono } from "hono";
import { routePath } from "hono/route";
import { metricsHandler } from "@narthex/prometheus";
import { instrument, setRoute } from "@narthex/prometheus/http";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

registerRuntimeMetrics();

const app = new Hono();
const metrics = metricsHandler();

// Hono knows which of its routes a request has matched last, once it was handled.
app.use(async (context, next) => {
  await next();
  setRoute(context.req.raw, routePath(context, -1));
});
app.get("/users/:id", (context) => context.text(`Hello, user ${context.req.param("id")}!\n`));
app.get("/metrics", (context) => metrics(context.req.raw));

/** What `deno serve` and Bun ask for: an object that has `fetch`. */
export default instrument({ fetch: app.fetch }, { ignore: ["/metrics"] });
