import { Hono } from "hono";
import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument, setRoute } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import { countsOf } from "../support/server_table.ts";

test("instrument() accepts an app of a framework like a handler object", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono<{ Bindings: { name: string } }>();
  app.get("/hello", (c) => c.text(`hello ${c.env.name}`));
  const measured = instrument(app, { registry, route: ["/hello"] });
  const response = await measured.fetch(new Request("http://localhost/hello"), { name: "env" });
  assert.equal(await response.text(), "hello env");
  assert.deepEqual(countsOf(registry), { "GET 200 /hello": 1 });
  // The app's list of routes is not a table of handlers.
  assert.equal(measured.routes, app.routes);
});

test("setRoute() names the routes of a router without its own entry point", async () => {
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
