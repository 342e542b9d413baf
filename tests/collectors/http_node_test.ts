import assert from "node:assert/strict";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { RequestListener } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import { instrumentListener } from "../../collectors/http/node.ts";
import { CollectorRegistry } from "../../mod.ts";
import { RUNTIME } from "../support/fetch_server.ts";
import { readSamples, until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";
import {
  activeOf,
  BoomError,
  breaking,
  countsOf,
  endless,
  type Gate,
  pieces,
  testServerTable,
} from "../support/server_table.ts";

const ROUTES = [
  "/",
  "/users",
  "/users/:id",
  "/own/:status",
  "/empty",
  "/elsewhere",
  "/throws",
  "/throws/late",
  "/files/*",
  "/api/:tenant/items",
  "/api/:tenant/items/:item",
  "/api/:tenant/throws",
  "/stream",
  "/events",
  "/breaks",
  "/hangs",
  "/endless",
];

/** Returns a listener with the routes of the table. */
function listenerOf(gate: Gate): RequestListener {
  const handle: RequestListener = async (request, response) => {
    const [path = "/"] = request.url!.split("?");
    const [, first, second] = path.split("/");
    const answer = (status: number, text?: string) => {
      response.statusCode = status;
      response.end(text);
    };
    if (request.method === "OPTIONS" && first === "users") return answer(204);
    if (request.method === "POST" && path === "/users") {
      for await (const _ of request);
      return answer(201, "12345");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return answer(404);
    switch (first) {
      case "":
        return answer(200, "home");
      case "users":
      case "files":
        return answer(200, "one");
      case "own":
        return answer(Number(second), "own");
      case "empty":
        return answer(204);
      case "elsewhere":
        response.setHeader("location", "/");
        return answer(302);
      case "throws":
        throw new BoomError("no");
      case "api":
        if (path.endsWith("throws")) throw new BoomError("no");
        return answer(200, "items");
      case "stream":
      case "events":
        return void Readable.from(pieces()).pipe(response);
      case "breaks":
        return void Readable.from(breaking()).on("error", (error) => response.destroy(error))
          .pipe(response);
      case "hangs":
        await gate.arrive();
        return answer(200, "late");
      case "endless": {
        const stream = Readable.from(endless());
        response.once("close", () => stream.destroy());
        return void stream.pipe(response);
      }
      default:
        return answer(404, "none");
    }
  };
  return handle;
}

testServerTable("node:http", (registry, gate) => {
  const measured = instrumentListener(listenerOf(gate), { registry, route: ROUTES });
  return serveListener(async (request, response) => {
    try {
      // The caller of the listener receives the error.
      await measured(request, response);
    } catch {
      response.statusCode = 500;
      response.end("failed");
    }
  });
}, { aborts: "close", wrongMethod: [404, "/empty"] });

/** A listener of `node:http2`. */
type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** Returns the same listener. The members that it uses are the same in `node:http2`. */
const http2ListenerOf = (gate: Gate) => listenerOf(gate) as unknown as Http2Listener;

/** Runs a function with a session of an HTTP/2 server on the loopback interface. */
async function withHttp2(
  listener: Http2Listener,
  run: (session: ClientHttp2Session) => Promise<void>,
): Promise<void> {
  const server = createHttp2Server(listener);
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  session.on("error", () => {});
  try {
    await run(session);
  } finally {
    session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** Requests a path, and returns the status and the body. */
function ask(session: ClientHttp2Session, path: string, method = "GET") {
  return new Promise<[status: unknown, body: string]>((resolve, reject) => {
    const stream = session.request({ ":path": path, ":method": method });
    let status: unknown;
    let body = "";
    stream.on("response", (headers) => status = headers[":status"]);
    stream.on("data", (piece) => body += piece);
    stream.on("end", () => resolve([status, body]));
    stream.on("error", reject);
    stream.end();
  });
}

test("node:http2 counts all requests of one session", async () => {
  const registry = new CollectorRegistry();
  const listener = instrumentListener(http2ListenerOf({ arrive: async () => {} }), {
    registry,
    route: ROUTES,
  });
  await withHttp2(listener, async (session) => {
    assert.deepEqual(await ask(session, "/users/7?x=1"), [200, "one"]);
    const both = await Promise.all([ask(session, "/own/404"), ask(session, "/nowhere")]);
    assert.deepEqual(both, [[404, "own"], [404, "none"]]);
    assert.deepEqual(await ask(session, "/stream"), [200, "data: 1\n\ndata: 2\n\ndata: 3\n\n"]);
    assert.deepEqual(await ask(session, "/users/7", "OPTIONS"), [204, ""]);
    assert.deepEqual(await ask(session, "/empty", "HEAD"), [204, ""]);
    await until(() => activeOf(registry) === 0);
    assert.deepEqual(await ask(session, "/users/7", "HEAD"), [200, ""]);
    // On Deno, a response to HEAD whose body is not sent ends only with the session. Until then,
    // the server emits neither "finish" nor "close".
    if (RUNTIME !== "Deno") await until(() => activeOf(registry) === 0);
  });
  await until(() => activeOf(registry) === 0);
  assert.deepEqual(countsOf(registry), {
    "GET 200 /users/:id": 1,
    "GET 404 /own/:status": 1,
    "GET 404 ": 1,
    "GET 200 /stream": 1,
    "OPTIONS 204 /users/:id": 1,
    "HEAD 204 /empty": 1,
    "HEAD 200 /users/:id": 1,
  });
});

test("a stream of node:http2 that its client cancels is an abort", async () => {
  for (const path of ["/hangs", "/endless"]) {
    const registry = new CollectorRegistry();
    const arrived = Promise.withResolvers<void>();
    const gate: Gate = {
      arrive() {
        arrived.resolve();
        return new Promise(() => {});
      },
    };
    const listener = instrumentListener(http2ListenerOf(gate), { registry, route: ROUTES });
    await withHttp2(listener, async (session) => {
      const stream = session.request({ ":path": path });
      stream.on("error", () => {});
      if (path === "/hangs") await arrived.promise;
      else await new Promise((resolve) => stream.once("data", resolve));
      stream.close(8);
      const status = path === "/hangs" ? "" : "200";
      await until(() => countsOf(registry)[`GET ${status} ${path}`] === 1);
    });
    const key = `server_request_errors_total{method="GET",route="${path}",error_type="abort"}`;
    assert.equal(readSamples(registry)[key], 1);
    assert.equal(readSamples(registry)['server_active_requests{method="GET"}'], 0);
  }
});
