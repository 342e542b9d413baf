import Router from "@koa/router";
import Koa from "koa";
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { httpMetrics, metricsEndpoint } from "../../collectors/http/koa.ts";
import { CollectorRegistry } from "../../mod.ts";
import { until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";
import {
  BoomError,
  breaking,
  countsOf,
  endless,
  pieces,
  testServerTable,
} from "../support/server_table.ts";

/** An app whose errors are not printed. */
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
void [assert, test, CollectorRegistry, until, countsOf, metricsEndpoint];
