/**
 * A service on [Elysia](https://elysiajs.com), with request metrics by Elysia's own routes. It
 * listens on port 3000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:3000/users/7` a few times, then `http://localhost:3000/metrics`.
 *
 * - `bun examples/elysia.ts`
 *
 * @module
 */
import process from "node:process";
import { metricsHandler } from "@narthex/prometheus";
import { httpMetrics } from "@narthex/prometheus/elysia";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { Elysia } from "elysia";

registerRuntimeMetrics();
const metrics = metricsHandler();

const app = new Elysia()
  .use(httpMetrics({ ignore: ["/metrics"] }))
  .get("/metrics", ({ request }) => metrics(request))
  .get("/users/:id", ({ params }) => `Hello, user ${params.id}!\n`)
  .listen(Number(process.env["PORT"] ?? 3000));
console.log(`Listening on ${app.server?.url}`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => app.stop());
