/**
 * A service on `node:http`, with request metrics and runtime metrics. It listens on port 8000,
 * unless the environment variable `PORT` names another one. Load `http://localhost:8000/users/7` a
 * few times, then `http://localhost:8000/metrics`.
 *
 * - `node examples/node_http.ts`
 *
 * @module
 */
import { createServer } from "node:http";
import process from "node:process";
import { instrumentListener, metricsListener } from "@narthex/prometheus/node";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

registerRuntimeMetrics();
const metrics = metricsListener();

const server = createServer(instrumentListener((request, response) => {
  const [path = "/"] = request.url?.split("?") ?? [];
  if (path === "/metrics") return void metrics(request, response);
  const [, id] = /^\/users\/(\w+)$/.exec(path) ?? [];
  response.statusCode = id === undefined ? 404 : 200;
  response.end(id === undefined ? "There is no such page.\n" : `Hello, user ${id}!\n`);
}, { route: ["/users/:id"], ignore: ["/metrics"] }));

const port = Number(process.env["PORT"] ?? 8000);
server.listen(port, () => console.log(`Listening on http://localhost:${port}/`));

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.close());
