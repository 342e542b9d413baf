import express5 from "express";
import express4 from "express4";
import { Readable } from "node:stream";
import { httpMetrics } from "../../collectors/http/express.ts";
import { serveListener } from "../support/node_server.ts";
import { BoomError, breaking, endless, pieces, testServerTable } from "../support/server_table.ts";

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
    app.use(
      ((_error, _request, response, _next) => {
        response.status(500).send("failed");
      }) as express5.ErrorRequestHandler,
    );
    return serveListener(app);
  }, {
    spelling: name === "Express 5" ? { "/files/*": "/files/*path" } : {},
    seesErrors: false,
    aborts: "close",
  });
}
