import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { deleteFromGateway, PushError, pushToGateway } from "../../bridges/pushgateway.ts";
import { CollectorRegistry, Gauge, generateProtobuf } from "../../mod.ts";
import { freePort } from "../support/processes.ts";

/** A request that the server received. */
interface Got {
  readonly request: IncomingMessage;
  readonly body: Uint8Array;
}

type Answer = (response: ServerResponse) => void;

/** Runs `use` with the address of a server that answers everything with `answer`. */
async function withServer(
  answer: Answer,
  use: (url: string, got: Got[]) => Promise<void>,
): Promise<void> {
  const got: Got[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    got.push({ request, body: new Uint8Array(Buffer.concat(chunks)) });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  try {
    await use(`http://127.0.0.1:${address.port}`, got);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function rejection(promise: Promise<unknown>): Promise<PushError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof PushError, String(error));
  return error;
}

test("a push arrives complete over HTTP", async () => {
  await withServer((response) => response.end(), async (url, got) => {
    const registry = new CollectorRegistry();
    new Gauge("g", "G.", { registry }).set(1);
    await pushToGateway(`${url.replace("//", "//us%40er:pass@")}/prefix/`, {
      job: "..",
      groupingKey: { path: "a/b", none: "", text: "50% ä" },
      registry,
      headers: { "x-scope": "eu" },
    });
    await pushToGateway(url, { job: "a", registry, compress: true });
    await pushToGateway(url, { job: "a", registry: new CollectorRegistry() });
    const [first, second, third] = got;
    assert.equal(first!.request.method, "PUT");
    assert.equal(
      first!.request.url,
      "/prefix/metrics/job@base64/Li4/none@base64/=/path@base64/YS9i/text/50%25%20%C3%A4",
    );
    const { authorization, "content-type": contentType, "x-scope": scope } = first!.request.headers;
    assert.equal(authorization, "Basic dXNAZXI6cGFzcw==");
    assert.match(contentType ?? "", /^application\/vnd\.google\.protobuf;/);
    assert.equal(scope, "eu");
    assert.deepEqual(first!.body, generateProtobuf(registry));
    assert.equal(first!.request.headers["content-length"], String(first!.body.length));
    assert.equal(second!.request.headers["content-encoding"], "gzip");
    assert.deepEqual(new Uint8Array(gunzipSync(second!.body)), generateProtobuf(registry));
    assert.equal(third!.body.length, 0);
  });
});

test("a refusal closes its connection, and its error has the answer", async () => {
  const answer: Answer = (response) => response.writeHead(400).end("x".repeat(100_000));
  await withServer(answer, async (url) => {
    for (let i = 0; i < 3; i++) {
      const { status, body } = await rejection(deleteFromGateway(url, { job: "a" }));
      assert.deepEqual({ status, body }, { status: 400, body: "x".repeat(8192) });
    }
  });
});

test("redirects are not followed", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const answer: Answer = (response) =>
      response.writeHead(status, { location: "http://127.0.0.1:9/login" }).end();
    await withServer(answer, async (url, got) => {
      const error = await rejection(
        pushToGateway(url, { job: "a", registry: new CollectorRegistry() }),
      );
      assert.equal(error.status, status);
      assert.match(error.message, /, a redirect to http:\/\/127\.0\.0\.1:9\/login$/);
      assert.equal(got.length, 1);
    });
  }
});

test("a push to a server that does not answer ends at the time limit or with the signal", async () => {
  const controller = new AbortController();
  await withServer(() => controller.abort(new Error("enough")), async (url) => {
    const aborted = await rejection(
      deleteFromGateway(url, { job: "a", signal: controller.signal }),
    );
    assert.equal((aborted.cause as Error).message, "enough");
  });
  await withServer(() => {}, async (url) => {
    const late = await rejection(deleteFromGateway(url, { job: "a", timeoutMs: 50 }));
    assert.equal((late.cause as DOMException).name, "TimeoutError");
  });
});

test("the body of a success is not awaited", async () => {
  await withServer((response) => response.writeHead(200).write("ok"), async (url) => {
    await deleteFromGateway(url, { job: "a" });
  });
});

test("a refused connection is an error with a cause and without the password", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const error = await rejection(deleteFromGateway(`http://u:secret@${address}`, { job: "a" }));
  assert.equal(
    error.message,
    `Cannot delete from http://${address}/metrics/job/a: the request failed`,
  );
  assert.ok(error.cause instanceof Error);
  assert.doesNotMatch(`${error.cause.stack} ${error.cause.cause}`, /secret/);
  assert.equal(error.status, undefined);
});
