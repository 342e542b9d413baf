/**
 * A service on [Express](https://expressjs.com), with request metrics by Express's own routes. It
 * listens on port 8000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:8000/users/7` a few times, then `http://localhost:8000/metrics`.
 *
 * - `node examples/express.ts`
 * - `bun examples/express.ts`
 * - `deno run --allow-net --allow-read --allow-env --allow-sys examples/express.ts`
 *
 * @module
 */
import process from "node:process";
import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/express";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import express from "express";

registerRuntimeMetrics();

const app = express();
app.use(httpMetrics({ ignore: ["/metrics"] }));
app.get("/metrics", metricsEndpoint());

// The route of a request includes the patterns that its routers are mounted at.
const users = express.Router();
users.get("/:id", (request, response) => {
  response.send(`Hello, user ${request.params["id"]}!\n`);
});
app.use("/users", users);

const port = Number(process.env["PORT"] ?? 8000);
const server = app.listen(port, () => console.log(`Listening on http://localhost:${port}/`));

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.close());
