/**
 * A service on [Oak](https://oakserver.org), with metrics of its requests by Oak's own routes. It
 * listens on port 8000, or on the one that the environment variable `PORT` names; load
 * `http://localhost:8000/users/7` some times, then `http://localhost:8000/metrics`.
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

// With Oak from JSR, app.listen() does all of this. Its package for npm does not listen on each
// runtime, and has a class Response of its own.
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

// What is being answered is answered to its end.
process.once("SIGTERM", () => server.stop());
