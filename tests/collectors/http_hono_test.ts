import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import assert from "node:assert/strict";
import { test } from "node:test";
import { httpMetrics } from "../../collectors/http/hono.ts";
import { CollectorRegistry } from "../../mod.ts";
import { RUNTIME, serveFetch } from "../support/fetch_server.ts";
import { readSamples } from "../support/http.ts";
import {
  activeOf,
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

/** Requests some paths of an app, and returns the counts. */
async function visit(
  app: { request(path: string, init?: RequestInit): Response | Promise<Response> },
  registry: CollectorRegistry,
  paths: readonly string[],
): Promise<Record<string, number>> {
  for (const path of paths) await (await app.request(path)).text();
  return countsOf(registry);
}

test("Hono shows the route after a middleware that answers", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono().basePath("/v1");
  app.use(httpMetrics({ registry }));
  app.use("/admin/*", async (c, next) => {
    if (c.req.query("token") === undefined) return c.text("who?", 401);
    await next();
  });
  app.get("/admin/users/:id", (c) => c.text("user"));
  app.get("/own", async (_, next) => await next(), (c) => c.text("own", 403));
  const paths = ["/v1/admin/users/7", "/v1/admin/users/7?token=1", "/v1/admin/x", "/v1/own"];
  assert.deepEqual(await visit(app, registry, paths), {
    "GET 401 /v1/admin/users/:id": 1,
    "GET 200 /v1/admin/users/:id": 1,
    "GET 401 ": 1,
    "GET 403 /v1/own": 1,
  });
});

test("Hono shows the answering route if several match", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono();
  app.use(httpMetrics({ registry }));
  app.get("/users/me", async (c, next) => {
    if (c.req.query("go") === undefined) return c.text("me");
    await next();
  });
  app.get("/users/:id", (c) => c.text("other"));
  assert.deepEqual(await visit(app, registry, ["/users/me", "/users/me?go=1"]), {
    "GET 200 /users/me": 1,
    "GET 200 /users/:id": 1,
  });
});

test("a Hono context without matched routes uses the option `route`", async () => {
  for (const route of [undefined, routePath]) {
    const registry = new CollectorRegistry();
    const app = new Hono();
    app.use(async (c, next) => {
      // Deprecated properties may be removed.
      Object.defineProperty(c.req, "matchedRoutes", { value: undefined });
      await next();
    });
    app.use(httpMetrics({ registry, route }));
    app.get("/users/:id", (c) => c.text("user"));
    const shown = route === undefined ? "" : "/users/:id";
    assert.deepEqual(await visit(app, registry, ["/users/7"]), { [`GET 200 ${shown}`]: 1 });
  }
});

test("Hono's middleware counts bodies by option, and label functions receive the context", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono<{ Variables: { who: string } }>();
  app.use(httpMetrics<Context<{ Variables: { who: string } }>>({
    registry,
    bodies: true,
    labels: { who: (c, response) => `${c.get("who")} ${response?.status}` },
  }));
  app.get("/", (c) => {
    c.set("who", "Ada");
    return c.text("hello");
  });
  const response = await app.request("/");
  assert.equal(await response.text(), "hello");
  const labels = '{method="GET",status_code="200",route="/",who="Ada 200"}';
  const samples = readSamples(registry);
  assert.equal(samples[`server_response_body_size_bytes_sum${labels}`], 5);
  assert.equal(samples[`server_request_duration_seconds_count${labels}`], 1);
});

test("Hono's middleware does not change the response, and rethrows values that are not errors", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono();
  const answer = new Response("x");
  app.use(httpMetrics({ registry, ignore: ["/ignored"] }));
  app.get("/", () => answer);
  app.get("/ignored", (c) => c.text("x"));
  app.get("/text", () => {
    throw "a text";
  });
  assert.equal(await app.request("/"), answer);
  await app.request("/ignored");
  await assert.rejects(async () => await app.request("/text"));
  assert.deepEqual(countsOf(registry), { "GET 200 /": 1, "GET 500 /text": 1 });
});

test("Hono's upgrades to WebSockets are not changed, and count once", {
  skip: RUNTIME === "Node" && "handlers cannot upgrade there",
}, async () => {
  const registry = new CollectorRegistry();
  const app = new Hono();
  app.use(httpMetrics({ registry }));
  const { upgradeWebSocket, websocket } =
    await (RUNTIME === "Bun" ? import("hono/bun") : import("hono/deno")) as {
      upgradeWebSocket: typeof import("hono/deno").upgradeWebSocket;
      websocket?: object;
    };
  app.get("/socket", upgradeWebSocket(() => ({ onOpen: (_, socket) => socket.send("hello") })));
  const server = await serveFetch({
    fetch: app.fetch,
    ...websocket !== undefined && { websocket },
  });
  try {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`);
    const heard = await new Promise<unknown>((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = reject;
    });
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
    assert.equal(heard, "hello");
    assert.deepEqual(countsOf(registry), { "GET 101 /socket": 1 });
    assert.equal(activeOf(registry), 0);
  } finally {
    await server.stop();
  }
});

test("Hono's middleware throws on unknown options, and if `route` is not a function", () => {
  assert.throws(() => httpMetrics({ routes: 1 } as object), /unknown option "routes"/);
  assert.throws(() => httpMetrics({ route: "/" as never }), {
    name: "TypeError",
    message: "Cannot measure requests of Hono: route must be a function, such as routePath: " +
      'received "/"',
  });
});
