import assert from "node:assert/strict";
import { closeSync, openSync, readSync } from "node:fs";
import type { RequestListener } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { instrument } from "../../collectors/http.ts";
import { instrumentListener } from "../../collectors/http/node.ts";
import { CollectorRegistry } from "../../mod.ts";
import { readSamples, until } from "../support/http.ts";
import {
  type BunRuntime,
  type FetchHandler,
  fetchRaw,
  type FetchServer,
  RUNTIME,
  serveFetch,
} from "../support/fetch_server.ts";
import { serveListener } from "../support/node_server.ts";
import { activeOf } from "../support/server_table.ts";

const LICENSE = new URL("../../LICENSE", import.meta.url);
const { Bun } = globalThis as unknown as { Bun: BunRuntime };
const bytes = (text: string) => new TextEncoder().encode(text);

/** Returns a stream of some chunks, each in its own turn of the event loop. */
function pieces(...texts: string[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      const text = texts[next++];
      if (text === undefined) controller.close();
      else controller.enqueue(bytes(text));
    },
  });
}

/** Resolves when the client has received the start of a response. */
let begun = Promise.withResolvers<void>();

/**
 * Returns a stream whose end waits for the client. A runtime with a complete body could send its
 * length instead.
 */
function heldBack(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes("one ")),
    async pull(controller) {
      await begun.promise;
      controller.enqueue(bytes("two"));
      controller.close();
    },
  });
}

/** Returns a stream that fails after its first chunk. */
function failing(): ReadableStream<Uint8Array> {
  let isFirst = true;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isFirst) controller.enqueue(bytes("a part"));
      else controller.error(new RangeError("in the midst"));
      isFirst = false;
    },
  });
}

/** Returns a stream that reads a file. */
function fileStream(): ReadableStream<Uint8Array> {
  const file = openSync(LICENSE, "r");
  return new ReadableStream({
    pull(controller) {
      const buffer = new Uint8Array(300);
      const length = readSync(file, buffer);
      if (length > 0) return controller.enqueue(buffer.subarray(0, length));
      closeSync(file);
      controller.close();
    },
  });
}

const form = () => {
  const data = new FormData();
  data.append("name", "Ada");
  return data;
};
const cookies = () => {
  const headers = new Headers({ vary: "Accept" });
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2; HttpOnly");
  headers.append("vary", "Cookie");
  return headers;
};
const status = (code: number, headers: HeadersInit = {}) => () =>
  new Response(null, { status: code, headers });
const zipped = new Uint8Array(gzipSync("hello ".repeat(100)));

/** The server that some handlers fetch their responses from. */
let behind: FetchServer;
const pass = (path: string) => () => fetch(`http://127.0.0.1:${behind.port}/${path}`);

const ANSWERS: Record<string, FetchHandler> = {
  "text": () => new Response("hello"),
  "unicode text": () => new Response("hällö ✓"),
  "empty text": () => new Response(""),
  "no body": () => new Response(null),
  "json": () => Response.json({ a: [1, "2"] }),
  "bytes": () => new Response(new Uint8Array(300)),
  "buffer": () => new Response(new ArrayBuffer(3)),
  "blob": () => new Response(new Blob(["hello, ", "blob"])),
  "typed blob": () => new Response(new Blob(["hello"], { type: "text/x" })),
  "form": () => new Response(form()),
  "parameters": () => new Response(new URLSearchParams({ a: "1 2" })),
  "large text": () => new Response("x".repeat(1_000_000)),
  "201 with location": status(201, { location: "/new" }),
  "204": status(204),
  "206": () => new Response("ell", { status: 206, headers: { "content-range": "bytes 1-3/5" } }),
  "301": status(301, { location: "/elsewhere" }),
  "redirect()": () => Response.redirect("http://localhost/elsewhere"),
  "307": status(307, { location: "/elsewhere" }),
  "304": status(304, { etag: '"abc"' }),
  "401": () =>
    new Response("who?", { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }),
  "404 in JSON": () => Response.json({ error: "none" }, { status: 404 }),
  "405": status(405, { allow: "GET, HEAD" }),
  "429": () => new Response("later", { status: 429, headers: { "retry-after": "7" } }),
  "503": () => new Response("down", { status: 503 }),
  "a status text": () => new Response("tea", { status: 418, statusText: "Teapot" }),
  "content-length": () => new Response("hello", { headers: { "content-length": "5" } }),
  "etag": () => new Response("hello", { headers: { etag: '"v1"', "cache-control": "no-store" } }),
  "cookies": () => new Response("hello", { headers: cookies() }),
  "stream": () => new Response(pieces("one ", "two ", "three")),
  "stream of nothing": () => new Response(pieces()),
  "stream with length": () =>
    new Response(pieces("one ", "two"), { headers: { "content-length": "7" } }),
  "large stream": () => new Response(pieces(...Array(20).fill("x".repeat(50_000)))),
  "events": () =>
    new Response(pieces("data: 1\n\n", "data: 2\n\n"), {
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
    }),
  "stream of a file": () => new Response(fileStream()),
  "stream that fails": () => new Response(failing()),
  "gzip": () => new Response(zipped, { headers: { "content-encoding": "gzip" } }),
  "a late answer": async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return new Response("late");
  },
  "a copy": () => new Response("twice").clone(),
  "from fetch()": pass("text"),
  "404 from fetch()": pass("404"),
  "a stream from fetch()": pass("stream"),
  "gzip from fetch()": pass("gzip"),
  "an error": () => {
    throw new TypeError("no");
  },
  "a late error": () => Promise.reject(new TypeError("no")),
  ...RUNTIME === "Node" ? {} : { "no response": () => "oops" },
  ...RUNTIME === "Bun" && {
    "file": () => new Response(Bun.file(LICENSE)),
    "slice of a file": () => new Response(Bun.file(LICENSE).slice(3, 10)),
    "missing file": () => new Response(Bun.file(new URL("missing", LICENSE))),
    "iterator": () =>
      new Response(
        // Bun accepts an iterator as a body.
        (async function* () {
          yield "one ";
          await undefined;
          yield "two";
        })() as never,
      ),
  },
  ...RUNTIME === "Deno" && {
    "file": () => new Response(Deno.openSync(LICENSE).readable),
  },
};

const BEHIND: Record<string, () => Response> = {
  text: () => new Response("from behind", { headers: { "x-from": "behind" } }),
  404: () => new Response("none", { status: 404 }),
  stream: () => new Response(heldBack()),
  gzip: () =>
    new Response(zipped, {
      headers: { "content-encoding": "gzip", "content-length": `${zipped.length}` },
    }),
};

/** Removes the parts of a response that differ each time. */
function comparable(answer: string): string {
  const undated = answer.replace(/^date: .*\r\n/im, "");
  // The boundary of a form is random.
  const [, boundary] = /boundary="?([^"\r]+)/.exec(undated) ?? [];
  return boundary === undefined ? undated : undated.replaceAll(boundary, "BOUNDARY");
}

/** Joins the chunks of a response, because their boundaries depend on timing. */
function joined(answer: string): string {
  const end = answer.indexOf("\r\n\r\n") + 4;
  if (!/^transfer-encoding: chunked/im.test(answer.slice(0, end))) return answer;
  let body = "";
  for (let at = end; at < answer.length;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(answer.slice(at, at + 20));
    if (size === null) return answer;
    const from = at + size[0].length;
    const length = parseInt(size[1]!, 16);
    body += answer.slice(from, from + length) + (length === 0 ? "\r\n<end>" : "");
    at = from + length + 2;
  }
  return answer.slice(0, end) + body;
}

test("an instrumented server sends the same bytes as the original, including headers", async () => {
  behind = await serveFetch((request) => BEHIND[new URL(request.url).pathname.slice(1)]!());
  const names = Object.keys(ANSWERS);
  assert.ok(names.length >= 44);
  const answer: FetchHandler = (request, ...rest) => {
    const { pathname } = new URL(request.url);
    return ANSWERS[names[Number(pathname.slice(1))]!]!(request, ...rest);
  };
  const registry = new CollectorRegistry();
  const plain = await serveFetch(answer);
  const measured = await serveFetch(
    instrument(answer, { registry, route: ["/:id"], labels: { x: () => "y" } }),
  );
  try {
    for (const method of ["GET", "HEAD"]) {
      for (const [i, name] of names.entries()) {
        const ask = async ({ port }: FetchServer) => {
          begun = Promise.withResolvers();
          const onData = () => begun.resolve();
          return joined(comparable(await fetchRaw(port, `/${i}`, { method, onData })));
        };
        const expected = await ask(plain);
        assert.match(expected, /^HTTP\/1\.1 \d{3}/, name);
        assert.equal(await ask(measured), expected, `${method} ${name}`);
      }
    }
    await until(() =>
      Object.entries(readSamples(registry)).every(([key, value]) =>
        !key.includes("active") || value === 0
      )
    );
    const count = Object.entries(readSamples(registry)).reduce(
      (sum, [key, value]) =>
        sum + (key.startsWith("server_request_duration_seconds_count") ? value : 0),
      0,
    );
    assert.equal(count, names.length * 2);
  } finally {
    for (const server of [measured, plain, behind]) await server.stop();
  }
});

test(
  "ranges of files are sent like Bun sends them",
  { skip: RUNTIME !== "Bun" && "not on Bun" },
  async () => {
    const answer = () => new Response(Bun.file(LICENSE));
    const registry = new CollectorRegistry();
    const plain = await serveFetch(answer);
    const measured = await serveFetch(instrument(answer, { registry }));
    const slice = await serveFetch(
      instrument(() => new Response(Bun.file(LICENSE).slice(3, 10)), { registry }),
    );
    try {
      for (const head of ["Range: bytes=3-9\r\n", "Range: bytes=0-\r\n", ""]) {
        const ask = ({ port }: FetchServer) =>
          fetchRaw(port, "/", { head: `${head}Connection: close\r\n` });
        assert.equal(comparable(await ask(measured)), comparable(await ask(plain)));
      }
      assert.match(await fetchRaw(slice.port, "/"), /^HTTP\/1\.1 206 [^]*content-range: /i);
    } finally {
      for (const server of [measured, plain, slice]) await server.stop();
    }
  },
);

const HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** A handler that upgrades, if the runtime supports it. */
const upgrade: FetchHandler = (request, server) => {
  if (RUNTIME === "Bun") return server.upgrade(request) ? undefined : new Response("no");
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => socket.send("hello");
  return response;
};

test("an upgrade to a WebSocket sends the same bytes as the original", {
  skip: RUNTIME === "Node" && "fetch handlers cannot upgrade there",
}, async () => {
  const registry = new CollectorRegistry();
  const websocket = {
    open: (socket: { send(text: string): void }) => socket.send("hello"),
    message: () => {},
  };
  const plain = await serveFetch({ fetch: upgrade, websocket } as { fetch: FetchHandler });
  const measured = await serveFetch(
    instrument({ fetch: upgrade, websocket }, { registry }) as { fetch: FetchHandler },
  );
  try {
    const ask = async ({ port }: FetchServer) =>
      comparable(await fetchRaw(port, "/", { head: HANDSHAKE, until: "hello" }));
    const expected = await ask(plain);
    assert.match(expected, /^HTTP\/1\.1 101 [^]*hello$/);
    assert.equal(await ask(measured), expected);
    const samples = readSamples(registry);
    const labels = '{method="GET",status_code="101",route=""}';
    assert.equal(samples[`server_request_duration_seconds_count${labels}`], 1);
    assert.equal(samples['server_active_requests{method="GET"}'], 0);
  } finally {
    for (const server of [measured, plain]) await server.stop();
  }
});

const LISTENERS: Record<string, RequestListener> = {
  "text": (_, response) => void response.end("hello"),
  "a status": (_, response) => void response.writeHead(418, "Teapot", { "x-own": "1" }).end("tea"),
  "pieces": (_, response) => {
    response.write("one ");
    response.end("two");
  },
  "trailers": (request, response) => {
    // A response without a body has no trailers.
    if (request.method === "HEAD") return void response.end();
    response.writeHead(200, { trailer: "x-sum" });
    response.write("body");
    response.addTrailers({ "x-sum": "4" });
    response.end();
  },
  "early hints": (_, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.end("hello");
  },
  "a stream": (_, response) => void Readable.from(["one ", "two"]).pipe(response),
  "nothing": (_, response) => void response.writeHead(204).end(),
  "cut off": (_, response) => {
    response.write("part");
    setTimeout(() => response.destroy(), 10);
  },
  "late": (_, response) => void setTimeout(() => response.end("late"), 2),
};

test("an instrumented listener sends the same bytes as the original, including trailers", async () => {
  const names = Object.keys(LISTENERS);
  const listener: RequestListener = (request, response) =>
    LISTENERS[names[Number(request.url!.slice(1))]!]!(request, response);
  const registry = new CollectorRegistry();
  const plain = await serveListener(listener);
  const measured = await serveListener(
    instrumentListener(listener, { registry, bodies: true, labels: { x: () => "y" } }),
  );
  try {
    for (const method of ["GET", "HEAD"]) {
      for (const [i, name] of names.entries()) {
        const ask = async ({ port }: { port: number }) =>
          joined(comparable(await fetchRaw(port, `/${i}`, { method })));
        const expected = await ask(plain);
        // A connection that is cut off without a body sends no head.
        if (name !== "cut off") assert.match(expected, /^HTTP\/1\.1 \d{3}/, name);
        assert.equal(await ask(measured), expected, `${method} ${name}`);
      }
    }
    const trailers = await fetchRaw(measured.port, `/${names.indexOf("trailers")}`);
    if (RUNTIME !== "Deno") assert.match(trailers, /\r\n0\r\nx-sum: 4\r\n\r\n$/i);
    await until(() => activeOf(registry) === 0);
  } finally {
    for (const server of [measured, plain]) await server.stop();
  }
});
