import fastify, { type FastifyInstance } from "fastify";
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { httpMetrics } from "../../collectors/http/fastify.ts";
import { CollectorRegistry } from "../../mod.ts";
import {
  BoomError,
  breaking,
  countsOf,
  endless,
  pieces,
  testServerTable,
} from "../support/server_table.ts";
import { until } from "../support/http.ts";

/** Returns the port that an app listens on. */
function portOf(app: FastifyInstance): number {
  const [address] = app.addresses();
  if (typeof address !== "object") throw new Error("Cannot find the port");
  return address.port;
}

testServerTable("Fastify 5", async (registry, gate) => {
  const app = fastify({ forceCloseConnections: true });
  await app.register(httpMetrics, { registry });
  app.get("/", () => "home");
  app.get("/users/:id", () => "user");
  app.options("/users/:id", (_, reply) => reply.status(204).send());
  app.post("/users", (request, reply) => reply.status(201).send(request.body));
  app.get<{ Params: { status: string } }>(
    "/own/:status",
    (request, reply) => reply.status(Number(request.params.status)).send("own"),
  );
  app.get("/empty", (_, reply) => reply.status(204).send());
  app.get("/elsewhere", (_, reply) => reply.redirect("/"));
  app.get("/throws", () => {
    throw new BoomError("no");
  });
  app.get("/throws/late", async () => {
    await undefined;
    throw new BoomError("no");
  });
  app.get("/files/*", () => "file");
  app.register((api, _, done) => {
    api.get("/throws", () => {
      throw new BoomError("no");
    });
    api.register((items, _, done) => {
      items.get("/", () => "items");
      items.get("/:item", () => "item");
      done();
    }, { prefix: "/items" });
    done();
  }, { prefix: "/api/:tenant" });
  for (const path of ["/stream", "/events"]) {
    app.get(path, (_, reply) => reply.send(Readable.from(pieces())));
  }
  app.get("/breaks", (_, reply) => reply.send(Readable.from(breaking())));
  app.get("/hangs", async () => {
    await gate.arrive();
    return "late";
  });
  app.get("/endless", (_, reply) => reply.send(Readable.from(endless())));
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { port: portOf(app), stop: () => app.close() };
}, { aborts: "close" });

test("Fastify's endpoint serves the metrics, and is not measured", async () => {
  const registry = new CollectorRegistry();
  const app = fastify({ forceCloseConnections: true });
  await app.register(httpMetrics, { registry, endpoint: "/metrics", ignore: ["/health"] });
  app.get("/", () => "home");
  app.get("/health", () => "well");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const get = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${portOf(app)}${path}`, init);
  try {
    await (await get("/")).text();
    await (await get("/health")).text();
    await until(() => countsOf(registry)["GET 200 /"] === 1);
    const response = await get("/metrics");
    assert.match(await response.text(), /^http_server_request_duration_seconds_count\{.*\} 1$/m);
    assert.equal((await get("/metrics", { method: "HEAD" })).status, 200);
    assert.equal((await get("/metrics", { method: "OPTIONS" })).status, 204);
    const post = await get("/metrics", { method: "POST" });
    assert.equal(post.status, 404);
    await post.body?.cancel();
    await until(() => countsOf(registry)["POST 404 "] === 1);
    assert.deepEqual(countsOf(registry), { "GET 200 /": 1, "POST 404 ": 1 });
  } finally {
    await app.close();
  }
});

test("Fastify's plugin refuses unknown options, and accepts those of Fastify", async () => {
  const registry = new CollectorRegistry();
  const wrong = { registry, endpont: "/metrics" } as { registry: CollectorRegistry };
  await assert.rejects(async () => await fastify().register(httpMetrics, wrong), {
    name: "TypeError",
    message: /unknown option "endpont": known options are "endpoint", /,
  });
  await fastify().register(httpMetrics, { registry, prefix: "/x", logLevel: "warn" });
});
