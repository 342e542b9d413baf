import Router from "@koa/router";
import Koa from "koa";
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { httpMetrics, metricsEndpoint } from "../../collectors/http/koa.ts";
import { CollectorRegistry } from "../../mod.ts";
import { readSamples, until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";
import {
  activeOf,
  BoomError,
  breaking,
  countsOf,
  endless,
  pieces,
  testServerTable,
} from "../support/server_table.ts";

/** Creates an app that does not print errors. */
function silentApp(): Koa {
  const app = new Koa();
  app.silent = true;
  return app;
}

testServerTable("Koa 3", (registry, gate) => {
  const app = silentApp();
  app.use(httpMetrics({ registry }));
  const router = new Router();
  router.get("/", (context) => void (context.body = "home"));
  router.get("/users/:id", (context) => void (context.body = "user"));
  router.options("/users/:id", (context) => void (context.status = 204));
  router.post("/users", (context) => {
    context.status = 201;
    context.body = context.req;
  });
  router.get("/own/:status", (context) => {
    context.status = Number(context.params["status"]);
    context.body = "own";
  });
  router.get("/empty", (context) => void (context.status = 204));
  router.get("/elsewhere", (context) => context.redirect("/"));
  router.get("/throws", () => {
    throw new BoomError("no");
  });
  router.get("/throws/late", async () => {
    await undefined;
    throw new BoomError("no");
  });
  router.get("/files/{*path}", (context) => void (context.body = "file"));
  const items = new Router();
  items.get("/", (context) => void (context.body = "items"));
  items.get("/:item", (context) => void (context.body = "item"));
  const api = new Router();
  api.get("/throws", () => {
    throw new BoomError("no");
  });
  api.use("/items", items.routes());
  router.use("/api/:tenant", api.routes());
  for (const path of ["/stream", "/events"]) {
    router.get(path, (context) => void (context.body = Readable.from(pieces())));
  }
  router.get("/breaks", (context) => void (context.body = Readable.from(breaking())));
  router.get("/hangs", async (context) => {
    await gate.arrive();
    context.body = "late";
  });
  router.get("/endless", (context) => void (context.body = Readable.from(endless())));
  app.use(router.routes());
  return serveListener(app.callback());
}, {
  spelling: { "/files/*": "/files/{*path}" },
  aborts: "close",
});

/** Sends some requests to an app, and returns the counts. */
async function visit(
  app: Koa,
  registry: CollectorRegistry,
  requests: readonly (readonly [path: string, init?: RequestInit])[],
): Promise<Record<string, number>> {
  const server = await serveListener(app.callback());
  try {
    for (const [path, init] of requests) {
      await (await fetch(`http://127.0.0.1:${server.port}${path}`, init)).text();
    }
    await until(() => activeOf(registry) === 0);
    return countsOf(registry);
  } finally {
    await server.stop();
  }
}

test("Koa shows the route after a router's middleware that answers or throws", async () => {
  const registry = new CollectorRegistry();
  const app = silentApp();
  app.use(httpMetrics({ registry }));
  const router = new Router({ prefix: "/admin" });
  router.use((context, next) => {
    if (context.query["token"] === undefined) context.throw(401);
    return next();
  });
  router.get("/users/:id", (context) => void (context.body = "user"));
  router.post("/users/:id", (context) => void (context.body = "user"));
  app.use(router.routes()).use(router.allowedMethods());
  const counts = await visit(app, registry, [
    ["/admin/users/7"],
    ["/admin/users/7?token=1"],
    ["/admin/users/7?token=1", { method: "OPTIONS" }],
    ["/admin/users/7?token=1", { method: "DELETE" }],
    ["/admin/nowhere?token=1"],
  ]);
  assert.deepEqual(counts, {
    "GET 401 /admin/users/:id": 1,
    "GET 200 /admin/users/:id": 1,
    "OPTIONS 200 ": 1,
    "DELETE 405 ": 1,
    "GET 404 ": 1,
  });
  // A thrown HTTP answer is not a failure.
  const errors = Object.keys(readSamples(registry)).filter((key) => key.includes("errors_total{"));
  assert.deepEqual(errors, []);
});

test("Koa shows the answering route if several match", async () => {
  const registry = new CollectorRegistry();
  const app = silentApp();
  app.use(httpMetrics({ registry }));
  const router = new Router();
  router.get("/users/me", (context, next) => {
    if (context.query["go"] === undefined) context.body = "me";
    else return next();
  });
  router.get("/users/:id", (context) => void (context.body = "other"));
  router.get(/^\/re(g+)$/, (context) => void (context.body = "re"));
  app.use(router.routes());
  const counts = await visit(app, registry, [["/users/me"], ["/users/me?go=1"], ["/regg"]]);
  assert.deepEqual(counts, {
    "GET 200 /users/me": 1,
    "GET 200 /users/:id": 1,
    "GET 200 /^\\\\/re(g+)$/": 1,
  });
});

test("Koa's endpoint serves the metrics, and label functions receive the context", async () => {
  const registry = new CollectorRegistry();
  const app = silentApp();
  app.use(httpMetrics<Koa.Context>({
    registry,
    ignore: ["/metrics"],
    labels: { who: (context, response) => `${context.state["who"]} ${response?.status}` },
  }));
  const router = new Router();
  router.get("/metrics", metricsEndpoint({ registry }));
  router.get("/", (context) => {
    context.state["who"] = "Ada";
    context.body = "home";
  });
  app.use(router.routes());
  const server = await serveListener(app.callback());
  try {
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    await until(() => activeOf(registry) === 0);
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    assert.equal(response.headers.get("content-encoding"), "gzip");
    const text = await response.text();
    assert.match(text, /^http_server_request_duration_seconds_count\{.*,who="Ada 200"\} 1$/m);
    assert.doesNotMatch(text, /metrics"/);
  } finally {
    await server.stop();
  }
});
