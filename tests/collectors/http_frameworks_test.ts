import { Hono } from "hono";
import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument, setRoute } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import { countsOf } from "../support/server_table.ts";

test("an app of a framework can be instrumented itself, as a module exports it", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono<{ Bindings: { name: string } }>();
  app.get("/hello", (c) => c.text(`hello ${c.env.name}`));
  const measured = instrument(app, { registry, route: ["/hello"] });
  const response = await measured.fetch(new Request("http://localhost/hello"), { name: "env" });
  assert.equal(await response.text(), "hello env");
  assert.deepEqual(countsOf(registry), { "GET 200 /hello": 1 });
  // Its list of routes is no table of handlers.
  assert.equal(measured.routes, app.routes);
});

test("a router without an entry point of its own names its routes by setRoute()", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono();
  app.get("/users/:id", (c) => {
    setRoute(c.req.raw, "/users/:id");
    return c.text("user");
  });
  const measured = instrument(app.fetch, { registry });
  await measured(new Request("http://localhost/users/7"));
  await measured(new Request("http://localhost/nowhere"));
  assert.deepEqual(countsOf(registry), { "GET 200 /users/:id": 1, "GET 404 ": 1 });
});
