import assert from "node:assert/strict";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { instrument } from "../../collectors/http.ts";
import { instrumentListener } from "../../collectors/http/node.ts";
import { CollectorRegistry } from "../../mod.ts";
import { serveFetch } from "../support/fetch_server.ts";
import { readSamples, until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";
import { activeOf, countsOf, endless, streamOf } from "../support/server_table.ts";

const REQUESTS = 2000;
const AT_ONCE = 50;

/** Running requests, by the number in their path. */
class Arrivals {
  readonly #waiting: Map<string, () => void> = new Map();

  /** Waits until a request has arrived. */
  wait(id: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Reports that a request has arrived. */
  arrive(id: string): void {
    this.#waiting.get(id)?.();
  }
}

/** Requests a path, and disconnects after `came`, or after the first bytes of the response. */
async function askAndLeave(port: number, path: string, came?: Promise<void>): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await (came ?? new Promise((resolve) => socket.once("data", resolve)));
  socket.destroy();
}

/** Sends many requests and disconnects each time, every second time before there is a response. */
async function askAndLeaveOften(port: number, arrivals: Arrivals): Promise<void> {
  let next = 0;
  const visit = async (): Promise<void> => {
    while (next < REQUESTS) {
      const id = String(next++);
      if (Number(id) % 2 === 0) await askAndLeave(port, "/endless");
      else await askAndLeave(port, `/hangs?${id}`, arrivals.wait(id));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
}

/** Asserts that each request is counted once. */
function check(registry: CollectorRegistry, abortsInTheMidst: number | undefined): void {
  assert.equal(activeOf(registry), 0);
  assert.deepEqual(countsOf(registry), {
    "GET  /hangs": REQUESTS / 2,
    "GET 200 /endless": REQUESTS / 2,
  });
  const errors = (route: string) =>
    readSamples(registry)[
      `server_request_errors_total{method="GET",route="${route}",error_type="abort"}`
    ];
  assert.equal(errors("/hangs"), REQUESTS / 2);
  assert.equal(errors("/endless"), abortsInTheMidst);
}

const options = { route: ["/hangs", "/endless"], detectAborts: true };

test(`${REQUESTS} aborted requests to a handler count once each, and none stays active`, async () => {
  const registry = new CollectorRegistry();
  const arrivals = new Arrivals();
  const handler = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/endless") return new Response(streamOf(endless()));
    const { signal } = request;
    const left = new Promise((resolve) => signal.addEventListener("abort", resolve));
    arrivals.arrive(search.slice(1));
    await left;
    return new Response("late");
  };
  const server = await serveFetch(instrument(handler, { registry, ...options }));
  try {
    await askAndLeaveOften(server.port, arrivals);
    await until(() => activeOf(registry) === 0);
    check(registry, undefined);
  } finally {
    await server.stop();
  }
});

test(`${REQUESTS} aborted requests to a listener count once each, and none stays active`, async () => {
  const registry = new CollectorRegistry();
  const arrivals = new Arrivals();
  const { route } = options;
  const server = await serveListener(instrumentListener((request, response) => {
    const [path, id = ""] = request.url!.split("?");
    if (path === "/hangs") return arrivals.arrive(id);
    const stream = Readable.from(endless());
    response.once("close", () => stream.destroy());
    stream.pipe(response);
  }, { registry, route }));
  try {
    await askAndLeaveOften(server.port, arrivals);
    await until(() => activeOf(registry) === 0);
    check(registry, REQUESTS / 2);
  } finally {
    await server.stop();
  }
});
