import { type AnyElysia, Elysia, status } from "elysia";
import assert from "node:assert/strict";
import { test } from "node:test";
import { httpMetrics } from "../../collectors/http/elysia.ts";
import { CollectorRegistry } from "../../mod.ts";
import {
  activeOf,
  BoomError,
  breaking,
  countsOf,
  endless,
  pieces,
  streamOf,
  testServerTable,
} from "../support/server_table.ts";

/** Starts an app on a free port of the loopback interface. */
function listen(app: AnyElysia) {
  app.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: app.server!.port!, stop: async () => void await app.stop(true) };
}

  testServerTable("Elysia", (registry, gate) => {
    const items = new Elysia({ prefix: "/items" }).get("/", () => "items")
      .get("/:item", () => "item");
    const api = new Elysia({ prefix: "/api/:tenant" }).get("/throws", () => {
      throw new BoomError("no");
    }).use(items);
    const app = new Elysia()
      .use(httpMetrics({ registry }))
      .onError(({ code }) => code === "NOT_FOUND" ? undefined : status(500, "failed"))
      .get("/", "home")
      .get("/users/:id", ({ params }) => `user ${params.id}`)
      .options("/users/:id", () => new Response(null, { status: 204 }))
      .post("/users", ({ body, set }) => {
        set.status = 201;
        return body;
      })
      .get("/own/:status", ({ params }) => status(Number(params.status) as 401, "own"))
      .get("/empty", () => new Response(null, { status: 204 }))
      .get("/elsewhere", ({ redirect }) => redirect("/"))
      .get("/throws", () => {
        throw new BoomError("no");
      })
      .get("/throws/late", async () => {
        await undefined;
        throw new BoomError("no");
      })
      .get("/files/*", () => "file")
      .use(api)
      .get("/stream", () => new Response(streamOf(pieces())))
      .get("/events", () => new Response(streamOf(pieces())))
      .get("/breaks", () => new Response(streamOf(breaking())))
      .get("/hangs", async ({ request }) => {
        await gate.arrive(request.signal);
        return "late";
      })
      .get("/endless", () => new Response(streamOf(endless())));
    return Promise.resolve(listen(app));
  }, {
    spelling: { "/api/:tenant/items": "/api/:tenant/items/" },
    aborts: "signal",
  });

test("Elysia's upgrades to WebSockets are not changed", async () => {
  const registry = new CollectorRegistry();
  const app = new Elysia().use(httpMetrics({ registry })).ws("/ws", {
    open: (socket) => void socket.send("hello"),
    message: () => {},
  });
  const { port, stop } = listen(app);
  try {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const heard = await new Promise<unknown>((resolve, reject) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = reject;
    });
    socket.close();
    assert.equal(heard, "hello");
    assert.deepEqual(countsOf(registry), { "GET 101 /ws": 1 });
    assert.equal(activeOf(registry), 0);
  } finally {
    await stop();
  }
});

test("Elysia's plugin counts once if two apps of a program use it", async () => {
  const registry = new CollectorRegistry();
  const inner = new Elysia({ prefix: "/in" }).use(httpMetrics({ registry })).get("/x", () => "x");
  const app = new Elysia().use(httpMetrics({ registry })).use(inner).get("/y", () => "y");
  const { port, stop } = listen(app);
  try {
    for (const path of ["/in/x", "/y"]) {
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    }
    assert.deepEqual(countsOf(registry), { "GET 200 /in/x": 1, "GET 200 /y": 1 });
  } finally {
    await stop();
  }
});

test("Elysia's plugin throws on unknown options", () => {
  assert.throws(() => httpMetrics({ route: "/x" } as object), {
    name: "TypeError",
    message: /^Cannot measure requests of Elysia: unknown option "route": known options are /,
  });
});
