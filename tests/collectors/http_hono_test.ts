import { Hono } from "hono";
import { routePath } from "hono/route";
import assert from "node:assert/strict";
import { test } from "node:test";
import { httpMetrics } from "../../collectors/http/hono.ts";
import { CollectorRegistry } from "../../mod.ts";
import { serveFetch } from "../support/fetch_server.ts";
import {
  BoomError,
  breaking,
  countsOf,
  endless,
  pieces,
  streamOf,
  testServerTable,
  WEB_ABORTS,
} from "../support/server_table.ts";

for (const [how, route] of [["by its context", undefined], ["by routePath", routePath]] as const) {
  testServerTable(`Hono ${how}`, (registry, gate) => {
    const app = new Hono();
    app.use(httpMetrics({ registry, route }));
    app.use("/*", async (_, next) => await next());
    app.get("/", (c) => c.text("home"));
    app.get("/users/:id", (c) => c.text("user"));
    app.options("/users/:id", (c) => c.body(null, 204));
    app.post("/users", async (c) => c.text(await c.req.text(), 201));
    app.get("/own/:status", (c) => c.text("own", Number(c.req.param("status")) as 401));
    app.get("/empty", (c) => c.body(null, 204));
    app.get("/elsewhere", (c) => c.redirect("/"));
    app.get("/throws", () => {
      throw new BoomError("no");
    });
    app.get("/throws/late", async () => {
      await undefined;
      throw new BoomError("no");
    });
    app.all("/files/*", (c) => c.text("file"));
    const items = new Hono();
    items.get("/", (c) => c.text("items"));
    items.get("/:item", (c) => c.text("item"));
    const api = new Hono();
    api.get("/throws", () => {
      throw new BoomError("no");
    });
    api.onError((_, c) => c.text("failed", 500));
    api.route("/items", items);
    app.route("/api/:tenant", api);
    for (const path of ["/stream", "/events"]) {
      app.get(path, (c) => c.body(streamOf(pieces())));
    }
    app.get("/breaks", (c) => c.body(streamOf(breaking())));
    app.get("/hangs", async (c) => {
      await gate.arrive(WEB_ABORTS === "signal" ? c.req.raw.signal : undefined);
      return c.text("late");
    });
    app.get("/endless", (c) => c.body(streamOf(endless())));
    app.onError((_, c) => c.text("failed", 500));
    return serveFetch(app.fetch);
  }, { aborts: WEB_ABORTS });
}
void [assert, test, CollectorRegistry, countsOf];
