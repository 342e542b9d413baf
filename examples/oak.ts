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
import { Application, Router, type RouterContext } from "@oakserver/oak";
import { metricsHandler } from "@narthex/prometheus";
import { instrument, setRoute } from "@narthex/prometheus/http";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { serve } from "./serve.ts";

registerRuntimeMetrics();

const app = new Application();
const router = new Router();

// Oak knows which of its routes a request has matched, once it was handled.
app.use(async (context, next) => {
  await next();
  const route = (context as RouterContext<string>).matched?.at(-1)?.path;
  const request = context.request.source as unknown as Request; // The very one that Oak was given.
  if (route !== undefined) setRoute(request, route);
});
router.get("/users/:id", ({ params, response }) => {
  response.body = `Hello, user ${params.id}!\n`;
});
app.use(router.routes());

// In the place of app.listen(), so that whatever Oak makes of a request is seen. Its package for npm
// has a class Response of its own, and types for it and Request.
const handle = app.handle.bind(app) as unknown as (request: Request) => Promise<Response>;
const measured = instrument(async (request: Request) => {
  const { body, status, headers } = await handle(request);
  return new Response(body, { status, headers: [...headers] });
});
const metrics = metricsHandler();

const server = await serve(
  (request) => new URL(request.url).pathname === "/metrics" ? metrics(request) : measured(request),
  Number(process.env["PORT"] ?? 8000),
);
console.log(`Listening on http://localhost:${server.port}/`);

// What is being answered is answered to its end.
process.once("SIGTERM", () => server.stop());
