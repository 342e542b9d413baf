import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { instrument, type InstrumentOptions } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import {
  type BunRuntime,
  type FetchHandler,
  RUNTIME,
  serveFetch,
} from "../support/fetch_server.ts";
import { readSamples, until } from "../support/http.ts";

const labels = (status: number | "" = 200, route = "") =>
  `{method="GET",status_code="${status}",route="${route}"}`;
const COUNT = "server_request_duration_seconds_count";
const BYTES = "server_response_body_size_bytes_sum";
const ACTIVE = 'server_active_requests{method="GET"}';
const ABORTED = 'server_request_errors_total{method="GET",route="",error_type="abort"}';

/** Serves an instrumented handler while a test runs. */
async function serving(
  handler: FetchHandler,
  run: (url: string, samples: () => Record<string, number>, port: number) => Promise<void>,
  options: InstrumentOptions = {},
): Promise<void> {
  const registry = new CollectorRegistry();
  const server = await serveFetch(instrument(handler, { registry, ...options }));
  try {
    await run(`http://127.0.0.1:${server.port}/`, () => readSamples(registry), server.port);
  } finally {
    await server.stop();
  }
}

/** Requests a path, and disconnects when a promise settles. */
async function askAndLeave(port: number, came: Promise<unknown>): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await came;
  socket.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
}

test("a request lasts until its last byte was sent on Deno, and elsewhere until the response", async () => {
  const released = Promise.withResolvers<void>();
  const handler = () => {
    let pieces = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (pieces++ === 0) return controller.enqueue(new TextEncoder().encode("first "));
          await released.promise;
          controller.enqueue(new TextEncoder().encode("last"));
          controller.close();
        },
      }),
    );
  };
  await serving(handler, async (url, samples) => {
    const response = await fetch(url);
    const reader = response.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "first ");
    const isOver = RUNTIME !== "Deno";
    assert.equal(samples()[ACTIVE], isOver ? 0 : 1);
    assert.equal(samples()[COUNT + labels()], isOver ? 1 : undefined);
    released.resolve();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "last");
    assert.ok((await reader.read()).done);
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 1);
  });
});

test("bodies: true counts the sent bytes", async () => {
  const handler = () => new Response(new Blob(["hello ", "world"]).stream());
  await serving(handler, async (url, samples) => {
    assert.equal(await (await fetch(url)).text(), "hello world");
    await until(() => samples()[BYTES + labels()] === 11);
    assert.equal(samples()[COUNT + labels()], 1);
  }, { bodies: true });
});

/** Returns a response with an endless stream. */
function endless(): Response {
  let timer: ReturnType<typeof setTimeout>;
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => timer = setTimeout(resolve, 5));
        controller.enqueue(new Uint8Array(10));
      },
      cancel: () => clearTimeout(timer),
    }),
  );
}

test("a client that disconnects during a stream is counted once, with the status", async () => {
  await serving(endless, async (url, samples) => {
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 1);
    assert.equal(samples()[ABORTED], undefined);
  });
  await serving(endless, async (url, samples) => {
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await until(() => samples()[ABORTED] === 1);
    assert.equal(samples()[COUNT + labels()], 1);
    assert.ok(samples()[BYTES + labels()]! >= 10);
  }, { bodies: true });
});

test("a client that disconnects before the response is counted without a status", async () => {
  for (const detectAborts of [false, true]) {
    const asked = Promise.withResolvers<Request>();
    const left = Promise.withResolvers<void>();
    const handler = async (request: Request) => {
      asked.resolve(request);
      await left.promise;
      return new Response("late");
    };
    await serving(handler, async (_, samples, port) => {
      await askAndLeave(port, asked.promise);
      const request = await asked.promise;
      // Without a report of the disconnect, the response counts as sent.
      const isSeen = RUNTIME !== "Deno" || detectAborts;
      if (isSeen) await until(() => request.signal.aborted);
      left.resolve();
      await until(() => samples()[ACTIVE] === 0);
      assert.equal(samples()[COUNT + labels(isSeen ? "" : 200)], 1);
      assert.equal(samples()[ABORTED], isSeen ? 1 : undefined);
    }, { detectAborts });
  }
});

test("an error is an abort and not a failure if the client has disconnected", async () => {
  const asked = Promise.withResolvers<void>();
  const handler = async (request: Request) => {
    const { signal } = request;
    asked.resolve();
    await until(() => signal.aborted);
    throw new DOMException("gone", "AbortError");
  };
  await serving(handler, async (_, samples, port) => {
    await askAndLeave(port, asked.promise);
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels("")], 1);
    assert.equal(samples()[ABORTED], 1);
  });
});

test("requests on one connection count once each", async () => {
  await serving(() => new Response("hello"), async (_, samples, port) => {
    const socket = connect(port, "127.0.0.1");
    const ask = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    socket.write(`${ask}\r\n${ask}\r\n${ask}Connection: close\r\n\r\n`);
    let received = "";
    for await (const piece of socket) received += piece.toString("latin1");
    assert.equal(received.match(/HTTP\/1.1 200/g)?.length, 3);
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 3);
  });
});

test("the size of a request is its Content-Length", async () => {
  await serving(
    async (request: Request) => new Response(await request.text()),
    async (url, samples) => {
      assert.equal(await (await fetch(url, { method: "POST", body: "12345" })).text(), "12345");
      await until(() => samples()[ACTIVE.replace("GET", "POST")] === 0);
      const post = labels().replace("GET", "POST");
      assert.equal(samples()[`server_request_body_size_bytes_sum${post}`], 5);
    },
  );
});

/** Returns the first message that a WebSocket client receives. */
async function hear(port: number): Promise<unknown> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const data = await new Promise((resolve, reject) => {
    socket.onmessage = (event) => resolve(event.data);
    socket.onerror = reject;
  });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  return data;
}

test("upgrades to WebSockets on Deno are not changed", {
  skip: RUNTIME !== "Deno" && "not on Deno",
}, async () => {
  const registry = new CollectorRegistry();
  const handler = instrument((request: Request, info: { remoteAddr: { hostname: string } }) => {
    const { hostname } = info.remoteAddr;
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send(`hello ${hostname}`);
    return response;
  }, { registry, route: ["/", "/:other"] });
  const server = await serveFetch(handler);
  assert.equal(await hear(server.port), "hello 127.0.0.1");
  assert.equal(readSamples(registry)[COUNT + labels(101, "/")], 1);
  assert.equal(readSamples(registry)[ACTIVE], 0);
  await server.stop();
});

const onBun = { skip: RUNTIME !== "Bun" && "not on Bun" };
const { Bun } = globalThis as unknown as { Bun: BunRuntime };
const LICENSE = new URL("../../LICENSE", import.meta.url);

test("routes of Bun.serve() are measured by their keys", onBun, async () => {
  const registry = new CollectorRegistry();
  type BunRequest = Request & { params: { id: string } };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...instrument({
      websocket: {
        open: (socket: { send(text: string): void }) => socket.send("hello"),
        message: () => {},
      },
      routes: {
        "/users/:id": (request: BunRequest, server: { port: number }) =>
          new Response(`${request.params.id} on ${server.port > 0}`),
        "/orders/:id": {
          GET: (request: BunRequest) => new Response(`order ${request.params.id}`),
          POST: async (request: BunRequest) => {
            await request.text();
            throw new TypeError("no");
          },
        },
        "/files/*": () => new Response("file", { status: 404 }),
        "/socket": (request: Request, server: { upgrade(request: Request): boolean }) =>
          server.upgrade(request) ? undefined : new Response("no", { status: 400 }),
        "/static": new Response("static"),
        "/license": Bun.file(LICENSE),
        "/off": false,
      },
      fetch: () => new Response("none", { status: 404 }),
      error: () => new Response("failed", { status: 500 }),
    }, { registry }),
  });
  const get = async (path: string, init?: RequestInit) =>
    await (await fetch(`http://127.0.0.1:${server.port}${path}`, init)).text();
  try {
    assert.equal(await get("/users/7"), "7 on true");
    assert.equal(await get("/orders/8"), "order 8");
    assert.equal(await get("/orders/8", { method: "POST", body: "x" }), "failed");
    assert.equal(await get("/files/a/b"), "file");
    assert.equal(await get("/static"), "static");
    assert.match(await get("/license"), /License/);
    assert.equal(await get("/off"), "none");
    assert.equal(await get("/nowhere"), "none");
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`);
    await new Promise((resolve, reject) => {
      socket.onmessage = resolve;
      socket.onerror = reject;
    });
    socket.close();
    const samples = readSamples(registry);
    const counts = Object.entries(samples).filter(([key]) => key.startsWith(COUNT));
    assert.deepEqual(Object.fromEntries(counts), {
      [COUNT + labels(200, "/users/:id")]: 1,
      [COUNT + labels(200, "/orders/:id")]: 1,
      [COUNT + labels(500, "/orders/:id").replace("GET", "POST")]: 1,
      [COUNT + labels(404, "/files/*")]: 1,
      [COUNT + labels(101, "/socket")]: 1,
      [COUNT + labels(404)]: 2,
    });
    assert.equal(samples[ACTIVE], 0);
    assert.equal(samples[ACTIVE.replace("GET", "POST")], 0);
  } finally {
    await server.stop(true);
  }
});

test(
  "staticRoutes: true measures responses and files, but Bun then compares no ETag",
  onBun,
  async () => {
    const registry = new CollectorRegistry();
    const routes = {
      "/static": new Response("static", { headers: { "x-own": "1" } }),
      "/by-method": { GET: new Response("get") },
      "/license": Bun.file(LICENSE),
      "/off": false,
    };
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      ...instrument({
        routes,
        fetch: () => new Response("none", { status: 404 }),
      }, { registry, staticRoutes: true }),
    });
    try {
      for (let i = 1; i <= 2; i++) {
        for (
          const [path, text] of [["/static", "static"], ["/by-method", "get"], ["/license", ""]]
        ) {
          const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
          assert.ok((await response.text()).includes(text!));
          assert.equal(response.headers.get("x-own"), path === "/static" ? "1" : null);
          assert.equal(readSamples(registry)[COUNT + labels(200, path)], i);
        }
      }
      assert.equal((await fetch(`http://127.0.0.1:${server.port}/off`)).status, 404);
    } finally {
      await server.stop(true);
    }
  },
);

test("routes that are not functions are passed on as the same objects", () => {
  const html = { index: "./index.html", files: [] };
  const answer = new Response("x");
  const routes = { "/": html, "/static": answer, "/off": false as const };
  for (const staticRoutes of [false, true]) {
    const registry = new CollectorRegistry();
    const measured = instrument({ routes, port: 8000 }, { registry, staticRoutes });
    assert.equal(measured.routes["/"], html);
    assert.equal(measured.routes["/off"], false);
    assert.equal(measured.routes["/static"] === answer, !staticRoutes);
    assert.equal(measured.port, 8000);
  }
});
