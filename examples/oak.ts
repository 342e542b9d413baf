/**
 * A service on [Oak](https://oakserver.org), with request metrics by Oak's own routes. It listens
 * on port 8000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:8000/users/7` a few times, then `http://localhost:8000/metrics`.
 *
 * - `deno run --allow-net --allow-env examples/oak.ts`
 * - `bun examples/oak.ts`
 * - `node examples/oak.ts`
 *
 * @module
 */
import process from "node:process";
import { metricsHandler } from "@narthex/prometheus";
import { httpMetrics } from "@narthex/prometheus/oak";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { Application, Router } from "@oakserver/oak";
import { serve } from "./serve.ts";

registerRuntimeMetrics();

const app = new Application();
app.use(httpMetrics());
const router = new Router();
router.get("/users/:id", ({ params, response }) => {
  response.body = `Hello, user ${params.id}!\n`;
});
app.use(router.routes());

// With Oak from JSR, `app.listen()` does all of this. The npm package of Oak cannot listen on every
// runtime, and has its own `Response` class.
const handle = app.handle.bind(app) as unknown as (request: Request) => Promise<Response>;
const answer = async (request: Request): Promise<Response> => {
  const { body, status, headers } = await handle(request);
  return new Response(body, { status, headers: [...headers] });
};
const metrics = metricsHandler();

const server = await serve(
  (request) => new URL(request.url).pathname === "/metrics" ? metrics(request) : answer(request),
  Number(process.env["PORT"] ?? 8000),
);
console.log(`Listening on http://localhost:${server.port}/`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.stop());
