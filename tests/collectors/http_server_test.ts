import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { instrument } from "../../collectors/http.ts";
import { type Handler, serve } from "../../examples/serve.ts";
import { CollectorRegistry } from "../../mod.ts";
import { readSamples, until } from "../support/http.ts";

const runtime = "Bun" in globalThis ? "Bun" : "Deno" in globalThis ? "Deno" : "Node";
const labels = (status = 200, route = "") =>
  `{method="GET",status_code="${status}",route="${route}"}`;
const COUNT = "server_request_duration_seconds_count";
const BYTES = "server_response_body_size_bytes_sum";
const ACTIVE = 'server_active_requests{method="GET"}';

/** Serves an instrumented handler while a test runs. */
async function serving(
  handler: Handler,
  run: (url: string, samples: () => Record<string, number>, port: number) => Promise<void>,
): Promise<void> {
  const registry = new CollectorRegistry();
  const server = await serve(instrument(handler, { registry }), 0);
  try {
    await run(`http://127.0.0.1:${server.port}/`, () => readSamples(registry), server.port);
  } finally {
    await server.stop();
  }
}

/** The head and the body of an answer as they come, without the date, names of headers in lower case. */
async function fetchRaw(port: number, path: string, method: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let received = "";
  for await (const piece of socket) received += piece.toString("latin1");
  return received.replace(/^(?:date|last-modified): .*\r\n/gim, "")
    .replaceAll(/^[\w-]+: /gm, (name) => name.toLowerCase());
}

const BODIES: Record<string, () => Response> = {
  "/text": () => new Response("hello"),
  "/empty": () => new Response(""),
  "/bytes": () => new Response(new Uint8Array(5)),
  "/json": () => Response.json({ a: 1 }),
  "/blob": () => new Response(new Blob(["hello"], { type: "text/x" })),
  "/none": () => new Response(null, { status: 204 }),
  "/redirect": () => new Response(null, { status: 302, headers: { location: "/text" } }),
  "/length": () => new Response("hello", { headers: { "content-length": "5" } }),
  "/stream": () => new Response(new Blob(["hello"]).stream()),
};

test("an instrumented server sends what it would send without, byte by byte", async () => {
  const handler = (request: Request) => BODIES[new URL(request.url).pathname]!();
  const plain = await serve(handler, 0);
  try {
    await serving(handler, async (_, samples, port) => {
      for (const path of Object.keys(BODIES)) {
        for (const method of ["GET", "HEAD"]) {
          const expected = await fetchRaw(plain.port, path, method);
          // A stream that has ended when it is sent may be sent with its length.
          const alike = (answer: string) =>
            path !== "/stream" && path !== "/blob" ? answer : answer.replace(
              /^(?:content-length|transfer-encoding): .*\r\n/gim,
              "",
            ).replace("5\r\nhello\r\n0\r\n\r\n", "hello");
          assert.equal(
            alike(await fetchRaw(port, path, method)),
            alike(expected),
            `${method} ${path}`,
          );
        }
      }
      await until(() => samples()[ACTIVE] === 0);
      assert.equal(samples()[COUNT + labels()], Object.keys(BODIES).length - 2);
      assert.equal(samples()[BYTES + labels()], 5 * 5 + 7);
    });
  } finally {
    await plain.stop();
  }
});

test("a stream is sent piece by piece, and over when the client has it", async () => {
  let release!: () => void;
  const released = new Promise<void>((resolve) => release = resolve);
  const handler = () => {
    let pieces = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (pieces++ === 0) return controller.enqueue(new TextEncoder().encode("first "));
          await released;
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
    assert.equal(samples()[ACTIVE], 1);
    assert.equal(samples()[COUNT + labels()], undefined);
    release();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "last");
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 1);
    assert.equal(samples()[BYTES + labels()], 10);
  });
});

/** A response whose stream does not end. */
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

test("a client that leaves in the midst of a stream is counted once, as an abort", async () => {
  await serving(endless, async (url, samples) => {
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 1);
    assert.equal(
      samples()['server_request_errors_total{method="GET",route="",error_type="abort"}'],
      1,
    );
    assert.ok(samples()[BYTES + labels()]! >= 10);
  });
});

test("a client that leaves before the answer is counted once there is one", async () => {
  let answer!: () => void;
  let asked!: () => void;
  const left = new Promise<void>((resolve) => answer = resolve);
  const came = new Promise<void>((resolve) => asked = resolve);
  const handler = async () => {
    asked();
    await left;
    return endless();
  };
  await serving(handler, async (_, samples, port) => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await came;
    assert.equal(samples()[ACTIVE], 1);
    socket.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    // The server has to notice.
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer();
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(samples()[COUNT + labels()], 1);
    assert.equal(
      samples()['server_request_errors_total{method="GET",route="",error_type="abort"}'],
      1,
    );
  });
});

test("a stream that fails is counted by its error, and the client sees no end", async () => {
  const handler = () => {
    let pieces = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (pieces++ === 0) controller.enqueue(new Uint8Array(10));
          else controller.error(new RangeError("in the midst"));
        },
      }),
    );
  };
  await serving(handler, async (url, samples) => {
    await fetch(url).then((response) => response.text()).catch(() => {});
    await until(() => samples()[ACTIVE] === 0);
    assert.equal(
      samples()['server_request_errors_total{method="GET",route="",error_type="RangeError"}'],
      1,
    );
    assert.equal(samples()[COUNT + labels()], 1);
  });
});

/** The parts of `Deno` and `Bun` that are used here. */
interface Runtimes {
  Deno: {
    serve(options: object, handler: unknown): {
      addr: { port: number };
      shutdown(): Promise<void>;
    };
    upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
  };
  Bun: {
    serve(options: object): { port: number; stop(closeConnections: boolean): Promise<void> };
    file(path: URL): Blob;
  };
}
const { Deno, Bun } = globalThis as unknown as Runtimes;

/** What a WebSocket client hears first. */
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

test("Deno's upgrades to WebSockets pass through", { skip: runtime !== "Deno" }, async () => {
  const registry = new CollectorRegistry();
  const handler = instrument((request: Request, info: { remoteAddr: { hostname: string } }) => {
    const { hostname } = info.remoteAddr;
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send(`hello ${hostname}`);
    return response;
  }, { registry, route: ["/", "/:other"] });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  assert.equal(await hear(server.addr.port), "hello 127.0.0.1");
  assert.equal(readSamples(registry)[COUNT + labels(101, "/")], 1);
  assert.equal(readSamples(registry)[ACTIVE], 0);
  await server.shutdown();
});

test("Bun's upgrades to WebSockets pass through", { skip: runtime !== "Bun" }, async () => {
  const registry = new CollectorRegistry();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    websocket: { open: (socket: WebSocket) => socket.send("hello"), message: () => {} },
    fetch: instrument((request: Request, server: { upgrade(request: Request): boolean }) => {
      if (!server.upgrade(request)) return new Response("no", { status: 400 });
    }, { registry }),
  });
  assert.equal(await hear(server.port), "hello");
  assert.equal(readSamples(registry)[COUNT + labels(101)], 1);
  await server.stop(true);
});

test("Bun sends files as it does, and they are measured", { skip: runtime !== "Bun" }, async () => {
  const registry = new CollectorRegistry();
  const answer = () => new Response(Bun.file(new URL("../../LICENSE", import.meta.url)) as Blob);
  const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: instrument(answer, { registry }),
  });
  const sent = await fetchRaw(server.port, "/", "GET");
  assert.equal(sent, await fetchRaw(plain.port, "/", "GET"));
  assert.match(sent, /content-length: \d+/i);
  assert.equal(
    readSamples(registry)[BYTES + labels()],
    Number(sent.match(/content-length: (\d+)/i)![1]),
  );
  await plain.stop(true);
  await server.stop(true);
});

test("Bun's streams of its own kinds are measured", { skip: runtime !== "Bun" }, async () => {
  const kinds: (() => unknown)[] = [
    async function* () {
      yield "hello ";
      await new Promise((resolve) => setTimeout(resolve, 2));
      yield "world";
    },
    () =>
      new ReadableStream({
        type: "direct",
        async pull(controller: { write(text: string): void; close(): void }) {
          controller.write("hello ");
          await new Promise((resolve) => setTimeout(resolve, 2));
          controller.write("world");
          controller.close();
        },
      } as never),
  ];
  for (const kind of kinds) {
    await serving(() => new Response(kind() as BodyInit), async (url, samples) => {
      assert.equal(await (await fetch(url)).text(), "hello world");
      await until(() => samples()[ACTIVE] === 0);
      assert.equal(samples()[BYTES + labels()], 11);
    });
  }
});

test("a response that comes from fetch() is passed on", async () => {
  const pieces = () => {
    let left = 3;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          if (left-- === 0) controller.close();
          else controller.enqueue(new TextEncoder().encode("hey"));
        },
      }),
      { headers: { "x-from": "behind" } },
    );
  };
  const behind = await serve(pieces, 0);
  try {
    await serving(() => fetch(`http://127.0.0.1:${behind.port}/`), async (url, samples) => {
      const response = await fetch(url);
      assert.equal(response.headers.get("x-from"), "behind");
      assert.equal(await response.text(), "heyheyhey");
      await until(() => samples()[ACTIVE] === 0);
      assert.equal(samples()[BYTES + labels()], 9);
    });
  } finally {
    await behind.stop();
  }
});
