import express5 from "express";
import express4 from "express4";
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import router22 from "router22";
import {
  httpMetrics,
  metricsEndpoint,
  metricsErrors,
  setRoute,
} from "../../collectors/http/express.ts";
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

for (const [name, express] of [["Express 5", express5], ["Express 4", express4]] as const) {
  testServerTable(name, (registry, gate) => {
    const app = express();
    app.use(httpMetrics({ registry }));
    app.get("/", (_, response) => void response.send("home"));
    app.route("/users/:id")
      .get((request, response) => void response.send(`user ${request.params["id"]}`))
      .options((_, response) => void response.status(204).end());
    app.post("/users", express.text(), (request, response) => {
      response.status(201).send(request.body);
    });
    app.get("/own/:status", (request, response) => {
      response.status(Number(request.params["status"])).send("own");
    });
    app.get("/empty", (_, response) => void response.status(204).end());
    app.get("/elsewhere", (_, response) => response.redirect("/"));
    app.get("/throws", () => {
      throw new BoomError("no");
    });
    app.get("/throws/late", async (_request, _response, next) => {
      await undefined;
      next(new BoomError("no"));
    });
    app.get(name === "Express 5" ? "/files/*path" : "/files/*", (_, response) => {
      response.send("file");
    });
    const items = express.Router();
    items.get("/", (_, response) => void response.send("items"));
    items.get(
      "/:item",
      (request, response) => void response.send(`item ${request.params["item"]}`),
    );
    const api = express.Router();
    api.get("/throws", () => {
      throw new BoomError("no");
    });
    api.use("/items", items);
    app.use("/api/:tenant", api);
    for (const path of ["/stream", "/events"]) {
      app.get(path, (_, response) => void Readable.from(pieces()).pipe(response));
    }
    app.get("/breaks", (_, response) => {
      response.write("part");
      Readable.from(breaking()).on("error", (error) => response.destroy(error)).pipe(response);
    });
    app.get("/hangs", async (_, response) => {
      await gate.arrive();
      response.send("late");
    });
    app.get("/endless", (_, response) => {
      const stream = Readable.from(endless());
      response.once("close", () => stream.destroy());
      stream.pipe(response);
    });
    app.use(metricsErrors());
    app.use(
      ((_error, _request, response, _next) => {
        response.status(500).send("failed");
      }) as express5.ErrorRequestHandler,
    );
    return serveListener(app);
  }, {
    spelling: name === "Express 5" ? { "/files/*": "/files/*path" } : {},
    aborts: "close",
  });
}

/** Requests paths one by one, and returns the counts. */
async function visit(
  app: express5.Express,
  registry: CollectorRegistry,
  paths: readonly string[],
): Promise<Record<string, number>> {
  const server = await serveListener(app);
  try {
    for (const path of paths) {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      await response.text();
      // The next request starts when this one is over, so the series are in order.
      await until(() => activeOf(registry) === 0);
    }
    return countsOf(registry);
  } finally {
    await server.stop();
  }
}

for (const [name, express] of [["Express 5", express5], ["Express 4", express4]] as const) {
  const answer: express5.RequestHandler = (_, response) => void response.send("x");
  const fail: express5.RequestHandler = () => {
    throw new BoomError("no");
  };
  const failed: express5.ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).send("failed");
  };

  test(`${name} shows which of several mount paths a request has matched`, async () => {
    const registry = new CollectorRegistry();
    const app = express();
    app.use(httpMetrics({ registry }));
    const inner = express.Router();
    inner.get("/leaf/:x", answer);
    inner.get("/throws", fail);
    const router = express.Router();
    router.use("/deep", inner);
    app.use(["/a", "/b/:x"], inner);
    app.use("/v1", router);
    app.use("/v2/", router);
    app.use("/mixed.Case-1", inner);
    app.use(inner);
    app.use(failed);
    const paths = [
      "/a/leaf/1",
      "/b/7/leaf/1",
      "/b/7/throws",
      "/v1/deep/leaf/1?x=/v2/deep/leaf/1",
      "/V2/deep/leaf/1",
      "/v2/deep/throws",
      "/mixed.Case-1/leaf/1",
      "/leaf/1",
    ];
    assert.deepEqual(await visit(app, registry, paths), {
      "GET 200 /a/leaf/:x": 1,
      "GET 200 /b/:x/leaf/:x": 1,
      "GET 500 /b/:x/throws": 1,
      "GET 200 /v1/deep/leaf/:x": 1,
      "GET 200 /v2/deep/leaf/:x": 1,
      "GET 500 /v2/deep/throws": 1,
      "GET 200 /mixed.Case-1/leaf/:x": 1,
      "GET 200 /leaf/:x": 1,
    });
  });

  test(`${name} shows routes with several paths, and regular expressions`, async () => {
    const registry = new CollectorRegistry();
    const app = express();
    app.use(httpMetrics({ registry }));
    app.get(["/one", "/two/:t"], answer);
    app.get(/^\/re(g+)$/, answer);
    assert.deepEqual(await visit(app, registry, ["/one", "/two/2", "/reggg"]), {
      "GET 200 /one": 1,
      "GET 200 /two/:t": 1,
      "GET 200 /^\\\\/re(g+)$/": 1,
    });
  });

  test(`${name} shows the mount paths of nested apps`, async () => {
    const registry = new CollectorRegistry();
    const app = express();
    app.use(httpMetrics({ registry }));
    const deep = express();
    deep.get("/page/:p", answer);
    const sub = express();
    sub.get("/page/:p", answer);
    sub.get("/throws", fail);
    sub.use("/deep/:d", deep);
    app.use("/sub/:s", sub);
    app.use(failed);
    const paths = ["/sub/1/throws", "/sub/1/page/2", "/sub/1/deep/2/page/3", "/sub/1/throws"];
    assert.deepEqual(await visit(app, registry, paths), {
      // Express has returned to the outer app, which does not know the inner one.
      "GET 500 */throws": 1,
      "GET 200 /sub/:s/page/:p": 1,
      "GET 200 /sub/:s/deep/:d/page/:p": 1,
      "GET 500 /sub/:s/throws": 1,
    });
  });

  test(`${name} shows a star for an unknown mount path`, async () => {
    const registry = new CollectorRegistry();
    const app = express();
    app.use(httpMetrics({ registry }));
    const hidden = express.Router();
    hidden.get("/leaf/:x", answer);
    app.use("/secret/:token", (request, response, next) => hidden(request, response, next));
    assert.deepEqual(await visit(app, registry, ["/secret/abc/leaf/1"]), {
      "GET 200 */leaf/:x": 1,
    });
  });

  test(`${name} counts errors by their type if they reach metricsErrors()`, async () => {
    for (const errors of [[], [metricsErrors()]]) {
      const registry = new CollectorRegistry();
      const app = express();
      app.use(httpMetrics({ registry }));
      app.get("/throws/:id", fail);
      app.get("/refuses/:id", () => {
        throw Object.assign(new BoomError("no"), { status: 400 });
      });
      for (const handler of errors) app.use(handler);
      // Express answers with the status of the error.
      app.set("env", "test");
      assert.deepEqual(await visit(app, registry, ["/throws/1", "/refuses/1"]), {
        "GET 500 /throws/:id": 1,
        "GET 400 /refuses/:id": 1,
      });
      const counted = Object.entries(readSamples(registry)).filter(([key]) =>
        key.includes("errors_total{")
      );
      const key =
        'server_request_errors_total{method="GET",route="/throws/:id",error_type="BoomError"}';
      assert.deepEqual(counted, errors.length === 0 ? [] : [[key, 1]]);
    }
  });

  test(`${name} uses the route of setRoute(), and ignores the original paths`, async () => {
    const registry = new CollectorRegistry();
    const app = express();
    app.use("/api", httpMetrics({ registry, ignore: ["/api/metrics"] }));
    app.get("/api/metrics", metricsEndpoint({ registry }));
    app.get("/api/:any", (request, response) => {
      setRoute(request, "/api/named");
      response.send("x");
    });
    assert.deepEqual(await visit(app, registry, ["/api/x", "/api/metrics"]), {
      "GET 200 /api/named": 1,
    });
  });
}

test("Express 5 with a router before 2.3 shows literal mount paths, and a star for others", async () => {
  const Router = router22 as unknown as typeof express5.Router; // The package has no types.
  const registry = new CollectorRegistry();
  const app = express5();
  // An application with an old lock file has this version.
  Object.defineProperty(app, "router", { value: Router() });
  app.use(httpMetrics({ registry }));
  const inner = Router();
  inner.get("/leaf/:x", (_, response) => void response.send("x"));
  app.use("/literal", inner);
  app.use("/by/:parameter", inner);
  app.use("/one", Router().use("/two", inner));
  const paths = ["/literal/leaf/1", "/by/7/leaf/1", "/one/two/leaf/1", "/leaf/1"];
  assert.deepEqual(await visit(app, registry, paths), {
    "GET 200 /literal/leaf/:x": 1,
    "GET 200 */leaf/:x": 1,
    "GET 200 /one/two/leaf/:x": 1,
    "GET 404 ": 1,
  });
});
