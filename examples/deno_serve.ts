/**
 * A service on `Deno.serve`, with its own metrics, request metrics and runtime metrics. It listens
 * on port 8000. Load `http://localhost:8000/users/7` a few times, then
 * `http://localhost:8000/metrics`.
 *
 * - `deno run --allow-net examples/deno_serve.ts`
 *
 * @module
 */
import { Counter, metricsHandler } from "@narthex/prometheus";
import { instrument } from "@narthex/prometheus/http";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

const greetings = new Counter("greetings_total", "Users greeted.");
registerRuntimeMetrics();

const USER = new URLPattern({ pathname: "/users/:id" });
const metrics = metricsHandler();

function handle(request: Request): Response | Promise<Response> {
  if (new URL(request.url).pathname === "/metrics") return metrics(request);
  const user = USER.exec(request.url);
  if (user === null) return new Response("There is no such page.\n", { status: 404 });
  greetings.inc();
  return new Response(`Hello, user ${user.pathname.groups["id"]}!\n`);
}

// The route of a request is the pattern that it matches, and never its path.
const server = Deno.serve(instrument(handle, { route: [USER], ignore: ["/metrics"] }));

// Finishes open requests, then ends.
Deno.addSignalListener("SIGTERM", () => server.shutdown());
