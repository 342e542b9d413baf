import official from "@prometheus-io/client";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import client from "../../prom_client/mod.ts";

interface Received {
  method: string | undefined;
  url: string | undefined;
  encoding: string | undefined;
  custom: string | string[] | undefined;
  body: string;
}

const received: Received[] = [];
let status = 200;
let server: Server;
let url = "";

before(async () => {
  server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      const encoding = headers["content-encoding"];
      const bytes = Buffer.concat(chunks);
      const body = (encoding === "gzip" ? gunzipSync(bytes) : bytes).toString();
      received.push({ method, url, encoding, custom: headers["x-custom"], body });
      response.statusCode = status;
      response.end("answer");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address!.port : 0}`;
});

after(() =>
  new Promise<void>((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  })
);

const OPTIONS = [
  {},
  { headers: { "Content-Encoding": "gzip", "X-Custom": "1" } },
  { requireJobName: false },
];
const PARAMETERS = [
  { jobName: "a b/ü" },
  { jobName: "job", groupings: { "in st": "x/y", other: "1" } },
];

test("pushes send the requests of the official client", async () => {
  for (const path of ["", "/", "/base/"]) {
    for (const options of OPTIONS) {
      for (const parameters of PARAMETERS) {
        for (const method of ["push", "pushAdd", "delete"] as const) {
          const requests: Received[] = [];
          for (const library of [official as unknown as typeof client, client]) {
            const registry = new library.Registry();
            new library.Gauge({ name: "g", help: "G.", registers: [registry] }).set(2);
            const headers = "headers" in options ? { headers: { ...options.headers } } : {};
            const gateway = new library.Pushgateway(
              url + path,
              { ...options, ...headers },
              registry,
            );
            const { body } = await gateway[method](parameters);
            assert.equal(body, "answer");
            requests.push(received.pop()!);
          }
          assert.deepEqual(requests[1], requests[0]);
        }
      }
    }
  }
});

test("a push fails like with the official client", async () => {
  for (const library of [official as unknown as typeof client, client]) {
    const gateway = new library.Pushgateway(url, new library.Registry());
    status = 418;
    await assert.rejects(gateway.push({ jobName: "x" }), {
      name: "Error",
      message: "push failed with status 418, answer",
    });
    status = 200;
    // @ts-expect-error The name of the job is missing.
    assert.throws(() => gateway.push({}), { message: "Missing jobName parameter" });
    const none = new library.Pushgateway("http://127.0.0.1:1", null, new library.Registry());
    await assert.rejects(none.push({ jobName: "x" }), { code: "ECONNREFUSED" });
  }
});

test("a push rejects if a metric cannot be read", async () => {
  const registry = new client.Registry();
  new client.Gauge({
    name: "g",
    help: "G.",
    registers: [registry],
    collect: () => Promise.reject(new Error("no answer")),
  });
  const gateway = new client.Pushgateway(url, registry);
  await assert.rejects(gateway.pushAdd({ jobName: "x" }), { message: "no answer" });
});
