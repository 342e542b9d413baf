import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, Counter, Gauge, metricsHandler } from "../../mod.ts";

/**
 * Sends bytes unchanged, and returns everything that the server sends before the connection closes.
 */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => answer += text);
  socket.on("error", () => {}); // A reset connection is closed too.
  socket.write(request, "latin1");
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

const CLOSE = "Connection: close\r\n\r\n";

function get(target: string, host = "Host: localhost\r\n", version = "1.1"): string {
  return `GET ${target} HTTP/${version}\r\n${host}${CLOSE}`;
}

const QUERY = "/metrics?name[]=b";

/** Valid requests, and the families that they ask for. */
const ANSWERED: readonly (readonly [what: string, request: string, families: "a b" | "b"])[] = [
  ["a host with a blank", get(QUERY, "Host: a b\r\n"), "b"],
  ["a host with a blank, without a query", get("/metrics", "Host: a b\r\n"), "a b"],
  ["an empty host", get(QUERY, "Host:\r\n"), "b"],
  ["a host that is a bracket", get(QUERY, "Host: [\r\n"), "b"],
  ["a port out of range", get(QUERY, "Host: a:99999\r\n"), "b"],
  ["a host with a broken escape", get(QUERY, "Host: %zz\r\n"), "b"],
  ["a host of bytes", get(QUERY, "Host: \xff\xfe\r\n"), "b"],
  ["a host with broken Punycode", get(QUERY, "Host: xn--a\r\n"), "b"],
  ["HTTP/1.0 without a host", get(QUERY, "", "1.0"), "b"],
  ["a whole URL", get("http://other.example/metrics?name[]=b"), "b"],
  ["a path of slashes", get("//"), "a b"],
  ["a path that begins like a host", get("//x/metrics?name[]=b"), "b"],
  ["an empty query", get("/?"), "a b"],
  ["broken escapes", get("/metrics?name[]=%zz&name[]=b&name[]=%e0%a4"), "b"],
  ["escaped brackets", get("/metrics?name%5B%5D=b"), "b"],
  ["two question marks", get("/metrics?x=?&name[]=b"), "b"],
  ["a fragment", get("/metrics?name[]=b#?name[]=a_total"), "b"],
  ["a long query", get(`/metrics?${"x=1&".repeat(1500)}name[]=b`), "b"],
  [
    "many names",
    get(`/metrics?${Array.from({ length: 500 }, (_, i) => `name[]=n${i}&`).join("")}name[]=b`),
    "b",
  ],
];

/** Requests that a server may refuse. Otherwise they are answered. */
const BROKEN: readonly (readonly [what: string, request: string])[] = [
  ["HTTP/1.1 without a host", get(QUERY, "")],
  ["two hosts", get(QUERY, "Host: a\r\nHost: b\r\n")],
  ["a whole URL with a blank", get("http://a b/metrics")],
  ["a whole URL whose host is a bracket", get("http://[/metrics?name[]=b")],
  ["a query without a path", get("?name[]=b")],
  ["a question mark", get("?")],
  ["an asterisk", get("*")],
  ["bytes in the query", get("/metrics?name[]=\xff&name[]=b")],
  ["a line without a version", "GET /metrics\r\n\r\n"],
  ["a query that is too long", get(`/metrics?${"x=1&".repeat(100_000)}`)],
];

/** Serves two families while `use` requests them. */
async function withServer(
  use: (port: number, asked: () => number, problems: unknown[]) => Promise<void>,
): Promise<void> {
  const registry = new CollectorRegistry();
  new Counter("a_total", "A.", { registry }).inc();
  new Gauge("b", "B.", { registry }).set(2);
  const handler = metricsHandler({ registry });
  let asked = 0;
  const problems: unknown[] = [];
  const server = await serve(async (request) => {
    asked++;
    try {
      return await handler(request);
    } catch (error) {
      problems.push(error);
      throw error;
    }
  }, 0);
  try {
    await use(server.port, () => asked, problems);
  } finally {
    await server.stop();
  }
}

for (const [what, request, families] of ANSWERED) {
  test(`a scrape with ${what} is answered according to its query`, () =>
    withServer(async (port, asked, problems) => {
      const answer = await exchange(port, request);
      assert.deepEqual(problems, []);
      assert.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/);
      assert.equal(asked(), 1);
      assert.match(answer, /^b 2$/m);
      assert.equal(/^a_total 1$/m.test(answer), families === "a b");
    }));
}

for (const [what, request] of BROKEN) {
  test(`a scrape with ${what} is answered, or refused by the server`, () =>
    withServer(async (port, asked, problems) => {
      const answer = await exchange(port, request);
      assert.deepEqual(problems, []);
      if (asked() > 0) assert.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/);
      else assert.match(answer, /^HTTP\/1\.[01] (?:4\d\d|505) |^$/);
      // The server keeps running.
      assert.match(await exchange(port, get(QUERY)), /^b 2$/m);
    }));
}
