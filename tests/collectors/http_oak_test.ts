import { Application, Router } from "@oakserver/oak";
import { httpMetrics } from "../../collectors/http/oak.ts";
import { serveFetch } from "../support/fetch_server.ts";
import {
  BoomError,
  breaking,
  endless,
  pieces,
  streamOf,
  testServerTable,
  WEB_ABORTS,
} from "../support/server_table.ts";

testServerTable("Oak", (registry, gate) => {
  const app = new Application({ logErrors: false });
  app.use(httpMetrics({ registry }));
  const router = new Router();
  router.get("/", ({ response }) => void (response.body = "home"));
  router.get("/users/:id", ({ response }) => void (response.body = "user"));
  router.options("/users/:id", ({ response }) => void (response.status = 204));
  router.post("/users", async ({ request, response }) => {
    response.status = 201;
    response.body = await request.body.text();
  });
  router.get("/own/:status", ({ params, response }) => {
    response.status = Number(params.status) as 401;
    response.body = "own";
  });
  router.get("/empty", ({ response }) => void (response.status = 204));
  router.get("/elsewhere", ({ response }) => response.redirect("/"));
  router.get("/throws", () => {
    throw new BoomError("no");
  });
  router.get("/throws/late", async () => {
    await undefined;
    throw new BoomError("no");
  });
  router.get("/files/:path*", ({ response }) => void (response.body = "file"));
  const items = new Router();
  items.get("/", ({ response }) => void (response.body = "items"));
  items.get("/:item", ({ response }) => void (response.body = "item"));
  const api = new Router();
  api.get("/throws", () => {
    throw new BoomError("no");
  });
  api.use("/items", items.routes());
  router.use("/api/:tenant", api.routes());
  for (const path of ["/stream", "/events"] as const) {
    router.get(path, ({ response }) => void (response.body = streamOf(pieces())));
  }
  router.get("/breaks", ({ response }) => void (response.body = streamOf(breaking())));
  router.get("/hangs", async ({ request, response }) => {
    const source = request.source as unknown as Request; // The request that Oak received.
    await gate.arrive(WEB_ABORTS === "signal" ? source.signal : undefined);
    response.body = "late";
  });
  router.get("/endless", ({ response }) => void (response.body = streamOf(endless())));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // The npm package has its own types and response class, which servers do not accept.
  const handle = app.handle as unknown as (request: Request) => Promise<Response | undefined>;
  return serveFetch(async (request) => {
    const answer = await handle(request);
    return new Response(answer?.body, answer ?? { status: 404 });
  });
}, {
  spelling: { "/files/*": "/files/:path*", "/api/:tenant/items": "/api/:tenant/items" },
  aborts: WEB_ABORTS,
  wrongMethod: [405, ""],
});
