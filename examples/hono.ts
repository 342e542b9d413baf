/**
 * A service on [Hono](https://hono.dev), with request metrics by Hono's own routes. It listens on
 * port 8000 on Deno and Node, and on 3000 on Bun. Load `/users/7` a few times, then `/metrics`.
 *
 * - `deno serve examples/hono.ts`
 * - `bun examples/hono.ts`
 * - `node examples/hono.ts`
 *
 * @module
 */
import process from "node:process";
import { metricsHandler } from "@narthex/prometheus";
import { httpMetrics } from "@narthex/prometheus/hono";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { Hono } from "hono";

registerRuntimeMetrics();
const metrics = metricsHandler();

const app = new Hono();
app.use(httpMetrics({ ignore: ["/metrics"] }));
app.get("/metrics", (context) => metrics(context.req.raw));
app.get("/users/:id", (context) => context.text(`Hello, user ${context.req.param("id")}!\n`));

/** The object that `deno serve` and Bun serve. */
export default { fetch: app.fetch };

if (!("Deno" in globalThis || "Bun" in globalThis)) {
  const { serve } = await import("@hono/node-server");
  const server = serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 8000) });
  // Finishes open requests, then ends.
  process.once("SIGTERM", () => server.close());
}
