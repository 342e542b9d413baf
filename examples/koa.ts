/**
 * A service on [Koa](https://koajs.com), with request metrics by the routes of `@koa/router`. It
 * listens on port 8000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:8000/users/7` a few times, then `http://localhost:8000/metrics`.
 *
 * - `node examples/koa.ts`
 * - `bun examples/koa.ts`
 * - `deno run --allow-net --allow-read --allow-env --allow-sys examples/koa.ts`
 *
 * @module
 */
import process from "node:process";
import Router from "@koa/router";
import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/koa";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import Koa from "koa";

registerRuntimeMetrics();

const app = new Koa();
app.use(httpMetrics({ ignore: ["/metrics"] }));
const router = new Router();
router.get("/metrics", metricsEndpoint());
router.get("/users/:id", (context) => {
  context.body = `Hello, user ${context.params["id"]}!\n`;
});
app.use(router.routes());

const port = Number(process.env["PORT"] ?? 8000);
const server = app.listen(port, () => console.log(`Listening on http://localhost:${port}/`));

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.close());
