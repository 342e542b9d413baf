/**
 * A service on [Fastify](https://fastify.dev), with request metrics by Fastify's own routes. It
 * listens on port 8000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:8000/users/7` a few times, then `http://localhost:8000/metrics`.
 *
 * - `node examples/fastify.ts`
 * - `bun examples/fastify.ts`
 * - `deno run --allow-net --allow-read --allow-env --allow-sys examples/fastify.ts`
 *
 * @module
 */
import process from "node:process";
import { httpMetrics } from "@narthex/prometheus/fastify";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import fastify from "fastify";

registerRuntimeMetrics();

const app = fastify();
await app.register(httpMetrics, { endpoint: "/metrics" });
app.get<{ Params: { id: string } }>(
  "/users/:id",
  (request) => `Hello, user ${request.params.id}!\n`,
);

const port = Number(process.env["PORT"] ?? 8000);
console.log(`Listening on ${await app.listen({ port })}`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => app.close());
