/**
 * A service on Node's own `node:http`, which knows neither `Request` nor `Response`: frameworks on top
 * of it, such as Express, are measured in the same way. It listens on port 8000, or on the one that
 * the environment variable `PORT` names; load `http://localhost:8000/users/7` some times, then
 * `http://localhost:8000/metrics`.
 *
 * - `node examples/node_http.ts`
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { Histogram, metricsResponse } from "@narthex/prometheus";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

const duration = new Histogram("http_server_request_duration_seconds", "Time to answer.", {
  labelNames: ["http_request_method", "http_route", "http_response_status_code"],
});
registerRuntimeMetrics();

/** Answers with the metrics: from Node's request to `Request`, from `Response` to Node's response. */
async function answerWithMetrics(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const { method = "GET", url = "/" } = incoming;
  const response = await metricsResponse(
    new Request(new URL(url, "http://localhost"), { method, headers }),
  );
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as ReadableStream), outgoing);
}

const server = createServer(async (incoming, outgoing) => {
  const { method = "GET", url = "/" } = incoming;
  if (/^\/metrics(?:\?|$)/.test(url)) {
    // What has begun can only be cut off: a good end would make a part look whole.
    await answerWithMetrics(incoming, outgoing).catch(() => outgoing.destroy());
    return;
  }
  const [, id] = /^\/users\/(\w+)$/.exec(url) ?? [];
  const timer = duration.labels({
    http_request_method: method === "GET" || method === "HEAD" ? method : "_OTHER",
    http_route: id === undefined ? "" : "/users/:id",
  }).startTimer();
  outgoing.once("close", () => timer.stop({ http_response_status_code: outgoing.statusCode }));
  outgoing.statusCode = id === undefined ? 404 : 200;
  outgoing.end(id === undefined ? "There is no such page.\n" : `Hello, user ${id}!\n`);
});

const port = Number(process.env["PORT"] ?? 8000);
server.listen(port, () => console.log(`Listening on http://localhost:${port}/`));

// What is being answered is answered to its end.
process.once("SIGTERM", () => server.close());
