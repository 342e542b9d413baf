/**
 * A service on `Bun.serve`, with its own metrics, request metrics and runtime metrics. It listens
 * on port 3000, unless the environment variable `PORT` names another one. Load
 * `http://localhost:3000/users/7` a few times, then `http://localhost:3000/metrics`.
 *
 * - `bun examples/bun_serve.ts`
 *
 * @module
 */
import process from "node:process";
import { Counter, metricsHandler } from "@narthex/prometheus";
import { instrument } from "@narthex/prometheus/http";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

/** The part of Bun that this file uses. `@types/bun` has complete types. */
declare const Bun: {
  serve(options: object): { readonly url: URL; stop(): Promise<void> };
};

const greetings = new Counter("greetings_total", "Users greeted.");
registerRuntimeMetrics();

// Each function in `routes` is measured under its key.
const server = Bun.serve(instrument({
  routes: {
    "/metrics": metricsHandler(),
    "/users/:id": (request) => {
      greetings.inc();
      return new Response(`Hello, user ${request.params.id}!\n`);
    },
  },
  fetch: () => new Response("There is no such page.\n", { status: 404 }),
}, { ignore: ["/metrics"] }));
console.log(`Listening on ${server.url}`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.stop());
