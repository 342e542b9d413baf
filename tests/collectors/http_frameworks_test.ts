import { Application, Router } from "@oakserver/oak";
import { Hono } from "hono";
import { routePath } from "hono/route";
import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument, setRoute } from "../../collectors/http.ts";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry } from "../../mod.ts";
import { readSamples } from "../support/http.ts";

const counts = (registry: CollectorRegistry) =>
  Object.fromEntries(
    Object.entries(readSamples(registry)).flatMap(([series, value]) => {
      const match = series.match(
        /^server_request_duration_seconds_count\{.*code="(.*)",route="(.*)"\}$/,
      );
      return match === null ? [] : [[match.slice(1).join(" "), value]];
    }),
  );

/** Asks for some paths over loopback. */
async function visit(
  handler: (request: Request) => Response | Promise<Response>,
): Promise<string[]> {
  const server = await serve(handler, 0);
  try {
    const bodies: string[] = [];
    for (const path of ["/users/7", "/users/8?x=1", "/nowhere/1", "/fail"]) {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      bodies.push(await response.text());
    }
    return bodies;
  } finally {
    await server.stop();
  }
}

test("Hono tells its routes by setRoute() in a middleware", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    if (c.res.status !== 404) setRoute(c.req.raw, routePath(c, -1));
  });
  app.get("/users/:id", (c) => c.text(`user ${c.req.param("id")}`));
  app.get("/fail", () => {
    throw new Error("no");
  });
  app.onError((_, c) => c.text("failed", 500)); // Hono's own prints.
  const bodies = await visit(instrument(app.fetch, { registry }));
  assert.deepEqual(bodies.slice(0, 2), ["user 7", "user 8"]);
  assert.deepEqual(counts(registry), { "200 /users/:id": 2, "404 ": 1, "500 /fail": 1 });
});

test("a Hono app itself can be instrumented, as a module exports it", async () => {
  const registry = new CollectorRegistry();
  const app = new Hono<{ Bindings: { name: string } }>();
  app.get("/hello", (c) => c.text(`hello ${c.env.name}`));
  const measured = instrument(app, { registry, route: ["/hello"] });
  const response = await measured.fetch(new Request("http://localhost/hello"), { name: "env" });
  assert.equal(await response.text(), "hello env");
  assert.deepEqual(counts(registry), { "200 /hello": 1 });
});

test("Oak tells its routes by setRoute() in a middleware", async () => {
  const registry = new CollectorRegistry();
  const app = new Application({ logErrors: false });
  const router = new Router();
  app.use(async (context, next) => {
    try {
      await next();
    } finally {
      const { routerPath, matched } = context as {
        routerPath?: string;
        matched?: { path: string }[];
      };
      const { source } = context.request;
      const route = routerPath ?? matched?.at(-1)?.path;
      if (source !== undefined && route !== undefined) {
        setRoute(source as unknown as Request, route);
      }
    }
  });
  router.get("/users/:id", (context) => {
    context.response.body = `user ${context.params.id}`;
  });
  router.get("/fail", () => {
    throw new Error("no");
  });
  app.use(router.routes());
  // The package for npm has its own types of requests, and its own responses, which Deno does not send.
  const handle = async (request: Request) => {
    const answer = await app.handle(request as never) as Response | undefined;
    return new Response(answer?.body, answer ?? { status: 404 });
  };
  const bodies = await visit(instrument(handle, { registry }));
  assert.deepEqual(bodies.slice(0, 2), ["user 7", "user 8"]);
  assert.deepEqual(counts(registry), { "200 /users/:id": 2, "404 ": 1, "500 /fail": 1 });
});
