/**
 * Measures the cost of `instrument()` per request, by direct calls and over loopback. Compares it
 * with other clients used by hand, and with middleware for Express and Fastify. Prints tables, and
 * writes those of Deno into docs/benchmarks.md: `deno task bench:http`, `bun benches/http.ts` and
 * `node benches/http.ts`.
 *
 * @module
 */
import official from "@prometheus-io/client";
import express, { type RequestHandler } from "express";
import promBundle from "express-prom-bundle";
import fastify from "fastify";
import fastifyMetrics from "fastify-metrics";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import process from "node:process";
import promClient from "prom-client";
import { instrument } from "../collectors/http.ts";
import { httpMetrics as expressMetrics } from "../collectors/http/express.ts";
import { httpMetrics as fastifyPlugin } from "../collectors/http/fastify.ts";
import { instrumentListener } from "../collectors/http/node.ts";
import { serve } from "../examples/serve.ts";
import { CollectorRegistry } from "../mod.ts";
import { RUNTIME } from "./fresh_process.ts";
import { type Measured, summarise } from "./harness.ts";
import {
  describeRun,
  formatMeasured,
  formatTable,
  TIME,
  versionOf,
  writeSection,
} from "./report.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** The number of rounds that count. */
const ROUNDS = 41;
/** The number of rounds that are discarded. */
const WARM_UP_ROUNDS = 8;
/** The number of direct calls in a round. */
const CALLS = 2000;
/** The number of requests over loopback in a round, and of their connections. */
const REQUESTS = 800;
const CONNECTIONS = 4;

const SEED = 1;
const BODY = "hello, world";
const PIECES = ["hello", ", ", "world"].map((piece) => new TextEncoder().encode(piece));
const ROUTES = ["/", "/users/:id", "/orders/:id/lines"];
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The requested paths. Every contestant gets the same ones, in the same order. */
const paths = (() => {
  let state = SEED;
  const next = () => (state = Math.imul(state, 1103515245) + 12345 >>> 0) >>> 16;
  return Array.from({ length: 256 }, () => {
    const route = ROUTES[next() % ROUTES.length]!;
    return route.replace(":id", String(next()));
  });
})();

/**
 * Returns the route of a request. This router is minimal, because manual measurements know the
 * route.
 */
function routeOf(request: Request): string {
  const { url } = request;
  const path = url.slice(url.indexOf("/", 8));
  if (path === "/") return "/";
  return path.startsWith("/users/") ? "/users/:id" : "/orders/:id/lines";
}

// Both handlers take the request, as handlers of real programs do. Deno creates no request for a
// handler without parameters, but a measured handler always gets one.
const text: Handler = (_request) => new Response(BODY);
const streamed: Handler = (_request) => {
  let sent = 0;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (sent === PIECES.length) controller.close();
        else controller.enqueue(PIECES[sent++]);
      },
    }),
  );
};

/**
 * Measures by hand, as usual middleware does: durations and active requests, but neither sizes nor
 * the end of streams.
 */
function byHand(client: typeof promClient, handler: Handler): Handler {
  const registers = [new client.Registry()];
  const duration = new client.Histogram({
    name: "http_server_request_duration_seconds",
    help: "Duration of HTTP server requests.",
    labelNames: ["method", "status", "route"],
    buckets: BUCKETS,
    registers,
  });
  const active = new client.Gauge({
    name: "http_server_active_requests",
    help: "Number of active HTTP server requests.",
    labelNames: ["method"],
    registers,
  });
  return async (request) => {
    const { method } = request;
    active.inc({ method });
    const start = performance.now();
    let status = 500;
    try {
      const response = await handler(request);
      status = response.status;
      return response;
    } finally {
      const labels = { method, status, route: routeOf(request) };
      duration.observe(labels, (performance.now() - start) / 1000);
      active.dec({ method });
    }
  };
}

const instrumented = (handler: Handler, options: object): Handler =>
  instrument(handler, { registry: new CollectorRegistry(), ...options }) as Handler;

/** The unmeasured handler, twice. The second one shows the error of the measurement. */
const BARE = ["bare", "bare against bare"] as const;

/** The compared wrappers by name. */
const CONTESTANTS: Record<string, (handler: Handler) => Handler> = {
  [BARE[0]]: (handler) => handler,
  [BARE[1]]: (handler) => handler,
  "`instrument()`": (handler) => instrumented(handler, {}),
  "`instrument()`, routes as patterns": (handler) => instrumented(handler, { route: ROUTES }),
  "`instrument()`, `bodies: true`": (handler) =>
    instrumented(handler, { route: ROUTES, bodies: true }),
  "`prom-client` by hand": (handler) => byHand(promClient, handler),
  "`@prometheus-io/client` by hand": (handler) =>
    byHand(official as unknown as typeof promClient, handler), // The used members are the same.
};

/**
 * Returns the processor time of this process, in microseconds. Unlike the time of day, it does not
 * advance while other programs run.
 */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Measures rounds of all contestants in turn, in nanoseconds per request. */
async function measure(
  rounds: readonly (() => Promise<void>)[],
  requests: number,
): Promise<Measured[]> {
  const samples: number[][] = rounds.map(() => []);
  for (let i = -WARM_UP_ROUNDS; i < ROUNDS; i++) {
    for (let n = 0; n < rounds.length; n++) {
      // Each contestant comes first equally often, because a round affects the next one.
      const k = (n + i + WARM_UP_ROUNDS) % rounds.length;
      const start = processorTime();
      await rounds[k]!();
      if (i >= 0) samples[k]!.push((processorTime() - start) * 1e3 / requests);
    }
  }
  return samples.map(summarise);
}

/** Creates a round of direct calls. Responses are read as a server would. */
function callDirectly(handler: Handler): () => Promise<void> {
  const requests = paths.map((path) => new Request(`http://localhost${path}`));
  return async () => {
    for (let i = 0; i < CALLS; i++) {
      const response = await handler(requests[i % requests.length]!);
      await response.arrayBuffer();
    }
  };
}

/** Creates a round of requests over loopback, in sequence on each connection. */
function request(port: number): () => Promise<void> {
  let next = 0;
  const visit = (count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.setNoDelay(true);
      socket.once("error", reject);
      let left = count;
      let received = "";
      const ask = () => {
        socket.write(`GET ${paths[next++ % paths.length]} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      };
      socket.on("data", (piece) => {
        received += piece.toString("latin1");
        if (!received.endsWith(BODY) && !received.endsWith("\r\n0\r\n\r\n")) return;
        received = "";
        if (--left > 0) return ask();
        socket.destroy();
        resolve();
      });
      socket.once("connect", ask);
    });
  return async () => {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => visit(REQUESTS / CONNECTIONS)));
  };
}

async function compare(handler: Handler): Promise<[Measured[], Measured[]]> {
  const handlers = Object.values(CONTESTANTS).map((make) => make(handler));
  const direct = await measure(handlers.map(callDirectly), CALLS);
  const servers = await Promise.all(handlers.map((each) => serve(each, 0)));
  const loopback = await measure(servers.map(({ port }) => request(port)), REQUESTS);
  for (const server of servers) await server.stop();
  return [direct, loopback];
}

/** A running server of a framework. */
interface FrameworkServer {
  readonly port: number;
  stop(): unknown;
}

async function listen(server: Server): Promise<FrameworkServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("Cannot listen");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: address.port, stop };
}

function serveExpress(...middleware: RequestHandler[]): Promise<FrameworkServer> {
  const app = express();
  for (const each of middleware) app.use(each);
  for (const route of ROUTES) {
    app.get(route, (_, response) => void response.type("text/plain").send(BODY));
  }
  return listen(createServer(app));
}

async function serveFastify(
  register: (app: ReturnType<typeof fastify>) => unknown = () => {},
): Promise<FrameworkServer> {
  const app = fastify({ forceCloseConnections: true });
  await register(app);
  for (const route of ROUTES) app.get(route, () => BODY);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const [address] = app.addresses();
  if (typeof address !== "object") throw new Error("Cannot listen");
  return { port: address.port, stop: () => app.close() };
}

const nodeListener: RequestListener = (_, response) => void response.end(BODY);
const registryOf = () => ({ registry: new CollectorRegistry() });

/** Servers by framework. Each has two servers without metrics. */
const FRAMEWORKS: Record<string, Record<string, () => Promise<FrameworkServer>>> = {
  "node:http": {
    [BARE[0]]: () => listen(createServer(nodeListener)),
    [BARE[1]]: () => listen(createServer(nodeListener)),
    "`instrumentListener()`": () =>
      listen(createServer(instrumentListener(nodeListener, { ...registryOf(), route: ROUTES }))),
  },
  "Express": {
    [BARE[0]]: () => serveExpress(),
    [BARE[1]]: () => serveExpress(),
    "`httpMetrics()`": () => serveExpress(expressMetrics(registryOf())),
    [`\`express-prom-bundle\` ${versionOf("express-prom-bundle")}`]: () =>
      serveExpress(promBundle({
        includeMethod: true,
        includePath: true,
        promRegistry: new promClient.Registry(),
        buckets: BUCKETS,
        normalizePath: (request) => request.route?.path ?? "",
      })),
  },
  "Fastify": {
    [BARE[0]]: () => serveFastify(),
    [BARE[1]]: () => serveFastify(),
    "`httpMetrics`": () => serveFastify((app) => app.register(fastifyPlugin, registryOf())),
    [`\`fastify-metrics\` ${versionOf("fastify-metrics")}`]: () =>
      serveFastify((app) =>
        app.register(fastifyMetrics.default ?? fastifyMetrics, {
          endpoint: "/metrics",
          defaultMetrics: { enabled: false },
        })
      ),
  },
};

const ratioTo = (measured: Measured, bare: Measured): string =>
  `${(measured.median / bare.median).toFixed(3)} ×`;

const tables: string[] = [];
for (const [what, handler] of [["A text", text], ["A stream of three pieces", streamed]] as const) {
  const [direct, loopback] = await compare(handler);
  const rows = Object.keys(CONTESTANTS).map((name, i) => [
    name,
    formatMeasured(direct[i]!, TIME),
    i === 0 ? "–" : `${((direct[i]!.median - direct[0]!.median) / 1000).toFixed(2)} µs`,
    formatMeasured(loopback[i]!, TIME),
    ratioTo(loopback[i]!, loopback[0]!),
  ]);
  const head = ["", "called directly", "adds", "over loopback", "ratio to bare"];
  tables.push(`${what}:\n\n${formatTable([head, ...rows])}`);
}
for (const [name, starts] of Object.entries(FRAMEWORKS)) {
  const servers = await Promise.all(Object.values(starts).map((start) => start()));
  const measured = await measure(servers.map(({ port }) => request(port)), REQUESTS);
  for (const server of servers) await server.stop();
  const rows = Object.keys(starts).map((how, i) => [
    how,
    formatMeasured(measured[i]!, TIME),
    ratioTo(measured[i]!, measured[0]!),
  ]);
  tables.push(`${name}:\n\n${formatTable([["", "over loopback", "ratio to bare"], ...rows])}`);
}
const report = `${describeRun("deno task bench:http")}

Processor time, median of ${ROUNDS} interleaved rounds (quartiles), paths from seed ${SEED},
${CONNECTIONS} connections. "By hand" means the usual middleware: it measures the duration and counts active requests, until the
handler has answered. Clients: \`prom-client\` ${versionOf("prom-client")} and
\`@prometheus-io/client\` ${versionOf("@prometheus-io/client")}. The row "bare against bare" shows
the error of the others. The HTTP client runs in the same process as the servers, so all figures
include its work.

${tables.join("\n")}`;
console.log(report);
if (RUNTIME === "Deno") writeSection("Requests", report);
process.exit(0);
