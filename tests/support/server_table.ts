/**
 * A table of requests that is tested with the servers of all frameworks, and the expected series.
 *
 * Each framework serves the same routes:
 *
 * | route | response |
 * | --- | --- |
 * | `GET /` | `home` |
 * | `GET /users/:id` | `user <id>` |
 * | `OPTIONS /users/:id` | 204 |
 * | `POST /users` | 201, with the body of the request |
 * | `GET /own/:status` | that status |
 * | `GET /empty` | 204 |
 * | `GET /elsewhere` | 302 to `/` |
 * | `GET /throws`, `GET /throws/late` | throws {@linkcode BoomError}, at once or later |
 * | `GET /files/*` | `file` |
 * | `GET /api/:tenant/items/:item` | `item <item>`, from a nested router |
 * | `GET /api/:tenant/items` | `items`, from the root of the nested router |
 * | `GET /api/:tenant/throws` | throws, in the outer router |
 * | `GET /stream`, `GET /events` | three pieces |
 * | `GET /breaks` | a piece, and then an error |
 * | `GET /hangs` | waits at the gate |
 * | `GET /endless` | pieces until the client disconnects |
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { CollectorRegistry } from "../../mod.ts";
import { fetchRaw, RUNTIME } from "./fetch_server.ts";
import { readSamples, until } from "./http.ts";

/** The error that the routes throw. */
export class BoomError extends Error {
  override readonly name = "BoomError";
}

/** Holds the handler of `/hangs` until the test releases it. */
export interface Gate {
  /**
   * Called by the handler. It passes the signal of its request if reading the signal has no cost.
   */
  arrive(signal?: AbortSignal): Promise<void>;
}

/** A running server of a framework. */
export interface FrameworkServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** The differences of a framework. */
export interface Traits {
  /** The framework's spellings of routes, if they differ from the table. */
  readonly spelling?: Readonly<Record<string, string>>;
  /** The routes that the framework does not support. */
  readonly lacks?: readonly string[];
  /**
   * How the framework detects clients that disconnect: by the response of Node, by the signal of
   * the request, or not at all.
   */
  readonly aborts: "close" | "signal" | "none";
  /** The status and the route of a request with an unsupported method. @default {404, ""} */
  readonly wrongMethod?: readonly [status: number, route: string];
  /** Whether a broken response is counted as an abort. @default {false} */
  readonly breaksLikeAbort?: boolean;
}

/** The pieces of a stream. */
export const PIECES = ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];

const bytes = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Yields the pieces for the handlers of `/stream` and `/events`. */
export async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const piece of PIECES) {
    await turn();
    yield bytes(piece);
  }
}

/** Yields a piece, and then throws. */
export async function* breaking(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield bytes("part");
  await turn();
  throw new BoomError("in the midst");
}

/** Yields pieces endlessly. */
export async function* endless(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  while (true) {
    await turn();
    yield bytes("more ");
  }
}

/** Returns a web stream of the chunks that a generator yields. */
export function streamOf(
  generator: AsyncGenerator<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await generator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await generator.return(undefined);
    },
  });
}

type Row = readonly [method: string, path: string, status: number, route: string];

/** Requests with complete responses. */
const REQUESTS: readonly Row[] = [
  ["GET", "/", 200, "/"],
  ["GET", "/users/7", 200, "/users/:id"],
  ["GET", "/users/8?x=/own/401", 200, "/users/:id"],
  ["HEAD", "/users/7", 200, "/users/:id"],
  ["OPTIONS", "/users/7", 204, "/users/:id"],
  ["POST", "/users", 201, "/users"],
  ["GET", "/own/401", 401, "/own/:status"],
  ["GET", "/own/403", 403, "/own/:status"],
  ["GET", "/own/404", 404, "/own/:status"],
  ["GET", "/own/503", 503, "/own/:status"],
  ["GET", "/empty", 204, "/empty"],
  ["GET", "/elsewhere", 302, "/elsewhere"],
  ["GET", "/throws", 500, "/throws"],
  ["GET", "/throws/late", 500, "/throws/late"],
  ["GET", "/files/a/b.txt", 200, "/files/*"],
  ["GET", "/api/acme/items/7", 200, "/api/:tenant/items/:item"],
  ["GET", "/api/acme/items", 200, "/api/:tenant/items"],
  ["GET", "/api/acme/throws", 500, "/api/:tenant/throws"],
  ["GET", "/stream", 200, "/stream"],
  ["GET", "/events", 200, "/events"],
  ["GET", "/nowhere/7", 404, ""],
  ["POST", "/nowhere", 404, ""],
];

/** Returns the number of durations by `METHOD STATUS route`. */
export function countsOf(registry: CollectorRegistry): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, value] of Object.entries(readSamples(registry))) {
    const match = series.match(
      /^server_request_duration_seconds_count\{method="(.*)",status_code="(.*)",route="(.*)"\}$/,
    );
    if (match !== null) counts[match.slice(1).join(" ")] = value;
  }
  return counts;
}

/** Returns the number of active requests. */
export function activeOf(registry: CollectorRegistry): number {
  return Object.entries(readSamples(registry)).reduce(
    (sum, [series, value]) => sum + (series.startsWith("server_active_requests{") ? value : 0),
    0,
  );
}

/** Requests a path, waits for a promise or the first data, and disconnects. */
async function askAndLeave(port: number, path: string, came?: Promise<unknown>): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await (came ?? new Promise((resolve) => socket.once("data", resolve)));
  socket.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
}

/**
 * Tests a framework with the table.
 *
 * @param name The name of the framework.
 * @param start Starts a server that records into the registry.
 * @param traits The differences of the framework.
 */
export function testServerTable(
  name: string,
  start: (registry: CollectorRegistry, gate: Gate) => Promise<FrameworkServer>,
  traits: Traits,
): void {
  const { spelling = {}, lacks = [], aborts } = traits;
  const routeOf = (route: string) => spelling[route] ?? route;

  /** Runs a test with a server. */
  const serving = async (
    run: (server: FrameworkServer, registry: CollectorRegistry) => Promise<void>,
    gate: Gate = { arrive: () => Promise.resolve() },
  ): Promise<void> => {
    const registry = new CollectorRegistry();
    const server = await start(registry, gate);
    try {
      await run(server, registry);
    } finally {
      await server.stop();
    }
  };
  const over = (registry: CollectorRegistry) => until(() => activeOf(registry) === 0);

  test(`${name} records the series of the table`, () =>
    serving(async ({ port }, registry) => {
      const expected: Record<string, number> = {};
      const rows = REQUESTS.filter(([, , , route]) => !lacks.includes(route));
      for (const [method, path, status, route] of rows) {
        const body = method === "POST" ? "12345" : "";
        const head = `Connection: close\r\n` +
          (body === "" ? "" : `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n`);
        const answer = await fetchRaw(port, path, { method, head, body });
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), `${method} ${path}`);
        const key = `${method} ${status} ${routeOf(route)}`;
        expected[key] = (expected[key] ?? 0) + 1;
      }
      const [status, route] = traits.wrongMethod ?? [404, ""];
      const wrong = await fetchRaw(port, "/empty", { method: "DELETE" });
      assert.match(wrong, new RegExp(`^HTTP/1.1 ${status} `));
      expected[`DELETE ${status} ${routeOf(route)}`] = 1;
      await over(registry);
      assert.deepEqual(countsOf(registry), expected);
      const samples = readSamples(registry);
      const errors = Object.entries(samples).filter(([key]) => key.includes("errors_total{"));
      const thrown = ["/throws", "/throws/late", "/api/:tenant/throws"].map((route) => [
        `server_request_errors_total{method="GET",route="${
          routeOf(route)
        }",error_type="BoomError"}`,
        1,
      ]);
      assert.deepEqual(Object.fromEntries(errors), Object.fromEntries(thrown));
      const posted = `{method="POST",status_code="201",route="/users"}`;
      assert.equal(samples[`server_request_body_size_bytes_sum${posted}`], 5);
    }));

  test(`${name} counts each request of a connection once`, () =>
    serving(async ({ port }, registry) => {
      const head = "GET /users/7 HTTP/1.1\r\nHost: localhost\r\n";
      const answer = await fetchRaw(port, "/users/7", {
        head: `\r\n${head}\r\n${head}Connection: close\r\n`,
      });
      assert.equal(answer.match(/HTTP\/1.1 200/g)?.length, 3);
      await over(registry);
      assert.deepEqual(countsOf(registry), { "GET 200 /users/:id": 3 });
    }));

  test(`${name} counts a broken response with the status that was sent`, () =>
    serving(async ({ port }, registry) => {
      const answer = await fetchRaw(port, "/breaks");
      assert.match(answer, /^HTTP\/1.1 200 [^]*part/);
      // A partial response must not look complete.
      assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/);
      await over(registry);
      assert.deepEqual(countsOf(registry), { "GET 200 /breaks": 1 });
    }));

  test(`${name} counts a client once if it disconnects before the response`, async () => {
    const arrived = Promise.withResolvers<AbortSignal | undefined>();
    const released = Promise.withResolvers<void>();
    const gate: Gate = {
      arrive(signal) {
        arrived.resolve(signal);
        return released.promise;
      },
    };
    await serving(async ({ port }, registry) => {
      await askAndLeave(port, "/hangs", arrived.promise);
      const signal = await arrived.promise;
      if (aborts === "close") await over(registry);
      if (aborts === "signal") await until(() => signal!.aborted);
      released.resolve();
      await over(registry);
      const isSeen = aborts !== "none";
      assert.deepEqual(countsOf(registry), { [`GET ${isSeen ? "" : 200} /hangs`]: 1 });
      const key = 'server_request_errors_total{method="GET",route="/hangs",error_type="abort"}';
      assert.equal(readSamples(registry)[key], isSeen ? 1 : undefined);
    }, gate);
  });

  test(`${name} counts a client once if it disconnects during the response`, () =>
    serving(async ({ port }, registry) => {
      await askAndLeave(port, "/endless");
      await over(registry);
      assert.deepEqual(countsOf(registry), { "GET 200 /endless": 1 });
      const key = 'server_request_errors_total{method="GET",route="/endless",error_type="abort"}';
      assert.equal(readSamples(registry)[key], aborts === "close" ? 1 : undefined);
    }));
}

/** How handlers on `Request` and `Response` detect clients that disconnect. */
export const WEB_ABORTS: Traits["aborts"] = RUNTIME === "Deno" ? "none" : "signal";
